/* The same bits: losses and gradients of a pass do not depend on the number of threads, nor on
 * how many rows are in flight, as long as that is a multiple of model_chunk_rows(T). In bf16 too, whose
 * gradients stay near those of fp32. */
#include "tests/model/support.h"

#include "model/kernels/gemm.h"
#include "model/kernels/gemm_bf16.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Result {
    float *losses, *grads;
} Result;

static void to_bf16(const Rig *r, Tape *t) {
    Error e = {0};
    if (!tape_bf16(t, r->m, &e)) fail_msg("%s", e.text);
    tape_pack(t, r->m, NULL);
}

/* All rows of the rig, `rows` in flight. */
static Result pass(const Rig *r, int rows, int threads, bool bf16) {
    omp_set_num_threads(threads);
    Tape *tape = rig_tape(r, rows, true);
    if (bf16) to_bf16(r, tape);
    Result out = {constants((size_t)(r->rows * r->T), -1), model_arena(r->m)};
    for (int row = 0; row < r->rows; row += rows) {
        Batch b = rig_batch(r, row, r->rows - row < rows ? r->rows - row : rows);
        model_train(r->m, tape, &b, 0.001f, out.grads);
        memcpy(out.losses + row * r->T, tape_losses(tape), (size_t)(b.rows * r->T) * sizeof(float));
    }
    tape_free(tape);
    return out;
}

static void result_free(Result *x) {
    free(x->losses);
    free(x->grads);
}

static void same(const Rig *r, const Result *a, int rows, int threads, bool bf16) {
    Result b = pass(r, rows, threads, bf16);
    bool losses = !memcmp(a->losses, b.losses, (size_t)(r->rows * r->T) * sizeof(float));
    for (int i = 0; i < r->m->n_tensors; i++) {
        const Tensor *t = &r->m->tensors[i];
        if (memcmp(a->grads + t->offset, b.grads + t->offset, (size_t)(t->rows * t->cols) * sizeof(float)))
            fail_msg("%d rows in flight, %d threads: the gradient of %s differs", rows, threads, t->name);
    }
    if (!losses) fail_msg("%d rows in flight, %d threads: losses differ", rows, threads);
    result_free(&b);
}

static void check_in(const Rig *r, bool bf16) {
    Result all = pass(r, r->rows, 1, bf16);
    same(r, &all, r->rows, 2, bf16);
    for (int chunk = model_chunk_rows(r->T), some = chunk; some < r->rows; some += chunk)
        same(r, &all, some, 1, bf16);
    same(r, &all, model_chunk_rows(r->T), 2, bf16);
    result_free(&all);
}

static void check(const ModelConfig *c, int rows, int T, int documents) {
    Rig r = rig_of(c, rows, T, documents);
    check_in(&r, false);
    if (gemm_bf16_supported()) check_in(&r, true);
    rig_free(&r);
}

/* The demo's sizes but for the depth and the vocabulary. */
static void the_demo_has_the_same_bits_at_any_threads(void **state) {
    (void)state;
    ModelConfig c = {.vocab = 512,
                     .rope_theta = 10000,
                     .norm_eps = 1e-5,
                     .layers = 2,
                     .width = 128,
                     .heads = 2,
                     .context = 32,
                     .mlp_width = 320,
                     .head_out = 1,
                     .head_out_scale = 0.2,
                     .embedding_std = 0.02};
    check(&c, 32, 32, 0);
}

static void odd_sizes_have_the_same_bits_at_any_threads(void **state) {
    (void)state;
    ModelConfig c = small_config();
    check(&c, 20, 37, 11); /* a chunk of 6 rows; the last is short */
    c.window = 5;
    c.head_out = c.position = c.mlp = 1;
    check(&c, 20, 37, 0);
    check(&c, 300, 1, 0);
}

static void long_rows_have_the_same_bits_at_any_threads(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.context = 300;
    check(&c, 3, 300, 0); /* a chunk is one row */
}

/* A tied classifier adds to the embedding's gradient between the rows in flight, so that their number
 * does change the order of that one sum; threads still do not. */
static void a_tied_model_has_the_same_bits_at_any_threads(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.tie = true;
    Rig r = rig_of(&c, 14, 37, 0);
    Result one = pass(&r, 6, 1, false);
    same(&r, &one, 6, 2, false);
    result_free(&one);
    rig_free(&r);
}

/* More threads than cores, perhaps; more than rows of some products. */
static void three_threads_have_the_bits_of_one(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, 4, 33, 0);
    Result one = pass(&r, 4, 1, false);
    same(&r, &one, 4, 3, false);
    result_free(&one);
    rig_free(&r);
}

/* Every product of the chain from the embedding to the loss and back rounds two inputs to 2^-9 of themselves:
 * 2^-8 in all, which in the unit of check_close, four roundings of fp32, is 2^14. */
static void gradients_in_bf16_stay_near_fp32(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    ModelConfig c = small_config();
    int products = 2 * (4 * (int)c.layers + 1);
    Rig r = rig_of(&c, 6, 37, 0);
    Result exact = pass(&r, 6, 1, false), rounded = pass(&r, 6, 1, true);
    for (int i = 0; i < r.m->n_tensors; i++) {
        const Tensor *t = &r.m->tensors[i];
        size_t n = (size_t)(t->rows * t->cols);
        OWNED double *want = doubles_of(exact.grads + t->offset, n);
        check_close(t->name, rounded.grads + t->offset, want, n, products * (1 << 14));
    }
    assert_memory_not_equal(exact.grads, rounded.grads, r.m->arena * sizeof(float));
    result_free(&exact);
    result_free(&rounded);
    rig_free(&r);
}

/* The weights that a pass in bf16 uses are those of the last tape_pack. */
static void a_pass_in_bf16_takes_the_weights_last_packed(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    ModelConfig c = small_config();
    Rig r = rig_of(&c, 2, 16, 0);
    Batch b = rig_batch(&r, 0, 2);
    size_t bytes = (size_t)(r.rows * r.T) * sizeof(float);
    Tape *kept = rig_tape(&r, 2, false), *fresh = rig_tape(&r, 2, false);
    to_bf16(&r, kept);
    for (size_t i = 0; i < r.m->arena; i++) r.m->params[i] *= 1.25f;
    to_bf16(&r, fresh);
    model_forward(r.m, kept, &b);
    model_forward(r.m, fresh, &b);
    assert_memory_not_equal(tape_losses(kept), tape_losses(fresh), bytes);
    tape_pack(kept, r.m, NULL);
    model_forward(r.m, kept, &b);
    assert_memory_equal(tape_losses(kept), tape_losses(fresh), bytes);
    tape_free(kept);
    tape_free(fresh);
    rig_free(&r);
}

static void chunk_rows_follow_from_the_context(void **state) {
    (void)state;
    const int chunks[][2] = {{1, 256}, {32, 8}, {37, 6}, {255, 1}, {256, 1}, {1024, 1}};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        assert_int_equal(model_chunk_rows(chunks[i][0]), chunks[i][1]);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_demo_has_the_same_bits_at_any_threads),
                                       cmocka_unit_test(odd_sizes_have_the_same_bits_at_any_threads),
                                       cmocka_unit_test(long_rows_have_the_same_bits_at_any_threads),
                                       cmocka_unit_test(a_tied_model_has_the_same_bits_at_any_threads),
                                       cmocka_unit_test(three_threads_have_the_bits_of_one),
                                       cmocka_unit_test(chunk_rows_follow_from_the_context),
                                       cmocka_unit_test(gradients_in_bf16_stay_near_fp32),
                                       cmocka_unit_test(a_pass_in_bf16_takes_the_weights_last_packed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
