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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(documents_begin_with_bos_across_shards, setup_folder,
                                        teardown_folder),
        cmocka_unit_test_setup_teardown(a_limit_cuts_within_a_document, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(shards_hold_the_tokens_that_rows_are_cut_from, setup_folder,
                                        teardown_folder),
        cmocka_unit_test_setup_teardown(shards_of_a_task_or_below_a_file_are_refused, setup_folder,
                                        teardown_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
