/* Bigram-Backcopy: its table against hand counts, its rows against its table and its oracle. */
#include "tests/data/fixture.h"

#include "data/backcopy.h"

#include <math.h>

enum { T = 128, ROWS = 2000 };

static void build(Backcopy *b, const char *text, int64_t size) {
    Error e = {0};
    BigramCounts *counts = calloc(1, sizeof *counts);
    bigram_count(counts, text, size);
    check(backcopy_build(b, counts, "test", &e), &e);
    free(counts);
}

/* aaaabbbcccdd as a circle: frequencies 4 3 3 2, equal ones in the order of bytes. */
static void bigrams_are_counted_around_a_circle(void **state) {
    (void)state;
    static const char text[] = "aaaabbbcccdd";
    Backcopy b;
    build(&b, text, sizeof text - 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(b.symbol['a' + i], i);
        assert_int_equal(b.byte[i], 'a' + i);
    }
    static const double next[4][4] = {
        {3 / 4., 1 / 4., 0, 0}, {0, 2 / 3., 1 / 3., 0}, {0, 0, 2 / 3., 1 / 3.}, {1 / 2., 0, 0, 1 / 2.}};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) assert_true(fabs(weights_share(&b.next[i], j) - next[i][j]) < 1e-15);
    assert_true(weights_share(&b.first, 3) == 1 && weights_share(&b.first, 0) == 0);
}

static void made(Backcopy *b) {
    Bytes text = made_text(30000, 11);
    build(b, text.data, text.size);
    bytes_free(&text);
}

static void a_trigger_is_followed_by_the_symbol_before_it(void **state) {
    (void)state;
    Backcopy b;
    made(&b);
    Rows r = rows_new(T);
    int64_t copies = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        backcopy_train_row(&b, 1, i, T, 0, &r);
        assert_int_equal(r.x[0], BACKCOPY_BOS);
        assert_true(r.x[1] >= BACKCOPY_TRIGGERS); /* never a trigger: it would have nothing to copy */
        for (int t = 0; t < T; t++) {
            assert_int_equal(r.kind[t], r.x[t] < BACKCOPY_TRIGGERS);
            assert_int_equal(r.doc_start[t], 0);
            assert_true(r.y[t] >= 0 && r.y[t] < BACKCOPY_SYMBOLS);
            if (t) assert_int_equal(r.x[t], r.y[t - 1]);
            if (r.kind[t]) assert_int_equal(r.y[t], r.x[t - 1]);
            copies += r.kind[t];
        }
    }
    assert_true(copies > ROWS);
    rows_free(&r);
}

/* Chi-square of the successors of every other symbol against its row of the table, and the mean
 * surprise against the oracle; 5 sigma each. */
static void other_symbols_follow_the_table(void **state) {
    (void)state;
    Backcopy b;
    made(&b);
    static int64_t seen[BACKCOPY_SYMBOLS][BACKCOPY_SYMBOLS];
    memset(seen, 0, sizeof seen);
    Rows r = rows_new(BACKCOPY_ORACLE_T);
    double surprise = 0, squares = 0, n = 0;
    for (int64_t i = 0; i < ROWS; i++) {
        backcopy_train_row(&b, 2, i, BACKCOPY_ORACLE_T, 0, &r);
        for (int t = 0; t < BACKCOPY_ORACLE_T; t++) {
            if (r.kind[t]) continue;
            double s = -log(weights_share(t ? &b.next[r.x[t]] : &b.first, r.y[t]));
            surprise += s, squares += s * s, n++;
            if (t) seen[r.x[t]][r.y[t]]++;
        }
    }
    double mean = surprise / n, error = sqrt((squares / n - mean * mean) / n);
    assert_true(fabs(mean - b.oracle_other) < 5 * error + 5 * error); /* the oracle's sample errs too */
    double chi = 0, freedom = 0;
    for (int i = BACKCOPY_TRIGGERS; i < BACKCOPY_SYMBOLS; i++) {
        double total = 0;
        for (int j = 0; j < BACKCOPY_SYMBOLS; j++) total += (double)seen[i][j];
        for (int j = 0; j < BACKCOPY_SYMBOLS; j++) {
            double expected = total * weights_share(&b.next[i], j);
            if (expected == 0) assert_int_equal(seen[i][j], 0);
            if (expected < 10) continue;
            chi += ((double)seen[i][j] - expected) * ((double)seen[i][j] - expected) / expected;
            freedom++;
        }
    }
    assert_true(freedom > 100 && chi < freedom + 5 * sqrt(2 * freedom));
    rows_free(&r);
}

static void a_row_depends_on_seed_and_number_alone(void **state) {
    (void)state;
    Backcopy b;
    made(&b);
    Rows one = rows_new(T), two = rows_new(T), three = rows_new(T);
    backcopy_train_row(&b, 3, 70, T, 0, &one);
    backcopy_train_row(&b, 3, 71, T, 0, &two);
    assert_memory_not_equal(one.x, two.x, T * 4);
    backcopy_train_row(&b, 4, 70, T, 0, &two);
    assert_memory_not_equal(one.x, two.x, T * 4);
    backcopy_train_row(&b, 3, 70, T / 2, 0, &two);
    assert_memory_equal(one.x, two.x, T / 2 * 4); /* a shorter row is the beginning of a longer one */
    backcopy_train_row(&b, 0, 5, T, 0, &one);
    backcopy_heldout_row(&b, 5, T, true, 0, &two);
    assert_memory_not_equal(one.x, two.x, T * 4);
    backcopy_heldout_row(&b, 5, T, false, 0, &three);
    assert_true(three.x[0] >= BACKCOPY_TRIGGERS && three.x[0] < BACKCOPY_SYMBOLS);
    assert_memory_equal(two.x + 1, three.x + 1, (T - 1) * 4);
    rows_free(&one);
    rows_free(&two);
    rows_free(&three);
}

static void a_text_of_too_few_symbols_is_refused(void **state) {
    (void)state;
    Error e = {0};
    Backcopy b;
    BigramCounts *counts = calloc(1, sizeof *counts);
    bigram_count(counts, "ababcc", 6);
    assert_false(backcopy_build(&b, counts, "test", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    free(counts);
}

/* More than 64 different bytes: the rare ones are one symbol. */
static void bytes_too_rare_for_a_symbol_share_one(void **state) {
    (void)state;
    char text[256 + 64];
    for (int i = 0; i < 256; i++) text[i] = (char)i;
    for (int i = 0; i < 64; i++) text[256 + i] = (char)('0' + i); /* twice: these are named */
    Backcopy b;
    build(&b, text, sizeof text);
    assert_int_equal(b.symbol['0'], 0);
    assert_int_equal(b.symbol['0' + 63], 63);
    assert_int_equal(b.symbol[0], BACKCOPY_BYTES);
    assert_int_equal(b.symbol[255], BACKCOPY_BYTES);
    assert_int_equal(b.byte[BACKCOPY_BYTES], '?');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bigrams_are_counted_around_a_circle),
        cmocka_unit_test(a_trigger_is_followed_by_the_symbol_before_it),
        cmocka_unit_test(other_symbols_follow_the_table),
        cmocka_unit_test(a_row_depends_on_seed_and_number_alone),
        cmocka_unit_test(a_text_of_too_few_symbols_is_refused),
        cmocka_unit_test(bytes_too_rare_for_a_symbol_share_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
