/* Owns: which of Hugging Face's model classes can hold which of our models: for each class its fields of
 * config.json beside our keys, and its tensors beside ours.
 * Does not own: files (train/checkpoint/hugging_face.c). */
#ifndef SINKLAB_HUGGING_FACE_CLASSES_H
#define SINKLAB_HUGGING_FACE_CLASSES_H

#include "train/config/config.h"

enum { HOUSE_PARTS = 3, HOUSE_LISTS = 2 };

/* A field of config.json: carries a key of ours, or (key NULL) has one value only. a.b is field b of object
 * a: read and checked on import where present, never exported. */
typedef struct HouseField {
    const char *name, *key, *value;
} HouseField;

/* A tensor of a class of Hugging Face's: our tensors one above the other, transposed where the class keeps
 * (in, out). %d: the layer. */
typedef struct HouseTensor {
    const char *theirs;
    const char *ours[HOUSE_PARTS];
    bool turned;
} HouseTensor;

/* A key, and the value that every model of the class has for it. */
typedef struct HouseKey {
    const char *key, *value;
} HouseKey;

typedef struct HuggingFaceClass {
    const char *name; /* LlamaForCausalLM */
    const char *type; /* llama */
    const HouseKey *keys;
    const HouseField *fields[HOUSE_LISTS]; /* those shared with other classes, and the class's own */
    const HouseTensor *tensors;            /* NULL: names and shapes are ours */
    const char *prefix;                    /* of tensor names, which some files leave out; NULL: none */
} HuggingFaceClass;

/* The class that can hold a model of this configuration, or NULL and an error (EXIT_USAGE) that names the key
 * which no class can hold. */
const HuggingFaceClass *hugging_face_class_for(const Config *c, Error *e);
/* The class of that name, or NULL. */
const HuggingFaceClass *hugging_face_class_named(const char *name);

#endif
