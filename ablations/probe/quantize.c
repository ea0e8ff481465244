/* Quantisation: the loss when the weights of the linear layers are rounded to int8 by
 * tensor, x -> s round(x / s) with s = max |x| / 127, and then their inputs too, by tensor (all tokens of a
 * pass) and by token. The classifier is one of them; where it is the embedding's (model.tie) both uses are of
 * the rounded matrix, as they would be of a stored one. Outliers widen s, so that the rest falls into few
 * steps: to be read beside kurtosis and massive activations. With --keep first the same with the inputs of
 * first tokens in fp32 (arXiv 2402.17762: massive activations stand there), and with these and the channel of
 * the largest |x| of every pass, in all tokens: how much of the loss comes back. The scales are those of what
 * is rounded. */
#include "ablations/probe/modes.h"
#include "model/instruments/cells.h"
#include "model/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 127 };
enum {
    LINEAR_INPUTS =
        1 << TAP_ATTN_IN | 1 << TAP_HEAD_OUT | 1 << TAP_MLP_IN | 1 << TAP_MLP_HIDDEN | 1 << TAP_FINAL
};

static float largest(const float *x, int64_t n) {
    float top = 0;
    for (int64_t i = 0; i < n; i++) top = fmaxf(top, fabsf(x[i]));
    return top;
}

static void round_all(float *x, int64_t n, float top) {
    float step = top / LEVELS;
    for (int64_t i = 0; top > 0 && i < n; i++) x[i] = step * rintf(x[i] / step);
}

/* Where no norm stands before a sublayer its input is the stream itself, to which the sublayer's output is
 * added: it is rounded for the sublayer alone, and given back before the sum. */
typedef struct Stream {
    float *at, *was; /* NULL: nothing to give back */
} Stream;

static void lend(Stream *s, const View *v) {
    size_t n = (size_t)(v->tokens * v->ld);
    s->at = v->data;
    s->was = instrument_memory(n, sizeof *s->was);
    memcpy(s->was, v->data, n * sizeof *s->was);
}

static void give_back(Stream *s, const View *v) {
    if (!s->was) return;
    memcpy(s->at, s->was, (size_t)(v->tokens * v->ld) * sizeof *s->was);
    free(s->was);
    *s = (Stream){0};
}

typedef struct Rounding {
    bool by_token;
    QuantizeKeep keep;
    uint32_t streams; /* taps whose array is the stream */
    Stream lent;
} Rounding;

static void round_pieces(float *x, int64_t tokens, int width, bool by_token) {
    int64_t pieces = by_token ? tokens : 1, n = tokens * width / pieces;
    for (int64_t i = 0; i < pieces; i++) round_all(x + i * n, n, largest(x + i * n, n));
}

static int channel_of_largest(const View *v) {
    int64_t at = 0;
    for (int64_t i = 1; i < v->tokens * v->width; i++) at = fabsf(v->data[i]) > fabsf(v->data[at]) ? i : at;
    return (int)(at % v->width);
}

/* What is kept is taken out, so that no scale sees it, and put back. */
static void round_input(const View *v, const Rounding *r) {
    size_t n = (size_t)(v->tokens * v->width);
    int channel = r->keep == KEEP_CHANNEL ? channel_of_largest(v) : -1;
    float *was = r->keep ? instrument_memory(n, sizeof *was) : NULL;
    if (was) memcpy(was, v->data, n * sizeof *was);
    for (int put = 0; put < 2; put++) {
        for (size_t i = 0; was && i < n; i++) {
            int64_t token = (int64_t)i / v->width, t = token % v->T;
            if (v->doc_start[token] == t || (int)(i % (size_t)v->width) == channel)
                v->data[i] = put ? was[i] : 0;
        }
        if (!put) round_pieces(v->data, v->tokens, v->width, r->by_token);
    }
    free(was);
}

static void see(void *self, const View *v) {
    Rounding *r = self;
    if (v->at == TAP_ATTN_ADD || v->at == TAP_MLP_OUT) {
        give_back(&r->lent, v);
        return;
    }
    if (r->streams >> v->at & 1) lend(&r->lent, v);
    round_input(v, r);
}

static uint32_t streams_of(const ModelConfig *c) {
    return (norm_stands(c, STAGE_NORM_ATTN) ? 0u : 1u << TAP_ATTN_IN) |
           (norm_stands(c, STAGE_NORM_MLP) ? 0u : 1u << TAP_MLP_IN);
}

static void round_weights(const Model *m) {
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        int64_t n = t->rows * t->cols;
        float *w = m->params + t->offset;
        bool linear = t->stage == STAGE_EMBED ? m->config.tie : t->stage != STAGE_POSITION;
        if (t->dims == 2 && linear) round_all(w, n, largest(w, n));
    }
}

bool quantize_check(const ProbedModel *s, Error *e) {
    if (strcmp(s->o->quantize, "int8"))
        return fail(e, EXIT_USAGE, "--quantize: %s: unknown kind (int8)", s->o->quantize);
    if (!probed_model_whole(s, "--quantize", e)) return false;
    return !s->o->keep || !strcmp(s->o->keep, "first") ||
           fail(e, EXIT_USAGE, "--keep: %s: unknown (first)", s->o->keep);
}

static const struct {
    const char *name;
    bool weights;
    bool inputs, by_token;
} kinds[] = {{"as trained", false, false, false},
             {"weights", true, false, false},
             {"inputs, by tensor", false, true, false},
             {"inputs, by token", false, true, true},
             {"weights, inputs by tensor", true, true, false},
             {"weights, inputs by token", true, true, true}};
_Static_assert(sizeof kinds / sizeof *kinds == QUANTIZE_KINDS, "as many losses as kinds");

/* Of the model with a copy of its weights, rounded or not; it gets its own back. */
static double loss_of(ProbedModel *s, Tape *t, const ProbeRows *p, int kind, QuantizeKeep keep, float *copy) {
    Rounding rounding = {kinds[kind].by_token, keep, streams_of(&s->m->config), {0}};
    Observer eye = {LINEAR_INPUTS | 1 << TAP_ATTN_ADD | 1 << TAP_MLP_OUT, &rounding, see, NULL};
    float *trained = s->m->params;
    double loss, loss_1;
    memcpy(copy, trained, s->m->arena * sizeof *copy);
    s->m->params = copy;
    if (kinds[kind].weights) round_weights(s->m);
    tape_observe(t, (Observers){&eye, kinds[kind].inputs});
    probed_model_losses(s, t, p, &loss, &loss_1);
    s->m->params = trained;
    return loss;
}

bool quantize_measure(ProbedModel *s, const ProbeRows *p, QuantizeKeep keep, double loss[QUANTIZE_KINDS],
                      Error *e) {
    Tape *t = NULL;
    if (!probed_model_tape(s, p, true, false, &t, e)) return false;
    float *copy = model_arena(s->m);
    for (int i = 0; copy && i < QUANTIZE_KINDS; i++) loss[i] = loss_of(s, t, p, i, keep, copy);
    bool ok = copy || fail(e, EXIT_FAILED, "--quantize: out of memory");
    free(copy);
    tape_free(t);
    return ok;
}

bool quantize_show(ProbedModel *s, Error *e) {
    static const char *const columns[] = {"loss", "change", "first kept", "change", "and channel", "change"};
    int n = s->o->keep ? KEEPS : 1;
    double loss[KEEPS][QUANTIZE_KINDS];
    for (QuantizeKeep keep = 0; keep < (QuantizeKeep)n; keep++)
        if (!quantize_measure(s, s->no_bos ? &s->other : &s->main, keep, loss[keep], e)) return false;
    Sheet sheet = sheet_make("quantize", "loss with linear layers rounded to int8", QUANTIZE_KINDS, 2 * n);
    for (int j = 0; j < 2 * n; j++) strcpy(sheet.col[j], columns[j]);
    for (int i = 0; i < QUANTIZE_KINDS; i++) {
        snprintf(sheet.row[i].name, SHEET_NAME, "%s", kinds[i].name);
        for (int j = 0; j < n; j++) {
            *sheet_cell(&sheet, i, 2 * j) = loss[j][i];
            *sheet_cell(&sheet, i, 2 * j + 1) = loss[j][i] - loss[0][0];
        }
    }
    probed_model_show(s, &sheet, &s->main, s->main.rows);
    return true;
}
