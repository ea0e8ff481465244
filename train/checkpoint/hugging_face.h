/* Owns: folders in Hugging Face's form: config.json and weights, written and read.
 * Does not own: which class holds which model (train/checkpoint/hugging_face_classes.h), the fields of
 * config.json (train/checkpoint/hugging_face_config.h), files of weights (train/checkpoint/weights_folder.h),
 * tokenizers. */
#ifndef SINKLAB_HUGGING_FACE_H
#define SINKLAB_HUGGING_FACE_H

#include "data/base/list.h"
#include "train/checkpoint/checkpoint.h"

/* Writes the model into a folder that is there. `from`, `step`: of the checkpoint, kept in the metadata.
 * *class: the name of its class. A model that no class holds is refused (EXIT_USAGE) before anything is
 * written. */
bool hugging_face_export(const char *folder, const Config *c, const Model *m, int32_t bos, const Origin *from,
                         int64_t step, const char **class, Error *e);

/* Where an imported model is from: what our export kept of it, or nothing. */
typedef struct Imported {
    int64_t step;
    bool ours; /* an export of this program's, with its whole configuration */
    char corpus[33], tokenizer[33];
} Imported;

/* Reads such a folder: c and the weights. What our export wrote comes back with its whole configuration; of
 * another's the model's keys alone are known and the rest is at its default. A class, a field, a value, a
 * tensor that this program does not understand is refused (EXIT_USAGE) by name, but for the fields `ignored`
 * (may be NULL). Takes no memory beyond the weights in fp32 and one tensor. */
bool hugging_face_import(const char *folder, const TextList *ignored, Config *c, Model **m, Imported *from,
                         Error *e);

/* The weights of such a folder into a model of configuration c, for one of a series: a config.json that says
 * otherwise of the model is refused (EXIT_USAGE). `from` as above. */
bool hugging_face_load(const char *folder, const TextList *ignored, const Config *c, Model *m, Imported *from,
                       Error *e);

#endif
