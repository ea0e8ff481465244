/* Switches that are set so as to do nothing give the baseline's losses and gradients to the last bit; a
 * learned token before the row is a row that is one token longer. The ops' own identities stand in their
 * tests, those of rows and of training in tests/data and tests/train. */
#include "tests/model/support.h"

#include "model/kernels/gemm.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, T = 37 };

/* What a training pass leaves. */
typedef struct Passed {
    Rig r;
    float *losses, *grads;
} Passed;

static void run(Passed *p) {
    Tape *tape = rig_tape(&p->r, ROWS, true);
    Batch b = rig_batch(&p->r, 0, ROWS);
    p->losses = constants(ROWS * T, 0);
    p->grads = model_arena(p->r.m);
    model_train(p->r.m, tape, &b, 0.01f, p->grads);
    memcpy(p->losses, tape_losses(tape), ROWS * T * sizeof(float));
    tape_free(tape);
}

static void passed_free(Passed *p) {
    rig_free(&p->r);
    free(p->losses);
    free(p->grads);
}

static Passed prepared(ModelConfig c) {
    Error e = {0};
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return (Passed){.r = rig_of(&c, ROWS, T, 0)};
}

static Passed passed(ModelConfig c) {
    Passed p = prepared(c);
    run(&p);
    return p;
}

/* The weights that both have, by name. */
static void copy_weights(const Model *from, const Model *to) {
    for (int i = 0; i < to->n_tensors; i++) {
        const Tensor *t = &to->tensors[i], *was = model_find(from, t->name);
        size_t n = was ? (size_t)(was->rows * was->cols) : 0;
        if (was) memcpy(to->params + t->offset, from->params + was->offset, n * sizeof(float));
    }
}

static float *weights_of(const Passed *p, const char *name, size_t *n) {
    const Tensor *t = model_find(p->r.m, name);
    assert_non_null(t);
    *n = (size_t)(t->rows * t->cols);
    return p->r.m->params + t->offset;
}

static void assert_same(const Passed *a, const Passed *b, const char *what) {
    if (memcmp(a->losses, b->losses, ROWS * T * sizeof(float))) fail_msg("%s: losses differ", what);
    for (int i = 0; i < a->r.m->n_tensors; i++) {
        const Tensor *t = &a->r.m->tensors[i], *u = model_find(b->r.m, t->name);
        size_t n = (size_t)(t->rows * t->cols);
        if (u && memcmp(a->grads + t->offset, b->grads + u->offset, n * sizeof(float)))
            fail_msg("%s: the gradient of %s differs", what, t->name);
    }
}

/* ---- to the last bit ---- */

static void set_window(ModelConfig *c) {
    c->window = T;
    c->context = T;
}
static void set_kept_window(ModelConfig *c) {
    c->window = T - 3;
    c->window_keep = 3;
}
static void set_kv_heads(ModelConfig *c) {
    c->kv_heads = c->heads;
}
static void set_prefix(ModelConfig *c) {
    c->prefix = 1;
}
static void set_gains(ModelConfig *c) {
    c->head_out_gain = GAIN_SHARED;
}
static void set_far_clip(ModelConfig *c) {
    c->residual_clip = 1e30;
}

static void keys_set_to_do_nothing_change_no_bit(void **state) {
    (void)state;
    static const struct {
        const char *name;
        void (*set)(ModelConfig *c);
    } keys[] = {{"window = context", set_window},   {"window and kept keys = context", set_kept_window},
                {"kv_heads = heads", set_kv_heads}, {"prefix 1", set_prefix},
                {"gain shared", set_gains},         {"residual_clip 1e30", set_far_clip}};
    Passed plain = passed(small_config());
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        ModelConfig c = small_config();
        keys[i].set(&c);
        Passed p = passed(c);
        assert_same(&plain, &p, keys[i].name);
        passed_free(&p);
    }
    passed_free(&plain);
}

/* softmax1 is sink_logit at 0, softmax is sink_logit at -inf. */
static void softmax_and_softmax1_are_null_logits(void **state) {
    (void)state;
    static const struct {
        const char *name;
        float logit;
    } kinds[] = {{"softmax", -INFINITY}, {"softmax1", 0}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        ModelConfig c = small_config(), with = c;
        size_t n;
        c.attention = row_named(SLOT_ATTENTION, kinds[i].name);
        with.attention = row_named(SLOT_ATTENTION, "sink_logit");
        Passed plain = passed(c), logit = prepared(with);
        copy_weights(plain.r.m, logit.r.m);
        for (int l = 0; l < with.layers; l++) {
            const char *const names[] = {"model.layers.0.self_attn.sinks", "model.layers.1.self_attn.sinks"};
            float *w = weights_of(&logit, names[l], &n);
            for (size_t k = 0; k < n; k++) w[k] = kinds[i].logit;
        }
        run(&logit);
        assert_same(&plain, &logit, kinds[i].name);
        passed_free(&plain);
        passed_free(&logit);
    }
}

static void value_scale_at_one_changes_no_bit(void **state) {
    (void)state;
    static const char *const names[] = {"model.layers.0.self_attn.value_scale",
                                        "model.layers.1.self_attn.value_scale"};
    ModelConfig c = small_config(), with = c;
    with.value_scale = true;
    Passed plain = passed(c), scaled = prepared(with);
    copy_weights(plain.r.m, scaled.r.m);
    for (int l = 0; l < with.layers; l++) {
        size_t n;
        float *w = weights_of(&scaled, names[l], &n);
        for (size_t k = 0; k < n; k++) w[k] = 1;
    }
    run(&scaled);
    assert_same(&plain, &scaled, "value_scale");
    passed_free(&plain);
    passed_free(&scaled);
}

/* ---- a token that sees itself alone ---- */

typedef struct FirstOut {
    int zeros, others; /* of a document's first token; of others */
} FirstOut;

static void see_heads(void *self, const View *v) {
    FirstOut *f = self;
    for (int64_t n = 0; n < v->tokens; n++) {
        int zeros = 0;
        for (int i = 0; i < v->width; i++) zeros += v->data[n * v->ld + i] == 0;
        if (v->doc_start[n] == n % v->T)
            assert_int_equal(zeros, v->width), f->zeros++;
        else
            assert_int_equal(zeros, 0), f->others++;
    }
}

/* Of a document's first token exclusive leaves exactly nothing, of any other something. */
static void exclusive_leaves_nothing_of_first_tokens(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.head_out = row_named(SLOT_HEAD_OUT, "exclusive");
    Rig r = rig_of(&c, ROWS, T, 11);
    Tape *tape = rig_tape(&r, ROWS, false);
    Batch b = rig_batch(&r, 0, ROWS);
    FirstOut f = {0, 0};
    const Observer eye = {1u << TAP_HEAD_OUT, &f, see_heads, NULL};
    tape_observe(tape, (Observers){&eye, 1});
    model_forward(r.m, tape, &b);
    assert_int_equal(f.zeros, c.layers * ROWS * 4); /* documents of 11 in 37 tokens */
    assert_int_equal(f.others, c.layers * ROWS * (T - 4));
    tape_free(tape);
    rig_free(&r);
}

/* A gate of zero weights halves each head's output; twice the projection behind it makes up for that. Powers
 * of two round nothing, so losses are the same to the bit. */
static void gates_of_zero_are_halves_to_the_bit(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"none", "gate_elementwise"},
                                           {"none", "gate_head"},
                                           {"none", "gate_value"},
                                           {"rmsnorm", "rmsnorm+gate"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        ModelConfig c = small_config(), gated = c;
        c.head_out = row_named(SLOT_HEAD_OUT, pairs[i][0]);
        gated.head_out = row_named(SLOT_HEAD_OUT, pairs[i][1]);
        Passed plain = passed(c), half = prepared(gated);
        copy_weights(plain.r.m, half.r.m);
        for (int t = 0; t < half.r.m->n_tensors; t++) {
            const Tensor *tensor = &half.r.m->tensors[t];
            float *w = half.r.m->params + tensor->offset;
            float by = strstr(tensor->name, "head_gate") ? 0 : strstr(tensor->name, "o_proj") ? 2 : 1;
            for (int64_t k = 0; k < tensor->rows * tensor->cols; k++) w[k] *= by;
        }
        run(&half);
        if (memcmp(plain.losses, half.losses, ROWS * T * sizeof(float))) fail_msg("%s", pairs[i][1]);
        passed_free(&plain);
        passed_free(&half);
    }
}

/* ---- a row one token longer ---- */

static void see_final(void *self, const View *v) {
    memcpy(self, v->data, (size_t)(v->tokens * v->width) * sizeof(float));
}

/* The normed stream that the classifier reads, (rows T, d). */
static float *final_stream(const Rig *r) {
    float *h = constants((size_t)(r->rows * r->T) * (size_t)r->m->config.width, 0);
    Tape *tape = rig_tape(r, r->rows, false);
    Observer eye = {1u << TAP_FINAL, h, see_final, NULL};
    Batch b = rig_batch(r, 0, r->rows);
    tape_observe(tape, (Observers){&eye, 1});
    model_forward(r->m, tape, &b);
    tape_free(tape);
    return h;
}

/* Plain attention on rows of T + 1, whose first token is one more of the vocabulary with x* for its vector.
 * Without positions the two are one function. Deep: two blocks of sums over width and keys. */
static void a_sink_token_is_one_more_token_of_the_row(void **state) {
    (void)state;
    ModelConfig c = small_config(), longer;
    c.position = row_named(SLOT_POSITION, "none");
    longer = c;
    c.attention = row_named(SLOT_ATTENTION, "sink_token");
    longer.vocab++;
    Passed token = prepared(c);
    Rig r = rig_of(&longer, ROWS, T + 1, 0);
    size_t d, embedding;
    const float *star = weights_of(&token, "model.sink_token.weight", &d);
    weights_of(&token, "model.embed_tokens.weight", &embedding);
    copy_weights(token.r.m, r.m);
    memcpy(r.m->params + model_find(r.m, "model.embed_tokens.weight")->offset + embedding, star,
           d * sizeof *star);
    for (int n = 0; n < ROWS * (T + 1); n++) {
        int row = n / (T + 1), t = n % (T + 1);
        r.x[n] = t ? token.r.x[row * T + t - 1] : (int32_t)c.vocab;
    }
    OWNED float *got = final_stream(&token.r), *long_rows = final_stream(&r);
    OWNED double *want = doubles_of(long_rows, ROWS * (T + 1) * d);
    for (size_t row = 0; row < ROWS; row++)
        check_close("sink_token", got + row * T * d, want + (row * (T + 1) + 1) * d, T * d, 512);
    rig_free(&r);
    rig_free(&token.r);
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_set_to_do_nothing_change_no_bit),
                                       cmocka_unit_test(softmax_and_softmax1_are_null_logits),
                                       cmocka_unit_test(value_scale_at_one_changes_no_bit),
                                       cmocka_unit_test(exclusive_leaves_nothing_of_first_tokens),
                                       cmocka_unit_test(gates_of_zero_are_halves_to_the_bit),
                                       cmocka_unit_test(a_sink_token_is_one_more_token_of_the_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
