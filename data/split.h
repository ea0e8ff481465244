/* Owns: which documents are held out. Document i (by its place in the source) is held out when
 * rng_below(0, RNG_HELDOUT, 0, i, 20) == 0, so the choice depends on nothing but its number;
 * identical documents share the number of the first of them, so no held-out document was also
 * trained on. With fewer than 20 documents, or when chance holds out none, the last twentieth
 * of the text is held out, cut after a newline if there is one near, else between two characters.
 * Does not own: tokens. */
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
} Split;

/* An error (EXIT_USAGE) when the text is too short for both parts to have some. */
bool split_documents(Split *s, const Corpus *c, const char *source, Error *e);
void split_free(Split *s);

#endif
