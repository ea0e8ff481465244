/* Quantisation (science.md section 8): the loss when the weights of the linear layers are rounded to int8 by
 * tensor, x -> s round(x / s) with s = max |x| / 127, and then their inputs too, by tensor (all tokens of a
 * pass) and by token. Outliers widen s, so that the rest falls into few steps: to be read beside kurtosis
 * and massive activations. */
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

static void see_tensor(void *self, const View *v) {
    (void)self;
    round_all(v->data, v->tokens * v->width, largest(v->data, v->tokens * v->width));
}

static void see_tokens(void *self, const View *v) {
    (void)self;
    for (int64_t n = 0; n < v->tokens; n++)
        round_all(v->data + n * v->ld, v->width, largest(v->data + n * v->ld, v->width));
}

static void round_weights(const Model *m) {
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        int64_t n = t->rows * t->cols;
        float *w = m->params + t->offset;
        if (t->dims == 2 && t->stage != STAGE_EMBED && t->stage != STAGE_POSITION)
            round_all(w, n, largest(w, n));
    }
}

/* Where no norm stands before a sublayer, its input is the stream, which must not be rounded. */
bool quantize_check(const Subject *s, Error *e) {
    const ModelConfig *c = &s->m->config;
    if (strcmp(s->o->quantize, "int8"))
        return fail(e, EXIT_USAGE, "--quantize: %s: unknown kind (int8)", s->o->quantize);
    if (norm_stands(c, STAGE_NORM_ATTN) && norm_stands(c, STAGE_NORM_MLP)) return true;
    return fail(e, EXIT_USAGE, "--quantize: under model.norm %s sublayers read the stream itself",
                norm_name(c->norm));
}

static const struct {
    const char *name;
    bool weights;
    void (*see)(void *self, const View *v); /* NULL: inputs are left as they are */
} kinds[] = {{"as trained", false, NULL},
             {"weights", true, NULL},
             {"inputs, by tensor", false, see_tensor},
             {"inputs, by token", false, see_tokens},
             {"weights, inputs by tensor", true, see_tensor},
             {"weights, inputs by token", true, see_tokens}};
_Static_assert(sizeof kinds / sizeof *kinds == QUANTIZE_KINDS, "as many losses as kinds");

/* Of the model with weights that may be spoiled, which it gets back. */
static double loss_of(Subject *s, Tape *t, const ProbeRows *p, int kind, float *spoiled) {
    Observer eye = {LINEAR_INPUTS, NULL, kinds[kind].see, NULL};
    float *trained = s->m->params;
    double loss, loss_1;
    memcpy(spoiled, trained, s->m->arena * sizeof *spoiled);
    s->m->params = spoiled;
    if (kinds[kind].weights) round_weights(s->m);
    tape_observe(t, (Observers){&eye, kinds[kind].see != NULL});
    subject_losses(s, t, p, &loss, &loss_1);
    s->m->params = trained;
    return loss;
}

bool quantize_measure(Subject *s, const ProbeRows *p, double loss[QUANTIZE_KINDS], Error *e) {
    Tape *t = NULL;
    if (!subject_tape(s, p, true, false, &t, e)) return false;
    float *spoiled = model_arena(s->m);
    for (int i = 0; spoiled && i < QUANTIZE_KINDS; i++) loss[i] = loss_of(s, t, p, i, spoiled);
    bool ok = spoiled || fail(e, EXIT_FAILED, "--quantize: out of memory");
    free(spoiled);
    tape_free(t);
    return ok;
}

bool quantize_show(Subject *s, Error *e) {
    double loss[QUANTIZE_KINDS];
    if (!quantize_measure(s, s->no_bos ? &s->other : &s->main, loss, e)) return false;
    Sheet sheet = sheet_make("quantize", "loss with linear layers rounded to int8", QUANTIZE_KINDS, 2);
    strcpy(sheet.col[0], "loss");
    strcpy(sheet.col[1], "change");
    for (int i = 0; i < QUANTIZE_KINDS; i++) {
        snprintf(sheet.row[i].name, SHEET_NAME, "%s", kinds[i].name);
        *sheet_cell(&sheet, i, 0) = loss[i];
        *sheet_cell(&sheet, i, 1) = loss[i] - loss[0];
    }
    subject_show(s, &sheet);
    return true;
}
