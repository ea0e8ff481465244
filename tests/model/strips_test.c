/* model/ops/strips.[ch]: strips cut the tokens once, inside rows; their sums add up in order. */
#include "tests/model/support.h"

#include "model/ops/strips.h"

#include <string.h>

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

/* To the bit: the order of the strips is the promise. */
static void strips_are_added_in_their_order(void **state) {
    (void)state;
    const int widths[] = {1, 17, 64, 130};
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
        int width = widths[k], strips = 9;
        OWNED float *partial = normals(1, (size_t)(strips * width), 1);
        OWNED float *got = normals(2, (size_t)width, 1), *want = normals(2, (size_t)width, 1);
        for (int i = 0; i < width; i++)
            for (int s = 0; s < strips; s++) want[i] += partial[s * width + i];
        strips_add(partial, strips, width, got);
        assert_memory_equal(got, want, (size_t)width * sizeof *got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(strips_cover_each_token_once),
                                       cmocka_unit_test(strips_are_added_in_their_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
