/* Variance amplification (arXiv 2605.06611): o'_pos = o_pos + (lambda - 1)(o_pos - mu) on the aggregated
 * values. The paper does not say what mu averages over; here mu=batch is the mean of o_pos over the rows in
 * flight (a training under it depends on train.micro_rows), mu=positions that over positions 0 .. pos of the
 * row, so that nothing looks ahead. */
#include "model/interventions/kinds.h"

#include <stddef.h>

/* o_r += more (o_r - mean over rows) for each channel c. The map is symmetric, so that the gradient takes the
 * same way. */
static void from_batch(const View *v, int pos, float more) {
    for (int c = 0; c < v->width; c++) {
        double sum = 0;
        for (int row = 0; row < v->rows; row++) sum += vector_at(v, row, pos)[c];
        float mu = (float)(sum / v->rows);
        for (int row = 0; row < v->rows; row++) {
            float *o = vector_at(v, row, pos) + c;
            *o += more * (*o - mu);
        }
    }
}

static void from_positions(const View *v, int pos, float more) {
    for (int row = 0; row < v->rows; row++)
        for (int c = 0; c < v->width; c++) {
            double sum = 0;
            for (int t = 0; t <= pos; t++) sum += vector_at(v, row, t)[c];
            float *o = vector_at(v, row, pos) + c;
            *o += more * (*o - (float)(sum / (pos + 1)));
        }
}

/* forward: o'_pos = o_pos + more (o_pos - mean_{t <= pos} o_t)
 * so       do_pos = do'_pos + more do'_pos - share, do_t -= share for t < pos, share = more do'_pos / (pos+1)
 */
static void to_positions(const View *v, int pos, float more) {
    for (int row = 0; row < v->rows; row++)
        for (int c = 0; c < v->width; c++) {
            float *g = vector_at(v, row, pos) + c, share = more * *g / (float)(pos + 1);
            *g += more * *g;
            for (int t = 0; t <= pos; t++) vector_at(v, row, t)[c] -= share;
        }
}

static void spread(const Intervention *i, const View *v,
                   void (*over_positions)(const View *v, int pos, float more)) {
    int pos = (int)i->arg[ARG_POS];
    float more = (float)(i->arg[ARG_LAMBDA] - 1);
    if (pos >= v->T) return;
    if (i->arg[ARG_MU] == MU_BATCH)
        from_batch(v, pos, more);
    else
        over_positions(v, pos, more);
}

static void write(const Intervention *i, const View *v) {
    spread(i, v, from_positions);
}

static void back(const Intervention *i, const View *v) {
    spread(i, v, to_positions);
}

const InterventionKind amplify = {
    .name = "amplify",
    .definition = "o'_pos = o_pos + (lambda - 1)(o_pos - mu), mu the mean over rows (mu=batch) or over "
                  "positions 0 .. pos (mu=positions) (arXiv 2605.06611)",
    .must = POS | LAMBDA,
    .may = MU | LAYER,
    .order = {ARG_POS, ARG_LAMBDA, ARG_MU, ARG_LAYER},
    .tap = TAP_ATTN_OUT,
    .write = write,
    .back = back,
};
