/* Tasks with labels: their rows against the rules that labels.h states, their oracle against the losses of a
 * predictor that knows the rule. */
#include "tests/data/fixture.h"

#include "data/labels.h"

#include <math.h>

enum { T = 96, ROWS = 400 };
static const double NOOPS[] = {0, 0.25, 1};

/* A naive reading of the rule: at a trigger the target is one of the letters before it, elsewhere nothing. */
static void a_trigger_asks_for_the_mean_of_the_letters_before_it(void **state) {
    (void)state;
    const LabelTask *k = label_task("trigger_mean");
    Rows r = rows_new(T);
    int64_t triggers = 0, drawn[2] = {0};
    for (int64_t i = 0; i < ROWS; i++) {
        label_train_row(k, 0, 1, i, T, 0, &r);
        assert_int_equal(r.x[0], label_bos(k));
        assert_true(r.x[1] < MEAN_LETTERS);
        for (int t = 0; t < T; t++) {
            bool trigger = r.x[t] == MEAN_LETTERS, seen = false;
            assert_int_equal(r.kind[t], trigger ? CLASS_TRIGGER : CLASS_OTHER);
            assert_int_equal(r.doc_start[t], 0);
            for (int b = 0; b < t; b++) seen |= r.x[b] < MEAN_LETTERS && r.x[b] == r.y[t];
            assert_true(trigger ? seen : r.y[t] == MEAN_LETTERS + 1);
            triggers += trigger;
            if (trigger && t == 3 && r.x[1] != r.x[2] && r.x[2] < MEAN_LETTERS) drawn[r.y[t] == r.x[2]]++;
        }
    }
    double share = (double)triggers / (ROWS * (T - 2.0));
    assert_true(fabs(share - 1 / 8.) < 5 * sqrt(1 / 8. * 7 / 8 / (ROWS * (T - 2.0))));
    double n = (double)(drawn[0] + drawn[1]);
    assert_true(n > 20 && fabs((double)drawn[0] - n / 2) < 5 * sqrt(n) / 2); /* either letter as often */
    rows_free(&r);
}

static void a_query_asks_for_its_keys_value_and_a_noop_for_nothing(void **state) {
    (void)state;
    const LabelTask *k = label_task("retrieval");
    enum { FROM = 1 + 2 * RETRIEVAL_PAIRS };
    Rows r = rows_new(T);
    for (int dial = 0; dial < 3; dial++) {
        int64_t noops = 0;
        for (int64_t i = 0; i < ROWS; i++) {
            int value[2 * RETRIEVAL_SYMBOLS] = {0};
            label_train_row(k, NOOPS[dial], 1, i, T, 0, &r);
            assert_int_equal(r.x[0], label_bos(k));
            for (int t = 0; t < FROM; t++) assert_true(r.y[t] == -1 && r.kind[t] == CLASS_OTHER);
            for (int t = 1; t < FROM; t += 2) {
                assert_true(r.x[t] < RETRIEVAL_SYMBOLS && !value[r.x[t]]); /* a key stands once */
                assert_in_range(value[r.x[t]] = r.x[t + 1], RETRIEVAL_SYMBOLS, 2 * RETRIEVAL_SYMBOLS - 1);
            }
            for (int t = FROM; t < T; t++) {
                bool noop = r.x[t] == 2 * RETRIEVAL_SYMBOLS;
                assert_int_equal(r.kind[t], noop ? CLASS_NOOP : CLASS_TRIGGER);
                assert_int_equal(r.y[t], noop ? r.x[t] + 1 : value[r.x[t]]);
                assert_true(noop || r.y[t]);
                noops += noop;
            }
        }
        double n = ROWS * (T - FROM), p = NOOPS[dial];
        assert_true(fabs((double)noops - n * p) <= 5 * sqrt(n * p * (1 - p)));
    }
    rows_free(&r);
}

static void rows_of_labels_are_pure_functions_of_seed_and_number(void **state) {
    (void)state;
    Rows a = rows_new(T), b = rows_new(T);
    for (const LabelTask *k = label_tasks; k->name; k++) {
        label_train_row(k, 0.5, 3, 70, T, 0, &a);
        label_train_row(k, 0.5, 3, 70, T / 2, 0, &b);
        assert_memory_equal(a.x, b.x, T / 2 * sizeof *a.x);
        assert_memory_equal(a.y, b.y, T / 2 * sizeof *a.y);
        label_train_row(k, 0.5, 3, 71, T, 0, &b);
        assert_memory_not_equal(a.x, b.x, T * sizeof *a.x);
        label_train_row(k, 0.5, 4, 70, T, 0, &b);
        assert_memory_not_equal(a.x, b.x, T * sizeof *a.x);
        label_heldout_row(k, 0.5, 5, T, true, 0, &a);
        label_heldout_row(k, 0.5, 5, T, false, 0, &b);
        assert_int_not_equal(a.x[0], b.x[0]);
        assert_memory_equal(a.x + 1, b.x + 1, (T - 1) * sizeof *a.x);
        for (int t = 0; t < T; t++) assert_in_range(a.x[t], 0, label_bos(k));
    }
    rows_free(&a);
    rows_free(&b);
}

/* The mean as a prediction: its loss over many triggers is the oracle's entropy. */
static void the_oracle_is_the_loss_of_the_mean(void **state) {
    (void)state;
    const LabelTask *k = label_task("trigger_mean");
    Rows r = rows_new(LABELS_ORACLE_T);
    double loss = 0, n = 0;
    for (int64_t i = 0; i < 1000; i++) {
        label_train_row(k, 0, 9, i, LABELS_ORACLE_T, 0, &r);
        for (int t = 2; t < LABELS_ORACLE_T; t++) {
            int same = 0, letters = 0;
            for (int b = 0; b < t && r.kind[t]; b++) {
                letters += r.x[b] < MEAN_LETTERS;
                same += r.x[b] == r.y[t];
            }
            if (letters) loss -= log((double)same / letters), n++;
        }
    }
    assert_true(fabs(loss / n - label_oracle(k, 0)) < 0.02);
    assert_true(label_oracle(label_task("retrieval"), 0.5) == 0);
    assert_true(isnan(label_oracle(label_task("retrieval"), 1))); /* nobody asks */
    rows_free(&r);
}

static void a_task_with_labels_takes_no_text(void **state) {
    for (const LabelTask *k = label_tasks; k->name; k++) {
        DataConfig c = config_of(k->name, TOKENIZER_BPE);
        Dataset *d = open_ok(&c, ((Path *)*state)->s);
        Error e = {0};
        int32_t *tokens, two[] = {0, 1};
        int64_t n;
        char *text;
        assert_false(dataset_encode(d, "ab", 2, &tokens, &n, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        check(dataset_decode(d, two, 2, &text, &e), &e);
        assert_int_equal(strlen(text), 2);
        free(text);
        assert_int_equal(dataset_info(d)->vocab, label_bos(k) + 1);
        assert_int_equal(data_vocab(&c), label_bos(k) + 1);
        assert_true(data_is_task(&c) && dataset_info(d)->classes);
        dataset_close(d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trigger_asks_for_the_mean_of_the_letters_before_it),
        cmocka_unit_test(a_query_asks_for_its_keys_value_and_a_noop_for_nothing),
        cmocka_unit_test(rows_of_labels_are_pure_functions_of_seed_and_number),
        cmocka_unit_test(the_oracle_is_the_loss_of_the_mean),
        cmocka_unit_test_setup_teardown(a_task_with_labels_takes_no_text, setup_folder, teardown_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
