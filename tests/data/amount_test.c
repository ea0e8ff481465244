/* Quantities as people read them. */
#include "data/base/amount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void amounts_have_three_digits_and_a_unit(void **state) {
    (void)state;
    static const struct {
        double x;
        const char *unit, *is;
    } cases[] = {{0, "B", "0 B"},
                 {0, "", "0"},
                 {512, "B", "512 B"},
                 {999.4, "", "999"},
                 {999.6, "B", "1 kB"},
                 {5120, "", "5.12 k"},
                 {999600, "", "1 M"},
                 {2.28e6, "B", "2.28 MB"},
                 {3.6e9, "FLOP/s", "3.6 GFLOP/s"},
                 {1.5e15, "FLOP", "1.5 PFLOP"},
                 {5e22, "", "5e+04 E"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[AMOUNT_TEXT];
        assert_string_equal(amount_text(cases[i].x, cases[i].unit, text), cases[i].is);
    }
}

static void durations_are_in_the_unit_that_suits(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *is;
    } cases[] = {{0, "-"},
                 {0.2, "<1 s"},
                 {1, "1 s"},
                 {99.4, "99 s"},
                 {99.6, "1.7 min"},
                 {594, "9.9 min"},
                 {600, "10 min"},
                 {5940, "99 min"},
                 {5970, "1.7 h"},
                 {71 * 3600, "71.0 h"},
                 {72 * 3600, "3.0 days"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[AMOUNT_TEXT];
        assert_string_equal(duration_text(cases[i].seconds, text), cases[i].is);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(amounts_have_three_digits_and_a_unit),
                                       cmocka_unit_test(durations_are_in_the_unit_that_suits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
