/* Owns: positive scores (arXiv 2605.06611): the share of queries with q.k_0 > 0 among those that see
 * the first key, k_0 being the first key of the query's document. Keys locked in the direction of the
 * dominant channel have a share near 1. */
#include "model/instruments/means.h"

static void share(const View *v, int row, int head, Visible visible, double *figure) {
    const Heads *heads = v->heads;
    const int32_t *doc_start = v->doc_start + (int64_t)row * v->T;
    const float *q = heads->q + (int64_t)row * v->T * heads->ld + (int64_t)head * heads->dh;
    const float *k = heads->k + (int64_t)row * v->T * heads->ld + (int64_t)(head / heads->group) * heads->dh;
    int positive = 0, seen = 0;
    for (int t = 0; t < v->T; t++) {
        if (!visible_first(visible, doc_start, t)) continue;
        positive += dot_floats(q + t * heads->ld, k + doc_start[t] * heads->ld, heads->dh) > 0;
        seen++;
    }
    *figure = (double)positive / seen;
}

const Instrument positive_scores = {
    .name = "positive_scores",
    .definition = "share of queries with q.k_0 > 0",
    .paper = "arXiv 2605.06611",
    .columns = "eval_head.positive",
    .cost = LIGHT,
    .means = &(const Means){.figures = 1, .names = {{.head = "positive"}}, .by_head = true, .of = share},
    .taps = 1 << TAP_ATTN_OUT,
    .see = means_see,
    .close = means_close,
};
