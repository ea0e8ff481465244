/* Owns: what other programs call the keys of a configuration: nanoGPT, Hugging Face, W&B's examples.
 * Does not own: guesses at mistyped words (train/config/did_you_mean.h). */
#ifndef SINKLAB_NAMES_ELSEWHERE_H
#define SINKLAB_NAMES_ELSEWHERE_H

#include <stdbool.h>

typedef struct NameElsewhere {
    const char *name;
    const char *key;    /* NULL: there is none here, */
    const char *remark; /* for this reason; of a key what else is to be known, or NULL */
} NameElsewhere;

/* Row i of the table, NULL past the last. */
const NameElsewhere *names_elsewhere(int i);

/* The row whose name is the last part of a dotted one; NULL: nobody calls a key so. */
const NameElsewhere *name_elsewhere(const char *name);

/* Whether the last part of a dotted name is `end`, "-" being "_" there. */
bool name_ends_as(const char *name, const char *end);

#endif
