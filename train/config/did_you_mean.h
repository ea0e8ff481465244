/* Owns: the guess at what a mistyped word was meant to be, by edit distance.
 * Does not own: which words there are; its callers offer them one by one. */
#ifndef SINKLAB_DID_YOU_MEAN_H
#define SINKLAB_DID_YOU_MEAN_H

#include <stddef.h>

/* Start with {.text = word}; `best` is the nearest word offered so far, NULL when none is near
 * enough to be worth a guess. Of words that all begin with the text none is nearer: the others are
 * `also`. The words offered are not copied. */
enum { ALSO_MEANT = 3 };
typedef struct DidYouMean {
    const char *text;
    const char *best, *also[ALSO_MEANT];
    int distance, others;
} DidYouMean;

/* A dotted word is compared whole and by its last part, so that `widht` is near `model.width`; the
 * beginning of a word is near it, and the dashes before an option do not count. */
void did_you_mean_offer(DidYouMean *n, const char *word);

/* " (did you mean WORD?)", " (did you mean WORD, WORD or WORD?)", or "" when nothing is near; written to
 * text, which is returned. */
const char *did_you_mean_hint(const DidYouMean *n, char *text, size_t room);

/* The same of a word that is none of `known`, which a NULL ends; " (one of: WORD, WORD, ...)" when nothing is
 * near. */
const char *did_you_mean_among(const char *word, const char *const *known, char *text, size_t room);

#endif
