/* model/ops/residual.c: the sum, at lengths around a vector's; the clip against its formula. */
#include "tests/model/support.h"

#include "model/ops/ops.h"

#include <math.h>
#include <string.h>

static void sums_of_any_length_end_where_they_should(void **state) {
    (void)state;
    for (int n = 1; n < 70; n++) {
        OWNED float *a = normals(1, (size_t)n, 1), *b = normals(2, (size_t)n, 1);
        OWNED float *out = constants((size_t)n + 1, 9);
        residual_add(out, a, b, n);
        for (int i = 0; i < n; i++) assert_true(out[i] == a[i] + b[i]);
        assert_true(out[n] == 9);
    }
}

enum { C = 1 };

static void naive_clip(const void *n, const double *const *in, double *out) {
    for (int i = 0; i < *(const int *)n; i++) out[i] = fmin(fmax(in[0][i], -C), C);
}

static void the_clip_follows_its_formula(void **state) {
    (void)state;
    for (int n = 1; n < 200; n += 9) {
        size_t N = (size_t)n;
        OWNED float *x = normals(1, N, 1), *y = constants(N + 1, 9), *dy = normals(2, N, 1),
                    *d = constants(N, 0);
        x[0] = 2.5f;                /* beyond, whatever is drawn */
        for (int i = 1; i < n; i++) /* differences across the kink say nothing */
            if (fabsf(fabsf(x[i]) - C) < 0.02f) x[i] = 0.5f;
        const float *in[] = {x};
        Naive f = {&n, naive_clip, 1, {N}, N};
        memcpy(y, x, N * sizeof *y);
        residual_clip(y, C, n);
        check_forward(&f, in, y, 1);
        assert_true(y[n] == 9 && y[0] == C);
        memcpy(d, dy, N * sizeof *d);
        residual_clip_backward(y, C, d, n);
        assert_true(d[0] == 0);
        if (n > 1) check_gradient(&f, in, dy, 0, d, 0, 4);
    }
}

static void a_clip_beyond_every_number_changes_no_bit(void **state) {
    (void)state;
    enum { N = 100 };
    OWNED float *x = normals(1, N, 1), *was = normals(1, N, 1), *dy = normals(2, N, 1), *d = normals(2, N, 1);
    residual_clip(x, 1e30f, N);
    residual_clip_backward(x, 1e30f, d, N);
    assert_memory_equal(x, was, N * sizeof *x);
    assert_memory_equal(d, dy, N * sizeof *d);
    x[0] = NAN;
    residual_clip(x, 1, N);
    assert_true(isnan(x[0]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_of_any_length_end_where_they_should),
                                       cmocka_unit_test(the_clip_follows_its_formula),
                                       cmocka_unit_test(a_clip_beyond_every_number_changes_no_bit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
