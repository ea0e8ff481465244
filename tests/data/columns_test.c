/* How much of a terminal's line a text takes. */
#include "data/base/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

static const struct {
    const char *text;
    int columns;
    size_t fits; /* bytes of what fits into four */
} cases[] = {
    {"", 0, 0},
    {"abc", 3, 3},
    {"größer", 6, 6},
    {"日本語", 6, 6},
    {"a日本", 5, 4},       /* the third would end in column five */
    {"e\u0301tude", 5, 6}, /* an accent of its own stands above its letter */
    {"🚀🚀🚀", 6, 8},
    {"\xff"
     "abcd",
     5, 4}, /* no character: a column */
};

static void cjk_and_emoji_take_two_columns(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(columns_of(cases[i].text), cases[i].columns);
        assert_int_equal(columns_fit(cases[i].text, 4), cases[i].fits);
    }
}

static void what_is_no_terminal_has_eighty(void **state) {
    (void)state;
    int file = open("/dev/null", O_WRONLY);
    assert_int_equal(columns_of_terminal(file), 80);
    close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cjk_and_emoji_take_two_columns),
        cmocka_unit_test(what_is_no_terminal_has_eighty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
