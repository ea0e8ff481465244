/* model/ops/strips.[ch]: strips cut the tokens once, inside rows; their sums add up in order. */
#include "tests/model/support.h"

#include "model/ops/strips.h"

#include <math.h>

static void strips_cover_each_token_once(void **state) {
    (void)state;
    const int lengths[] = {1, 7, 63, 64, 65, 100, 128, 200};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int T = lengths[i], B = 3;
        int64_t next = 0;
        for (int s = 0; s < strips_count(B, T); s++) {
            int64_t n0, n1;
            strip_range(s, T, &n0, &n1);
            assert_int_equal(n0, next);
            assert_in_range(n1 - n0, 1, STRIP);
            assert_int_equal(n0 / T, (n1 - 1) / T);
            next = n1;
        }
        assert_int_equal(next, B * T);
    }
}

typedef struct Tokens {
    const float *x;
    int width;
} Tokens;

static void add_token(const void *op, int64_t n, float *sum) {
    const Tokens *t = op;
    for (int i = 0; i < t->width; i++) sum[i] += t->x[n * t->width + i];
}

/* To the bit: each strip alone, then the strips in order. */
static void strips_are_summed_in_order(void **state) {
    (void)state;
    enum { B = 3, T = 150 };
    const int widths[] = {1, 17, 64, 130};
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        int width = widths[k], strips = strips_count(B, T);
        OWNED float *x = normals(1, (size_t)(B * T * width), 1),
                    *partial = constants((size_t)(strips * width), NAN);
        OWNED float *got = normals(2, (size_t)width, 1), *want = normals(2, (size_t)width, 1);
        for (int s = 0; s < strips; s++) {
            OWNED float *sum = constants((size_t)width, 0);
            int64_t n0, n1;
            strip_range(s, T, &n0, &n1);
            for (int64_t n = n0; n < n1; n++) add_token(&(Tokens){x, width}, n, sum);
            for (int i = 0; i < width; i++) want[i] += sum[i];
        }
        strips_sum(add_token, &(Tokens){x, width}, B, T, width, partial, got);
        assert_memory_equal(got, want, (size_t)width * sizeof *got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(strips_cover_each_token_once),
                                       cmocka_unit_test(strips_are_summed_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
