/* model/ops/head_rmsnorm.c against the formula and its central differences. */
#include "tests/model/support.h"

#include "model/ops/ops.h"
#include "model/ops/strips.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int B, T, H, dh, gains;
    double std; /* as in norm_test.c */
} Shape;

static const Shape shapes[] = {{1, 1, 1, 1, 1, 3e-3}, {1, 7, 1, 17, 1, 1},     {2, 33, 3, 12, 1, 3e-3},
                               {1, 100, 5, 3, 1, 1},  {2, 70, 2, 64, 1, 3e-3}, {3, 1, 4, 16, 1, 30},
                               {2, 33, 3, 12, 3, 1},  {1, 70, 4, 17, 4, 1}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    const double *o = in[0], *gain = in[1];
    for (int n = 0; n < s->B * s->T * s->H; n++, o += s->dh, out += s->dh) {
        const double *g = gain + n % s->gains * s->dh;
        double sum = 0;
        for (int i = 0; i < s->dh; i++) sum += o[i] * o[i];
        double rms = sqrt(sum / s->dh + 1e-5);
        for (int i = 0; i < s->dh; i++) out[i] = g[i] * o[i] / rms;
    }
}

static void check(const Shape *s) {
    size_t N = (size_t)(s->B * s->T), w = (size_t)(s->gains * s->dh), n = N * (size_t)(s->H * s->dh);
    OWNED float *o = normals(1, n, s->std), *gain = normals(2, w, 1), *dy = normals(3, n, 1);
    OWNED float *y = constants(n, 0), *dx = constants(n, 0), *dgain = constants(w, 0.5f);
    OWNED float *partial = constants((size_t)strips_count(s->B, s->T) * w, 9);
    const float *in[] = {o, gain};
    Naive f = {s, naive, 2, {n, w}, n};

    const Ctx c = {.eps = 1e-5f,
                   .B = s->B,
                   .T = s->T,
                   .N = (int64_t)N,
                   .dh = s->dh,
                   .w = {gain},
                   .dw = {dgain},
                   .partial = partial};
    const HeadNorm norm = {&c, 0, s->H, s->gains};
    int64_t ld = (int64_t)s->H * s->dh;

    head_rmsnorm_forward(&norm, o, ld, y, ld);
    check_forward(&f, in, y, s->dh + 5);
    memcpy(dx, dy, n * sizeof *dx); /* the op works in place */
    head_rmsnorm_backward(&norm, o, ld, dx, ld);
    check_gradient(&f, in, dy, 0, dx, 0, 2 * s->dh + 12);
    check_gradient(&f, in, dy, 1, dgain, 0.5f, s->dh + 5 + (int)N * s->H);
}

static void head_rmsnorm_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

/* A head of unit RMS under gain 1 stays as it is, but for the epsilon under the root and roundings. */
static void a_head_of_unit_rms_stays_as_it_is(void **state) {
    (void)state;
    enum { N = 33, H = 2, DH = 16 };
    OWNED float *o = normals(1, N * H * DH, 1), *gain = constants(DH, 1), *y = constants(N * H * DH, 0);
    for (int v = 0; v < N * H; v++) {
        double sum = 0;
        for (int i = 0; i < DH; i++) sum += (double)o[v * DH + i] * o[v * DH + i];
        for (int i = 0; i < DH; i++) o[v * DH + i] = (float)(o[v * DH + i] / sqrt(sum / DH));
    }
    head_rmsnorm_forward(&(HeadNorm){&(Ctx){.eps = 1e-5f, .N = N, .dh = DH, .w = {gain}}, 0, H, 1}, o, H * DH,
                         y, H * DH);
    for (int i = 0; i < N * H * DH; i++)
        assert_true(fabsf(y[i] - o[i]) <= (0.5 * 1e-5 + 8 * 0x1p-24) * fabsf(o[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(head_rmsnorm_follows_its_formula_in_every_shape),
                                       cmocka_unit_test(a_head_of_unit_rms_stays_as_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
