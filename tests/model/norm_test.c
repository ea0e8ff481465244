/* Every row of norm_kinds (model/ops/norm.c) and the biases against their formulas and central differences.
 */
#include "tests/model/support.h"

#include "model/ops/ops.h"
#include "model/ops/rmsnorm.h"
#include "model/ops/strips.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int B, T, width;
    double
        std; /* at 3e-3 the epsilon under the root decides; one channel alone has a slope only through it */
} Shape;

/* The first are RMSNorm's alone: of one channel nothing is left by LayerNorm. */
static const Shape shapes[] = {{1, 1, 1, 3e-3},    {1, 1, 16, 1},     {2, 100, 5, 1}, {1, 130, 48, 100},
                               {2, 65, 130, 3e-3}, {1, 1, 2, 3e-3},   {1, 7, 17, 1},  {3, 33, 8, 3e-3},
                               {1, 130, 48, 10},   {2, 65, 130, 0.1}, {1, 64, 384, 1}};
enum { RMSNORM_ALONE = 5, SHAPES = sizeof shapes / sizeof *shapes };

static void naive_rmsnorm(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    const double *x = in[0];
    for (int n = 0; n < s->B * s->T; n++, x += s->width, out += s->width) {
        double sum = 0;
        for (int i = 0; i < s->width; i++) sum += x[i] * x[i];
        for (int i = 0; i < s->width; i++) out[i] = in[1][i] * x[i] / sqrt(sum / s->width + 1e-5);
    }
}

static void naive_scalar(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    double gain[s->width];
    for (int i = 0; i < s->width; i++) gain[i] = in[1][0];
    naive_rmsnorm(shape, (const double *const[]){in[0], gain}, out);
}

static void naive_layernorm(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    const double *x = in[0], *g = in[1], *b = g + s->width;
    for (int n = 0; n < s->B * s->T; n++, x += s->width, out += s->width) {
        double mean = 0, var = 0;
        for (int i = 0; i < s->width; i++) mean += x[i] / s->width;
        for (int i = 0; i < s->width; i++) var += (x[i] - mean) * (x[i] - mean) / s->width;
        for (int i = 0; i < s->width; i++) out[i] = g[i] * (x[i] - mean) / sqrt(var + 1e-5) + b[i];
    }
}

static void naive_dyt(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int w = s->width;
    const double *g = in[1], *b = g + w;
    for (int i = 0; i < s->B * s->T * w; i++) out[i] = g[i % w] * tanh(g[2 * w] * in[0][i]) + b[i % w];
}

/* Of lambda x. */
static void naive_pre_affine(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int n = s->B * s->T * s->width;
    double z[n];
    for (int i = 0; i < n; i++) z[i] = in[1][s->width + i % s->width] * in[0][i];
    naive_rmsnorm(shape, (const double *const[]){z, in[1]}, out);
}

enum { RANK = 3 };

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void naive_gated(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int w = s->width;
    const double *down = in[1] + w, *up = down + RANK * w;
    naive_rmsnorm(shape, in, out);
    for (int n = 0; n < s->B * s->T; n++, out += w) {
        double a[w];
        memset(a, 0, sizeof a);
        for (int k = 0; k < RANK; k++) {
            double z = 0;
            for (int i = 0; i < w; i++) z += down[k * w + i] * out[i];
            for (int i = 0; i < w; i++) a[i] += z * sigmoid(z) * up[k * w + i];
        }
        for (int i = 0; i < w; i++) out[i] *= 2 * sigmoid(a[i]);
    }
}

static void naive_bias(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int i = 0; i < s->B * s->T * s->width; i++) out[i] = in[0][i] + in[1][i % s->width];
}

/* By the name of the row; `sums` over the width that a result is deep, `params` width + `more` floats of
 * gain. */
static const struct {
    const char *name;
    void (*naive)(const void *shape, const double *const *in, double *out);
    int sums, params, more;
} formulas[] = {{"rmsnorm", naive_rmsnorm, 1, 1, 0},       {"rmsnorm_scalar", naive_scalar, 2, 0, 1},
                {"layernorm", naive_layernorm, 2, 2, 0},   {"dyt", naive_dyt, 2, 2, 1},
                {"pre_affine", naive_pre_affine, 2, 2, 0}, {"gated", naive_gated, 8, 1 + 2 * RANK, 0}};
enum { FORMULAS = sizeof formulas / sizeof *formulas };

static void check(int kind, int formula, const Shape *s) {
    size_t N = (size_t)(s->B * s->T), n = N * (size_t)s->width;
    size_t w = (size_t)(formulas[formula].params * s->width + formulas[formula].more);
    OWNED float *x = normals(1, n, s->std), *g = normals(2, w, 1), *dh = normals(3, n, 1);
    OWNED float *h = constants(n, 0), *stat = constants(NORM_STATS * N, 0), *dx = constants(n, 0.25f);
    OWNED float *dg = constants(w, 0.5f), *partial = constants((size_t)strips_count(s->B, s->T) * w, 9);
    const float *in[] = {x, g};
    Naive f = {s, formulas[formula].naive, 2, {n, w}, n};
    const ModelConfig config = {.width = s->width, .norm_kind = kind, .gate_rank = RANK};
    const Ctx c = {.c = &config,
                   .eps = 1e-5f,
                   .B = s->B,
                   .T = s->T,
                   .N = (int64_t)N,
                   .d = s->width,
                   .w = {g},
                   .dw = {dg},
                   .partial = partial};
    int deep = formulas[formula].sums * s->width;

    norm_rows(&c, x, h, stat);
    check_forward(&f, in, h, deep + 5 * formulas[formula].sums); /* sums, mean, root, two products */
    norm_rows_back(&c, x, stat, dh, dx);
    check_gradient(&f, in, dh, 0, dx, 0.25f, 2 * deep + 12 * formulas[formula].sums);
    check_gradient(&f, in, dh, 1, dg, 0.5f, deep + 5 * formulas[formula].sums + (int)N);
}

static void every_kind_is_its_formula(void **state) {
    (void)state;
    for (int kind = 0; norm_kinds[kind].head.name; kind++) {
        int f = 0;
        while (f < FORMULAS && strcmp(formulas[f].name, norm_kinds[kind].head.name)) f++;
        if (f == FORMULAS) fail_msg("no formula of %s", norm_kinds[kind].head.name);
        for (int i = f ? RMSNORM_ALONE : 0; i < SHAPES; i++) check(kind, f, &shapes[i]);
    }
}

/* What both begin as: a gate of exactly one, and no affine map before the norm. */
static void both_of_2026_begin_as_rmsnorm_to_the_bit(void **state) {
    (void)state;
    enum { N = 7 };
    static const char *const begins[] = {"gated", "pre_affine", "rmsnorm"};
    float h[3][N * 36];
    for (int i = 0; i < 3; i++) {
        Model *m = NULL;
        ModelConfig c = small_config();
        c.norm_kind = row_named(SLOT_NORM_KIND, begins[i]);
        assert_true(model_create(&m, &c, true, NULL));
        model_init(m, 5);
        OWNED float *x = normals(1, N * 36, 2), *stat = constants(N * NORM_STATS, 0);
        Ctx ctx = {.c = &m->config, .eps = 1e-5f, .N = N, .d = 36};
        for (int k = 0; k < 3 && model_tensor(m, 0, STAGE_NORM_ATTN, k); k++)
            ctx.w[k] = m->params + model_tensor(m, 0, STAGE_NORM_ATTN, k)->offset;
        norm_rows(&ctx, x, h[i], stat);
        model_free(m);
    }
    assert_memory_equal(h[0], h[2], sizeof h[2]);
    for (int i = 0; i < N * 36; i++) assert_true(fabsf(h[1][i] - h[2][i]) <= 4 * 0x1p-24f * fabsf(h[2][i]));
}

static void biases_are_added_and_summed(void **state) {
    (void)state;
    for (const Shape *s = shapes; s < shapes + SHAPES; s++) {
        size_t N = (size_t)(s->B * s->T), w = (size_t)s->width, n = N * w;
        OWNED float *x = normals(1, n, s->std), *b = normals(2, w, 1), *dy = normals(3, n, 1);
        OWNED float *y = normals(1, n, s->std), *db = constants(w, 0.5f);
        OWNED float *partial = constants((size_t)strips_count(s->B, s->T) * w, 9);
        const float *in[] = {x, b};
        Naive f = {s, naive_bias, 2, {n, w}, n};
        bias_forward(y, b, (int64_t)N, s->width);
        check_forward(&f, in, y, 2);
        bias_backward(dy, db, partial, s->B, s->T, s->width);
        check_gradient(&f, in, dy, 1, db, 0.5f, 2 + (int)N);
    }
}

static void the_reciprocal_is_that_of_the_rms(void **state) {
    (void)state;
    for (int width = 1; width < 40; width++) {
        OWNED float *x = normals(4, (size_t)width, 0.01);
        double sum = 0;
        for (int i = 0; i < width; i++) sum += (double)x[i] * x[i];
        double want = 1 / sqrt(sum / width + 1e-5);
        assert_true(fabs(rms_reciprocal(x, width, 1e-5f) - want) <= (width + 4) * 0x1p-24 * want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind_is_its_formula),
                                       cmocka_unit_test(both_of_2026_begin_as_rmsnorm_to_the_bit),
                                       cmocka_unit_test(biases_are_added_and_summed),
                                       cmocka_unit_test(the_reciprocal_is_that_of_the_rms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
