/* What is no text is refused by name, what is one is read, whatever it is called. */
#include "tests/data/fixture.h"

#include "data/text_file.h"
#include "data/utf8.h"

#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

typedef struct Sample {
    const char *bytes;
    int64_t size;
    const char *name; /* what the refusal says; NULL: a text */
} Sample;

#define SAMPLE(bytes, name)                                                                                  \
    { bytes, sizeof bytes - 1, name }

/* The first bytes of such files as their programs write them. */
static const Sample samples[] = {
    SAMPLE("PK\3\4\x14\0\0\0\x08\0words", "zip"),
    SAMPLE("\xFD"
           "7zXZ\0\0\4",
           "xz"),
    SAMPLE("\x28\xB5\x2F\xFD\4\x58", "zstd"),
    SAMPLE("BZh91AY&SY\x01\x02", "bzip2"),
    SAMPLE("\xFF\xFEw\0o\0r\0d\0", "UTF-16"),
    SAMPLE("\xFE\xFF\0w\0o\0r\0d", "UTF-16"),
    SAMPLE("\xFF\xFE\0\0w\0\0\0", "UTF-32"),
    SAMPLE("w\0o\0r\0d\0s\0 \0a\0n\0d\0 \0m\0o\0r\0e\0\n\0", "UTF-16"),
    SAMPLE("\0w\0o\0r\0d\0s\0 \0a\0n\0d\0 \0m\0o\0r\0e\0\n", "UTF-16"),
    SAMPLE("PAR1\x15\4\x15\x10", "Parquet"),
    SAMPLE("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "git lfs pull"),
    SAMPLE("\x88\xD8\x34\1\1\0\0\0\x10\0\0\0", "llm.c"),
    SAMPLE("\x93NUMPY\1\0v\0{'descr': '<u2'}", "NumPy"),
    SAMPLE("\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\"}}", "safetensors"),
    SAMPLE("\x7F"
           "ELF\2\1\1\0",
           "program"),
    SAMPLE("%PDF-1.7\nsome words\n", "PDF"),
    SAMPLE("SQLite format 3\0words", "SQLite"),
    SAMPLE("\x12\2\x31\1\x40\5\x03\2\x12\2\x31\1\x9a\5\x03\2\x55\1\x41\4", "16-bit numbers"),
    SAMPLE("a text with\1\2\3 controls", "binary"),
    SAMPLE("{\"text\": \"some words\"}", "JSON lines"),
    SAMPLE("{\"text\": \"some words\"}\n{\"text\": \"more\"}\n", "JSON lines"),
    SAMPLE("{\"id\": 1, \"body\": \"some\"}\r\n{\"id\": 2, \"body\": \"more\"}\r\n", "JSON lines"),
    SAMPLE("", NULL),
    SAMPLE("a\n", NULL),
    SAMPLE("PARIS, 1789\nBZh is no word\nversion https is neither\n", NULL),
    SAMPLE("{\n  \"name\": \"package\",\n  \"text\": \"x\"\n}\n", NULL),
    SAMPLE("{\"one\": 1}\nand prose about it\n", NULL),
    SAMPLE("caf\xE9 in Latin-1, \x1B[1mbold\x1B[0m, a\bo_\bver\f\r\n", NULL),
    SAMPLE("\xEF\xBB\xBF"
           "a text that begins with U+FEFF\n",
           NULL),
    SAMPLE("\xE4\xBD\xA0\xE5\xA5\xBD\n", NULL),
};

static void expect(const char *path, const Sample *s) {
    Bytes out = {0};
    Error e = {0};
    check(bytes_append(&out, "kept", 4, &e), &e);
    bool read = text_file_read(path, &out, &e);
    if (read != !s->name) fail_msg("%.20s: %s", s->bytes, read ? "read as a text" : e.text);
    if (read) {
        assert_int_equal(out.size, 4 + s->size);
        assert_memory_equal(out.data + 4, s->bytes, s->size);
    } else {
        assert_int_equal(e.code, EXIT_USAGE);
        assert_int_equal(out.size, 4);
        if (!strstr(e.text, s->name) || !strstr(e.text, path)) fail_msg("%s: %s", s->name, e.text);
    }
    bytes_free(&out);
}

/* Plain, and within gzip. */
static void what_is_no_text_is_refused_by_name(void **state) {
    Path plain = path_of("%s/file.txt", ((Path *)*state)->s),
         packed = path_of("%s/file.gz", ((Path *)*state)->s);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        Error e = {0};
        check(file_write(plain.s, samples[i].bytes, samples[i].size, &e), &e);
        gzFile f = gzopen(packed.s, "wb");
        assert_int_equal(gzwrite(f, samples[i].bytes, (unsigned)samples[i].size), samples[i].size);
        assert_int_equal(gzclose(f), Z_OK);
        expect(plain.s, &samples[i]);
        expect(packed.s, &samples[i]);
    }
}

/* What the machine's own programs make of a text. */
static void what_programs_write_is_known(void **state) {
    static const struct {
        const char *command, *name;
    } rows[] = {{"tar cf out text", "tar archive"},
                {"bzip2 -c text > out", "bzip2"},
                {"xz -c text > out", "xz"},
                {"gzip -c text | gzip -c > out", "gzip within gzip"},
                {"iconv -f UTF-8 -t UTF-16 text > out", "UTF-16"},
                {"iconv -f UTF-8 -t UTF-16LE text > out", "UTF-16"},
                {"iconv -f UTF-8 -t UTF-32 text > out", "UTF-32"},
                {"openssl enc -aes-128-ctr -K 00 -iv 00 -in text -out out", "binary"},
                {"cp /bin/sh out", "a program"}};
    const char *folder = ((Path *)*state)->s;
    write_made_text(path_of("%s/text", folder).s, 20000);
    int tried = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Path command = path_of("cd %s && %s 2> /dev/null", folder, rows[i].command);
        int status = system(command.s);
        if (WEXITSTATUS(status)) continue; /* a program that is not here */
        tried++;
        Sample s = {"", 0, rows[i].name};
        expect(path_of("%s/out", folder).s, &s);
    }
    assert_true(tried >= 4);
}

/* Token files without a header: 16 bits a token, of vocabularies small and large. */
static void bare_tokens_are_no_text(void **state) {
    static const uint64_t vocab[] = {1024, 4096, 32000, 50257, 65536};
    Path path = path_of("%s/tokens.bin", ((Path *)*state)->s);
    for (size_t v = 0; v < sizeof vocab / sizeof *vocab; v++) {
        uint16_t token[5000];
        for (uint64_t i = 0; i < 5000; i++) {
            double u =
                rng_uniform(0, RNG_TEST, v, i); /* more of the small ids, as learnt vocabularies have */
            token[i] = (uint16_t)(u * u * (double)vocab[v]);
        }
        Error e = {0};
        Bytes out = {0};
        check(file_write(path.s, token, sizeof token, &e), &e);
        assert_false(text_file_read(path.s, &out, &e));
        if (!strstr(e.text, "numbers") && !strstr(e.text, "binary")) fail_msg("%s", e.text);
        bytes_free(&out);
    }
}

static void a_long_first_line_of_json_is_known(void **state) {
    Path path = path_of("%s/long", ((Path *)*state)->s);
    Bytes text = made_text(30000, 2), line = {0};
    Error e = {0};
    for (int64_t i = 0; i < text.size; i++)
        if (text.data[i] == '\n') text.data[i] = ' ';
    check(bytes_append(&line, "{\"text\": \"", 10, &e) && bytes_append(&line, text.data, text.size, &e) &&
              bytes_append(&line, "\"}\n", 3, &e) && file_write(path.s, line.data, line.size, &e),
          &e);
    assert_true(line.size > TEXT_HEAD);
    assert_false(text_file_read(path.s, &text, &e));
    assert_non_null(strstr(e.text, "JSON lines"));
    bytes_free(&text), bytes_free(&line);
}

/* No first bytes whatever are read past their end: each prefix of each sample lies at the end of its memory.
 */
static void any_prefix_can_be_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        for (int64_t n = 0; n <= samples[i].size; n++) {
            char *copy = malloc((size_t)n + !n);
            memcpy(copy, samples[i].bytes, (size_t)n);
            NoText whole = no_text(copy, n, true), more = no_text(copy, n, false);
            if (n == samples[i].size) assert_int_equal(whole.name != NULL, samples[i].name != NULL);
            assert_true(!whole.name == !whole.hint && !more.name == !more.hint);
            free(copy);
        }
}

static void bytes_that_are_not_utf8_are_counted(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t invalid_bytes;
    } rows[] = {{"", 0},
                {"plain", 0},
                {"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 0},
                {"caf\xE9", 1},
                {"\xC0\xAF", 2},
                {"\xED\xA0\x80", 3},
                {"\xE2\x82", 2},
                {"\xF4\x90\x80\x80", 4},
                {"a\xFF"
                 "b\xFE"
                 "c",
                 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(utf8_invalid_bytes(rows[i].text, (int64_t)strlen(rows[i].text)),
                         rows[i].invalid_bytes);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {IN_FOLDER(what_is_no_text_is_refused_by_name),
                                       IN_FOLDER(what_programs_write_is_known),
                                       IN_FOLDER(bare_tokens_are_no_text),
                                       IN_FOLDER(a_long_first_line_of_json_is_known),
                                       cmocka_unit_test(any_prefix_can_be_judged),
                                       cmocka_unit_test(bytes_that_are_not_utf8_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
