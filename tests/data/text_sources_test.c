/* Texts as their users have them: documents that a separator parts, a held-out text of its own, zstd,
 * standard input; and what of them is refused or counted. */
#include "data/base/zstd.h"
#include "data/corpus.h"
#include "data/split.h"
#include "data/standard_input.h"
#include "tests/data/fixture.h"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

static void check_documents(const Corpus *c, int64_t n, const char *const *want) {
    assert_int_equal(c->documents, n);
    for (int64_t i = 0; i < n; i++) {
        int64_t size = c->start[i + 1] - c->start[i];
        assert_int_equal(size, strlen(want[i]));
        assert_memory_equal(c->text.data + c->start[i], want[i], (size_t)size);
    }
}

static void a_separator_parts_documents(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path file = path_of("%s/stories.txt", folder);
    Corpus c;
    Error e = {0};
    write_text(file.s, "One.\n<|end|>\nTwo\n\nlines.<|end|><|end|>\nThree");
    TextSource from = {.source = file.s, .separator = "<|end|>"};
    check(corpus_read_all(&c, &from, "", &e), &e);
    check_documents(&c, 3, (const char *const[]){"One.\n", "Two\n\nlines.\n", "Three\n"});
    assert_int_equal(c.cuts, 3);
    assert_string_equal(c.note, "1 empty texts left out");
    corpus_free(&c);
    from.separator = "\n\n";
    check(corpus_read_all(&c, &from, "", &e), &e);
    assert_int_equal(c.documents, 2);
    corpus_free(&c);
    from.separator = "<|no|>";
    assert_false(corpus_read_all(&c, &from, "", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "stands nowhere in the text"));
}

/* The digest tells separators apart, or the cache would give the one's text for the other's. */
static void the_digest_is_of_all_that_makes_the_text(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path file = path_of("%s/a", folder), other = path_of("%s/b", folder);
    char digest[4][HASH_HEX];
    Error e = {0};
    write_text(file.s, "One. Two.");
    write_text(other.s, "Three.");
    const TextSource from[4] = {{.source = file.s},
                                {.source = file.s, .separator = " "},
                                {.source = file.s, .heldout = other.s},
                                {.source = file.s, .heldout = other.s, .separator = " "}};
    for (int i = 0; i < 4; i++) {
        check(corpus_stat_all(&from[i], "", digest[i], &e), &e);
        for (int k = 0; k < i; k++) assert_string_not_equal(digest[i], digest[k]);
    }
    char plain[HASH_HEX];
    check(corpus_stat(file.s, "", plain, &e), &e);
    assert_string_equal(plain, digest[0]); /* what was remembered before stays so */
}

static void a_held_out_text_of_its_own_is_all_that_is_held_out(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path train = path_of("%s/train", folder), held = path_of("%s/held", folder);
    Corpus c;
    Split s;
    Error e = {0};
    char hash[2][HASH_HEX];
    write_text(train.s, "a.;b.;c.;d.");
    write_text(held.s, "e.;b.");
    check(corpus_read_all(&c, &(TextSource){.source = train.s, .heldout = held.s, .separator = ";"}, "", &e),
          &e);
    check(split_documents(&s, &c, "test", &e), &e);
    assert_true(s.own && !s.tail && !s.uneven);
    assert_int_equal(s.train.documents, 4);
    assert_int_equal(s.heldout.documents, 2);
    assert_int_equal(s.heldout.span[0].begin, c.start[4]);
    assert_int_equal(s.copies, 1);
    split_hash(&c, hash[0]);
    c.heldout_from = 5; /* the same text, held out otherwise, is another */
    split_hash(&c, hash[1]);
    assert_string_not_equal(hash[0], hash[1]);
    split_free(&s);
    corpus_free(&c);
}

/* Rows of evaluation are of the held-out file, those of training of the other, to the token. */
static void rows_are_of_the_files_that_were_named(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path train = path_of("%s/train", folder), held = path_of("%s/held", folder);
    Bytes text = made_text(3000, 3);
    Error e = {0};
    check(file_write(train.s, text.data, text.size, &e), &e);
    write_text(held.s, "held out: a row of sixteen and more");
    DataConfig c = config_of(train.s, TOKENIZER_BYTES);
    strcpy(c.heldout, held.s);
    c.bos = BOS_NONE;
    Dataset *d = open_ok(&c, path_of("%s/cache", folder).s);
    assert_int_equal(dataset_info(d)->train_tokens, text.size);
    assert_int_equal(dataset_info(d)->heldout_tokens, strlen("held out: a row of sixteen and more") + 1);
    Rows rows = rows_new(16);
    dataset_heldout_rows_get(d, 0, 1, 16, &rows);
    for (int i = 0; i < 16; i++) assert_int_equal(rows.x[i], "held out: a row of sixteen"[i]);
    rows_free(&rows);
    dataset_close(d);
    bytes_free(&text);
}

/* Every cut and every flipped byte of a packed text is refused or gives that text. */
static void zstd_is_read_whole_or_not_at_all(void **state) {
    (void)state;
    Bytes text = made_text(400, 5), out = {0};
    Error e = {0};
    static char packed[1 << 16];
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    size_t half = (size_t)text.size / 2, n = ZSTD_compress2(z, packed, sizeof packed, text.data, half);
    n += ZSTD_compress2(z, packed + n, sizeof packed - n, text.data + half,
                        (size_t)text.size - half); /* two frames */
    ZSTD_freeCCtx(z);
    check(zstd_unpack(packed, (int64_t)n, "test", &out, &e), &e);
    assert_int_equal(out.size, text.size);
    assert_memory_equal(out.data, text.data, (size_t)text.size);
    for (size_t cut = 4; cut < n; cut += 7) {
        int64_t before = out.size = 0;
        bool ok = zstd_unpack(packed, (int64_t)cut, "test", &out, &(Error){0});
        assert_true(!ok ? out.size == before : out.size == (int64_t)half); /* between two frames alone */
    }
    for (size_t i = 4; i < n; i += 11) {
        packed[i] ^= 4;
        out.size = 0;
        if (zstd_unpack(packed, (int64_t)n, "test", &out, &(Error){0}))
            assert_true(out.size == text.size && !memcmp(out.data, text.data, (size_t)text.size));
        packed[i] ^= 4;
    }
    bytes_free(&out);
    bytes_free(&text);
}

static void a_zstd_bomb_is_refused(void **state) {
    const char *folder = ((Path *)*state)->s;
    Bytes zeros = {0}, out = {0};
    Error e = {0};
    static char packed[1 << 16];
    check(bytes_reserve(&zeros, 64 << 20, &e), &e);
    memset(zeros.data, 'a', 64 << 20);
    size_t n = ZSTD_compress(packed, sizeof packed, zeros.data, 64 << 20, 3);
    assert_false(ZSTD_isError(n));
    Path file = path_of("%s/bomb.zst", folder);
    check(file_write(file.s, packed, (int64_t)n, &e), &e);
    assert_false(file_read(file.s, &out, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "more than 100 times its size"));
    assert_int_equal(out.size, 0);
    bytes_free(&zeros);
    bytes_free(&out);
}

/* Reads PATH as standard input. */
static bool keep_from(const char *path, DataConfig *c, const char *cache, Error *e) {
    int was = dup(STDIN_FILENO), fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    bool ok = standard_input_keep(c, cache, e);
    dup2(was, STDIN_FILENO);
    close(was);
    close(fd);
    return ok;
}

static void standard_input_becomes_a_file_that_stays(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path file = path_of("%s/in", folder), cache = path_of("%s/cache", folder);
    DataConfig c = config_of("-", TOKENIZER_BYTES), again = c, other = config_of("a/path", TOKENIZER_BYTES);
    Bytes kept = {0};
    Error e = {0};
    write_text(file.s, "a text\n");
    check(keep_from(file.s, &c, cache.s, &e) && keep_from(file.s, &again, cache.s, &e), &e);
    assert_string_equal(c.source, again.source);
    check(file_read(c.source, &kept, &e), &e);
    assert_int_equal(kept.size, 7);
    bytes_free(&kept);
    check(keep_from(file.s, &other, cache.s, &e), &e);
    assert_string_equal(other.source, "a/path");
    write_text(file.s, "");
    strcpy(c.source, "-");
    assert_false(keep_from(file.s, &c, cache.s, &e));
    assert_non_null(strstr(e.text, "standard input is empty"));
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {IN_FOLDER(a_separator_parts_documents),
                                       IN_FOLDER(the_digest_is_of_all_that_makes_the_text),
                                       IN_FOLDER(a_held_out_text_of_its_own_is_all_that_is_held_out),
                                       IN_FOLDER(rows_are_of_the_files_that_were_named),
                                       cmocka_unit_test(zstd_is_read_whole_or_not_at_all),
                                       IN_FOLDER(a_zstd_bomb_is_refused),
                                       IN_FOLDER(standard_input_becomes_a_file_that_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
