/* model/pass.c and block.c: the whole model's gradient, tensor by tensor, for every row of every slot,
 * and the places where taps look.
 *
 * A direction mixes the gradient itself (so that the loss moves well above fp32's noise) with
 * normals of the same size (so that a part that the gradient lacks shows too). The loss moves by about
 * 0.008 at the step h, the tensor by at most 3 % (30 % of what attention heads own). Allowed: a relative 2e-3
 * (the five-point stencil leaves h^4 terms, 1e-4 at these steps; the gradient's own fp32 errors are below
 * 1e-4) and the noise of the mean loss, a relative 2^-22 of a loss of about 5 through the stencil's weights
 * 3/2: 2e-6 / h. A direction in which that noise would hide half of the slope is a defect of
 * this test and fails. Where the loss has kinks (ReLU) a step that crosses one is
 * wrong by about the step: a part of h, and 2e-2. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/gemm.h"
#include "model/slots.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2, T = 37 };

typedef struct Slope {
    const Rig *r;
    Tape *forward;
    Batch batch;
    float *w;        /* the tensor */
    const float *v;  /* the direction */
    const float *at; /* the weights as they were */
    int64_t n;
} Slope;

/* Mean loss over the scored tokens. */
static double mean_loss(const Tape *t, const Batch *b) {
    double sum = 0;
    int scored = 0;
    for (int n = 0; n < b->rows * b->T; n++) {
        sum += tape_losses(t)[n];
        scored += b->y[n] >= 0;
    }
    return sum / scored;
}

static double loss_at(const Slope *s, double h) {
    for (int64_t i = 0; i < s->n; i++) s->w[i] = (float)(s->at[i] + h * s->v[i]);
    model_forward(s->r->m, s->forward, &s->batch);
    return mean_loss(s->forward, &s->batch);
}

/* The slope along the direction as it was rounded into the weights is near enough to that along v. */
static double five_points(const Slope *s, double h) {
    double near = loss_at(s, h) - loss_at(s, -h), far = loss_at(s, 2 * h) - loss_at(s, -2 * h);
    memcpy(s->w, s->at, (size_t)s->n * sizeof *s->w);
    return (8 * near - far) / (12 * h);
}

static double rms(const float *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sqrt(sum / (double)n);
}

/* What kinks ask for: steps so many times shorter, and a slope as near as that. Softpick even jumps where a
 * query sees one key, from 0 to 1 as its score passes 0. */
typedef struct Kinks {
    double shorter, allowed;
} Kinks;

static Kinks kinks_of(const ModelConfig *c) {
    const char *attention = attention_name(c->attention);
    if (!strcmp(attention, "softpick")) return (Kinks){16, 0.15};
    if (!strcmp(attention, "relu") || !strcmp(attention, "clipped")) return (Kinks){16, 2e-2};
    if (strstr(mlp_name(c->mlp), "re")) return (Kinks){4, 2e-2}; /* relu, reglu */
    return (Kinks){1, 2e-3};
}

static void check_tensor(const Rig *r, Tape *forward, const Tensor *t, const float *g, const char *variant) {
    int64_t n = t->rows * t->cols;
    double size = rms(g, n), D = 0, along = 0;
    OWNED float *v = normals(11, (size_t)n, fmax(size, 1e-6)), *at = constants((size_t)n, 0);
    for (int64_t i = 0; i < n; i++) along += (double)g[i] * v[i];
    for (int64_t i = 0; i < n; i++) { /* normals uphill, lest the two parts cancel */
        v[i] = g[i] + (along < 0 ? -v[i] : v[i]);
        D += (double)g[i] * v[i];
    }
    float *w = r->m->params + t->offset;
    memcpy(at, w, (size_t)n * sizeof *at);
    Slope s = {r, forward, rig_batch(r, 0, ROWS), w, v, at, n};
    double reach = t->stage == STAGE_ATTENTION ? 0.3 : 0.03; /* scores move little with what heads own */
    Kinks kinks = kinks_of(&r->m->config);
    double h = fmin(0.008 / fabs(D), reach * rms(w, n) / rms(v, n)) / kinks.shorter;
    double got = five_points(&s, h), noise = 2e-6 / h;
    for (int tries = 0; tries < 3 && !(fabs(got - D) <= kinks.allowed * fabs(D) + noise); tries++)
        got = five_points(&s, h /= 4); /* curved, or a kink on the way */
    /* softmax and norms leave some directions without effect, and a few numbers may matter little */
    bool flat = size < (n < 8 ? 1e-3 : 1e-4);
    if (!(fabs(got - D) <= kinks.allowed * fabs(D) + 2e-6 / h) || !(flat || noise <= 0.5 * fabs(D)))
        fail_msg("%s: %s: slope %.8g, gradient says %.8g (noise %.2g)", variant, t->name, got, D, noise);
}

static void describe(const ModelConfig *c, int documents, char *text, size_t room) {
    snprintf(text, room, "%s %s %s %s %s %s %s%s%s window %d documents %d", attention_name(c->attention),
             head_out_name(c->head_out), qk_name(c->qk), position_name(c->position), norm_name(c->norm),
             norm_kind_name(c->norm_kind), mlp_name(c->mlp), c->tie ? " tied" : "", c->bias ? " biases" : "",
             (int)c->window, documents);
}

static void check_model(ModelConfig c, int documents) {
    Error e = {0};
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    char variant[160];
    describe(&c, documents, variant, sizeof variant);
    Rig r = rig_of(&c, ROWS, T, documents);
    Tape *tape = rig_tape(&r, ROWS, true), *forward = rig_tape(&r, ROWS, false);
    OWNED float *grads = model_arena(r.m);
    Batch b = rig_batch(&r, 0, ROWS);
    int scored = 0;
    for (int n = 0; n < ROWS * T; n++) scored += b.y[n] >= 0;
    model_train(r.m, tape, &b, 1.0f / (float)scored, grads);
    for (int i = 0; i < r.m->n_tensors; i++)
        check_tensor(&r, forward, &r.m->tensors[i], grads + r.m->tensors[i].offset, variant);
    tape_free(tape);
    tape_free(forward);
    rig_free(&r);
}

/* Every slot: where its choice lies in the configuration, and the names of its rows. */
static const struct {
    size_t at;
    const char *(*name)(int);
} slots[] = {{offsetof(ModelConfig, attention), attention_name},
             {offsetof(ModelConfig, head_out), head_out_name},
             {offsetof(ModelConfig, qk), qk_name},
             {offsetof(ModelConfig, position), position_name},
             {offsetof(ModelConfig, norm), norm_name},
             {offsetof(ModelConfig, norm_kind), norm_kind_name},
             {offsetof(ModelConfig, mlp), mlp_name}};
enum { SLOTS = sizeof slots / sizeof *slots };

static int *choice(ModelConfig *c, int slot) {
    return (int *)((char *)c + slots[slot].at);
}

static int rows_of(int slot) {
    int n = 0;
    while (slots[slot].name(n)) n++;
    return n;
}

static void test_every_row_of_every_slot(void **state) {
    (void)state;
    for (int slot = 0; slot < SLOTS; slot++)
        for (int row = slot ? 1 : 0; row < rows_of(slot); row++) {
            ModelConfig c = small_config();
            *choice(&c, slot) = row;
            check_model(c, 0);
        }
}

static void test_masks_biases_and_tie(void **state) {
    (void)state;
    for (int bits = 1; bits < 16; bits++) {
        ModelConfig c = small_config();
        c.bias = bits & 8;
        c.tie = bits & 1;
        c.window = bits & 2 ? 6 : 0;
        check_model(c, bits & 4 ? 11 : 0);
    }
}

/* What is no slot: grouped queries, windows that keep, prefixes, mixed values, gains of heads, some null
 * keys. */
static void test_keys_that_are_no_slot(void **state) {
    (void)state;
    for (int bits = 1; bits < 32; bits += 2) {
        ModelConfig c = small_config();
        c.heads = 6;
        c.kv_heads = bits & 1 ? 2 : 0;
        c.window = bits & 2 ? 6 : 0;
        c.window_keep = bits & 2 ? 2 : 0;
        c.prefix = bits & 4 ? 9 : 0;
        c.value_residual = bits & 8 ? 0.4 : 0;
        c.head_out = c.head_out_gain = bits & 16 ? 1 : 0;
        c.attention = bits & 2 ? 4 : 2; /* k_bias, sink_logit */
        if (bits & 4) c.sink_heads = (List){2, {"1", "4"}};
        check_model(c, bits & 8 ? 11 : 0);
    }
}

/* Slots are orthogonal: rows drawn at random together. */
static void test_rows_together(void **state) {
    (void)state;
    for (uint64_t draw = 0; draw < 24; draw++) {
        ModelConfig c = small_config();
        for (int slot = 0; slot < SLOTS; slot++)
            *choice(&c, slot) = (int)rng_below(4, RNG_TEST, draw, (uint64_t)slot, (uint64_t)rows_of(slot));
        c.tie = c.bias = draw & 1;
        c.window = draw & 2 ? 6 : 0;
        check_model(c, draw & 4 ? 11 : 0);
    }
}

/* Gradients are added to, scaled; the arena's padding stays zero. */
static void test_accumulation(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *tape = rig_tape(&r, ROWS, true);
    OWNED float *once = model_arena(r.m), *twice = model_arena(r.m), *used = constants(r.m->arena, 0);
    Batch b = rig_batch(&r, 0, ROWS);
    model_train(r.m, tape, &b, 0.5f, once);
    model_train(r.m, tape, &b, 0.25f, twice);
    model_train(r.m, tape, &b, 0.25f, twice);
    OWNED double *want = doubles_of(once, r.m->arena);
    check_close("two halves", twice, want, r.m->arena, 256);
    for (int i = 0; i < r.m->n_tensors; i++) {
        const Tensor *t = &r.m->tensors[i];
        for (int64_t k = 0; k < t->rows * t->cols; k++) used[t->offset + (size_t)k] = 1;
    }
    for (size_t i = 0; i < r.m->arena; i++) assert_true(used[i] || (once[i] == 0 && r.m->params[i] == 0));
    tape_free(tape);
    rig_free(&r);
}

/* ---- back to the first stream ---- */

typedef struct Last {
    const float *g;
    int layer;
    double sum; /* g . x^(L) */
} Last;

static void see_last(void *self, const View *v) {
    Last *s = self;
    if (v->layer != s->layer) return;
    for (int64_t i = 0; i < v->tokens * v->width; i++) s->sum += (double)s->g[i] * v->data[i];
}

static double last_at(Slope *s, Last *last, double h) {
    last->sum = 0;
    loss_at(s, h);
    return last->sum;
}

/* g . x^(L) moves with the embedding's vectors as what model_pull gives says. */
static void test_pull(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *tape = rig_tape(&r, ROWS, true), *forward = rig_tape(&r, ROWS, false);
    const Tensor *table = model_find(r.m, "model.embed_tokens.weight");
    int64_t d = c.width, n = table->rows * d;
    OWNED float *grads = model_arena(r.m), *g = normals(5, (size_t)(ROWS * T * d), 1),
                *v = normals(6, (size_t)n, 1);
    OWNED float *at = constants((size_t)n, 0);
    Batch b = rig_batch(&r, 0, ROWS);
    const float *dx = model_pull(r.m, tape, &b, g, grads);
    double D = 0, h = 1e-3;
    for (int64_t i = 0; i < ROWS * T; i++)
        for (int64_t k = 0; k < d; k++) D += (double)dx[i * d + k] * v[b.x[i] * d + k];
    float *w = r.m->params + table->offset;
    memcpy(at, w, (size_t)n * sizeof *at);
    Last last = {g, (int)c.layers - 1, 0};
    Slope s = {&r, forward, b, w, v, at, n};
    const Observer eye = {1u << TAP_RESID, &last, see_last, NULL};
    tape_observe(forward, (Observers){&eye, 1});
    double near = last_at(&s, &last, h) - last_at(&s, &last, -h);
    double far = last_at(&s, &last, 2 * h) - last_at(&s, &last, -2 * h);
    double got = (8 * near - far) / (12 * h);
    if (!(fabs(got - D) <= 2e-3 * fabs(D))) fail_msg("slope %.8g, model_pull says %.8g", got, D);
    tape_free(tape);
    tape_free(forward);
    rig_free(&r);
}

/* ---- taps ---- */

typedef struct Seen {
    int count[TAPS];
    int64_t tokens[TAPS];
    bool ok;
    int64_t weights_rows;
} Seen;

static void see(void *self, const View *v) {
    Seen *s = self;
    bool heads = v->at == TAP_ATTN_OUT;
    s->count[v->at]++;
    s->tokens[v->at] += v->tokens;
    s->ok &= v->row0 == 5 && v->rows == ROWS && v->T == T && v->data && (v->heads != NULL) == heads;
}

static void see_weights(void *self, const Weights *w) {
    int64_t *rows = &((Seen *)self)->weights_rows;
#pragma omp atomic
    *rows += w->nq;
}

static void test_taps(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *tape = rig_tape(&r, ROWS, false);
    Seen all = {.ok = true}, one = {.ok = true};
    const Observer eyes[] = {{(1u << TAPS) - 1, &all, see, see_weights}, {1u << TAP_RESID, &one, see, NULL}};
    Batch b = rig_batch(&r, 0, ROWS);
    b.row0 = 5;
    tape_observe(tape, (Observers){eyes, 2});
    model_forward(r.m, tape, &b);
    for (int at = 0; at < TAPS; at++) {
        bool outside = at == TAP_EMBED || at == TAP_FINAL || at == TAP_LOGITS;
        int times = outside ? 1 : (int)c.layers;
        assert_int_equal(all.tokens[at], (int64_t)times * ROWS * T);
        assert_int_equal(one.count[at], at == TAP_RESID ? times : 0);
        assert_non_null(tap_name(at));
    }
    assert_null(tap_name(TAPS));
    assert_true(all.ok && one.ok);
    assert_int_equal(all.weights_rows, c.layers * c.heads * ROWS * T);
    tape_free(tape);
    rig_free(&r);
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_row_of_every_slot),
                                       cmocka_unit_test(test_masks_biases_and_tie),
                                       cmocka_unit_test(test_rows_together),
                                       cmocka_unit_test(test_keys_that_are_no_slot),
                                       cmocka_unit_test(test_accumulation),
                                       cmocka_unit_test(test_pull),
                                       cmocka_unit_test(test_taps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
