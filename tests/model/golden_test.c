/* The model and AdamW against an independent implementation: losses, every gradient, ten steps on one
 * repeated batch, as tests/model/golden.py computed them in PyTorch in double (golden.txt).
 *
 * Tolerances, relative. A loss: 1e-6 (its sums and the mean of 109 tokens in fp32). A gradient's norm
 * and its sum along a fixed direction, both over the norm: 5e-6 (fp32 through two blocks and back). A
 * loss of the curve: 2e-5, its gradient norm 2e-4: Adam divides by the root of a mean square, so a gradient
 * that fp32 knows to 1e-6 moves a weight with that error; ten steps add up. */
#include "tests/model/support.h"

#include "model/kernels/gemm.h"
#include "model/slots.h"
#include "train/optim/optim.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, T = 40 };

/* golden.py's `hashed`. */
static double hashed(uint64_t stream, uint64_t i) {
    uint64_t x = i + stream * 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 31) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 31) * 0x94D049BB133111EBu;
    x ^= x >> 29;
    return (double)(x >> 40) * 0x1p-24;
}

static ModelConfig golden_config(const char *head_out, const char *position, const char *mlp) {
    return (ModelConfig){.vocab = 61,
                         .rope_theta = 10000,
                         .norm_eps = 1e-5,
                         .layers = 2,
                         .width = 32,
                         .heads = 2,
                         .context = T,
                         .mlp_width = 40,
                         .attention = row_named(SLOT_ATTENTION, "softmax"),
                         .head_out = row_named(SLOT_HEAD_OUT, head_out),
                         .qk = row_named(SLOT_QK, "none"),
                         .position = row_named(SLOT_POSITION, position),
                         .norm = row_named(SLOT_NORM, "pre"),
                         .mlp = row_named(SLOT_MLP, mlp)};
}

static Rig golden_rig(const ModelConfig *c, int documents) {
    Rig r = rig_of(c, ROWS, T, documents);
    for (int i = 0; i < r.m->n_tensors; i++) {
        const Tensor *t = &r.m->tensors[i];
        float *w = r.m->params + t->offset;
        for (int64_t k = 0; k < t->rows * t->cols; k++) {
            double u = hashed((uint64_t)i + 1, (uint64_t)k) - 0.5;
            w[k] = (float)(t->dims == 1 ? 1 + 0.5 * u : u * (3 / sqrt((double)t->cols)));
        }
    }
    for (int n = 0; n < ROWS * T; n++) {
        r.x[n] = (int32_t)(hashed(1001, (uint64_t)n) * (double)c->vocab);
        r.y[n] = n % 11 == 5 ? -1 : (int32_t)(hashed(1002, (uint64_t)n) * (double)c->vocab);
    }
    return r;
}

/* Two figures of golden.txt on the line that begins so. */
typedef struct Pair {
    double a, b;
} Pair;

static Pair golden(const char *name, const char *kind, const char *key) {
    FILE *f = fopen("tests/model/golden.txt", "r");
    if (!f) fail_msg("tests/model/golden.txt: run from the top of the tree");
    char line[256], start[192];
    int length = snprintf(start, sizeof start, "%s %s %s ", name, kind, key);
    Pair p = {NAN, NAN};
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, start, (size_t)length)) sscanf(line + length, "%lf %lf", &p.a, &p.b);
    fclose(f);
    return p;
}

static int golden_lines(const char *name, const char *kind) {
    FILE *f = fopen("tests/model/golden.txt", "r");
    assert_non_null(f);
    char line[256], start[192];
    int n = 0, length = snprintf(start, sizeof start, "%s %s ", name, kind);
    while (fgets(line, sizeof line, f)) n += !strncmp(line, start, (size_t)length);
    fclose(f);
    return n;
}

/* Written so that NaN fails. */
static void near(const char *what, double got, double want, double allowed) {
    if (!(fabs(got - want) <= allowed)) fail_msg("%s: %.10g, want %.10g within %g", what, got, want, allowed);
}

static void check_gradients(const char *name, const Rig *r, const float *grads) {
    assert_int_equal(golden_lines(name, "gradient"), r->m->n_tensors);
    for (int i = 0; i < r->m->n_tensors; i++) {
        const Tensor *t = &r->m->tensors[i];
        const float *g = grads + t->offset;
        double squares = 0, along = 0;
        for (int64_t k = 0; k < t->rows * t->cols; k++) {
            squares += (double)g[k] * g[k];
            along += g[k] * (hashed(2001 + (uint64_t)i, (uint64_t)k) - 0.5);
        }
        Pair want = golden(name, "gradient", t->name);
        near(t->name, sqrt(squares), want.a, 5e-6 * want.a);
        near(t->name, along, want.b, 5e-6 * want.a);
    }
}

/* Loss and gradients of the batch, the mean over its scored tokens. */
static double loss_of(const Rig *r, Tape *tape, float *grads) {
    Batch b = rig_batch(r, 0, ROWS);
    double sum = 0;
    int scored = 0;
    for (int n = 0; n < ROWS * T; n++) scored += b.y[n] >= 0;
    memset(grads, 0, r->m->arena * sizeof *grads);
    model_train(r->m, tape, &b, 1.0f / (float)scored, grads);
    for (int n = 0; n < ROWS * T; n++) sum += tape_losses(tape)[n];
    return sum / scored;
}

static void check(const char *name, const ModelConfig *c, int documents) {
    Rig r = golden_rig(c, documents);
    Tape *tape = rig_tape(&r, ROWS, true);
    OWNED float *grads = model_arena(r.m);
    int row = 0;
    while (strcmp(optimiser_name(row), "adamw")) row++;
    const OptimConfig adamw = {.name = row,
                               .weight_decay = 0.1,
                               .decay_on = DECAY_MATRICES,
                               .beta1 = 0.9,
                               .beta2 = 0.95,
                               .eps = 1e-8,
                               .clip = 1};
    OptimState state;
    Error e = {0};
    if (!optim_create(&state, &adamw, r.m, 1, NULL, &e)) fail_msg("%s", e.text);
    for (int step = 1; step <= 10; step++) {
        char key[16];
        snprintf(key, sizeof key, "%d", step);
        Pair want = golden(name, "step", key);
        near("loss", loss_of(&r, tape, grads), want.a, (step == 1 ? 1e-6 : 2e-5) * want.a);
        if (step == 1) check_gradients(name, &r, grads);
        near("gradient norm", optim_update(&state, &adamw, r.m, grads, step, 3e-3), want.b, 2e-4 * want.b);
    }
    optim_free(&state);
    tape_free(tape);
    rig_free(&r);
}

static void the_baseline_trains_as_in_pytorch(void **state) {
    (void)state;
    ModelConfig c = golden_config("none", "rope", "swiglu");
    check("baseline", &c, 0);
}

static void head_rmsnorm_trains_as_in_pytorch(void **state) {
    (void)state;
    ModelConfig c = golden_config("rmsnorm", "rope", "swiglu");
    check("head_rmsnorm", &c, 13);
}

static void a_tied_model_with_gelu_trains_as_in_pytorch(void **state) {
    (void)state;
    ModelConfig c = golden_config("none", "learned", "gelu");
    c.tie = true;
    c.window = 9;
    check("gelu_learned_tied", &c, 0);
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_baseline_trains_as_in_pytorch),
                                       cmocka_unit_test(head_rmsnorm_trains_as_in_pytorch),
                                       cmocka_unit_test(a_tied_model_with_gelu_trains_as_in_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
