/* Owns: config.json of a Hugging Face folder, written from our keys and read into them. What a file leaves
 * out takes its class's default; a field that is not understood is refused by name. Does not own: which field
 * is which key (train/checkpoint/hugging_face_classes.h). */
#ifndef SINKLAB_HUGGING_FACE_CONFIG_H
#define SINKLAB_HUGGING_FACE_CONFIG_H

#include "data/base/list.h"
#include "data/base/yaml.h"
#include "train/checkpoint/hugging_face_classes.h"

#include <stdio.h>

void hugging_face_config_write(FILE *out, const HuggingFaceClass *h, const Config *c, int64_t vocab,
                               int32_t bos);

/* The model's keys; all others are at their defaults. `ignored`: fields that the user says change nothing.
 * `vocab`: rows of the embedding. Errors (EXIT_USAGE) name `path`, line and field. */
bool hugging_face_config_read(const HuggingFaceClass *h, const Yaml *json, const char *path, int64_t vocab,
                              const TextList *ignored, Config *c, Error *e);

#endif
