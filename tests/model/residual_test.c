/* model/ops/residual.c: the sum, at lengths around a vector's. */
#include "tests/model/support.h"

#include "model/ops/ops.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_of_any_length_end_where_they_should)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
