/* Owns: interventions that take one thing away (or, a bias, put one there), so that its share can be told:
 * each with a matched random control beside it (ablations/probe/control.c). */
#include "model/interventions/kinds.h"

#include <string.h>

/* A hidden unit of the MLP switched off, as the super neurons of arXiv 2605.06611 never were there: s_unit =
 * 0 of every token, before the down-projection. */
static void silence_unit(const Intervention *i, const View *v) {
    for (int64_t n = 0; n < v->tokens; n++) v->data[n * v->ld + (int64_t)i->arg[ARG_UNIT]] = 0;
}

const InterventionKind unit_off = {
    .name = "unit_off",
    .definition = "hidden unit `unit` of the layer's MLP is zero (super neurons, arXiv 2605.06611)",
    .must = LAYER | UNIT,
    .order = {ARG_LAYER, ARG_UNIT},
    .tap = TAP_MLP_HIDDEN,
    .write = silence_unit,
    .back = silence_unit,
};

/* A channel of the residual stream after a block, zero or its mean over the rows of the pass at each position
 * (arXiv 2402.17762: massive activations set to zero break a model, to their mean they do not). Both maps are
 * symmetric, so that the gradient takes the same way. */
static void flatten_channel(const Intervention *i, const View *v) {
    float *x = v->data + (int64_t)i->arg[ARG_CHANNEL];
    for (int t = 0; t < v->T; t++) {
        double sum = 0;
        for (int row = 0; row < v->rows; row++) sum += x[((int64_t)row * v->T + t) * v->ld];
        float to = i->arg[ARG_TO] == TO_MEAN ? (float)(sum / v->rows) : 0;
        for (int row = 0; row < v->rows; row++) x[((int64_t)row * v->T + t) * v->ld] = to;
    }
}

const InterventionKind channel_off = {
    .name = "channel_off",
    .definition =
        "channel `channel` of the stream after the layer is zero, or (to=mean) at each position its mean "
        "over rows (arXiv 2402.17762)",
    .must = LAYER | CHANNEL,
    .may = TO,
    .order = {ARG_LAYER, ARG_CHANNEL, ARG_TO},
    .tap = TAP_RESID,
    .write = flatten_channel,
    .back = flatten_channel,
};

/* One weight of the MLP's down-projection zero: the super weights of arXiv 2411.07191. */
static Entry entry_of(const Intervention *i) {
    return (Entry){(int)i->arg[ARG_ROW], (int)i->arg[ARG_COL]};
}

const InterventionKind weight_off = {
    .name = "weight_off",
    .definition = "W_down[row, col] of the layer's MLP, (d, f), is zero (super weights, arXiv 2411.07191)",
    .must = LAYER | ROW | COL,
    .order = {ARG_LAYER, ARG_ROW, ARG_COL},
    .entry = entry_of,
};

/* The value of one token zero, its keys as they were: what a value drain (arXiv 2410.13835) would be at its
 * end. A vector that v_bias adds to all values stays. */
static void drain(const Intervention *i, const View *v) {
    for (int row = 0; row < v->rows; row++) {
        float *x = vector_at(v, row, (int)i->arg[ARG_POS]);
        if (x) memset(x, 0, (size_t)v->width * sizeof *x);
    }
}

const InterventionKind value_zero = {
    .name = "value_zero",
    .definition = "the values of position `pos` are zero in every head (arXiv 2410.13835)",
    .must = POS,
    .may = LAYER,
    .order = {ARG_POS, ARG_LAYER},
    .tap = TAP_VALUE,
    .write = drain,
    .back = drain,
};

/* A dose of zero_column: b is added to the scores of one key, with every query but row 0. b = 0 changes
 * nothing, b = -inf is zero_column. */
static ScoreBias bias_key(const Intervention *i) {
    return (ScoreBias){.query = -1, .key = (int)i->arg[ARG_POS], .bias = (float)i->arg[ARG_B]};
}

const InterventionKind logit_bias = {
    .name = "logit_bias",
    .definition = "b is added to every query's score of key `pos`, but row 0's; -inf is zero_column",
    .must = POS | B,
    .may = LAYER,
    .order = {ARG_POS, ARG_B, ARG_LAYER},
    .score_bias = bias_key,
};

/* Biases of a block's linear layers zero (model.bias): that of q is what GPT-2's sinks lean on most (arXiv
 * 2604.14722). */
static uint32_t biases_of(const Intervention *i) {
    return i->arg[ARG_OF] == BIAS_ALL ? (1u << BIAS_PARTS) - 1 : 1u << (int)i->arg[ARG_OF];
}

const InterventionKind bias_off = {
    .name = "bias_off",
    .definition =
        "biases of the layer's linear layers are zero: all, or of q, k, v, o, gate, up or down (arXiv "
        "2604.14722)",
    .may = OF | LAYER,
    .order = {ARG_OF, ARG_LAYER},
    .biases = biases_of,
};
