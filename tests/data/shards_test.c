/* llm.c's token files, byte for byte, on a stream small enough to write out. */
#include "tests/data/fixture.h"

#include "data/base/listing.h"
#include "data/shards.h"

enum { B = 99 };

static const uint16_t token[] = {10, 11, 12, 20, 21, 30, 31, 32, 33};
static const int64_t start[] = {0, 3, 5, 9};

static Stream stream_of(int bos) {
    Stream s = {.token = token, .start = start, .documents = 3, .bos_id = B, .bos = bos};
    s.length = stream_length(&s);
    return s;
}

/* The file is a header of 1,024 bytes that counts the tokens, and those. */
static void expect_shard(const char *path, const uint16_t *want, int64_t n) {
    Bytes b = {0};
    Error e = {0};
    check(file_read(path, &b, &e), &e);
    assert_int_equal(b.size, 1024 + 2 * n);
    const int32_t *header = (const int32_t *)b.data;
    assert_int_equal(header[0], 20240520);
    assert_int_equal(header[1], 1);
    assert_int_equal(header[2], n);
    for (int i = 3; i < 256; i++) assert_int_equal(header[i], 0);
    assert_memory_equal(b.data + 1024, want, (size_t)(2 * n));
    bytes_free(&b);
}

static void documents_begin_with_bos_across_shards(void **state) {
    const uint16_t want[] = {B, 10, 11, 12, B, 20, 21, B, 30, 31, 32, 33};
    Path folder = path_of("%s/new/shards", ((Path *)*state)->s);
    Stream s = stream_of(BOS_DOCUMENT);
    Error e = {0};
    check(shards_write(&s, folder.s, "train", 5, &e), &e);
    for (int i = 0; i < 3; i++)
        expect_shard(path_of("%s/data_train_%06d.bin", folder.s, i).s, want + 5 * i, i < 2 ? 5 : 2);
    FileList list;
    check(files_list(&list, folder.s, NULL, &e), &e);
    assert_int_equal(list.files, 3); /* nothing temporary is left */
    files_free(&list);
}

static void a_limit_cuts_within_a_document(void **state) {
    Stream plain = stream_of(BOS_ROW), cut = stream_of(BOS_DOCUMENT);
    const uint16_t want[] = {B, 10, 11, 12, B};
    Path folder = *(Path *)*state;
    Error e = {0};
    check(shards_write(&plain, folder.s, "val", 100, &e), &e);
    expect_shard(path_of("%s/data_val_000000.bin", folder.s).s, token, 9);
    cut.length = 5;
    check(shards_write(&cut, folder.s, "val", 100, &e), &e);
    expect_shard(path_of("%s/data_val_000000.bin", folder.s).s, want, 5);
}

/* What dataset_shards writes is what rows are cut from. */
static void shards_hold_the_tokens_that_rows_are_cut_from(void **state) {
    Path text = path_of("%s/text", ((Path *)*state)->s), out = path_of("%s/out", ((Path *)*state)->s);
    write_made_text(text.s, 4000);
    DataConfig c = config_of(text.s, TOKENIZER_BYTES);
    c.bos = BOS_NONE;
    Dataset *d = open_ok(&c, path_of("%s/cache", ((Path *)*state)->s).s);
    Error e = {0};
    check(dataset_shards(d, out.s, &e), &e);
    Bytes b = {0};
    check(file_read(path_of("%s/data_val_000000.bin", out.s).s, &b, &e), &e);
    assert_int_equal(b.size, 1024 + 2 * dataset_info(d)->heldout_tokens);
    Rows r = rows_new(64);
    dataset_heldout_rows_get(d, 2, 1, 64, &r);
    for (int t = 0; t < 64; t++) assert_int_equal(((const uint16_t *)(b.data + 1024))[128 + t], r.x[t]);
    rows_free(&r);
    bytes_free(&b);
    dataset_close(d);
}

static void shards_of_a_task_or_below_a_file_are_refused(void **state) {
    Path text = path_of("%s/text2", ((Path *)*state)->s), cache = path_of("%s/cache", ((Path *)*state)->s);
    write_made_text(text.s, 4000);
    DataConfig c = config_of(path_of("bigram_backcopy:%s", text.s).s, TOKENIZER_BYTES);
    Dataset *d = open_ok(&c, cache.s);
    Error e = {0};
    assert_false(dataset_shards(d, "/tmp", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    dataset_close(d);
    Stream s = stream_of(BOS_NONE);
    e = (Error){0};
    assert_false(shards_write(&s, path_of("%s/x", text.s).s, "train", 5, &e)); /* below a file */
    assert_int_not_equal(e.code, EXIT_DONE);
}

/* ---- read ---- */

static void write_file(const char *path, const int32_t *header, const void *data, int64_t bytes) {
    Bytes b = {0};
    Error e = {0};
    int32_t whole[256] = {0};
    if (header) memcpy(whole, header, 3 * sizeof *header);
    if (header) check(bytes_append(&b, (const char *)whole, sizeof whole, &e), &e);
    check(bytes_append(&b, data, bytes, &e) && file_write(path, b.data, b.size, &e), &e);
    bytes_free(&b);
}

static void every_kind_of_token_file_is_read(void **state) {
    const uint16_t small[] = {7, 65535, 0};
    const uint32_t large[] = {7, 128255, 0};
    const struct {
        const char *name;
        int32_t header[3];
        const void *data;
        int64_t bytes, second;
    } cases[] = {{"a.bin", {20240520, 1, 3}, small, 6, 65535},
                 {"a.tokens", {20240520, 1, 3}, small, 6, 65535},
                 {"b.bin", {20240801, 7, 3}, large, 12, 128255},
                 {"nanogpt.bin", {0}, small, 6, 65535}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Path path = path_of("%s/%s", ((Path *)*state)->s, cases[i].name);
        int64_t *id, n;
        Error e = {0};
        write_file(path.s, *cases[i].header ? cases[i].header : NULL, cases[i].data, cases[i].bytes);
        assert_true(shard_is(path.s));
        check(shard_read(path.s, &id, &n, &e), &e);
        assert_int_equal(n, 3);
        assert_true(id[0] == 7 && id[1] == cases[i].second && id[2] == 0);
        free(id);
    }
}

static void a_token_file_that_is_not_whole_is_refused(void **state) {
    static const struct {
        const char *name;
        int32_t header[3];
        int64_t bytes;
        const char *why;
    } cases[] = {{"a.bin", {20240520, 1, 4}, 6, "is it cut short?"},
                 {"a.bin", {20240520, 1, 3}, 8, "is it cut short?"},
                 {"a.bin", {20240520, 1, -1}, 6, "is it cut short?"},
                 {"a.bin", {20240520, 2, 3}, 6, "a version"},
                 {"a.bin", {20240801, 7, 3}, 6, "is it cut short?"},
                 {"a.bin", {0}, 7, "is no file of tokens"},
                 {"a.txt", {0}, 8, "is no file of tokens"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Path path = path_of("%s/%s", ((Path *)*state)->s, cases[i].name);
        int64_t *id, n;
        Error e = {0};
        write_file(path.s, *cases[i].header ? cases[i].header : NULL, "\1\0\1\0\1\0\1", cases[i].bytes);
        assert_false(shard_read(path.s, &id, &n, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i].why)) fail_msg("%s, not: %s", e.text, cases[i].why);
    }
}

static void heldout_row(const Dataset *d, int64_t row, Rows *out) {
    dataset_heldout_rows_get(d, row, 1, 64, out);
}

static void train_row(const Dataset *d, int64_t row, Rows *out) {
    dataset_train_rows(d, 3, row, 1, 64, out);
}

static void expect_same_rows(const Dataset *a, const Dataset *b,
                             void (*get)(const Dataset *, int64_t, Rows *)) {
    Rows r = rows_new(64), q = rows_new(64);
    for (int64_t row = 0; row < 10; row++) {
        get(a, row, &r);
        get(b, row, &q);
        assert_memory_equal(r.x, q.x, 64 * sizeof *r.x);
        assert_memory_equal(r.y, q.y, 64 * sizeof *r.y);
        assert_memory_equal(r.doc_start, q.doc_start, 64 * sizeof *r.doc_start);
    }
    rows_free(&r);
    rows_free(&q);
}

/* What was written of a text with its documents marked is the same text as tokens: rows, documents, BOS. */
static void a_text_comes_back_from_its_token_files(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Path texts = path_of("%s/texts", folder), shards = path_of("%s/shards", folder),
         cache = path_of("%s/cache", folder);
    check(folder_make(texts.s, &e), &e);
    for (int i = 0; i < 60; i++) {
        Bytes made = made_text(100 + i, (uint64_t)i);
        check(file_write(path_of("%s/%02d", texts.s, i).s, made.data, made.size, &e), &e);
        bytes_free(&made);
    }
    DataConfig text = config_of(texts.s, TOKENIZER_BYTES);
    text.bos = BOS_DOCUMENT;
    Dataset *a = open_ok(&text, cache.s);
    check(dataset_shards(a, shards.s, &e), &e);
    DataConfig ids = config_of(path_of("%s/data_train_000000.bin", shards.s).s, TOKENIZER_IDS);
    ids.bos = BOS_DOCUMENT, ids.vocab = 257, ids.eot = 256;
    strcpy(ids.heldout, path_of("%s/data_val_000000.bin", shards.s).s);
    Dataset *b = open_ok(&ids, cache.s);
    const DatasetInfo *p = dataset_info(a), *q = dataset_info(b);
    assert_int_equal(p->train_tokens, q->train_tokens);
    assert_int_equal(p->heldout_tokens, q->heldout_tokens);
    assert_int_equal(p->train_documents, q->train_documents);
    assert_int_equal(q->bos, 256);
    assert_true(q->bytes_per_token != q->bytes_per_token); /* NAN */
    expect_same_rows(a, b, heldout_row);
    expect_same_rows(a, b, train_row);
    int32_t *tokens;
    int64_t n;
    assert_false(dataset_encode(b, "words", 5, &tokens, &n, &e));
    assert_non_null(strstr(e.text, "a text has no tokens"));
    dataset_close(a);
    dataset_close(b);
}

static void a_token_past_the_vocabulary_is_told_with_its_file(void **state) {
    const char *folder = ((Path *)*state)->s;
    const uint32_t token[] = {1, 128255, 2};
    Path path = path_of("%s/a.bin", folder);
    DataConfig c = config_of(path.s, TOKENIZER_IDS);
    Error e = {0};
    Dataset *d;
    c.vocab = 50257, c.eot = 50256;
    write_file(path.s, (const int32_t[]){20240801, 7, 3}, token, sizeof token);
    assert_false(dataset_open(&d, &c, path_of("%s/cache", folder).s, NULL, &e));
    if (!strstr(e.text, "a.bin has token 128255")) fail_msg("%s", e.text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(documents_begin_with_bos_across_shards, setup_folder,
                                        teardown_folder),
        cmocka_unit_test_setup_teardown(a_limit_cuts_within_a_document, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(shards_hold_the_tokens_that_rows_are_cut_from, setup_folder,
                                        teardown_folder),
        cmocka_unit_test_setup_teardown(shards_of_a_task_or_below_a_file_are_refused, setup_folder,
                                        teardown_folder),
        cmocka_unit_test_setup_teardown(every_kind_of_token_file_is_read, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(a_token_file_that_is_not_whole_is_refused, setup_folder,
                                        teardown_folder),
        cmocka_unit_test_setup_teardown(a_text_comes_back_from_its_token_files, setup_folder,
                                        teardown_folder),
        cmocka_unit_test_setup_teardown(a_token_past_the_vocabulary_is_told_with_its_file, setup_folder,
                                        teardown_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
