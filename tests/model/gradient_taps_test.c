/* The taps of the backward: what each shows is the slope of the loss by the array that its forward tap
 * showed, layer by layer, judged as slope.h says; who looks changes no bit; model_slopes shows what
 * model_train does. */
#include "tests/model/slope.h"

#include "model/kernels/gemm.h"
#include "model/slots.h"
#include "model/tape.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2, T = 13, FEW = 7, DRAWS = 40 };

/* A gradient's tap, where the array that it is of passes, and from where on nothing reads that array any more
 * for the branch that the gradient is of. */
static const struct Place {
    TapPoint gradient, at, end;
} places[] = {{TAP_RESID_GRAD, TAP_RESID, TAPS},
              {TAP_MLP_IN_GRAD, TAP_MLP_IN, TAP_MLP_OUT},
              {TAP_ATTN_IN_GRAD, TAP_ATTN_IN, TAP_ATTN_ADD},
              {TAP_EMBED_GRAD, TAP_EMBED, TAPS}};
enum { PLACES = sizeof places / sizeof *places };

/* ---- one tap of one layer ---- */

typedef struct Watched {
    struct Place place;
    int layer;
    size_t n;
    float *gradient, *add, *kept; /* (N, d): seen; what the forward adds to the array; the array without */
    float *array;                 /* where it lies */
} Watched;

static void see_gradient(void *self, const View *v) {
    Watched *w = self;
    if (v->layer == w->layer) memcpy(w->gradient, v->data, w->n * sizeof *v->data);
}

/* The array may be the stream itself, which its own branch alone is to read otherwise. */
static void nudge(void *self, const View *v) {
    Watched *w = self;
    if (v->layer != w->layer) return;
    if (v->at == w->place.end) {
        memcpy(w->array, w->kept, w->n * sizeof *w->kept);
        return;
    }
    w->array = v->data;
    memcpy(w->kept, v->data, w->n * sizeof *w->kept);
    for (size_t i = 0; i < w->n; i++) v->data[i] += w->add[i];
}

static double rms(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sqrt(sum / (double)n);
}

/* The gradient, and normals of its size uphill. */
static double uphill(const float *g, float *v, size_t n) {
    double along = 0, D = 0;
    OWNED float *noise = normals(17, n, fmax(rms(g, n), 1e-6));
    for (size_t i = 0; i < n; i++) along += (double)g[i] * noise[i];
    for (size_t i = 0; i < n; i++) {
        v[i] = g[i] + (along < 0 ? -noise[i] : noise[i]);
        D += (double)g[i] * v[i];
    }
    return D;
}

static bool check_place(const Rig *r, Tape *tape, RigLoss *loss, struct Place place, int layer,
                        const char *variant) {
    size_t n = (size_t)(loss->batch.rows * r->T) * (size_t)r->m->config.width;
    OWNED float *g = constants(n, 0), *add = constants(n, 0), *kept = constants(n, 0), *v = constants(n, 0),
                *grads = model_arena(r->m);
    Watched w = {place, layer, n, g, add, kept, NULL};
    const Observer eye = {1u << place.gradient, &w, see_gradient, NULL};
    const Observer hand = {1u << place.at | (place.end < TAPS ? 1u << place.end : 0), &w, nudge, NULL};
    char what[256];
    tape_observe(tape, (Observers){&eye, 1});
    model_train(r->m, tape, &loss->batch, 1.0f / (float)rig_scored(&loss->batch), grads);
    tape_observe(tape, (Observers){NULL, 0});
    tape_observe(loss->tape, (Observers){&hand, 1});
    rig_loss(loss);
    double D = uphill(g, v, n), reach = 0.3 * rms(kept, n) / rms(v, n);
    Line line = {add, v, n, rig_loss, loss, rig_sides(loss)};
    snprintf(what, sizeof what, "%s: tap %d of layer %d", variant, place.gradient, layer);
    bool told = check_slope(&line, reach, D, what);
    tape_observe(loss->tape, (Observers){NULL, 0});
    return told;
}

/* Every tap of every layer. */
static void check_model(ModelConfig c, int documents, const char *variant) {
    Error e = {0};
    Kinks kinks = kinks_of(&c);
    bool small = kinky(kinks);
    if (small) c.mlp_width = 8;
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    int rows = small ? 1 : ROWS;
    Rig r = rig_of(&c, rows, small ? FEW : T, documents);
    Tape *tape = rig_tape(&r, rows, true);
    RigLoss loss = {
        .r = &r, .tape = rig_tape(&r, rows, false), .batch = rig_batch(&r, 0, rows), .kinks = kinks};
    for (int p = 0; p < PLACES; p++)
        for (int l = p == PLACES - 1 ? -1 : 0; l < (p == PLACES - 1 ? 0 : c.layers); l++) {
            bool told = false;
            for (uint64_t draw = 0; draw < DRAWS && !told; draw++) {
                rig_draw(&r, draw);
                told = check_place(&r, tape, &loss, places[p], l, variant);
            }
            if (!told)
                fail_msg("%s: tap %d of layer %d: noise hides its slope", variant, places[p].gradient, l);
        }
    tape_free(tape);
    tape_free(loss.tape);
    rig_free(&r);
}

/* ---- every row of the slots that lie on a gradient's way ---- */

static void what_is_shown_is_the_slope_of_the_loss(void **state) {
    (void)state;
    for (int documents = 0; documents < 8; documents += 5)
        check_model(small_config(), documents, "first rows");
}

static void through_every_attention(void **state) {
    (void)state;
    for (int i = 1; slot_row(SLOT_ATTENTION, i)->name; i++) {
        ModelConfig c = small_config();
        c.attention = i;
        check_model(c, 0, slot_row(SLOT_ATTENTION, i)->name);
    }
}

/* Gates of the input hand their gradient to h beside q, k and v. */
static void through_every_head_output(void **state) {
    (void)state;
    for (int i = 1; slot_row(SLOT_HEAD_OUT, i)->name; i++) {
        ModelConfig c = small_config();
        c.head_out = i;
        check_model(c, 0, slot_row(SLOT_HEAD_OUT, i)->name);
    }
}

/* Where no norm stands before a sublayer its input is the stream, and the tap is of the sublayer's own
 * reading. */
static void wherever_norms_stand(void **state) {
    (void)state;
    for (int i = 1; slot_row(SLOT_NORM, i)->name; i++) {
        ModelConfig c = small_config();
        c.norm = i;
        check_model(c, 0, slot_row(SLOT_NORM, i)->name);
    }
}

static void through_mixed_values_and_interventions(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.value_residual = 0.4;
    c.interventions = (List){2, {"drop_mlp(pos=3,layer=0)", "head_off(layer=0,head=1)"}};
    check_model(c, 0, "value residual, interventions");
}

/* ---- identities ---- */

/* Everything that the backward shows, in order. */
typedef struct Log {
    size_t n, room;
    float *at;
    int layers[64], taps[64], views;
} Log;

static void keep(void *self, const View *v) {
    Log *l = self;
    size_t n = (size_t)(v->tokens * v->width);
    assert_true(l->n + n <= l->room && l->views < 64);
    memcpy(l->at + l->n, v->data, n * sizeof *v->data);
    l->n += n;
    l->taps[l->views] = v->at;
    l->layers[l->views++] = v->layer;
}

enum { BACKWARD = ((1u << TAPS) - 1) & ~((1u << TAPS_BACKWARD) - 1) };

static Log log_of(const Rig *r, Tape *t, void (*pass)(const Model *, Tape *, const Batch *, float, float *),
                  float *grads) {
    Log l = {.room = (size_t)(64 * ROWS * T) * (size_t)r->m->config.width};
    l.at = constants(l.room, 0);
    const Observer eye = {BACKWARD, &l, keep, NULL};
    Batch b = rig_batch(r, 0, ROWS);
    tape_observe(t, (Observers){&eye, 1});
    pass(r->m, t, &b, 0.25f, grads);
    tape_observe(t, (Observers){NULL, 0});
    return l;
}

static void the_last_block_comes_first(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *t = rig_tape(&r, ROWS, true);
    OWNED float *grads = model_arena(r.m);
    Log l = log_of(&r, t, model_train, grads);
    int at = 0;
    for (int layer = (int)c.layers; layer-- > 0;)
        for (int p = 0; p < PLACES - 1; p++, at++) {
            assert_int_equal(l.taps[at], places[p].gradient);
            assert_int_equal(l.layers[at], layer);
        }
    assert_int_equal(l.taps[at], TAP_EMBED_GRAD);
    assert_int_equal(l.layers[at], -1);
    assert_int_equal(l.views, at + 1);
    free(l.at);
    tape_free(t);
    rig_free(&r);
}

/* Both show the same; the one makes gradients of weights, the other leaves the linear layers' as they were.
 */
static void slopes_are_those_of_training(void **state) {
    (void)state;
    for (int i = 0; slot_row(SLOT_ATTENTION, i)->name; i++) {
        ModelConfig c = small_config();
        c.attention = i;
        c.head_out = i % 2 ? 0 : 3;
        Rig r = rig_of(&c, ROWS, T, 5);
        Tape *t = rig_tape(&r, ROWS, true);
        OWNED float *grads = model_arena(r.m), *scratch = model_arena(r.m);
        Log train = log_of(&r, t, model_train, grads), slopes = log_of(&r, t, model_slopes, scratch);
        const Tensor *narrow = model_tensor(r.m, 0, STAGE_OUT, 0);
        assert_int_equal(train.n, slopes.n);
        assert_memory_equal(train.at, slopes.at, train.n * sizeof *train.at);
        assert_true(grads[narrow->offset] != 0 && scratch[narrow->offset] == 0);
        free(train.at);
        free(slopes.at);
        tape_free(t);
        rig_free(&r);
    }
}

/* What a step descends has the penalty in it, what slopes take back has not. */
static void a_sink_penalty_is_the_trainings_alone(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Error e = {0};
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *plain = rig_tape(&r, ROWS, true), *pushed = rig_tape(&r, ROWS, true);
    OWNED float *grads = model_arena(r.m);
    assert_true(tape_penalise(pushed, r.m, (SinkPenalty){3, 0.5, 0.5, 3}, &e));
    Log want = log_of(&r, plain, model_train, grads), train = log_of(&r, pushed, model_train, grads),
        slopes = log_of(&r, pushed, model_slopes, grads);
    assert_memory_equal(want.at, slopes.at, want.n * sizeof *want.at);
    assert_memory_not_equal(want.at, train.at, want.n * sizeof *want.at);
    free(want.at);
    free(train.at);
    free(slopes.at);
    tape_free(plain);
    tape_free(pushed);
    rig_free(&r);
}

static void who_looks_changes_no_bit(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *t = rig_tape(&r, ROWS, true);
    OWNED float *alone = model_arena(r.m), *seen = model_arena(r.m);
    Batch b = rig_batch(&r, 0, ROWS);
    model_train(r.m, t, &b, 0.25f, alone);
    Log l = log_of(&r, t, model_train, seen);
    assert_memory_equal(alone, seen, r.m->arena * sizeof *alone);
    free(l.at);
    tape_free(t);
    rig_free(&r);
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shown_is_the_slope_of_the_loss),
        cmocka_unit_test(through_every_attention),
        cmocka_unit_test(through_every_head_output),
        cmocka_unit_test(wherever_norms_stand),
        cmocka_unit_test(through_mixed_values_and_interventions),
        cmocka_unit_test(the_last_block_comes_first),
        cmocka_unit_test(slopes_are_those_of_training),
        cmocka_unit_test(a_sink_penalty_is_the_trainings_alone),
        cmocka_unit_test(who_looks_changes_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
