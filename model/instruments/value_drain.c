/* Owns: the value drain (arXiv 2410.13835, 2504.02732): |v_0| / median_{t>0} |v_t| of each head; with
 * several documents in a row, the mean over their first tokens for v_0. Heads that share keys and values
 * share their drain. The vector that model.attention: v_bias adds to what attention gives is not in v. */
#include "model/instruments/first_rest.h"
#include "model/instruments/means.h"
#include "model/instruments/stats.h"

static void drain(const View *v, int row, int head, Visible visible, double *figure) {
    (void)visible;
    const Heads *heads = v->heads;
    int64_t at = (int64_t)row * v->T;
    const float *values = heads->v + at * heads->ld + (int64_t)(head / heads->group) * heads->dh;
    *figure = first_rest_lengths(values, heads->ld, heads->dh, v->doc_start + at, v->T);
}

const Instrument value_drain = {
    .name = "value_drain",
    .definition = "|v_0| / median_{t>0} |v_t|; of the model: median over layers and heads",
    .paper = "arXiv 2410.13835, 2504.02732",
    .columns = "eval.value_drain, eval_head.value_drain",
    .cost = LIGHT,
    .means = &(const Means){.figures = 1,
                            .names = {{"value_drain", NULL, "value_drain", median_of}},
                            .by_head = true,
                            .of = drain},
    .taps = 1 << TAP_ATTN_OUT,
    .see = means_see,
    .close = means_close,
};
