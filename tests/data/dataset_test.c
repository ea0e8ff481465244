/* data.h as the rest of the program uses it: pairing, limits, probes, checks, bad input. */
#include "tests/data/fixture.h"

#include "data/backcopy.h"
#include "data/rows.h"

#include <math.h>
#include <unistd.h>

enum { STEP = 2048 };

/* One folder for all: 30 documents of made-up words, a cache, the current data set's source. */
static int setup(void **state) {
    Path *p = malloc(sizeof *p);
    *p = fresh_folder();
    Error e = {0};
    check(folder_make(path_of("%s/text", p->s).s, &e), &e);
    for (int i = 0; i < 30; i++) {
        Bytes b = made_text(400 + 20 * i, 100 + (uint64_t)i);
        check(file_write(path_of("%s/text/%02d", p->s, i).s, b.data, b.size, &e), &e);
        bytes_free(&b);
    }
    *state = p;
    return 0;
}

static Path text_of(void **state) {
    return path_of("%s/text", ((Path *)*state)->s);
}
static Path cache_of(void **state) {
    return path_of("%s/cache", ((Path *)*state)->s);
}

static Dataset *open_with(void **state, int bos, int mask, int64_t limit) {
    DataConfig c = config_of(text_of(state).s, TOKENIZER_BYTES);
    c.bos = bos;
    c.mask = mask;
    c.limit = limit;
    return open_ok(&c, cache_of(state).s);
}

/* The targets of step s are the same, in order, for every context that divides the block, with BOS
 * or without, under either mask; so are the inputs, but for position 0 of a row under `row`. */
static void a_step_has_the_same_targets_whatever_context_bos_and_mask(void **state) {
    Dataset *plain = open_with(state, BOS_NONE, MASK_CAUSAL, 0);
    Dataset *others[] = {open_with(state, BOS_NONE, MASK_DOCUMENT, 0),
                         open_with(state, BOS_ROW, MASK_CAUSAL, 0),
                         open_with(state, BOS_ROW, MASK_DOCUMENT, 0)};
    Rows a = rows_new(STEP), b = rows_new(STEP);
    for (int64_t step = 0; step < 40; step++) {
        dataset_train_rows(plain, 6, step, 1, STEP, &a);
        for (int k = 0; k < 3; k++)
            for (int T = 32; T <= 512; T *= 2) {
                dataset_train_rows(others[k], 6, step * (STEP / T), STEP / T, T, &b);
                assert_memory_equal(a.y, b.y, STEP * 4);
                for (int i = 0; i < STEP; i++) {
                    bool bos = k > 0 && i % T == 0;
                    assert_int_equal(b.x[i], bos ? dataset_info(plain)->bos : a.x[i]);
                }
            }
    }
    for (int k = 0; k < 3; k++) dataset_close(others[k]);
    dataset_close(plain);
    rows_free(&a);
    rows_free(&b);
}

static void rows_are_the_same_in_any_order(void **state) {
    enum { T = 64, N = 300 };
    Dataset *d = open_with(state, BOS_ROW, MASK_DOCUMENT, 0);
    Rows all = rows_new(N * T), one = rows_new(T);
    dataset_train_rows(d, 8, 17, N, T, &all);
    for (int k = 0; k < N; k++) {
        int i = k * 7 % N; /* 7 and N share no factor */
        dataset_train_rows(d, 8, 17 + i, 1, T, &one);
        assert_memory_equal(one.x, all.x + i * T, T * 4);
        assert_memory_equal(one.y, all.y + i * T, T * 4);
        assert_memory_equal(one.doc_start, all.doc_start + i * T, T * 4);
    }
    dataset_close(d);
    rows_free(&all);
    rows_free(&one);
}

static Dataset *open_fixed(void **state, int bos, int64_t at) {
    DataConfig c = config_of(text_of(state).s, TOKENIZER_BYTES);
    c.bos = bos;
    c.fixed_token_at = at;
    return open_ok(&c, cache_of(state).s);
}

/* BOS fixed at position 0 of rows without one are the rows of `row`; elsewhere it changes that token alone;
 * a random first token changes x_0 alone, not alike from row to row, and is a function of (seed, row). */
static void first_tokens_change_nothing_but_themselves(void **state) {
    enum { T = 64, ROWS = STEP / T };
    Dataset *none = open_with(state, BOS_NONE, MASK_CAUSAL, 0),
            *row = open_with(state, BOS_ROW, MASK_CAUSAL, 0);
    Dataset *at[] = {open_fixed(state, BOS_NONE, 0), open_fixed(state, BOS_NONE, 5)};
    Dataset *random = open_with(state, BOS_RANDOM_FIRST, MASK_CAUSAL, 0);
    Rows a = rows_new(STEP), b = rows_new(STEP), c = rows_new(STEP);
    int32_t bos = dataset_info(none)->bos;
    dataset_train_rows(row, 6, 0, ROWS, T, &a);
    dataset_train_rows(at[0], 6, 0, ROWS, T, &b);
    assert_memory_equal(a.x, b.x, STEP * 4);
    dataset_train_rows(none, 6, 0, ROWS, T, &a);
    dataset_train_rows(at[1], 6, 0, ROWS, T, &b);
    dataset_train_rows(random, 6, 0, ROWS, T, &c);
    int differ = 0;
    for (int i = 0; i < STEP; i++) {
        assert_int_equal(b.x[i], i % T == 5 ? bos : a.x[i]);
        if (i % T) assert_int_equal(c.x[i], a.x[i]);
        if (i >= T && i % T == 0) differ += c.x[i] != c.x[i - T];
    }
    assert_memory_equal(a.y, b.y, STEP * 4);
    assert_memory_equal(a.y, c.y, STEP * 4);
    assert_true(differ > ROWS / 2);
    dataset_train_rows(random, 6, ROWS - 1, 1, T, &b); /* the last row, asked for alone */
    assert_memory_equal(b.x, c.x + STEP - T, T * 4);
    Dataset *all[] = {none, row, at[0], at[1], random};
    for (int i = 0; i < 5; i++) dataset_close(all[i]);
    rows_free(&a);
    rows_free(&b);
    rows_free(&c);
}

static void a_limit_cuts_the_text_and_a_larger_one_does_nothing(void **state) {
    enum { T = 128, N = 200 };
    static const int policies[] = {BOS_NONE, BOS_DOCUMENT};
    for (int k = 0; k < 2; k++) {
        Dataset *whole = open_with(state, policies[k], MASK_CAUSAL, 0);
        int64_t tokens = dataset_info(whole)->train_tokens;
        Dataset *exact = open_with(state, policies[k], MASK_CAUSAL, tokens);
        Dataset *more = open_with(state, policies[k], MASK_CAUSAL, tokens * 3);
        Dataset *less = open_with(state, policies[k], MASK_CAUSAL, 2 * DATA_BLOCK + 1);
        Rows a = rows_new(N * T), b = rows_new(N * T);
        dataset_train_rows(whole, 3, 0, N, T, &a);
        Dataset *same[] = {exact, more};
        for (int i = 0; i < 2; i++) {
            dataset_train_rows(same[i], 3, 0, N, T, &b);
            assert_memory_equal(a.x, b.x, N * T * 4);
            assert_memory_equal(a.y, b.y, N * T * 4);
            assert_memory_equal(a.doc_start, b.doc_start, N * T * 4);
        }
        assert_int_equal(dataset_info(less)->train_tokens, 2 * DATA_BLOCK + 1);
        assert_true(dataset_info(less)->train_documents < dataset_info(whole)->train_documents);
        Error e = {0};
        check(dataset_check(less, T, 2 * DATA_BLOCK / T, &e), &e);
        assert_false(dataset_check(less, T, 2 * DATA_BLOCK / T + 1, &e));
        dataset_train_rows(less, 3, 0, 2 * DATA_BLOCK / T, T, &a); /* one epoch ... */
        dataset_train_rows(less, 3, 2 * DATA_BLOCK / T, 2 * DATA_BLOCK / T, T, &b);
        int64_t sum_a = 0, sum_b = 0;
        for (int i = 0; i < 2 * DATA_BLOCK; i++) sum_a += a.y[i] * a.y[i], sum_b += b.y[i] * b.y[i];
        assert_int_equal(sum_a, sum_b); /* ... is the same text as the next */
        rows_free(&a);
        rows_free(&b);
        dataset_close(whole), dataset_close(exact), dataset_close(more), dataset_close(less);
    }
}

/* The document mask changes no row that lies in one document, and of the others only how far back a token
 * sees. */
static void the_document_mask_changes_no_row_of_one_document(void **state) {
    enum { T = 64, N = 300 };
    Error e = {0};
    DataConfig c = config_of(text_of(state).s, TOKENIZER_BYTES);
    Dataset *causal = open_ok(&c, cache_of(state).s);
    c.mask = MASK_DOCUMENT;
    Dataset *document = open_ok(&c, cache_of(state).s);
    check(dataset_check(document, T, 1, &e), &e);
    Rows a = rows_new(N * T), b = rows_new(N * T);
    dataset_train_rows(causal, 3, 0, N, T, &a);
    dataset_train_rows(document, 3, 0, N, T, &b);
    assert_memory_equal(a.x, b.x, N * T * 4);
    assert_memory_equal(a.y, b.y, N * T * 4);
    int of_one = 0;
    for (int i = 0; i < N; i++) of_one += !memcmp(a.doc_start + i * T, b.doc_start + i * T, T * 4);
    assert_true(of_one > N / 2 && of_one < N);
    rows_free(&a);
    rows_free(&b);
    dataset_close(causal), dataset_close(document);
}

static void heldout_rows_follow_the_text(void **state) {
    enum { T = 100 };
    Dataset *d = open_with(state, BOS_NONE, MASK_CAUSAL, 0);
    int64_t rows = dataset_heldout_rows(d, T);
    assert_int_equal(rows, (dataset_info(d)->heldout_tokens - 1) / T);
    Rows r = rows_new(rows * T);
    dataset_heldout_rows_get(d, 0, (int)rows, T, &r);
    for (int64_t i = 0; i + 1 < rows * T; i++) assert_int_equal(r.y[i], r.x[i + 1]);
    rows_free(&r);
    dataset_close(d);
}

static void probes_show_the_same_text_with_bos_or_without(void **state) {
    enum { T = 32, N = 40 };
    Dataset *d[] = {open_with(state, BOS_ROW, MASK_CAUSAL, 0), open_with(state, BOS_NONE, MASK_CAUSAL, 0),
                    open_with(state, BOS_DOCUMENT, MASK_CAUSAL, 0)};
    Error e = {0};
    Rows a = rows_new(N * T), b = rows_new(N * T);
    check(dataset_probe_rows(d[0], 1, 0, N, T, true, &a, &e), &e);
    for (int k = 0; k < 3; k++) { /* the same text whatever the policy, with BOS or without */
        check(dataset_probe_rows(d[k], 1, 0, N, T, k == 1, &b, &e), &e);
        assert_memory_equal(a.y, b.y, N * T * 4);
        for (int i = 0; i < N; i++) {
            assert_int_equal(a.x[i * T], dataset_info(d[0])->bos);
            assert_int_equal(b.x[i * T] == dataset_info(d[0])->bos, k == 1);
            assert_memory_equal(a.x + i * T + 1, b.x + i * T + 1, (T - 1) * 4);
        }
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) assert_memory_not_equal(a.y + i * T, a.y + j * T, T * 4);
    check(dataset_probe_rows(d[0], 2, 0, N, T, true, &b, &e), &e);
    assert_memory_not_equal(a.y, b.y, N * T * 4);
    check(dataset_probe_rows(d[0], 1, 1, N, T, true, &b, &e), &e);
    assert_memory_not_equal(a.y, b.y, N * T * 4);
    assert_false(dataset_probe_rows(d[0], 1, 0, 1 << 20, T, true, &b, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    for (int k = 0; k < 3; k++) dataset_close(d[k]);
    rows_free(&a);
    rows_free(&b);
}

static void a_dataset_says_what_it_is(void **state) {
    DataConfig c = config_of(text_of(state).s, TOKENIZER_BPE);
    Dataset *d = open_ok(&c, cache_of(state).s);
    const DatasetInfo *i = dataset_info(d);
    assert_int_equal(i->vocab, 400);
    assert_int_equal(i->bos, 1);
    assert_true(i->bytes_per_token > 1.5 && i->bytes_per_token < 8);
    assert_int_equal(strlen(i->corpus_hash), 32);
    assert_int_equal(strlen(i->tokenizer_hash), 32);
    assert_string_equal(i->licence, "unknown");
    assert_true(isnan(i->oracle_other));
    assert_int_equal(access(path_of("%s/tokenizer.model", i->path).s, R_OK), 0);
    static const char text[] = "any text, \xE2\x96\x81 too\n\xFF";
    Error e = {0};
    int32_t *tokens;
    int64_t n;
    char *back;
    check(dataset_encode(d, text, sizeof text - 1, &tokens, &n, &e), &e);
    check(dataset_decode(d, tokens, n, &back, &e), &e);
    assert_string_equal(text, back);
    free(tokens);
    free(back);
    dataset_close(d);
}

static void the_synthetic_task_begins_every_row_with_bos(void **state) {
    enum { T = 64, N = 8 };
    Path source = path_of("bigram_backcopy:%s", text_of(state).s);
    DataConfig c = config_of(source.s, TOKENIZER_BPE);
    c.bos = BOS_NONE;
    Dataset *d = open_ok(&c, cache_of(state).s);
    const DatasetInfo *i = dataset_info(d);
    Error e = {0};
    assert_int_equal(i->vocab, BACKCOPY_VOCAB);
    assert_true(i->oracle_trigger == 0 && i->oracle_other > 0.5 && i->oracle_other < log(27));
    check(dataset_check(d, T, 1 << 20, &e), &e);
    assert_true(dataset_heldout_rows(d, T) * T >= 262144);
    Rows a = rows_new(N * T), b = rows_new(N * T);
    dataset_train_rows(d, 0, 0, N, T, &a);
    dataset_heldout_rows_get(d, 0, N, T, &b);
    for (int k = 0; k < N; k++) assert_true(a.x[k * T] == BACKCOPY_BOS && b.x[k * T] == BACKCOPY_BOS);
    check(dataset_probe_rows(d, 0, 0, N, T, false, &a, &e), &e);
    for (int k = 0; k < N; k++) assert_int_not_equal(a.x[k * T], BACKCOPY_BOS);
    rows_free(&a);
    rows_free(&b);
    dataset_close(d);
}

static void check_refused(void **state, const DataConfig *c, const char *why) {
    Error e = {0};
    Dataset *d;
    assert_false(dataset_open(&d, c, cache_of(state).s, NULL, &e));
    assert_null(d);
    assert_int_equal(e.code, EXIT_USAGE);
    if (!strstr(e.text, why)) fail_msg("%s: says not: %s", e.text, why);
}

static void data_that_cannot_be_had_is_refused_with_its_key(void **state) {
    Path text = text_of(state);
    DataConfig c = config_of("gcide", TOKENIZER_BYTES);
    check_refused(state, &c, "sinklab fetch gcide");
    c = config_of("bigram_backcopy", TOKENIZER_BYTES);
    check_refused(state, &c, "sinklab fetch gcide");
    c = config_of("bigram_backcopy:", TOKENIZER_BYTES);
    check_refused(state, &c, "data.source");
    c = config_of(text.s, TOKENIZER_BPE);
    c.vocab = 100;
    check_refused(state, &c, "data.vocab: 100: must lie within");
    c.vocab = 65537;
    check_refused(state, &c, "data.vocab: 65537: must lie within");
    c.vocab = 30000;
    check_refused(state, &c, "at most");
    c = config_of(text.s, TOKENIZER_BYTES);
    c.limit = -1;
    check_refused(state, &c, "data.limit");
}

/* Where nothing begins within the text, keys that tell documents apart would name the same run twice. */
static void policies_of_documents_need_several(void **state) {
    Path one = path_of("%s/one.txt", ((Path *)*state)->s);
    write_made_text(one.s, 4000);
    DataConfig c = config_of(one.s, TOKENIZER_BYTES);
    c.mask = MASK_DOCUMENT;
    check_refused(state, &c, "data.mask: document: ");
    check_refused(state, &c, "so this is the causal mask");
    c = config_of(one.s, TOKENIZER_BYTES);
    c.bos = BOS_DOCUMENT;
    check_refused(state, &c, "data.bos: document: ");
    c = config_of(text_of(state).s, TOKENIZER_BYTES);
    c.mask = MASK_DOCUMENT;
    c.limit = 1000; /* the first document's beginning; one is held out */
    check_refused(state, &c, "reaches a second document");
    c.limit = 0;
    dataset_close(open_ok(&c, cache_of(state).s));
}

static void a_text_too_short_for_the_run_is_refused(void **state) {
    Path path = path_of("%s/short", ((Path *)*state)->s);
    Bytes b = made_text(3000, 5);
    Error e = {0};
    check(file_write(path.s, b.data, DATA_BLOCK, &e), &e); /* less than a block once a part is held out */
    DataConfig c = config_of(path.s, TOKENIZER_BYTES);
    Dataset *d = open_ok(&c, cache_of(state).s);
    assert_false(dataset_check(d, 32, 1, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "too few"));
    dataset_close(d);
    check(file_write(path.s, b.data, 2 * DATA_BLOCK, &e), &e);
    d = open_ok(&c, cache_of(state).s);
    check(dataset_check(d, 32, DATA_BLOCK / 32, &e), &e);
    assert_false(dataset_check(d, 32, DATA_BLOCK / 32 + 1, &e));
    assert_false(dataset_check(d, 1024, 1, &e)); /* no held-out row of this length */
    assert_non_null(strstr(e.text, "held-out"));
    dataset_close(d);
    bytes_free(&b);
}

static void policies_have_names_and_nothing_else_has(void **state) {
    (void)state;
    assert_string_equal(tokenizer_name(TOKENIZER_BPE), "bpe");
    assert_string_equal(bos_policy_name(BOS_DOCUMENT), "document");
    assert_string_equal(mask_policy_name(MASK_CAUSAL), "causal");
    assert_null(tokenizer_name(TOKENIZERS));
    assert_null(bos_policy_name(BOS_POLICIES));
    assert_null(mask_policy_name(MASK_POLICIES));
    assert_null(mask_policy_name(-1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_has_the_same_targets_whatever_context_bos_and_mask),
        cmocka_unit_test(rows_are_the_same_in_any_order),
        cmocka_unit_test(a_limit_cuts_the_text_and_a_larger_one_does_nothing),
        cmocka_unit_test(heldout_rows_follow_the_text),
        cmocka_unit_test(probes_show_the_same_text_with_bos_or_without),
        cmocka_unit_test(a_dataset_says_what_it_is),
        cmocka_unit_test(the_synthetic_task_begins_every_row_with_bos),
        cmocka_unit_test(data_that_cannot_be_had_is_refused_with_its_key),
        cmocka_unit_test(a_text_too_short_for_the_run_is_refused),
        cmocka_unit_test(policies_have_names_and_nothing_else_has),
        cmocka_unit_test(first_tokens_change_nothing_but_themselves),
        cmocka_unit_test(the_document_mask_changes_no_row_of_one_document),
        cmocka_unit_test(policies_of_documents_need_several),
    };
    return cmocka_run_group_tests(tests, setup, teardown_folder);
}
