/* ablations/probe/id_rows.c: numbers as the user gives them, as rows; and what is refused. */
#include "tests/data/fixture.h"

#include "ablations/probe/id_rows.h"

static Path file_of(void **state, const char *text) {
    Path p = path_of("%s/ids.json", ((Path *)*state)->s);
    write_text(p.s, text);
    return p;
}

static void lines_and_a_list_of_rows_are_the_same_rows_taken_as_they_are(void **state) {
    static const char *const texts[] = {"[5, 1, 2, 3]\n[0,4,4,1]\n", "[[5,1,2,3],\n [0,4,4,1]]",
                                        "[5,1,2,3] [[0,4,4,1]]"};
    const int32_t x[] = {5, 1, 2, 0, 4, 4}, y[] = {1, 2, 3, 4, 4, 1};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Path p = file_of(state, texts[i]);
        ProbeRows rows = {0};
        Error e = {0};
        check(id_rows_read(&rows, p.s, 6, 3, &e), &e);
        assert_int_equal(rows.rows, 2);
        assert_int_equal(rows.T, 3);
        assert_memory_equal(rows.at.x, x, sizeof x);
        assert_memory_equal(rows.at.y, y, sizeof y);
        probe_rows_free(&rows);
    }
}

static void a_file_of_tokens_is_rows_one_behind_the_other(void **state) {
    const uint16_t token[] = {5, 1, 2, 3, 0, 4, 4, 1, 9};
    const int32_t x[] = {5, 1, 2, 3, 0, 4}, y[] = {1, 2, 3, 0, 4, 4};
    Path p = path_of("%s/ids.bin", ((Path *)*state)->s);
    ProbeRows rows = {0};
    Error e = {0};
    check(file_write(p.s, token, sizeof token, &e), &e);
    check(id_rows_of_shard(&rows, p.s, 6, 2, 3, &e), &e);
    assert_int_equal(rows.rows, 2);
    assert_int_equal(rows.T, 3);
    assert_memory_equal(rows.at.x, x, sizeof x);
    assert_memory_equal(rows.at.y, y, sizeof y);
    probe_rows_free(&rows);
    assert_false(id_rows_of_shard(&rows, p.s, 6, 4, 2, &e)); /* as far as the 9 */
    assert_non_null(strstr(e.text, "place 8: 9 is not a token of this model, 0 to 5"));
}

static void numbers_that_are_no_rows_are_refused(void **state) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"[5, 1]\n[1, 6]", "row 1, place 1: not a token of this model, 0 to 5"},
        {"[5, -1]", "row 0, place 1: not a token"},
        {"[5, 1.5]", "row 0, place 1: not a token"},
        {"[5, 99999999999]", "row 0, place 1: not a token"},
        {"[5, 1]\n[1, 2, 3]", "row 1 has 3 numbers, row 0 has 2"},
        {"[1, 2, 3, 4, 5]", "5 numbers are more than the model's context and a last target, 4"},
        {"[1]", "1 numbers (at least 2)"},
        {"[]", "0 numbers (at least 2)"},
        {"", "holds no row"},
        {"{\"a\": [1, 2]}", "not a list of numbers"},
        {"[[1, 2], 3]", "a number among rows"},
        {"1 2 3", "no JSON"},
        {"[1, 2", "no JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Path p = file_of(state, cases[i].text);
        ProbeRows rows = {0};
        Error e = {0};
        if (id_rows_read(&rows, p.s, 6, 3, &e)) fail_msg("%s: not refused", cases[i].text);
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i].why)) fail_msg("%s: %s", cases[i].text, e.text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(lines_and_a_list_of_rows_are_the_same_rows_taken_as_they_are),
                                       TEST(a_file_of_tokens_is_rows_one_behind_the_other),
                                       TEST(numbers_that_are_no_rows_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
