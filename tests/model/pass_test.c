/* model/pass.c and block.c: the whole model's gradient, tensor by tensor, for every row of every slot,
 * judged as slope.h says; and the places where taps look. */
#include "tests/model/slope.h"

#include "data/base/rng.h"
#include "model/kernels/gemm.h"
#include "model/slots.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2, T = 37, FEW = 7, DRAWS = 100 };

static bool check_tensor(const Rig *r, RigLoss *loss, const Tensor *t, const float *grads,
                         const char *variant) {
    OWNED float *v = constants(r->m->arena, 0);
    char what[320];
    double reach = INFINITY, D = tilt(r->m, t, grads, v, &reach);
    Line line = {.w = r->m->params + t->offset,
                 .v = v + t->offset,
                 .n = (size_t)(t->rows * t->cols),
                 .loss = rig_loss,
                 .self = loss,
                 .sides = rig_sides(loss)};
    snprintf(what, sizeof what, "%s: %s", variant, t->name);
    return check_slope(&line, reach, D, what);
}

static void describe(const ModelConfig *c, int documents, char *text, size_t room) {
    snprintf(text, room, "%s %s %s %s %s %s %s%s%s window %d documents %d",
             slot_row(SLOT_ATTENTION, c->attention)->name, slot_row(SLOT_HEAD_OUT, c->head_out)->name,
             slot_row(SLOT_QK, c->qk)->name, slot_row(SLOT_POSITION, c->position)->name,
             slot_row(SLOT_NORM, c->norm)->name, slot_row(SLOT_NORM_KIND, c->norm_kind)->name,
             slot_row(SLOT_MLP, c->mlp)->name, c->tie ? " tied" : "", c->bias ? " biases" : "",
             (int)c->window, documents);
}

/* A model with kinks is made smaller, and what masks it too. */
static void make_small(ModelConfig *c, int *documents) {
    c->mlp_width = 8;
    if (c->window) c->window = 3, c->window_keep = c->window_keep ? 1 : 0;
    if (c->prefix) c->prefix = 3;
    if (*documents) *documents = 4;
}

static void check_model(ModelConfig c, int documents) {
    Error e = {0};
    Kinks kinks = kinks_of(&c);
    bool small = kinky(kinks);
    if (small) make_small(&c, &documents);
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    char variant[160];
    describe(&c, documents, variant, sizeof variant);
    int rows = small ? 1 : ROWS;
    Rig r = rig_of(&c, rows, small ? FEW : T, documents);
    Tape *tape = rig_tape(&r, rows, true);
    OWNED float *grads = model_arena(r.m);
    RigLoss loss = {
        .r = &r, .tape = rig_tape(&r, rows, false), .batch = rig_batch(&r, 0, rows), .kinks = kinks};
    int n = r.m->n_tensors, told = 0;
    bool done[n];
    memset(done, 0, sizeof done);
    for (uint64_t draw = 0; draw < DRAWS && told < n; draw++) {
        rig_draw(&r, draw);
        memset(grads, 0, r.m->arena * sizeof *grads);
        model_train(r.m, tape, &loss.batch, 1.0f / (float)rig_scored(&loss.batch), grads);
        for (int i = 0; i < n; i++)
            if (!done[i]) told += done[i] = check_tensor(&r, &loss, &r.m->tensors[i], grads, variant);
    }
    for (int i = 0; i < n; i++)
        if (!done[i])
            fail_msg("%s: %s: noise hides its slope in %d draws", variant, r.m->tensors[i].name, DRAWS);
    tape_free(tape);
    tape_free(loss.tape);
    rig_free(&r);
}

static int rows_of(SlotKind slot) {
    int n = 0;
    while (slot_row(slot, n)->name) n++;
    return n;
}

static void every_row_of_every_slot_has_its_gradient(void **state) {
    (void)state;
    for (SlotKind slot = SLOT_ATTENTION; slot < SLOT_KINDS; slot++)
        for (int row = slot > SLOT_ATTENTION; row < rows_of(slot); row++) {
            ModelConfig c = small_config();
            *slot_choice(&c, slot) = row;
            check_model(c, 0);
        }
}

static void masks_biases_and_tied_weights_have_their_gradient(void **state) {
    (void)state;
    for (int bits = 1; bits < 16; bits++) {
        ModelConfig c = small_config();
        c.bias = bits & 8 ? BIASED_ALL : BIASED_NONE;
        c.tie = bits & 1;
        c.window = bits & 2 ? 6 : 0;
        check_model(c, bits & 4 ? 11 : 0);
    }
}

/* What is no slot: grouped queries, windows that keep, prefixes, mixed values, gains of heads, some null
 * keys. */
static void keys_that_are_no_slot_have_their_gradient(void **state) {
    (void)state;
    for (int bits = 1; bits < 32; bits += 2) {
        ModelConfig c = small_config();
        c.heads = 6;
        c.kv_heads = bits & 1 ? 2 : 0;
        c.window = bits & 2 ? 6 : 0;
        c.window_keep = bits & 2 ? 2 : 0;
        c.prefix = bits & 4 ? 9 : 0;
        c.value_residual = bits & 8 ? 0.4 : 0;
        c.value_scale = bits & 8;
        c.head_out = c.head_out_gain = bits & 16 ? 1 : 0;
        c.attention = bits & 2 ? 4 : 2; /* k_bias, sink_logit */
        if (bits & 4) c.sink_heads = (List){2, {"1", "4"}};
        check_model(c, bits & 8 ? 11 : 0);
    }
}

/* The numbers that published models set: heads of a width of their own, biases by place, another base,
 * partial and scaled rotations, another eps. */
static void published_numbers_have_their_gradient(void **state) {
    (void)state;
    for (int i = 0; i < BIASED; i++) {
        ModelConfig c = small_config();
        c.head_dim = i % 2 ? 20 : 8;
        c.kv_heads = i % 2 ? 1 : 3;
        c.bias = i;
        c.qk = i % 2;
        c.rope_theta = 100;
        c.rope_dims = i == 2 ? 6 : 0;
        c.rope_scaling = i % SCALINGS;
        c.rope_factor = 3, c.rope_original = 12, c.rope_low = 0.5, c.rope_high = 2;
        c.norm_eps = 0.1;
        c.parallel = i % PARALLELS;
        c.norm_kind = i == 3 ? row_named(SLOT_NORM_KIND, "layernorm") : 0;
        c.head_out = i == 4 ? row_named(SLOT_HEAD_OUT, "rmsnorm") : 0;
        check_model(c, 0);
    }
}

static void a_clipped_stream_has_its_gradient(void **state) {
    (void)state;
    for (int place = 0; place < rows_of(SLOT_NORM); place++) {
        ModelConfig c = small_config();
        c.norm = place;
        c.residual_clip = 1.5;
        check_model(c, 0);
    }
}

/* Scores under several kinds of attention, and logits. */
static void capped_scores_and_logits_have_their_gradient(void **state) {
    (void)state;
    static const char *const kinds[] = {"softmax", "kv_bias", "sigmoid", "softpick", "differential"};
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++) {
        ModelConfig c = small_config();
        c.attention = row_named(SLOT_ATTENTION, kinds[i]);
        c.logit_cap = 0.8;
        c.final_logit_cap = i % 2 ? 0 : 1.5;
        c.position = i % 2 ? row_named(SLOT_POSITION, "alibi") : 0;
        c.window = i % 3 ? 0 : 6;
        check_model(c, i % 2 ? 11 : 0);
    }
}

/* The router among the tensors; the picked tokens' places among what rope turns. */
static void a_routed_model_has_its_gradient(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        ModelConfig c = small_config();
        c.depth_capacity = 0.3 + 0.2 * i;
        c.layers = 2 + i % 2;
        c.position = i == 2 ? row_named(SLOT_POSITION, "learned") : 0;
        c.norm = i == 3 ? row_named(SLOT_NORM, "sandwich") : 0;
        c.residual_clip = i == 1 ? 3 : 0;
        check_model(c, 0);
    }
}

/* Slots are orthogonal: rows drawn at random together. */
static void rows_drawn_together_have_their_gradient(void **state) {
    for (uint64_t draw = 0; draw < *(const uint64_t *)*state; draw++) {
        ModelConfig c = small_config();
        for (SlotKind slot = SLOT_ATTENTION; slot < SLOT_KINDS; slot++)
            *slot_choice(&c, slot) =
                (int)rng_below(4, RNG_TEST, draw, (uint64_t)(slot - SLOT_ATTENTION), (uint64_t)rows_of(slot));
        c.tie = draw & 1;
        c.bias = draw & 1 ? BIASED_ALL : BIASED_NONE;
        c.window = draw & 2 ? 6 : 0;
        check_model(c, draw & 4 ? 11 : 0);
    }
}

/* Gradients are added to, scaled; the arena's padding stays zero. */
static void gradients_are_added_to_and_padding_stays_zero(void **state) {
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

typedef struct Pulled {
    const Rig *r;
    Tape *tape;
    Last last;
} Pulled;

static double pulled(void *self) {
    Pulled *p = self;
    Batch b = rig_batch(p->r, 0, ROWS);
    p->last.sum = 0;
    model_forward(p->r->m, p->tape, &b);
    return p->last.sum;
}

/* g . x^(L) moves with the embedding's vectors as what model_pull gives says. */
static void model_pull_moves_with_the_embedding(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *tape = rig_tape(&r, ROWS, true);
    const Tensor *table = model_find(r.m, "model.embed_tokens.weight");
    int64_t d = c.width, n = table->rows * d;
    OWNED float *grads = model_arena(r.m), *g = normals(5, (size_t)(ROWS * T * d), 1),
                *v = normals(6, (size_t)n, 1);
    Batch b = rig_batch(&r, 0, ROWS);
    const float *dx = model_pull(r.m, tape, &b, g, grads);
    double D = 0;
    for (int64_t i = 0; i < ROWS * T; i++)
        for (int64_t k = 0; k < d; k++) D += (double)dx[i * d + k] * v[b.x[i] * d + k];
    Pulled p = {&r, rig_tape(&r, ROWS, false), {g, (int)c.layers - 1, 0}};
    const Observer eye = {1u << TAP_RESID, &p.last, see_last, NULL};
    tape_observe(p.tape, (Observers){&eye, 1});
    Line line = {r.m->params + table->offset, v, (size_t)n, pulled, &p, NULL};
    assert_true(check_slope(&line, 0.1, D, "model_pull"));
    tape_free(tape);
    tape_free(p.tape);
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

static void taps_show_every_token_to_whoever_asked(void **state) {
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
        bool there = at < TAPS_BACKWARD && at != TAP_ROUTE; /* gradient_taps_test.c, route_test.c */
        assert_int_equal(all.tokens[at], there ? (int64_t)times * ROWS * T : 0);
        assert_int_equal(one.count[at], at == TAP_RESID ? times : 0);
    }
    assert_true(all.ok && one.ok);
    assert_int_equal(all.weights_rows, c.layers * c.heads * ROWS * T);
    tape_free(tape);
    rig_free(&r);
}

/* With an argument so many rows together. */
int main(int argc, char **argv) {
    uint64_t together = argc > 1 ? strtoull(argv[1], NULL, 10) : 24;
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_every_slot_has_its_gradient),
        cmocka_unit_test(masks_biases_and_tied_weights_have_their_gradient),
        cmocka_unit_test_prestate(rows_drawn_together_have_their_gradient, &together),
        cmocka_unit_test(keys_that_are_no_slot_have_their_gradient),
        cmocka_unit_test(published_numbers_have_their_gradient),
        cmocka_unit_test(a_clipped_stream_has_its_gradient),
        cmocka_unit_test(capped_scores_and_logits_have_their_gradient),
        cmocka_unit_test(a_routed_model_has_its_gradient),
        cmocka_unit_test(gradients_are_added_to_and_padding_stays_zero),
        cmocka_unit_test(model_pull_moves_with_the_embedding),
        cmocka_unit_test(taps_show_every_token_to_whoever_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
