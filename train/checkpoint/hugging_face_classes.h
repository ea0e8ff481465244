/* Owns: which of Hugging Face's model classes can hold which of our models: for each class its fields of
 * config.json beside our keys, with the class's own defaults, and its tensors beside ours.
 * Does not own: config.json (train/checkpoint/hugging_face_config.h), weights
 * (train/checkpoint/hugging_face.h). */
#ifndef SINKLAB_HUGGING_FACE_CLASSES_H
#define SINKLAB_HUGGING_FACE_CLASSES_H

#include "train/config/config.h"

enum { CLASS_PARTS = 3 };

/* A value of a field, and what it is of the key. */
typedef struct ClassWord {
    const char *theirs, *ours;
} ClassWord;

/* A field of config.json. */
typedef struct ClassField {
    const char *name;       /* spellings, "a|b"; the first is written */
    const char *key;        /* ours; NULL: only the values among words can be computed */
    const char *missing;    /* what the class takes for a field that is not there; NULL: it must be there */
    const char *null;       /* what it takes for null; NULL: null is refused */
    const ClassWord *words; /* ends at {0}; NULL: a value is the key's as it stands */
} ClassField;

/* How rows of our parts lie in a tensor of the class. */
typedef enum ClassLayout {
    LAY_PLAIN,  /* one part above the other */
    LAY_TURNED, /* so, and (in, out) */
    LAY_HEADS   /* head by head: its rows of each part (GPT-NeoX's q, k, v) */
} ClassLayout;

/* A tensor of the class and the tensors of ours that make it up; %d: the layer. Left out where a model has
 * none of them. */
typedef struct ClassTensor {
    const char *theirs;
    const char *ours[CLASS_PARTS];
    ClassLayout layout;
} ClassTensor;

/* A key, and the value that every model of the class has for it. */
typedef struct ClassKey {
    const char *key, *value;
} ClassKey;

typedef struct HuggingFaceClass {
    const char *name; /* LlamaForCausalLM */
    const char *type; /* llama */
    const ClassKey *keys;
    const ClassField *fields;
    const char *theta,
        *rotary; /* spellings of rope's base and of the share of a head that it turns, a|b; NULL: none */
    const char *rotary_missing; /* the class's share */
    const ClassTensor *tensors; /* NULL: names and shapes are ours */
    const char *embedding;      /* its name of the token's vectors */
    const char *head;           /* its name of the classifier */
    const char *prefix;         /* of tensor names, which some files leave out; NULL: none */
    const char *const *buffers; /* tensors that are no weights; %d: the layer */
    bool ours;                  /* its code is a file beside the weights (modeling_sinklab.py) */
    bool own_tokens; /* transformers cuts text by the rules of its own tokenizer, whatever tokenizer.json
                        says, unless code is beside it (tokenization_sinklab.py) */
} HuggingFaceClass;

/* The class that can hold a model of this configuration, or NULL and an error (EXIT_USAGE) that names the key
 * which no class can hold. */
const HuggingFaceClass *hugging_face_class_for(const Config *c, Error *e);
/* The class of that name, or of that model_type; NULL: none. */
const HuggingFaceClass *hugging_face_class_named(const char *name);
const HuggingFaceClass *hugging_face_class_typed(const char *type);
/* A key's value in the field's words; NULL: the field has none for it. */
const char *class_field_value(const ClassField *f, const char *ours);

#endif
