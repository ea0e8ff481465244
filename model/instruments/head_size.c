/* Owns: the size of a head's output before W_O (arXiv 2605.06611: heads of large outputs dominate what W_O
 * writes, until a norm makes them equal): root mean square of o_t over the tokens of a sequence and the
 * head's dimensions. Heads that mix alike have equal sizes; a norm of heads' outputs is behind this place. */
#include "model/instruments/means.h"
#include "model/instruments/stats.h"

#include <math.h>

static void size_of_head(const View *v, int row, int head, Visible visible, double *figure) {
    (void)visible;
    int dh = v->heads->dh;
    const float *o = v->data + (int64_t)row * v->T * v->ld + (int64_t)head * dh;
    double sum = 0;
    for (int t = 0; t < v->T; t++) sum += dot_floats(o + t * v->ld, o + t * v->ld, dh);
    *figure = sqrt(sum / v->T / dh);
}

const Instrument head_size = {
    .name = "head_size",
    .definition = "root mean square of o_t, a head's output before W_O, over tokens and dimensions",
    .paper = "arXiv 2605.06611",
    .columns = "eval_head.out_size",
    .cost = HEAVY,
    .means =
        &(const Means){.figures = 1, .names = {{.head = "out_size"}}, .by_head = true, .of = size_of_head},
    .taps = 1 << TAP_ATTN_OUT,
    .see = means_see,
    .close = means_close,
};
