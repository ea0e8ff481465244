/* The same bits: losses and gradients of a pass do not depend on the number of threads, nor on
 * how many rows are in flight, as long as that is a multiple of model_grain_rows(T). */
#include "tests/model/support.h"

#include "model/gemm.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Result {
    float *losses, *grads;
} Result;

/* All rows of the rig, `rows` in flight. */
static Result pass(const Rig *r, int rows, int threads) {
    omp_set_num_threads(threads);
    Tape *tape = rig_tape(r, rows, true);
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

static void same(const Rig *r, const Result *a, int rows, int threads) {
    Result b = pass(r, rows, threads);
    bool losses = !memcmp(a->losses, b.losses, (size_t)(r->rows * r->T) * sizeof(float));
    for (int i = 0; i < r->m->n_tensors; i++) {
        const Tensor *t = &r->m->tensors[i];
        if (memcmp(a->grads + t->offset, b.grads + t->offset, (size_t)(t->rows * t->cols) * sizeof(float)))
            fail_msg("%d rows in flight, %d threads: the gradient of %s differs", rows, threads, t->name);
    }
    if (!losses) fail_msg("%d rows in flight, %d threads: losses differ", rows, threads);
    result_free(&b);
}

static void check(const ModelConfig *c, int rows, int T, int documents) {
    Rig r = rig_of(c, rows, T, documents);
    Result all = pass(&r, rows, 1);
    same(&r, &all, rows, 2);
    for (int grain = model_grain_rows(T), some = grain; some < rows; some += grain) same(&r, &all, some, 1);
    same(&r, &all, model_grain_rows(T), 2);
    result_free(&all);
    rig_free(&r);
}

/* The demo's sizes but for the depth and the vocabulary. */
static void test_demo(void **state) {
    (void)state;
    ModelConfig c = {.vocab = 512,
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

static void test_odd_sizes(void **state) {
    (void)state;
    ModelConfig c = small_config();
    check(&c, 20, 37, 11); /* a grain of 6 rows; the last is short */
    c.window = 5;
    c.head_out = c.position = c.mlp = 1;
    check(&c, 20, 37, 0);
    check(&c, 300, 1, 0);
}

static void test_long_rows(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.context = 300;
    check(&c, 3, 300, 0); /* a grain is one row */
}

/* A tied classifier adds to the embedding's gradient between the rows in flight, so that their number
 * does change the order of that one sum; threads still do not. */
static void test_tied(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.tie = true;
    Rig r = rig_of(&c, 14, 37, 0);
    Result one = pass(&r, 6, 1);
    same(&r, &one, 6, 2);
    result_free(&one);
    rig_free(&r);
}

/* More threads than cores, perhaps; more than rows of some products. */
static void test_three_threads(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, 4, 33, 0);
    Result one = pass(&r, 4, 1);
    same(&r, &one, 4, 3);
    result_free(&one);
    rig_free(&r);
}

static void test_grain(void **state) {
    (void)state;
    const int grains[][2] = {{1, 256}, {32, 8}, {37, 6}, {255, 1}, {256, 1}, {1024, 1}};
    for (size_t i = 0; i < sizeof grains / sizeof *grains; i++)
        assert_int_equal(model_grain_rows(grains[i][0]), grains[i][1]);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_demo),          cmocka_unit_test(test_odd_sizes),
                                       cmocka_unit_test(test_long_rows),     cmocka_unit_test(test_tied),
                                       cmocka_unit_test(test_three_threads), cmocka_unit_test(test_grain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
