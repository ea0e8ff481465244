/* Owns: which of Hugging Face's model classes can hold which of our models: for each class its fields of
 * config.json beside our keys, and its tensors beside ours.
 * Does not own: files (train/checkpoint/hugging_face.c). */
#ifndef SINKLAB_HUGGING_FACE_CLASSES_H
#define SINKLAB_HUGGING_FACE_CLASSES_H

#include "train/config/config.h"

enum { HOUSE_PARTS = 3, HOUSE_LISTS = 2 };

/* A field of config.json: it carries a key, or has a value that cannot be another (key NULL). A dotted one is
 * nested, read where it is found and never written. */
typedef struct HouseField {
    const char *name, *key, *value;
} HouseField;

/* A tensor of theirs: ours one above the other, turned where they keep (in, out). %d: the layer. */
typedef struct HouseTensor {
    const char *theirs;
    const char *ours[HOUSE_PARTS];
    bool turned;
} HouseTensor;

/* A key at the value that every model of the class has. */
typedef struct HouseKey {
    const char *key, *value;
} HouseKey;

typedef struct HuggingFaceClass {
    const char *name; /* LlamaForCausalLM */
    const char *type; /* llama */
    const HouseKey *keys;
    const HouseField *fields[HOUSE_LISTS]; /* its kin's, and its own */
    const HouseTensor *tensors;            /* NULL: names and shapes are ours */
    const char *prefix;                    /* of theirs, which some files leave out; NULL: none */
} HuggingFaceClass;

/* The class that holds such a model, or NULL and an error (EXIT_USAGE) naming the key that none holds. */
const HuggingFaceClass *hugging_face_class_for(const Config *c, Error *e);
/* The class of that name, or NULL. */
const HuggingFaceClass *hugging_face_class_named(const char *name);

#endif
