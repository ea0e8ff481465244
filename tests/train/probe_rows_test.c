/* train/probe_rows.c: what random rows are drawn from, and how many rows a short text gives. */
#include "tests/data/fixture.h"
#include "train/probe_rows.h"

enum { T = 32, DOCUMENTS = 1600 };

/* Documents of a few letters, a file each: BOS before each makes much more of the text. */
static int setup(void **state) {
    setup_folder(state);
    Error e = {0};
    Path folder = path_of("%s/text", ((Path *)*state)->s);
    check(folder_make(folder.s, &e), &e);
    for (int i = 0; i < DOCUMENTS; i++) {
        char text[16];
        snprintf(text, sizeof text, "ab%04d\n", i);
        write_text(path_of("%s/%04d", folder.s, i).s, text);
    }
    return 0;
}

static Dataset *open_short(void **state, int tokenizer, BosPolicy bos) {
    const char *folder = ((Path *)*state)->s;
    DataConfig c = config_of(path_of("%s/text", folder).s, tokenizer);
    c.bos = bos;
    c.vocab = 280;
    return open_ok(&c, path_of("%s/cache", folder).s);
}

/* BOS is the last token of bytes and among the first of a bpe. */
static void random_rows_have_every_token_but_bos(void **state) {
    static const int tokenizers[] = {TOKENIZER_BYTES, TOKENIZER_BPE};
    for (int i = 0; i < 2; i++) {
        Dataset *d = open_short(state, tokenizers[i], BOS_ROW);
        const DatasetInfo *info = dataset_info(d);
        int64_t seen[512] = {0};
        assert_in_range(info->vocab, 257, 512);
        assert_int_equal(info->bos == info->vocab - 1, i == 0);
        for (uint64_t seed = 0; seed < 200; seed++) {
            ProbeRows p = {0};
            Error e = {0};
            check(probe_rows_draw(&p, RANDOM, d, seed, 10000, T, false, &e), &e);
            for (int k = 0; k < p.rows * T; k++) {
                assert_in_range(p.at.x[k], 0, info->vocab - 1);
                seen[p.at.x[k]]++;
            }
            probe_rows_free(&p);
        }
        for (int token = 0; token < info->vocab; token++) assert_true(!seen[token] == (token == info->bos));
        dataset_close(d);
    }
}

static void a_repeated_row_is_one_token(void **state) {
    Dataset *d = open_short(state, TOKENIZER_BPE, BOS_ROW);
    ProbeRows p = {0};
    Error e = {0};
    int others = 0;
    check(probe_rows_draw(&p, REPEATED, d, 1, 20, T, false, &e), &e);
    for (int k = 0; k < p.rows * T; k++) {
        assert_int_equal(p.at.x[k], p.at.x[k / T * T]);
        assert_int_not_equal(p.at.x[k], dataset_info(d)->bos);
        assert_int_equal(p.at.y[k], -1);
        others += p.at.x[k] != p.at.x[0];
    }
    assert_true(others > p.rows * T / 2); /* each row its own */
    probe_rows_free(&p);
    dataset_close(d);
}

static void a_short_text_gives_the_rows_it_has(void **state) {
    static const BosPolicy policies[] = {BOS_NONE, BOS_ROW, BOS_DOCUMENT};
    for (int i = 0; i < 3; i++) {
        Dataset *d = open_short(state, TOKENIZER_BYTES, policies[i]);
        Error e = {0};
        for (ProbeName name = MAIN; name < PROBES; name++) {
            ProbeRows p = {0};
            check(probe_rows_draw(&p, name, d, 1, 10000, T, name == OTHER_BOS, &e), &e);
            assert_in_range(p.rows, 10, 20);
            probe_rows_free(&p);
        }
        dataset_close(d);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_rows_have_every_token_but_bos),
                                       cmocka_unit_test(a_repeated_row_is_one_token),
                                       cmocka_unit_test(a_short_text_gives_the_rows_it_has)};
    return cmocka_run_group_tests(tests, setup, teardown_folder);
}
