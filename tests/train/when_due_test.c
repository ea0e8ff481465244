/* When a checkpoint is made and which of them stay (train/when_due.h): the words and lists of run.keep
 * against steps counted one by one. */
#include "train/when_due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void assert_keeps(const List *keep, int64_t steps, int64_t every, const char *saved,
                         const char *kept) {
    char all[512] = "", stay[512] = "";
    int64_t n = 0;
    for (int64_t s = 1; s <= steps; s++) {
        if (!when_due_save(s, steps, every, keep)) continue;
        bool stays = when_due_kept(s, steps, keep);
        n += stays || s == steps;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%d ", (int)s);
        if (stays) snprintf(stay + strlen(stay), sizeof stay - strlen(stay), "%d ", (int)s);
    }
    assert_string_equal(all, saved);
    assert_string_equal(stay, kept);
    assert_int_equal(when_due_kept_count(steps, every, keep), n);
}

static void what_is_saved_and_stays_follows_the_words(void **state) {
    (void)state;
    assert_keeps(&(List){1, {"last"}}, 50, 20, "20 40 50 ", "");
    assert_keeps(&(List){1, {"all"}}, 50, 20, "20 40 50 ", "20 40 50 ");
    assert_keeps(&(List){1, {"all"}}, 40, 20, "20 40 ", "20 40 ");
    assert_keeps(&(List){1, {"log"}}, 50, 20, "1 2 3 4 6 8 11 16 20 23 32 40 45 50 ",
                 "1 2 3 4 6 8 11 16 23 32 45 50 ");
    assert_keeps(&(List){1, {"log"}}, 45, 45, "1 2 3 4 6 8 11 16 23 32 45 ", "1 2 3 4 6 8 11 16 23 32 45 ");
    assert_keeps(&(List){3, {"7", "50", "7"}}, 50, 20, "7 20 40 50 ", "7 50 ");
}

static void the_log_series_is_the_rounded_powers_of_the_root_of_two(void **state) {
    (void)state;
    List keep = {1, {"log"}};
    int64_t n = 0;
    for (int64_t s = 1; s < 100000; s++) {
        bool in = false;
        for (int k = 0; k < 40; k++) in = in || (int64_t)floor(pow(sqrt(2), k) + 0.5) == s;
        assert_int_equal(when_due_kept(s, 100000, &keep), in);
        n += in;
    }
    assert_int_equal(when_due_kept_count(100000, 1000, &keep), n + 1);
}

static void what_names_no_step_of_the_run_is_refused(void **state) {
    (void)state;
    assert_true(when_due_keep_read(&(List){1, {"log"}}, 10));
    assert_true(when_due_keep_read(&(List){2, {"1", "10"}}, 10));
    List forty = {.n = 40};
    for (int i = 0; i < forty.n; i++) snprintf(forty.item[i], LIST_TEXT, "%d", 10 * (i + 1));
    assert_true(when_due_keep_read(&forty, 400));
    static const List bad[] = {{0},         {1, {"first"}}, {2, {"all", "5"}}, {1, {"0"}},
                               {1, {"11"}}, {1, {"-3"}},    {1, {"1.5"}},      {1, {"99999999999999999999"}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(when_due_keep_read(&bad[i], 10));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_and_stays_follows_the_words),
        cmocka_unit_test(the_log_series_is_the_rounded_powers_of_the_root_of_two),
        cmocka_unit_test(what_names_no_step_of_the_run_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
