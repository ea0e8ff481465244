/* Owns: folders in Hugging Face's form: config.json and model.safetensors, written and read.
 * Does not own: which class holds which model (train/checkpoint/hugging_face_classes.h), tokenizers. */
#ifndef SINKLAB_HUGGING_FACE_H
#define SINKLAB_HUGGING_FACE_H

#include "train/checkpoint/checkpoint.h"

/* Writes the model into a folder that is there. `from`, `step`: of the checkpoint, kept in the metadata.
 * *class: the name of its class. A model that no class holds is refused (EXIT_USAGE) before anything is
 * written. */
bool hugging_face_export(const char *folder, const Config *c, const Model *m, int32_t bos, const Origin *from,
                         int64_t step, const char **class, Error *e);

/* Reads such a folder: c and the weights. What our export wrote comes back with its whole configuration; of
 * another's the model's keys alone are known and the rest is at its default. A class or a value that this
 * program cannot compute is refused (EXIT_USAGE) by name. */
bool hugging_face_import(const char *folder, Config *c, Model **m, int64_t *step, Error *e);

#endif
