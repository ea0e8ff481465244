/* train/optim/optim.c and train/optim/: every optimiser against its formula in double over several steps;
 * what is said of their directions; the schedules. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/kernels/gemm.h"
#include "train/optim/optim.h"
#include "train/optim/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 5 };

static const OptimConfig settings = {.lr = 0.01,
                                     .weight_decay = 0.3,
                                     .decay_on = DECAY_MATRICES,
                                     .beta1 = 0.8,
                                     .beta2 = 0.9,
                                     .eps = 1e-6,
                                     .clip = 2};

static int named(const char *name) {
    int i = 0;
    while (strcmp(optimiser_name(i), name)) assert_non_null(optimiser_name(++i));
    return i;
}

/* ---- one number at a time: state a, b; returns the step, before lr ---- */

typedef double Rule(double g, double *a, double *b, int t);

static double naive_adamw(double g, double *m, double *v, int t) {
    *m = 0.8 * *m + 0.2 * g;
    *v = 0.9 * *v + 0.1 * g * g;
    return *m / (1 - pow(0.8, t)) / (sqrt(*v / (1 - pow(0.9, t))) + 1e-6);
}
static double naive_sgd(double g, double *m, double *v, int t) {
    (void)v, (void)t;
    return *m = 0.8 * *m + g;
}
static double naive_rmsprop(double g, double *v, double *unused, int t) {
    (void)unused;
    *v = 0.9 * *v + 0.1 * g * g;
    return g / (sqrt(*v / (1 - pow(0.9, t))) + 1e-6);
}
static double naive_lion(double g, double *m, double *v, int t) {
    (void)v, (void)t;
    double u = 0.8 * *m + 0.2 * g;
    *m = 0.9 * *m + 0.1 * g;
    return (u > 0) - (u < 0);
}

static double norm_of(const float *g, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)g[i] * g[i];
    return sqrt(sum);
}

/* Random gradients, nothing in the padding. */
static void fill(const Model *m, float *g, uint64_t seed) {
    memset(g, 0, m->arena * sizeof *g);
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        for (int64_t k = 0; k < t->rows * t->cols; k++)
            g[t->offset + (size_t)k] = (float)rng_normal(seed, RNG_TEST, (uint64_t)i, (uint64_t)k);
    }
}

/* Against the rule, on the tensors that it is for. */
static void check_rule(const char *name, Rule *rule, bool hidden_too) {
    ModelConfig c = small_config();
    Rig r = rig_of(&c, 1, 4, 0);
    OptimConfig config = settings;
    config.name = named(name);
    OptimState o;
    assert_true(optim_create(&o, &config, r.m, 1, NULL, NULL));
    size_t n = r.m->arena;
    OWNED float *g = model_arena(r.m);
    OWNED double *w = doubles_of(r.m->params, n), *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
    for (int t = 1; t <= STEPS; t++) {
        fill(r.m, g, (uint64_t)t);
        double norm = optim_update(&o, &config, r.m, g, t, config.lr), clip = 2 / norm_of(g, n);
        assert_true(fabs(norm - norm_of(g, n)) <= 1e-12 * norm);
        for (int i = 0; i < r.m->n_tensors; i++) {
            const Tensor *tensor = &r.m->tensors[i];
            double keep = tensor->dims == 2 ? 1 - config.lr * config.weight_decay : 1;
            for (size_t k = tensor->offset; k < tensor->offset + (size_t)(tensor->rows * tensor->cols); k++)
                w[k] = keep * w[k] - config.lr * rule(clip * g[k], &a[k], &b[k], t);
        }
    }
    for (int i = 0; i < r.m->n_tensors; i++) {
        const Tensor *t = &r.m->tensors[i];
        if (!hidden_too && t->dims == 2 && t->layer >= 0) continue;
        check_close(name, r.m->params + t->offset, w + t->offset, (size_t)(t->rows * t->cols), 64);
    }
    optim_free(&o);
    rig_free(&r);
}

static void optimisers_follow_their_formulas(void **state) {
    (void)state;
    check_rule("adamw", naive_adamw, true);
    check_rule("sgd", naive_sgd, true);
    check_rule("rmsprop", naive_rmsprop, true);
    check_rule("lion", naive_lion, true);
    check_rule("muon", naive_adamw, false); /* embedding, head, gains */
}

/* ---- muon ---- */

/* X X^T of an orthogonalised X (rows, cols): its eigenvalues are squares of singular values, which the
 * quintic leaves within 0.7 and 1.2. Of a symmetric matrix near the identity they are bounded through
 * random directions: |X^T u| for unit u. */
static void muon_brings_singular_values_near_one(void **state) {
    (void)state;
    enum { ROWS = 24, COLS = 40 };
    OWNED float *X = normals(1, ROWS * COLS, 3), *scratch = constants(ROWS * (COLS + 2 * ROWS), 0);
    for (int i = 0; i < COLS; i++) X[i] *= 20; /* one direction far above the others */
    muon_orthogonalise(X, ROWS, COLS, scratch);
    for (uint64_t draw = 0; draw < 200; draw++) {
        double image[COLS] = {0}, squares = 0, length = 0;
        for (int i = 0; i < ROWS; i++) {
            double u = rng_normal(5, RNG_TEST, draw, (uint64_t)i);
            length += u * u;
            for (int k = 0; k < COLS; k++) image[k] += u * X[i * COLS + k];
        }
        for (int k = 0; k < COLS; k++) squares += image[k] * image[k];
        double stretch = sqrt(squares / length);
        assert_true(stretch > 0.65 && stretch < 1.25);
    }
}

/* A matrix and its transpose move alike, by 0.2 sqrt(max) orthogonal(u): here from u = g. */
static void muon_moves_a_matrix_as_its_transpose(void **state) {
    (void)state;
    enum { A = 12, B = 20 };
    OptimConfig c = settings;
    Tensor wide = {.dims = 2, .rows = A, .cols = B}, tall = {.dims = 2, .rows = B, .cols = A};
    OWNED float *g = normals(3, A * B, 1), *turned = constants(A * B, 0), *w = constants(A * B, 0);
    OWNED float *v = constants(A * B, 0), *m = constants(A * B, 0), *n = constants(A * B, 0);
    OWNED float *scratch = constants(muon_scratch(&wide), 0);
    for (int i = 0; i < A * B; i++) turned[i % B * A + i / B] = g[i];
    OptimStep s = {&c, 1, 0.1, 1, false, NULL, scratch};
    muon_update(&s, &wide, w, g, (float *[]){m, NULL});
    muon_update(&s, &tall, v, turned, (float *[]){n, NULL});
    for (int i = 0; i < A * B; i++) assert_true(fabsf(w[i] - v[i % B * A + i / B]) < 1e-6f);
    double rms = norm_of(w, A * B) / sqrt(A * B); /* of AdamW's: about 0.2 lr, whatever the shape */
    assert_true(rms > 0.7 * 0.2 * 0.1 && rms < 1.2 * 0.2 * 0.1);
}

/* ---- orthoadam ---- */

/* The whole basis (n, n) that rows of n = 60 = 6 x 10 numbers are turned by, from P (6, 6), R (10, 10). */
static void basis_of(const float *fixed, double Q[60][60]) {
    for (int i = 0; i < 60; i++)
        for (int k = 0; k < 60; k++)
            Q[i][k] = (double)fixed[i / 10 * 6 + k / 10] * fixed[36 + i % 10 * 10 + k % 10];
}

static void orthoadam_is_adam_in_a_turned_basis(void **state) {
    (void)state;
    Tensor t = {.name = "x", .dims = 2, .rows = 3, .cols = 60};
    double Q[60][60];
    assert_int_equal(orthoadam_fixed(&t), 136);
    OWNED float *fixed = constants(136, 0), *again = constants(136, 0), *scratch = constants(360, 0);
    orthoadam_prepare(&t, 7, fixed);
    orthoadam_prepare(&t, 7, again);
    assert_memory_equal(fixed, again, 136 * sizeof *fixed);
    basis_of(fixed, Q);
    for (int i = 0; i < 60; i++)
        for (int j = 0; j < 60; j++) {
            double dot = 0;
            for (int k = 0; k < 60; k++) dot += Q[i][k] * Q[j][k];
            assert_true(fabs(dot - (i == j)) < 1e-6);
        }
    OptimConfig c = settings;
    OWNED float *w = normals(1, 180, 1), *m = constants(180, 0), *v = constants(180, 0);
    OWNED double *want = doubles_of(w, 180), *a = calloc(180, sizeof *a), *b = calloc(180, sizeof *b);
    for (int step = 1; step <= STEPS; step++) {
        OWNED float *g = normals((uint64_t)step + 10, 180, 1);
        OptimStep s = {&c, step, c.lr, 0.5, true, fixed, scratch};
        orthoadam_update(&s, &t, w, g, (float *[]){m, v});
        for (int row = 0; row < 3; row++)
            for (int i = 0; i < 60; i++) {
                double turned = 0, *x = want + 60 * row;
                for (int k = 0; k < 60; k++) turned += Q[i][k] * 0.5 * g[60 * row + k];
                double move = naive_adamw(turned, &a[60 * row + i], &b[60 * row + i], step);
                for (int k = 0; k < 60; k++) x[k] -= c.lr * (Q[i][k] * move + (i == 0) * 0.3 * x[k]);
            }
    }
    check_close("orthoadam", w, want, 180, 512);
}

/* ---- schedules ---- */

static void schedules_follow_their_formulas(void **state) {
    (void)state;
    const struct {
        const char *name;
        double at[5]; /* steps 1, 10 (end of warm-up), 60, 95, 110 of 110; lr 1, min_lr 0.1 */
    } want[] = {{"cosine", {0.1, 1, 0.55, 0.1 + 0.9 * 0.5 * (1 + cos(M_PI * 0.85)), 0.1}},
                {"constant", {0.1, 1, 1, 1, 1}},
                {"linear", {0.1, 1, 0.55, 0.1 + 0.9 * 0.15, 0.1}},
                {"wsd", {0.1, 1, 1, 0.1 + 0.9 * (1 - sqrt(0.25)), 0.1}}};
    const int steps[] = {1, 10, 60, 95, 110};
    int rows = 0;
    for (; schedule_name(rows); rows++) {
        assert_string_equal(schedule_name(rows), want[rows].name);
        OptimConfig c = {.lr = 1, .min_lr = 0.1, .warmup = 10, .schedule = rows};
        for (int i = 0; i < 5; i++) {
            double got = schedule_lr(&c, steps[i], 110);
            if (fabs(got - want[rows].at[i]) > 1e-12)
                fail_msg("%s: step %d: %g", want[rows].name, steps[i], got);
        }
    }
    assert_int_equal(rows, 4);
}

/* Up to the branch a run of any more steps has the same rates, to the bit; after it, it has not. */
static void a_longer_run_has_the_same_rates_up_to_the_branch(void **state) {
    (void)state;
    static const int64_t want[4] = {0, 110, 0, 90}; /* 10 + 0.8 (110 - 10) */
    for (int row = 0; schedule_name(row); row++) {
        OptimConfig c = {.lr = 0.7e-3, .min_lr = 0.13e-3, .warmup = 10, .schedule = row};
        int64_t branch = schedule_branch(&c, 110);
        assert_int_equal(branch, want[row]);
        for (int64_t more = 111; more < 200; more += 7)
            for (int64_t step = 1; step <= branch; step++)
                assert_true(schedule_lr(&c, step, 110) == schedule_lr(&c, step, more));
        if (branch && branch < 110) assert_true(schedule_lr(&c, branch + 1, 110) < c.lr);
    }
    OptimConfig warming = {.lr = 1, .warmup = 10, .schedule = 1};
    assert_int_equal(schedule_branch(&warming, 10), 0);
}

static bool is_one_of(const char *name, const char *const *ends) {
    for (; *ends; ends++)
        if (strstr(name, *ends)) return true;
    return false;
}

/* Without a gradient SGD leaves what decay leaves. */
static void what_decays_is_what_decay_on_says(void **state) {
    (void)state;
    static const char *const input_gains[] = {"input_layernorm.weight", "post_attention_layernorm.weight",
                                              NULL};
    ModelConfig shape = small_config();
    shape.bias = true;
    shape.norm = row_named(SLOT_NORM, "sandwich");
    shape.norm_kind = row_named(SLOT_NORM_KIND, "layernorm");
    for (int on = 0; on < DECAY_ONS; on++) {
        Model *m = NULL;
        OptimState o;
        OptimConfig c = {.name = named("sgd"), .lr = 0.1, .weight_decay = 0.5, .decay_on = on};
        int gains = 0;
        assert_true(model_create(&m, &shape, true, NULL) && optim_create(&o, &c, m, 1, NULL, NULL));
        OWNED float *g = model_arena(m);
        for (size_t i = 0; i < m->arena; i++) m->params[i] = 1;
        optim_update(&o, &c, m, g, 1, 0.1);
        for (const Tensor *t = m->tensors; t < m->tensors + m->n_tensors; t++) {
            bool gain = is_one_of(t->name, input_gains);
            bool decays = t->dims == 2 || on == DECAY_ALL || (on == DECAY_INPUT_GAINS && gain);
            gains += gain;
            assert_true(m->params[t->offset] == (decays ? 0.95f : 1));
        }
        assert_int_equal(gains, 2 * shape.layers);
        optim_free(&o);
        model_free(m);
    }
}

/* Parts on one set of weights, one after the other; their gradients are summed already, and nothing is
 * clipped: the norm would want the others. */
static void check_parts(int name, int n) {
    ModelConfig shape = small_config();
    shape.vocab = 300;
    shape.width = 96;
    Model *m[2];
    OptimConfig c = settings;
    OptimState whole, part[n];
    Processes process[n];
    c.name = name;
    c.clip = 0;
    for (int i = 0; i < 2; i++) {
        assert_true(model_create(&m[i], &shape, true, NULL));
        model_init(m[i], 1);
    }
    OWNED float *g = model_arena(m[0]);
    assert_true(optim_create(&whole, &c, m[0], 1, NULL, NULL));
    for (int i = 0; i < n; i++) {
        process[i] = (Processes){.size = n, .part = i};
        assert_true(optim_create(&part[i], &c, m[1], 1, &process[i], NULL));
    }
    for (int step = 1; step <= 3; step++) {
        fill(m[0], g, (uint64_t)step);
        optim_update(&whole, &c, m[0], g, step, c.lr);
        for (int i = 0; i < n; i++) optim_update(&part[i], &c, m[1], g, step, c.lr);
    }
    assert_memory_equal(m[0]->params, m[1]->params, m[0]->arena * sizeof(float));
    for (int i = 0; i < n; i++) {
        const Parts *p = &part[i].parts;
        assert_true(p->high - p->low < 2 * m[0]->arena / (size_t)n);
        for (int k = 0; k < OPTIM_STATES && whole.arena[k]; k++)
            assert_memory_equal(whole.arena[k] + p->low, part[i].arena[k] + p->low,
                                (p->high - p->low) * sizeof(float));
        optim_free(&part[i]);
    }
    optim_free(&whole);
    for (int i = 0; i < 2; i++) model_free(m[i]);
}

static void parts_have_the_bits_of_the_whole(void **state) {
    (void)state;
    for (int i = 0; optimiser_name(i); i++)
        for (int n = 1; n <= 8; n *= 2) check_parts(i, n);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test(optimisers_follow_their_formulas),
                                       cmocka_unit_test(muon_brings_singular_values_near_one),
                                       cmocka_unit_test(muon_moves_a_matrix_as_its_transpose),
                                       cmocka_unit_test(orthoadam_is_adam_in_a_turned_basis),
                                       cmocka_unit_test(what_decays_is_what_decay_on_says),
                                       cmocka_unit_test(parts_have_the_bits_of_the_whole),
                                       cmocka_unit_test(schedules_follow_their_formulas),
                                       cmocka_unit_test(a_longer_run_has_the_same_rates_up_to_the_branch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
