/* Owns: which keys a query sees: those of its document up to itself (data.mask), narrowed by a sliding
 * window that keeps the document's first keys, widened by a prefix whose positions see each other. One
 * definition for attention and for the instruments. doc_start (T): first position of each token's document.
 * Does not own: where documents begin (data/rows.c), who asks for them (model/interventions). */
#ifndef SINKLAB_VISIBLE_H
#define SINKLAB_VISIBLE_H

#include "model/model_config.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Visible {
    int window; /* the last so many keys; 0: all */
    int keep;   /* first keys of the document, seen past the window */
    int prefix; /* positions below see each other */
} Visible;

static inline Visible visible_of(const ModelConfig *c) {
    return (Visible){(int)c->window, (int)c->window_keep, (int)c->prefix};
}

/* What an intervention does to who sees whom: `query` sees itself alone; `bias` is added to the scores of
 * `key` with every query but the row's first: -INFINITY, and no such query sees the key. -1: none such. */
typedef struct ScoreBias {
    int query, key;
    float bias;
} ScoreBias;

typedef struct ScoreBiases {
    int n;
    ScoreBias at[LIST_ITEMS];
} ScoreBiases;

/* Query q sees keys from .. to, and kept keys: from its document's first on, below visible_kept. */
static inline int visible_from(Visible s, const int32_t *doc_start, int q) {
    int edge = s.window ? q - s.window + 1 : 0;
    return edge > doc_start[q] ? edge : doc_start[q];
}

static inline int visible_to(Visible s, const int32_t *doc_start, int T, int q) {
    int end = s.prefix < T ? s.prefix : T, to = q;
    while (to + 1 < end && doc_start[to + 1] == doc_start[q]) to++;
    return to;
}

static inline int visible_kept(Visible s, const int32_t *doc_start, int q) {
    int from = visible_from(s, doc_start, q), end = doc_start[q] + s.keep;
    return end < from ? end : from;
}

/* Whether q sees the first key of its document. */
static inline bool visible_first(Visible s, const int32_t *doc_start, int q) {
    return s.keep || visible_from(s, doc_start, q) == doc_start[q];
}

/* Number of keys that q sees. */
static inline int visible_keys(Visible s, const int32_t *doc_start, int T, int q) {
    return visible_kept(s, doc_start, q) - doc_start[q] + visible_to(s, doc_start, T, q) -
           visible_from(s, doc_start, q) + 1;
}

#endif
