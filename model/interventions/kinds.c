/* Owns: the interventions that are a few lines, and the table of all. */
#include "model/interventions/kinds.h"

#include <math.h>
#include <string.h>

/* BOS removed (arXiv 2504.02732, Table 2): the row begins with its text's own first token. Which token that
 * is only the data knows, so that the caller draws other rows; a model is trained so by data.bos: none. */
static const InterventionKind no_bos = {
    .name = "no_bos",
    .definition = "rows begin with the text's own first token instead of BOS (arXiv 2504.02732)",
};

/* Another token at position 0 of every row (arXiv 2504.02732): is it the place that makes the sink, or the
 * token that stands there? Targets stay as they are. */
static void put_first(const Intervention *i, int32_t *x, int rows, int T) {
    for (int row = 0; row < rows; row++) x[(int64_t)row * T] = (int32_t)i->arg[ARG_TOKEN];
}

static const InterventionKind replace_first = {
    .name = "replace_first",
    .definition = "token `token` (its number) at position 0 of every row (arXiv 2504.02732)",
    .must = TOKEN,
    .order = {ARG_TOKEN},
    .tokens = put_first,
};

/* The MLP's contribution to one position dropped (arXiv 2510.06477, at the layer where the massive activation
 * appears): x'_pos = x_pos + attention, as if the MLP were not there for it. */
static void drop(const Intervention *i, const View *v) {
    for (int row = 0; row < v->rows; row++) {
        float *x = vector_at(v, row, (int)i->arg[ARG_POS]);
        if (x) memset(x, 0, (size_t)v->width * sizeof *x);
    }
}

static const InterventionKind drop_mlp = {
    .name = "drop_mlp",
    .definition = "the MLP adds nothing to position `pos` (arXiv 2510.06477)",
    .must = POS,
    .may = LAYER,
    .order = {ARG_LAYER, ARG_POS},
    .tap = TAP_MLP_OUT,
    .write = drop,
    .back = drop,
};

/* One position may attend only to itself (arXiv 2605.06611): its output is one value, unaveraged, as that of
 * position 0 is. The paper finds that it becomes a sink. */
static ScoreBias hide_from_query(const Intervention *i) {
    return (ScoreBias){.query = (int)i->arg[ARG_POS], .key = -1};
}

static const InterventionKind self_only = {
    .name = "self_only",
    .definition = "position `pos` attends only to itself (arXiv 2605.06611)",
    .must = POS,
    .may = LAYER,
    .order = {ARG_POS, ARG_LAYER},
    .score_bias = hide_from_query,
};

/* The control of `amplify` (arXiv 2605.06611): o'_pos = lambda o_pos, which moves the size of the aggregated
 * values but not their spread against it. */
static void multiply(const Intervention *i, const View *v) {
    float lambda = (float)i->arg[ARG_LAMBDA];
    for (int row = 0; row < v->rows; row++) {
        float *o = vector_at(v, row, (int)i->arg[ARG_POS]);
        for (int c = 0; o && c < v->width; c++) o[c] *= lambda;
    }
}

static const InterventionKind scale = {
    .name = "scale",
    .definition = "o'_pos = lambda o_pos, the control of amplify (arXiv 2605.06611)",
    .must = POS | LAMBDA,
    .may = LAYER,
    .order = {ARG_POS, ARG_LAMBDA, ARG_LAYER},
    .tap = TAP_ATTN_OUT,
    .write = multiply,
    .back = multiply,
};

/* A column of the attention matrix zeroed: no query sees key `pos`, but for row 0, which has no other. Kinds
 * whose rows sum to one, with a null key where they have one, share its weight out among the keys that are
 * left (the null key among them). Others keep the rest of the row as it is, also where a softmax stands
 * behind it (softpick, clipped, differential). A query left without a key has o = 0. */
static ScoreBias hide_key(const Intervention *i) {
    return (ScoreBias){.query = -1, .key = (int)i->arg[ARG_POS], .bias = -INFINITY};
}

static const InterventionKind zero_column = {
    .name = "zero_column",
    .definition = "no query sees key `pos` (row 0 sees itself)",
    .must = POS,
    .may = LAYER,
    .order = {ARG_POS, ARG_LAYER},
    .score_bias = hide_key,
};

/* A head switched off: its aggregated values are zero, so that W_O reads nothing of it. */
static void silence(const Intervention *i, const View *v) {
    int dh = v->heads->dh, head = (int)i->arg[ARG_HEAD];
    for (int64_t n = 0; n < v->tokens; n++)
        memset(v->data + n * v->ld + (int64_t)head * dh, 0, (size_t)dh * sizeof(float));
}

static const InterventionKind head_off = {
    .name = "head_off",
    .definition = "the head's aggregated values are zero",
    .must = HEAD,
    .may = LAYER,
    .order = {ARG_LAYER, ARG_HEAD},
    .tap = TAP_ATTN_OUT,
    .write = silence,
    .back = silence,
};

const InterventionKind *const interventions[] = {
    &no_bos,   &replace_first, &drop_mlp,   &self_only,  &amplify,    &scale,    &zero_column, &head_off,
    &unit_off, &channel_off,   &weight_off, &value_zero, &logit_bias, &bias_off, NULL,
};
