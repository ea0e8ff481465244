/* Owns: which keys a query sees: those of its document up to itself (data.mask), narrowed by a sliding
 * window that keeps the document's first keys, widened by a prefix whose positions see each other. One
 * definition for attention and for the instruments. lo (T): first position of each token's document.
 * Does not own: where documents begin (data/rows.c), who asks for a Blind (model/interventions). */
#ifndef SINKLAB_VISIBLE_H
#define SINKLAB_VISIBLE_H

#include "model/model_config.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Sight {
    int window; /* the last so many keys; 0: all */
    int keep;   /* first keys of the document, seen past the window */
    int prefix; /* positions below see each other */
} Sight;

static inline Sight sight_of(const ModelConfig *c) {
    return (Sight){(int)c->window, (int)c->window_keep, (int)c->prefix};
}

/* What an intervention takes from view: the query sees itself alone; the key is seen by no query but the
 * row's first. -1: none such. */
typedef struct Blind {
    int query, key;
} Blind;

typedef struct Blinds {
    int n;
    Blind at[LIST_ITEMS];
} Blinds;

/* Query q sees keys from .. to, and kept keys: from its document's first on, below sight_kept. */
static inline int sight_from(Sight s, const int32_t *lo, int q) {
    int edge = s.window ? q - s.window + 1 : 0;
    return edge > lo[q] ? edge : lo[q];
}

static inline int sight_to(Sight s, const int32_t *lo, int T, int q) {
    int end = s.prefix < T ? s.prefix : T, to = q;
    while (to + 1 < end && lo[to + 1] == lo[q]) to++;
    return to;
}

static inline int sight_kept(Sight s, const int32_t *lo, int q) {
    int from = sight_from(s, lo, q), end = lo[q] + s.keep;
    return end < from ? end : from;
}

/* Whether q sees the first key of its document. */
static inline bool sight_first(Sight s, const int32_t *lo, int q) {
    return s.keep || sight_from(s, lo, q) == lo[q];
}

/* Number of keys that q sees. */
static inline int sight_keys(Sight s, const int32_t *lo, int T, int q) {
    return sight_kept(s, lo, q) - lo[q] + sight_to(s, lo, T, q) - sight_from(s, lo, q) + 1;
}

#endif
