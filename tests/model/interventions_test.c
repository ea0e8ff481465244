/* model/interventions: each kind against a second forward in which an observer (or the test) makes the change
 * by hand, in double where it computes; identities that change no bit; the gradient through the change along
 * random directions, judged as slope.h says; what is refused. */
#include "tests/model/slope.h"

#include "model/interventions/intervention.h"
#include "model/kernels/gemm.h"
#include "model/slots.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, T = 37 };

static ModelConfig with(ModelConfig c, const char *text) {
    Error e = {0};
    c.interventions = (List){0};
    if (text) snprintf(c.interventions.item[c.interventions.n++], LIST_TEXT, "%s", text);
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return c;
}

/* ---- by hand ---- */

/* What a hand changes where, in every layer but those below `from`. */
typedef struct Hand {
    const char *text;
    TapPoint at;
    int layer; /* -1: all */
    void (*change)(float *x, const View *v);
} Hand;

static float *token(const View *v, float *x, int row, int t) {
    return x + ((int64_t)row * v->T + t) * v->ld;
}

static void zero_pos_3(float *x, const View *v) {
    for (int row = 0; row < v->rows; row++)
        for (int i = 0; i < v->width; i++) token(v, x, row, 3)[i] = 0;
}

static void times_5_pos_10(float *x, const View *v) {
    for (int row = 0; row < v->rows; row++)
        for (int i = 0; i < v->width; i++) token(v, x, row, 10)[i] *= 5;
}

static void zero_head_1(float *x, const View *v) {
    for (int64_t n = 0; n < v->tokens; n++)
        for (int i = v->heads->dh; i < 2 * v->heads->dh; i++) x[n * v->ld + i] = 0;
}

static void zero_column_5(float *x, const View *v) {
    for (int64_t n = 0; n < v->tokens; n++) x[n * v->ld + 5] = 0;
}

static void mean_of_column_5(float *x, const View *v) {
    for (int t = 0; t < v->T; t++) {
        double mean = 0;
        for (int row = 0; row < v->rows; row++) mean += token(v, x, row, t)[5] / (double)v->rows;
        for (int row = 0; row < v->rows; row++) token(v, x, row, t)[5] = (float)mean;
    }
}

static void amplify_batch(float *x, const View *v) {
    for (int i = 0; i < v->width; i++) {
        double mu = 0;
        for (int row = 0; row < v->rows; row++) mu += token(v, x, row, 10)[i] / (double)v->rows;
        for (int row = 0; row < v->rows; row++) {
            float *o = token(v, x, row, 10) + i;
            *o = (float)(mu + 4 * (*o - mu));
        }
    }
}

static void amplify_positions(float *x, const View *v) {
    for (int row = 0; row < v->rows; row++)
        for (int i = 0; i < v->width; i++) {
            double mu = 0;
            for (int t = 0; t <= 10; t++) mu += token(v, x, row, t)[i] / 11.0;
            float *o = token(v, x, row, 10) + i;
            *o = (float)(mu + 4 * (*o - mu));
        }
}

static void amplify_all(float *x, const View *v) {
    for (int i = 0; i < v->width; i++) {
        double mu = 0;
        for (int row = 0; row < v->rows; row++)
            for (int t = 0; t <= 10; t++) mu += token(v, x, row, t)[i] / (11.0 * v->rows);
        for (int row = 0; row < v->rows; row++) {
            float *o = token(v, x, row, 10) + i;
            *o = (float)(mu + 4 * (*o - mu));
        }
    }
}

/* o of one query of one head from the keys for which seen[k]. */
static void attend_by_hand(const View *v, float *x, int row, int q, int h, const bool *seen, int key,
                           double b) {
    const Heads *hd = v->heads;
    int64_t n = (int64_t)row * v->T;
    double a[T], sum = 0, o[64] = {0};
    for (int k = 0; k <= q; k++) {
        double s = 0;
        for (int i = 0; i < hd->dh; i++)
            s += (double)hd->q[(n + q) * hd->ld + h * hd->dh + i] * hd->k[(n + k) * hd->ld + h * hd->dh + i];
        a[k] = seen[k] ? exp(s * hd->scale + (k == key && q ? b : 0)) : 0;
        sum += a[k];
    }
    for (int k = 0; k <= q && sum > 0; k++)
        for (int i = 0; i < hd->dh; i++) o[i] += a[k] / sum * hd->v[(n + k) * hd->ld + h * hd->dh + i];
    for (int i = 0; i < hd->dh; i++) token(v, x, row, q)[h * hd->dh + i] = (float)o[i];
}

static void attend_all(float *x, const View *v, int lone, int hidden, int key, double b) {
    for (int row = 0; row < v->rows; row++)
        for (int q = 0; q < v->T; q++) {
            bool seen[T];
            const int32_t *doc_start = v->doc_start + (int64_t)row * v->T;
            for (int k = 0; k < v->T; k++)
                seen[k] = k >= doc_start[q] && (k != hidden || q == 0) && (q != lone || k == q);
            for (int h = 0; h < v->heads->H; h++) attend_by_hand(v, x, row, q, h, seen, key, b);
        }
}

static void lone_10(float *x, const View *v) {
    attend_all(x, v, 10, -1, -1, 0);
}
static void hide_0(float *x, const View *v) {
    attend_all(x, v, -1, 0, -1, 0);
}
static void hide_11(float *x, const View *v) {
    attend_all(x, v, -1, 11, -1, 0);
}

static void bias_0(float *x, const View *v) {
    attend_all(x, v, -1, -1, 0, -1.5);
}

static void see(void *self, const View *v) {
    const Hand *h = self;
    if (h->layer < 0 || h->layer == v->layer) h->change(v->data, v);
}

static void check_hand(const Hand *h, int documents) {
    ModelConfig c = with(small_config(), h->text), plain = with(c, NULL);
    Rig r = rig_of(&c, ROWS, T, documents);
    Tape *tape = rig_tape(&r, ROWS, false);
    Batch b = rig_batch(&r, 0, ROWS);
    model_forward(r.m, tape, &b);
    OWNED float *got = constants(ROWS * T, 0), *without = constants(ROWS * T, 0);
    memcpy(got, tape_losses(tape), sizeof(float) * ROWS * T);
    tape_free(tape);
    r.m->config = plain;
    tape = rig_tape(&r, ROWS, false);
    model_forward(r.m, tape, &b);
    memcpy(without, tape_losses(tape), sizeof(float) * ROWS * T);
    Observer hand = {1u << h->at, (void *)h, see, NULL};
    tape_observe(tape, (Observers){&hand, 1});
    model_forward(r.m, tape, &b);
    OWNED double *want = doubles_of(tape_losses(tape), ROWS * T);
    check_close(h->text, got, want, ROWS * T, 512);
    assert_memory_not_equal(got, without, sizeof(float) * ROWS * T);
    tape_free(tape);
    rig_free(&r);
}

static void interventions_do_what_a_hand_does_at_the_tap(void **state) {
    (void)state;
    const Hand hands[] = {{"drop_mlp(layer=0, pos=3)", TAP_MLP_OUT, 0, zero_pos_3},
                          {"drop_mlp(pos=3)", TAP_MLP_OUT, -1, zero_pos_3},
                          {"scale(10, 5)", TAP_ATTN_OUT, -1, times_5_pos_10},
                          {"head_off(1, 1)", TAP_ATTN_OUT, 1, zero_head_1},
                          {"amplify(pos=10, lambda=4)", TAP_ATTN_OUT, -1, amplify_batch},
                          {"amplify(10, 4, mu=positions, layer=1)", TAP_ATTN_OUT, 1, amplify_positions},
                          {"amplify(10, 4, mu=all)", TAP_ATTN_OUT, -1, amplify_all},
                          {"self_only(10)", TAP_ATTN_OUT, -1, lone_10},
                          {"zero_column(0)", TAP_ATTN_OUT, -1, hide_0},
                          {"zero_column(pos=11, layer=0)", TAP_ATTN_OUT, 0, hide_11},
                          {"logit_bias(0, -1.5)", TAP_ATTN_OUT, -1, bias_0},
                          {"unit_off(1, 5)", TAP_MLP_HIDDEN, 1, zero_column_5},
                          {"channel_off(0, 5)", TAP_RESID, 0, zero_column_5},
                          {"channel_off(1, 5, to=mean)", TAP_RESID, 1, mean_of_column_5},
                          {"value_zero(3)", TAP_VALUE, -1, zero_pos_3}};
    for (size_t i = 0; i < sizeof hands / sizeof *hands; i++)
        for (int documents = 0; documents <= 11; documents += 11) check_hand(&hands[i], documents);
}

/* ---- a column zeroed, for every kind of attention ---- */

/* Kinds whose rows of A (with the null key) sum to one share the weight of the key out among what is left;
 * the others keep the rest of the row as it is. A is as the pass shows it. */
typedef struct Column {
    const Model *m;
    int key, H;
    float *A; /* (ROWS, H, T, T) of the layer at work */
} Column;

static float *weight_of(const Column *c, int64_t row, int h, int q) {
    return c->A + (((row * c->H + h) * T + q) * T + c->key);
}

static void keep_weights(void *self, const Weights *w) {
    const Column *c = self;
    for (int i = 0; i < w->nq; i++)
        *weight_of(c, w->row, w->head, w->q0 + i) = c->key <= w->q0 + i ? w->A[i * w->ld + c->key] : 0;
}

/* o' = o - a v, of what is left to share 1 - a: over that. A query without any other key has o = 0. */
static void zero_in(const Column *c, const View *v, int row, int q, int h) {
    const Heads *hd = v->heads;
    const AttentionSlot *slot = &attention_slots[c->m->config.attention];
    const int32_t *doc_start = v->doc_start + (int64_t)row * v->T;
    bool shifted = slot->part[0] == PART_SHIFT && slot->head.tensors[0].name, alone = doc_start[q] == q;
    const float *shift =
        shifted ? c->m->params + model_tensor(c->m, v->layer, STAGE_ATTENTION, 0)->offset : NULL;
    const float *value = hd->v + ((int64_t)row * v->T + c->key) * hd->ld + h / hd->group * hd->dh;
    float *o = v->data + ((int64_t)row * v->T + q) * v->ld + h * hd->dh;
    double a = (double)*weight_of(c, row, h, q), rest = slot->unnormalised ? 1 : 1 - a;
    for (int i = 0; i < hd->dh; i++) {
        double x = (double)value[i] + (shift ? (double)shift[h / hd->group * hd->dh + i] : 0);
        o[i] = alone && !slot->null_key ? 0 : (float)(((double)o[i] - a * x) / rest);
    }
}

static void zero_by_hand(void *self, const View *v) {
    const Column *c = self;
    for (int row = 0; row < v->rows; row++)
        for (int q = c->key > 0 ? c->key : 1; q < v->T; q++)
            for (int h = 0; h < c->H && v->doc_start[(int64_t)row * v->T + q] <= c->key; h++)
                zero_in(c, v, row, q, h);
}

static void check_column(int attention, int key, int documents) {
    ModelConfig c = small_config();
    char text[32];
    snprintf(text, sizeof text, "zero_column(%d)", key);
    c.attention = attention;
    ModelConfig plain = with(c, NULL);
    c = with(c, text);
    Rig r = rig_of(&c, ROWS, T, documents);
    Tape *changed = rig_tape(&r, ROWS, false);
    r.m->config = plain;
    Tape *tape = rig_tape(&r, ROWS, false);
    Batch b = rig_batch(&r, 0, ROWS);
    OWNED float *A = constants((size_t)ROWS * (size_t)c.heads * T * T, 0);
    Column column = {r.m, key, (int)c.heads, A};
    Observer hand = {1u << TAP_ATTN_OUT, &column, zero_by_hand, keep_weights};
    model_forward(r.m, changed, &b);
    tape_observe(tape, (Observers){&hand, 1});
    model_forward(r.m, tape, &b);
    OWNED double *want = doubles_of(tape_losses(tape), ROWS * T);
    check_close(slot_row(SLOT_ATTENTION, attention)->name, tape_losses(changed), want, ROWS * T, 512);
    tape_free(changed);
    tape_free(tape);
    rig_free(&r);
}

static void a_zeroed_column_is_gone_in_every_kind(void **state) {
    (void)state;
    for (int i = 0; slot_row(SLOT_ATTENTION, i)->name; i++)
        for (int documents = 0; documents <= 11; documents += 11) {
            check_column(i, 0, documents);
            check_column(i, 11, documents); /* with documents: the first key of one */
        }
}

static void a_replaced_token_is_that_token(void **state) {
    (void)state;
    ModelConfig c = with(small_config(), "replace_first(7)");
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *tape = rig_tape(&r, ROWS, false);
    Batch b = rig_batch(&r, 0, ROWS);
    model_forward(r.m, tape, &b);
    OWNED float *got = constants(ROWS * T, 0);
    memcpy(got, tape_losses(tape), sizeof(float) * ROWS * T);
    tape_free(tape);
    r.m->config = with(c, NULL);
    for (int row = 0; row < ROWS; row++) r.x[row * T] = 7;
    tape = rig_tape(&r, ROWS, false);
    model_forward(r.m, tape, &b);
    assert_memory_equal(got, tape_losses(tape), sizeof(float) * ROWS * T);
    tape_free(tape);
    rig_free(&r);
}

/* ---- identities ---- */

static void pass(Rig *r, ModelConfig c, float *losses, float *grads) {
    r->m->config = c;
    Tape *tape = rig_tape(r, ROWS, true);
    Batch b = rig_batch(r, 0, ROWS);
    model_train(r->m, tape, &b, 0.01f, grads);
    memcpy(losses, tape_losses(tape), sizeof(float) * ROWS * T);
    tape_free(tape);
}

static void interventions_that_do_nothing_change_no_bit(void **state) {
    (void)state;
    const char *const same[] = {
        "logit_bias(0, 0)",    "logit_bias(11, 0, layer=1)", "amplify(10, 1)",  "amplify(10, 1, positions)",
        "amplify(10, 1, all)", "scale(pos=10, lambda=1)",    "self_only(pos=0)"};
    ModelConfig c = with(small_config(), NULL);
    Rig r = rig_of(&c, ROWS, T, 0);
    OWNED float *a = constants(ROWS * T, 0), *ga = model_arena(r.m);
    pass(&r, c, a, ga);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        OWNED float *b = constants(ROWS * T, 0), *gb = model_arena(r.m);
        pass(&r, with(c, same[i]), b, gb);
        assert_memory_equal(a, b, sizeof(float) * ROWS * T);
        assert_memory_equal(ga, gb, r.m->arena * sizeof(float));
    }
    rig_free(&r);
}

/* Losses and gradients of two interventions, to the bit. */
static void assert_same_pass(Rig *r, ModelConfig a, ModelConfig b, const char *what) {
    OWNED float *la = constants(ROWS * T, 0), *lb = constants(ROWS * T, 0);
    OWNED float *ga = model_arena(r->m), *gb = model_arena(r->m);
    pass(r, a, la, ga);
    pass(r, b, lb, gb);
    if (memcmp(la, lb, sizeof(float) * ROWS * T)) fail_msg("%s: losses differ", what);
    if (memcmp(ga, gb, r->m->arena * sizeof(float))) fail_msg("%s: gradients differ", what);
}

static void a_bias_without_end_is_a_zeroed_column(void **state) {
    (void)state;
    for (int i = 0; slot_row(SLOT_ATTENTION, i)->name; i++)
        for (int documents = 0; documents <= 11; documents += 11) {
            ModelConfig c = small_config();
            c.attention = i;
            Rig r = rig_of(&c, ROWS, T, documents);
            assert_same_pass(&r, with(c, "logit_bias(0, -inf)"), with(c, "zero_column(0)"),
                             slot_row(SLOT_ATTENTION, i)->name);
            rig_free(&r);
        }
}

/* ---- weights and biases taken out ---- */

/* Gradients close but for the weights that are out, which get none. */
static void assert_out(const Rig *r, const float *got, const float *want, const char *name, int64_t at,
                       int64_t n) {
    for (int i = 0; i < r->m->n_tensors; i++) {
        const Tensor *t = &r->m->tensors[i];
        size_t size = (size_t)(t->rows * t->cols);
        OWNED double *close = doubles_of(want + t->offset, size);
        for (int64_t k = at; !strcmp(t->name, name) && k < at + n; k++) close[k] = 0;
        check_close(t->name, got + t->offset, close, size, 4096);
        for (int64_t k = at; !strcmp(t->name, name) && k < at + n; k++)
            assert_true(got[t->offset + (size_t)k] == 0);
    }
}

/* As if the weights at + 0 .. n-1 of a tensor were zero. */
static void check_out(ModelConfig c, const char *text, const char *name, int64_t at, int64_t n) {
    Rig r = rig_of(&c, ROWS, T, 11);
    ModelConfig out = with(c, text), plain = with(c, NULL);
    OWNED float *got = constants(ROWS * T, 0), *want = constants(ROWS * T, 0),
                *before = constants(ROWS * T, 0);
    OWNED float *g = model_arena(r.m), *gw = model_arena(r.m), *gb = model_arena(r.m);
    pass(&r, plain, before, gb);
    pass(&r, out, got, g);
    float *w = r.m->params + model_find(r.m, name)->offset + at;
    for (int64_t i = 0; i < n; i++) w[i] = 0;
    pass(&r, plain, want, gw);
    OWNED double *losses = doubles_of(want, ROWS * T);
    check_close(text, got, losses, ROWS * T, 512);
    assert_memory_not_equal(got, before, sizeof(float) * ROWS * T);
    assert_out(&r, g, gw, name, at, n);
    rig_free(&r);
}

static void what_is_out_might_as_well_be_zero(void **state) {
    (void)state;
    ModelConfig c = small_config(), biased = c, sandwich = c, plain = c;
    biased.bias = plain.bias = true;
    plain.mlp = row_named(SLOT_MLP, "gelu");
    sandwich.norm = row_named(SLOT_NORM, "sandwich");
    check_out(c, "weight_off(1, 4, 6)", "model.layers.1.mlp.down_proj.weight", 4 * 22 + 6, 1);
    check_out(sandwich, "weight_off(0, 35, 21)", "model.layers.0.mlp.down_proj.weight", 35 * 22 + 21, 1);
    check_out(biased, "bias_off(q, 1)", "model.layers.1.self_attn.q_proj.bias", 0, 36);
    check_out(biased, "bias_off(of=v, layer=0)", "model.layers.0.self_attn.v_proj.bias", 0, 36);
    check_out(biased, "bias_off(o, 0)", "model.layers.0.self_attn.o_proj.bias", 0, 36);
    check_out(biased, "bias_off(gate, 1)", "model.layers.1.mlp.gate_proj.bias", 0, 22);
    check_out(biased, "bias_off(up, 1)", "model.layers.1.mlp.up_proj.bias", 0, 22);
    check_out(plain, "bias_off(up, 1)", "model.layers.1.mlp.up_proj.bias", 0, 22);
    check_out(biased, "bias_off(down, 1)", "model.layers.1.mlp.down_proj.bias", 0, 36);
}

/* A weight that is named twice is out once; all biases are every one of them. */
static void out_twice_is_out_once(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.bias = true;
    ModelConfig once = with(c, "weight_off(1, 4, 6)"), twice = once, all = with(c, "bias_off"),
                each = with(c, NULL);
    twice.interventions = (List){2, {"weight_off(1, 4, 6)", "weight_off(1, 4, 6)"}};
    each.interventions = (List){7,
                                {"bias_off(q)", "bias_off(k)", "bias_off(v)", "bias_off(o)", "bias_off(gate)",
                                 "bias_off(up)", "bias_off(down)"}};
    Rig r = rig_of(&c, ROWS, T, 0);
    assert_same_pass(&r, once, twice, "weight_off");
    assert_same_pass(&r, all, each, "bias_off");
    rig_free(&r);
}

/* ---- gradients ---- */

static void check_change(ModelConfig c, const char *text, int documents) {
    c = with(c, text);
    Rig r = rig_of(&c, ROWS, T, documents);
    Tape *tape = rig_tape(&r, ROWS, true);
    OWNED float *g = model_arena(r.m), *v = model_arena(r.m);
    RigLoss loss = {.r = &r, .tape = rig_tape(&r, ROWS, false), .batch = rig_batch(&r, 0, ROWS)};
    model_train(r.m, tape, &loss.batch, 1.0f / (float)rig_scored(&loss.batch), g);
    double reach = INFINITY, D = 0;
    for (int i = 0; i < r.m->n_tensors; i++) D += tilt(r.m, &r.m->tensors[i], g, v, &reach);
    Line line = {r.m->params, v, r.m->arena, rig_loss, &loss, NULL};
    assert_true(check_slope(&line, reach, D, text));
    tape_free(tape);
    tape_free(loss.tape);
    rig_free(&r);
}

/* The same for a kind of attention, which may have kinks: few weights, drawn anew where one is too near. */
static void check_kind(int attention, const char *text, int documents) {
    enum { FEW = 7, DRAWS = 12 };
    ModelConfig c = small_config();
    bool told = false;
    c.attention = attention;
    c.mlp_width = 8;
    c = with(c, text);
    Rig r = rig_of(&c, 1, FEW, documents);
    Tape *tape = rig_tape(&r, 1, true);
    RigLoss loss = {.r = &r, .tape = rig_tape(&r, 1, false), .batch = rig_batch(&r, 0, 1)};
    for (uint64_t draw = 0; draw < DRAWS && !told; draw++) {
        OWNED float *g = model_arena(r.m), *v = model_arena(r.m);
        double reach = INFINITY, D = 0;
        rig_draw(&r, draw);
        model_train(r.m, tape, &loss.batch, 1.0f / (float)rig_scored(&loss.batch), g);
        for (int i = 0; i < r.m->n_tensors; i++) D += tilt(r.m, &r.m->tensors[i], g, v, &reach);
        Line line = {r.m->params, v, r.m->arena, rig_loss, &loss, rig_sides(&loss)};
        told = check_slope(&line, reach, D, slot_row(SLOT_ATTENTION, attention)->name);
    }
    assert_true(told);
    tape_free(tape);
    tape_free(loss.tape);
    rig_free(&r);
}

static void a_zeroed_column_has_its_gradient_in_every_kind(void **state) {
    (void)state;
    for (int i = 0; slot_row(SLOT_ATTENTION, i)->name; i++) {
        check_kind(i, "zero_column(0)", 0);
        check_kind(i, "zero_column(4)", 4);
    }
}

static void every_intervention_has_its_gradient(void **state) {
    (void)state;
    const char *const texts[] = {"replace_first(7)",
                                 "drop_mlp(layer=0, pos=3)",
                                 "self_only(10)",
                                 "amplify(10, 4)",
                                 "amplify(10, 4, positions)",
                                 "amplify(10, 4, all)",
                                 "scale(pos=10, lambda=5)",
                                 "zero_column(0)",
                                 "zero_column(11)",
                                 "head_off(1, 1)",
                                 "unit_off(1, 5)",
                                 "channel_off(0, 5)",
                                 "channel_off(0, 5, mean)",
                                 "value_zero(3)",
                                 "logit_bias(0, -1.5)",
                                 "logit_bias(11, 2)",
                                 "weight_off(1, 4, 6)"};
    ModelConfig plain = small_config(), other = plain;
    other.head_out = row_named(SLOT_HEAD_OUT, "rmsnorm");
    other.norm = row_named(SLOT_NORM, "sandwich");
    other.attention = row_named(SLOT_ATTENTION, "softmax1");
    ModelConfig biased = plain;
    biased.bias = true;
    check_change(biased, "bias_off", 0);
    check_change(biased, "bias_off(q)", 11);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        check_change(plain, texts[i], 0);
        check_change(plain, texts[i], 11); /* zero_column(11): a document's first key, a row without mass */
        check_change(other, texts[i], 0);
    }
}

static void several_interventions_leave_gradients_finite(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.interventions = (List){.n = 3, .item = {"zero_column(0)", "scale(10, 3)", "amplify(10, 2, positions)"}};
    for (int i = 0; slot_row(SLOT_ATTENTION, i)->name; i++) {
        ModelConfig kind = c;
        Error e = {0};
        kind.attention = i;
        if (!model_config_check(&kind, &e)) fail_msg("%s", e.text);
        Rig r = rig_of(&kind, ROWS, T, 11);
        Tape *tape = rig_tape(&r, ROWS, true);
        OWNED float *g = model_arena(r.m);
        Batch b = rig_batch(&r, 0, ROWS);
        model_train(r.m, tape, &b, 0.01f, g);
        for (size_t k = 0; k < r.m->arena; k++) assert_true(isfinite(g[k]));
        tape_free(tape);
        rig_free(&r);
    }
}

/* ---- refusals ---- */

static void an_intervention_that_cannot_be_is_refused(void **state) {
    (void)state;
    static const char *const bad[][2] = {{"drop", "no such intervention"},
                                         {"", "no such intervention"},
                                         {"scale(pos=40, lambda=2)", "pos 40 is not there (0 to 39)"},
                                         {"scale(pos=-1, lambda=2)", "pos -1"},
                                         {"scale(pos=1.5, lambda=2)", "pos 1.5"},
                                         {"scale(1, nan)", "expected a number"},
                                         {"scale(1, 0x1)", "expected a number"},
                                         {"scale(1, 1e39)", "from -1e+06 to 1e+06"},
                                         {"scale(0x1, 1)", "pos 0x1 is not there"},
                                         {"drop_mlp(0", "quote it"},
                                         {"scale(1)", "lambda= is missing"},
                                         {"scale(1, 2, 0, 4)", "too many values"},
                                         {"scale(1, 2, pos=4)", "pos given twice"},
                                         {"drop_mlp(layer=2, pos=0)", "layer 2 is not there (0 to 1)"},
                                         {"head_off(0, 3)", "head 3"},
                                         {"head_off(0, head=x)", "head x"},
                                         {"amplify(1, 2, mu=median)", "mu is batch, positions or all"},
                                         {"self_only(pos=0", "parenthesis"},
                                         {"self_only(place=0)", "does not take \"place\" (but pos, layer)"},
                                         {"replace_first(41)", "token 41"},
                                         {"unit_off(0, 22)", "unit 22 is not there (0 to 21)"},
                                         {"unit_off(5)", "layer 5"},
                                         {"unit_off(1)", "unit= is missing"},
                                         {"channel_off(0, 36)", "channel 36 is not there (0 to 35)"},
                                         {"channel_off(0, 1, median)", "to is zero or mean"},
                                         {"weight_off(0, 1)", "col= is missing"},
                                         {"weight_off(0, 36, 1)", "row 36"},
                                         {"logit_bias(0, inf)", "or -inf, not \"inf\""},
                                         {"scale(0, -inf)", "to 1e+06, not"},
                                         {"bias_off", "no biases (model.bias)"},
                                         {"bias_off(of=w)", "of is all, q, k, v, o, gate, up or down"},
                                         {"no_bos", "data.bos"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ModelConfig c = small_config();
        Error e = {0};
        c.interventions.n = 1;
        snprintf(c.interventions.item[0], LIST_TEXT, "%s", bad[i][0]);
        assert_false(model_config_check(&c, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, bad[i][1])) fail_msg("\"%s\" is not in \"%s\"", bad[i][1], e.text);
    }
}

static void one_text_stands_for_what_an_intervention_does(void **state) {
    (void)state;
    static const char *const texts[][2] = {
        {"drop_mlp( 0 , 3 )", "drop_mlp(layer=0,pos=3)"},
        {"drop_mlp(pos=3,layer=0)", "drop_mlp(layer=0,pos=3)"},
        {"drop_mlp(pos=3)", "drop_mlp(pos=3)"},
        {"amplify(lambda=0.1, pos=2, mu=batch)", "amplify(pos=2,lambda=0.1)"},
        {"amplify(2, -1e5, positions, 1)", "amplify(pos=2,lambda=-100000,mu=positions,layer=1)"},
        {"scale(pos=0, lambda=0.3333333333333333)", "scale(pos=0,lambda=0.3333333333333333)"},
        {"head_off(1,0)", "head_off(layer=1,head=0)"},
        {"self_only(1)", "self_only(pos=1)"},
        {"unit_off(1,5)", "unit_off(layer=1,unit=5)"},
        {"channel_off(channel=5,layer=0,to=zero)", "channel_off(layer=0,channel=5)"},
        {"channel_off(0,5,mean)", "channel_off(layer=0,channel=5,to=mean)"},
        {"weight_off(1,2,3)", "weight_off(layer=1,row=2,col=3)"},
        {"value_zero(0)", "value_zero(pos=0)"},
        {"logit_bias(0, -inf)", "logit_bias(pos=0,b=-inf)"},
        {"bias_off(all)", "bias_off"},
        {"bias_off(q, 1)", "bias_off(of=q,layer=1)"},
        {"no_bos()", "no_bos"}};
    ModelConfig c = {.layers = 2, .heads = 2, .vocab = 16, .width = 8, .bias = true};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Intervention a, b;
        char text[INTERVENTION_TEXT];
        Error e = {0};
        assert_true(intervention_read(texts[i][0], "text", &c, 8, &a, &e));
        intervention_text(&a, text);
        assert_string_equal(text, texts[i][1]);
        if (!intervention_read(text, "text", &c, 8, &b, &e)) fail_msg("%s", e.text);
        assert_true(a.kind == b.kind);
        assert_memory_equal(a.arg, b.arg, sizeof a.arg);
    }
}

static void every_intervention_is_listed_with_its_definition(void **state) {
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    interventions_print(out);
    fclose(out);
    for (int i = 0; interventions[i]; i++) {
        assert_non_null(strstr(text, interventions[i]->name));
        assert_non_null(strstr(text, interventions[i]->definition));
    }
    assert_memory_equal(text, "  no_bos\n", 9);
    assert_non_null(strstr(text, "  amplify(pos, lambda, [mu], [layer])\n"));
    assert_non_null(strstr(text, "  head_off([layer], head)\n"));
    free(text);
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {cmocka_unit_test(interventions_do_what_a_hand_does_at_the_tap),
                                       cmocka_unit_test(a_zeroed_column_is_gone_in_every_kind),
                                       cmocka_unit_test(a_zeroed_column_has_its_gradient_in_every_kind),
                                       cmocka_unit_test(a_replaced_token_is_that_token),
                                       cmocka_unit_test(interventions_that_do_nothing_change_no_bit),
                                       cmocka_unit_test(a_bias_without_end_is_a_zeroed_column),
                                       cmocka_unit_test(what_is_out_might_as_well_be_zero),
                                       cmocka_unit_test(out_twice_is_out_once),
                                       cmocka_unit_test(every_intervention_has_its_gradient),
                                       cmocka_unit_test(several_interventions_leave_gradients_finite),
                                       cmocka_unit_test(an_intervention_that_cannot_be_is_refused),
                                       cmocka_unit_test(one_text_stands_for_what_an_intervention_does),
                                       cmocka_unit_test(every_intervention_is_listed_with_its_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
