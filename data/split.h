/* Owns: which part of a text is held out, about a twentieth of its bytes. Document i (by its place in the
 * source) is held out when rng_below(0, RNG_HELDOUT, 0, i, 20) == 0, so the choice depends on nothing but its
 * number; identical documents share the number of the first of them, so no held-out document was also trained
 * on. Where that would hold out less than half a twentieth of the bytes or more than two, as with few
 * documents or one much longer than the others, the last twentieth of the text is held out instead, cut after
 * a newline if there is one near, else between two characters; a copy of it may then be trained on. A
 * held-out text of its own is held out, and nothing else. Does not own: tokens. */
#ifndef SINKLAB_SPLIT_H
#define SINKLAB_SPLIT_H

#include "data/corpus.h"

typedef struct Span { /* bytes of a corpus's text */
    int64_t begin, end;
} Span;

typedef struct Part {
    Span *span; /* [documents] in the order of the source */
    int64_t documents;
    int64_t bytes;
} Part;

typedef struct Split {
    Part train, heldout;
    bool tail;      /* the last twentieth is held out */
    bool own;       /* a text of its own is held out */
    int64_t copies; /* documents of that text that are among the source's, too */
    bool uneven;    /* because whole documents were too little or too much of the text */
} Split;

/* An error (EXIT_USAGE) when the text is too short for both parts to have some. */
bool split_documents(Split *s, const Corpus *c, const char *source, Error *e);
void split_free(Split *s);

/* The text's hash with the rule mixed in where the split is uneven or by a text of its own. Earlier builds
 * held documents out there, and one run key must not stand for both. */
void split_hash(const Corpus *c, char hash[HASH_HEX]);

#endif
