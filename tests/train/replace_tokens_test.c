/* Tokens replaced in training: how many, by which, and that a row's are its own. */
#include "tests/data/fixture.h"

#include "train/replace_tokens.h"

#include <math.h>

enum { T = 50, ROWS = 400, VOCAB = 7, BOS = 3 };

/* Rows that begin with BOS and hold token 1. */
static Rows plain_rows(void) {
    Rows r = rows_new(ROWS * T);
    for (int i = 0; i < ROWS * T; i++) r.x[i] = i % T ? 1 : BOS, r.y[i] = i % 5;
    return r;
}

static void a_share_of_the_tokens_is_replaced_evenly(void **state) {
    (void)state;
    Rows r = plain_rows();
    int64_t count[VOCAB] = {0};
    const double p = 0.4, n = ROWS * (T - 1.0);
    replace_tokens(&r, 1, 0, ROWS, T, p, VOCAB, BOS);
    for (int i = 0; i < ROWS * T; i++) {
        assert_int_equal(r.y[i], i % 5);
        if (i % T)
            count[r.x[i]]++;
        else
            assert_int_equal(r.x[i], BOS);
    }
    assert_int_equal(count[BOS], 0);
    for (int v = 0; v < VOCAB; v++) {
        double share = v == BOS ? 0 : p / (VOCAB - 1) + (v == 1 ? 1 - p : 0);
        assert_true(fabs((double)count[v] - n * share) <= 5 * sqrt(n * share * (1 - share)));
    }
    rows_free(&r);
}

static void a_replaced_row_is_a_function_of_its_number(void **state) {
    (void)state;
    Rows all = plain_rows(), one = plain_rows(), other = plain_rows();
    replace_tokens(&all, 1, 10, ROWS, T, 0.5, VOCAB, BOS);
    replace_tokens(&one, 1, 10 + 17, 1, T, 0.5, VOCAB, BOS);
    assert_memory_equal(one.x, all.x + 17 * T, T * sizeof *one.x);
    replace_tokens(&other, 2, 10 + 17, 1, T, 0.5, VOCAB, BOS);
    assert_memory_not_equal(one.x, other.x, T * sizeof *one.x);
    rows_free(&all);
    rows_free(&one);
    rows_free(&other);
}

/* No token at a share of 0; all of them at 1, where there is no BOS the first too. */
static void none_and_all_are_replaced(void **state) {
    (void)state;
    Rows a = plain_rows(), b = plain_rows();
    replace_tokens(&a, 1, 0, ROWS, T, 0, VOCAB, BOS);
    assert_memory_equal(a.x, b.x, ROWS * T * sizeof *a.x);
    for (int i = 0; i < ROWS * T; i++) a.x[i] = VOCAB; /* no token at all */
    replace_tokens(&a, 1, 0, ROWS, T, 1, VOCAB, -1);
    for (int i = 0; i < ROWS * T; i++) assert_in_range(a.x[i], 0, VOCAB - 1);
    rows_free(&a);
    rows_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_the_tokens_is_replaced_evenly),
        cmocka_unit_test(a_replaced_row_is_a_function_of_its_number),
        cmocka_unit_test(none_and_all_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
