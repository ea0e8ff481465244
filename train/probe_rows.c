#include "train/probe_rows.h"

#include "data/base/rng.h"

#include <stdlib.h>

bool probe_rows_create(ProbeRows *p, int64_t rows, int64_t T, Error *e) {
    size_t n = (size_t)(rows * T);
    p->rows = (int)rows;
    p->T = (int)T;
    p->at = (Rows){calloc(n, sizeof(int32_t)), calloc(n, sizeof(int32_t)), calloc(n, sizeof(int32_t)), NULL};
    p->losses = calloc(n, sizeof(float));
    if (p->at.x && p->at.y && p->at.doc_start && p->losses) return true;
    return fail(e, EXIT_FAILED, "probe: out of memory");
}

void probe_rows_free(ProbeRows *p) {
    free(p->at.x);
    free(p->at.y);
    free(p->at.doc_start);
    free(p->at.kind);
    free(p->losses);
}

/* No BOS, nothing scored: the variance protocol of arXiv 2605.06611. */
bool probe_rows_random(ProbeRows *p, ProbeName name, int64_t vocab, int32_t bos, uint64_t seed, int64_t rows,
                       int64_t T, Error *e) {
    if (!probe_rows_create(p, rows, T, e)) return false;
    for (int i = 0; i < p->rows * p->T; i++) {
        int32_t token =
            (int32_t)rng_below(seed, RNG_PROBE, (uint64_t)name, (uint64_t)(name == REPEATED ? i / p->T : i),
                               (uint64_t)(vocab - (bos >= 0)));
        p->at.x[i] = token + (bos >= 0 && token >= bos);
        p->at.y[i] = -1;
    }
    return true;
}

bool probe_rows_draw(ProbeRows *p, ProbeName name, const Dataset *d, uint64_t seed, int64_t rows, int64_t T,
                     bool bos, Error *e) {
    int64_t there = dataset_heldout_rows(d, (int)T), plain = dataset_plain_rows(d, (int)T);
    if (plain < there) there = plain; /* BOS before each document makes more rows of a text */
    if (there < rows) rows = there;
    const DatasetInfo *info = dataset_info(d);
    if (name == RANDOM || name == REPEATED)
        return probe_rows_random(p, name, info->vocab, info->bos, seed, rows, T, e);
    if (!probe_rows_create(p, rows, T, e)) return false;
    if (dataset_info(d)->classes && !(p->at.kind = calloc((size_t)p->rows * (size_t)p->T, 1)))
        return fail(e, EXIT_FAILED, "probe: out of memory");
    int draw = name == OTHER_BOS ? MAIN : (int)name; /* the same text as main, but for its first token */
    return dataset_probe_rows(d, seed, draw, p->rows, p->T, bos, &p->at, e);
}

void rows_hide_targets(Rows *at, int rows, int T, int64_t prefix) {
    for (int64_t i = 0; i < (int64_t)rows * T; i++)
        if (i % T < prefix - 1) at->y[i] = -1;
}
