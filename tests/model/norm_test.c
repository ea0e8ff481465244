/* model/ops/layernorm.c, rmsnorm_scalar.c, dyt.c and bias.c against their formulas and central differences.
 * RMSNorm with a gain a channel has its own test. */
#include "tests/model/support.h"

#include "model/ops/bias.h"
#include "model/ops/dyt.h"
#include "model/ops/layernorm.h"
#include "model/ops/rmsnorm_scalar.h"
#include "model/ops/strips.h"

#include <math.h>
#include <stdlib.h>

typedef struct Shape {
    int B, T, width;
    double std; /* at 3e-3 the epsilon under the root decides */
} Shape;

static const Shape shapes[] = {{1, 1, 2, 3e-3},  {1, 7, 17, 1},     {3, 33, 8, 3e-3},
                               {1, 130, 48, 10}, {2, 65, 130, 0.1}, {1, 64, 384, 1}};

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

static void naive_scalar(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    const double *x = in[0];
    for (int n = 0; n < s->B * s->T; n++, x += s->width, out += s->width) {
        double sum = 0;
        for (int i = 0; i < s->width; i++) sum += x[i] * x[i];
        for (int i = 0; i < s->width; i++) out[i] = in[1][0] * x[i] / sqrt(sum / s->width + 1e-5);
    }
}

static void naive_dyt(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int w = s->width;
    const double *g = in[1], *b = g + w;
    for (int i = 0; i < s->B * s->T * w; i++) out[i] = g[i % w] * tanh(g[2 * w] * in[0][i]) + b[i % w];
}

static void naive_bias(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int i = 0; i < s->B * s->T * s->width; i++) out[i] = in[0][i] + in[1][i % s->width];
}

/* One op under a common form; params: floats of its gain. */
typedef struct Op {
    void (*naive)(const void *shape, const double *const *in, double *out);
    int (*params)(int width);
    void (*forward)(const Shape *s, const float *x, const float *g, float *h, float *stat);
    void (*backward)(const Shape *s, const float *x, const float *g, const float *stat, const float *dh,
                     float *dx, float *dg, float *partial);
} Op;

static int two(int width) {
    return 2 * width;
}
static int one(int width) {
    return (void)width, 1;
}
static int two_and_one(int width) {
    return 2 * width + 1;
}
static int width_itself(int width) {
    return width;
}

static void layernorm(const Shape *s, const float *x, const float *g, float *h, float *stat) {
    layernorm_forward(x, g, h, stat, (int64_t)s->B * s->T, s->width);
}
static void layernorm_back(const Shape *s, const float *x, const float *g, const float *stat, const float *dh,
                           float *dx, float *dg, float *partial) {
    layernorm_backward(x, g, stat, dh, dx, dg, partial, s->B, s->T, s->width);
}
static void scalar(const Shape *s, const float *x, const float *g, float *h, float *stat) {
    rmsnorm_scalar_forward(x, g, h, stat, (int64_t)s->B * s->T, s->width);
}
static void scalar_back(const Shape *s, const float *x, const float *g, const float *stat, const float *dh,
                        float *dx, float *dg, float *partial) {
    rmsnorm_scalar_backward(x, g, stat, dh, dx, dg, partial, s->B, s->T, s->width);
}
static void dyt(const Shape *s, const float *x, const float *g, float *h, float *stat) {
    (void)stat;
    dyt_forward(x, g, h, (int64_t)s->B * s->T, s->width);
}
static void dyt_back(const Shape *s, const float *x, const float *g, const float *stat, const float *dh,
                     float *dx, float *dg, float *partial) {
    (void)stat;
    dyt_backward(x, g, dh, dx, dg, partial, s->B, s->T, s->width);
}
static void bias(const Shape *s, const float *x, const float *g, float *h, float *stat) {
    (void)stat;
    for (int i = 0; i < s->B * s->T * s->width; i++) h[i] = x[i];
    bias_forward(h, g, (int64_t)s->B * s->T, s->width);
}
static void bias_back(const Shape *s, const float *x, const float *g, const float *stat, const float *dh,
                      float *dx, float *dg, float *partial) {
    (void)x, (void)g, (void)stat;
    for (int i = 0; i < s->B * s->T * s->width; i++) dx[i] += dh[i];
    bias_backward(dh, dg, partial, s->B, s->T, s->width);
}

static void check(const Op *op, const Shape *s) {
    size_t N = (size_t)(s->B * s->T), n = N * (size_t)s->width, w = (size_t)op->params(s->width);
    OWNED float *x = normals(1, n, s->std), *g = normals(2, w, 1), *dh = normals(3, n, 1);
    OWNED float *h = constants(n, 0), *stat = constants(2 * N, 0), *dx = constants(n, 0.25f);
    OWNED float *dg = constants(w, 0.5f), *partial = constants((size_t)strips_count(s->B, s->T) * w, 9);
    const float *in[] = {x, g};
    Naive f = {s, op->naive, 2, {n, w}, n};

    op->forward(s, x, g, h, stat);
    check_forward(&f, in, h, 2 * s->width + 16);
    op->backward(s, x, g, stat, dh, dx, dg, partial);
    check_gradient(&f, in, dh, 0, dx, 0.25f, 4 * s->width + 24);
    check_gradient(&f, in, dh, 1, dg, 0.5f, 2 * s->width + 16 + (int)N);
}

static void norms_and_biases_follow_their_formulas_in_every_shape(void **state) {
    (void)state;
    const Op ops[] = {{naive_layernorm, two, layernorm, layernorm_back},
                      {naive_scalar, one, scalar, scalar_back},
                      {naive_dyt, two_and_one, dyt, dyt_back},
                      {naive_bias, width_itself, bias, bias_back}};
    for (size_t o = 0; o < sizeof ops / sizeof *ops; o++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&ops[o], &shapes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_and_biases_follow_their_formulas_in_every_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
