/* Owns: the residual norm ratio (arXiv 2510.06477, 2410.13835): |x_0| / median_{t>0} |x_t| of the
 * residual stream after a layer; with several documents in a row, the mean over their first tokens for
 * x_0. */
#include "model/instruments/first_rest.h"
#include "model/instruments/means.h"
#include "model/instruments/stats.h"

static void ratio(const View *v, int row, int head, Visible visible, double *figure) {
    (void)head, (void)visible;
    int64_t at = (int64_t)row * v->T;
    *figure = first_rest_lengths(v->data + at * v->ld, v->ld, v->width, v->doc_start + at, v->T);
}

const Instrument norm_ratio = {
    .name = "norm_ratio",
    .definition = "|x_0| / median_{t>0} |x_t| of the residual stream; of the model: largest over layers",
    .paper = "arXiv 2510.06477, 2410.13835",
    .columns = "eval.norm_ratio, eval_layer.norm_ratio",
    .cost = LIGHT,
    .means =
        &(const Means){.figures = 1, .names = {{NULL, "norm_ratio", "norm_ratio", highest_of}}, .of = ratio},
    .taps = 1 << TAP_RESID,
    .see = means_see,
    .close = means_close,
};
