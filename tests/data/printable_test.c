/* Texts that a terminal is given. */
#include "data/base/error.h"
#include "data/base/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void what_would_steer_a_terminal_is_spelt_out(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {{"", ""},
                 {"größer 2 \xe2\x86\x92 3", "größer 2 \xe2\x86\x92 3"},
                 {"\033[31mred\r\n", "\\x1b[31mred\\x0d\\x0a"},
                 {"\177\xc2\x9b"
                  "2J",
                  "\\x7f\\xc2\\x9b2J"},
                 {"\x9b"
                  "2J\xff",
                  "\\x9b2J\\xff"}};
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        printable(cases[i].text, out, sizeof out);
        assert_string_equal(out, cases[i].shown);
    }
}

static void what_has_no_room_is_cut_between_characters(void **state) {
    (void)state;
    char out[8];
    for (size_t room = 1; room <= sizeof out; room++) {
        memset(out, '?', sizeof out);
        printable("aß\033b", out, room); /* 1, 2, 4 and 1 bytes */
        assert_int_equal(strlen(out), room <= 1 ? 0 : room <= 3 ? 1 : room <= 7 ? 3 : 7);
    }
}

static void an_error_is_printable(void **state) {
    (void)state;
    Error e = {0};
    assert_false((fail)(&e, EXIT_USAGE, "runs: %s: two\nlines", "\033]0;title\a"));
    assert_string_equal(e.text, "runs: \\x1b]0;title\\x07: two lines");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_would_steer_a_terminal_is_spelt_out),
        cmocka_unit_test(what_has_no_room_is_cut_between_characters),
        cmocka_unit_test(an_error_is_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
