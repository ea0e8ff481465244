/* Variance amplification (arXiv 2605.06611): o'_pos = o_pos + (lambda - 1)(o_pos - mu) on the aggregated
 * values. The paper does not say what mu averages over; here mu=batch is the mean of o_pos over the rows in
 * flight (a training under it depends on train.micro_rows), mu=positions that over positions 0 .. pos of the
 * row, so that nothing looks ahead, and mu=all that over both. */
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

static void from_all(const View *v, int pos, float more) {
    for (int c = 0; c < v->width; c++) {
        double sum = 0;
        for (int row = 0; row < v->rows; row++)
            for (int t = 0; t <= pos; t++) sum += vector_at(v, row, t)[c];
        float mu = (float)(sum / v->rows / (pos + 1));
        for (int row = 0; row < v->rows; row++) {
            float *o = vector_at(v, row, pos) + c;
            *o += more * (*o - mu);
        }
    }
}

/* As to_positions, the share being more times the mean of do'_pos over the rows, / (pos + 1), for every row.
 */
static void to_all(const View *v, int pos, float more) {
    for (int c = 0; c < v->width; c++) {
        double sum = 0;
        for (int row = 0; row < v->rows; row++) sum += vector_at(v, row, pos)[c];
        float share = (float)(more * sum / v->rows / (pos + 1));
        for (int row = 0; row < v->rows; row++) {
            vector_at(v, row, pos)[c] += more * vector_at(v, row, pos)[c];
            for (int t = 0; t <= pos; t++) vector_at(v, row, t)[c] -= share;
        }
    }
}

static const struct {
    void (*forward)(const View *v, int pos, float more), (*backward)(const View *v, int pos, float more);
} ways[] = {[MU_BATCH] = {from_batch, from_batch},
            [MU_POSITIONS] = {from_positions, to_positions},
            [MU_ALL] = {from_all, to_all}};

static void write(const Intervention *i, const View *v) {
    int pos = (int)i->arg[ARG_POS];
    if (pos < v->T) ways[(int)i->arg[ARG_MU]].forward(v, pos, (float)(i->arg[ARG_LAMBDA] - 1));
}

static void back(const Intervention *i, const View *v) {
    int pos = (int)i->arg[ARG_POS];
    if (pos < v->T) ways[(int)i->arg[ARG_MU]].backward(v, pos, (float)(i->arg[ARG_LAMBDA] - 1));
}

const InterventionKind amplify = {
    .name = "amplify",
    .definition = "o'_pos = o_pos + (lambda - 1)(o_pos - mu), mu the mean over rows (mu=batch), over "
                  "positions 0 .. pos (mu=positions) or over both (mu=all) (arXiv 2605.06611)",
    .must = POS | LAMBDA,
    .may = MU | LAYER,
    .order = {ARG_POS, ARG_LAMBDA, ARG_MU, ARG_LAYER},
    .tap = TAP_ATTN_OUT,
    .write = write,
    .back = back,
};
