/* QK-norm (model/ops/qk.c) against the formula and its central differences, in tokens' rows that hold more
 * than q and k. */
#include "tests/model/support.h"

#include "model/ops/strips.h"
#include "model/slots.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int B, T, H, KV, dh, spare; /* columns of a row that belong to nobody here */
    double std;                 /* at 3e-3 the epsilon under the root decides */
} Shape;

static const Shape shapes[] = {{1, 1, 1, 1, 1, 0, 3e-3},   {1, 7, 1, 1, 17, 0, 1},
                               {2, 33, 3, 1, 12, 5, 3e-3}, {1, 100, 4, 2, 3, 1, 1},
                               {2, 70, 2, 2, 64, 0, 100},  {3, 1, 4, 4, 16, 7, 30}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int vectors = s->H + s->KV, ld = vectors * s->dh + s->spare;
    memcpy(out, in[0], (size_t)(s->B * s->T * ld) * sizeof *out);
    for (int v = 0; v < s->B * s->T * vectors; v++) {
        double *x = out + v / vectors * ld + v % vectors * s->dh, sum = 0;
        const double *gain = in[v % vectors < s->H ? 1 : 2];
        for (int i = 0; i < s->dh; i++) sum += x[i] * x[i];
        double rms = sqrt(sum / s->dh + 1e-5);
        for (int i = 0; i < s->dh; i++) x[i] *= gain[i] / rms;
    }
}

static void check(const Shape *s) {
    size_t N = (size_t)(s->B * s->T), w = (size_t)s->dh, both = (size_t)((s->H + s->KV) * s->dh);
    size_t ld = both + (size_t)s->spare, n = N * ld;
    OWNED float *x = normals(1, n, s->std), *q = normals(2, w, 1), *k = normals(4, w, 1);
    OWNED float *y = normals(1, n, s->std), *raw = constants(N * both, 9), *dy = normals(3, n, 1);
    OWNED float *dx = normals(3, n, 1), *dq = constants(w, 0.5f), *dk = constants(w, 0.5f);
    OWNED float *partial = constants((size_t)strips_count(s->B, s->T) * w, 9);
    const float *in[] = {x, q, k};
    Naive f = {s, naive, 3, {n, w, w}, n};
    const ModelConfig config = {.heads = s->H, .kv_heads = s->KV, .width = s->H * s->dh};
    const Ctx c = {.c = &config,
                   .eps = 1e-5f,
                   .B = s->B,
                   .T = s->T,
                   .N = (int64_t)N,
                   .H = s->H,
                   .KV = s->KV,
                   .dh = s->dh,
                   .w = {q, k},
                   .dw = {dq, dk},
                   .partial = partial,
                   .saved = raw};
    const QkSlot *slot = &qk_slots[row_named(SLOT_QK, "rmsnorm")];

    assert_int_equal(slot->saved(&config), both);
    slot->forward(&c, y, (int64_t)ld); /* in place */
    check_forward(&f, in, y, s->dh + 5);
    slot->backward(&c, dx, (int64_t)ld);
    check_gradient(&f, in, dy, 0, dx, 0, 2 * s->dh + 12);
    check_gradient(&f, in, dy, 1, dq, 0.5f, s->dh + 5 + (int)N * s->H);
    check_gradient(&f, in, dy, 2, dk, 0.5f, s->dh + 5 + (int)N * s->KV);
}

static void q_and_k_are_divided_by_their_rms(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(q_and_k_are_divided_by_their_rms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
