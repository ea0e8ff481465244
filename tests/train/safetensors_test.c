/* The file format byte by byte, and every way in which a file can be damaged. */
#include "train/checkpoint/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Place {
    char folder[64], path[96], temporary[128];
} Place;

static int enter(void **state) {
    Place *p = calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/sinklab-safetensors-XXXXXX");
    if (!mkdtemp(p->folder)) return 1;
    snprintf(p->path, sizeof p->path, "%s/x.safetensors", p->folder);
    snprintf(p->temporary, sizeof p->temporary, "%s.tmp", p->path);
    *state = p;
    return 0;
}

static int leave(void **state) {
    Place *p = *state;
    unlink(p->path);
    unlink(p->temporary);
    int failed = rmdir(p->folder);
    free(p);
    return failed;
}

static void write_bytes(const char *path, const void *bytes, size_t length) {
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, length, out), length);
    fclose(out);
}

static size_t read_bytes(const char *path, char *bytes, size_t room) {
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t length = fread(bytes, 1, room, in);
    fclose(in);
    return length;
}

/* A file of a header and `data` floats 0, 1, 2, ... */
static void write_header(const char *path, const char *header, int data) {
    char bytes[4096];
    uint64_t length = strlen(header);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    for (int i = 0; i < data; i++) {
        float value = (float)i;
        memcpy(bytes + 8 + length + 4 * (size_t)i, &value, 4);
    }
    write_bytes(path, bytes, 8 + length + 4 * (size_t)data);
}

/* Pads the header to a multiple of 4 with spaces, as the format allows. */
static void assert_refused(const char *path, const char *header, int data, const char *expected) {
    char padded[2048], whole[2200];
    StFile *f = NULL;
    Error e = {0};
    int n = snprintf(padded, sizeof padded - 4, "%s", header);
    while (n % 4) padded[n++] = ' ';
    padded[n] = 0;
    write_header(path, padded, data);
    assert_false(safetensors_open(&f, path, &e));
    snprintf(whole, sizeof whole, "%s%s", path, expected);
    assert_string_equal(e.text, whole);
    assert_int_equal(e.code, EXIT_USAGE);
}

static const char *write_sample(const Place *p) {
    static float a[] = {1, 2, 3, 4, 5, 6}, b[] = {-0.5f};
    const StTensor tensors[] = {{"a", 2, {2, 3}, a}, {"b", 1, {1}, b}, {"none", 2, {0, 5}, NULL}};
    const StMeta meta[] = {{"config", "{\"x\":1}"}, {"name", "caf\u00e9 \U0001F600"}};
    Error e = {0};
    if (!safetensors_write(p->path, tensors, 3, meta, 2, &e)) fail_msg("%s", e.text);
    return p->path;
}

static void the_bytes_are_those_of_the_format(void **state) {
    const Place *p = *state;
    const char *header = "{\"__metadata__\":{\"config\":\"{\\\"x\\\":1}\",\"name\":\"caf\u00e9 \U0001F600\","
                         "\"checksum\":\"00000000000000000000000000000000\"},"
                         "\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[24,28]},"
                         "\"none\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[28,28]}}";
    const float data[] = {1, 2, 3, 4, 5, 6, -0.5f};
    char expected[1024] = {0}, found[1024];
    uint64_t length = (strlen(header) + 7) / 8 * 8;
    memcpy(expected, &length, 8);
    memset(expected + 8, ' ', length);
    memcpy(expected + 8, header, strlen(header));
    memcpy(expected + 8 + length, data, sizeof data);
    size_t size = read_bytes(write_sample(p), found, sizeof found);
    assert_int_equal(size, 8 + length + sizeof data);
    char *sum =
        strstr(found + 8, "checksum"); /* 32 hex digits, which is all that the test does not spell out */
    assert_int_equal(strspn(sum + 11, "0123456789abcdef"), 32);
    memset(sum + 11, '0', 32);
    assert_memory_equal(found, expected, size);
    assert_int_equal(access(p->temporary, F_OK), -1);
}

static void what_is_written_is_read_back(void **state) {
    const Place *p = *state;
    StFile *f;
    Error e = {0};
    if (!safetensors_open(&f, write_sample(p), &e)) fail_msg("%s", e.text);
    assert_int_equal(safetensors_count(f), 3);
    const StTensor *a = safetensors_find(f, "a"), *b = safetensors_find(f, "b");
    assert_string_equal(a->name, "a");
    assert_int_equal(a->dims, 2);
    assert_int_equal(a->shape[0], 2);
    assert_int_equal(a->shape[1], 3);
    assert_true(a->data[5] == 6);
    assert_int_equal(b->dims, 1);
    assert_true(b->data[0] == -0.5f);
    assert_int_equal(safetensors_find(f, "none")->shape[0], 0);
    assert_null(safetensors_find(f, "c"));
    assert_string_equal(safetensors_meta(f, "config"), "{\"x\":1}");
    assert_string_equal(safetensors_meta(f, "name"), "caf\u00e9 \U0001F600");
    assert_null(safetensors_meta(f, "a"));
    safetensors_close(f);
}

static void a_file_may_be_without_tensors_and_metadata(void **state) {
    const Place *p = *state;
    StFile *f;
    Error e = {0};
    assert_true(safetensors_write(p->path, NULL, 0, NULL, 0, &e));
    assert_true(safetensors_open(&f, p->path, &e));
    assert_int_equal(safetensors_count(f), 0);
    assert_null(safetensors_meta(f, "config"));
    safetensors_close(f);
    safetensors_close(NULL);
}

static void entries_may_stand_in_any_order(void **state) {
    const Place *p = *state;
    StFile *f;
    Error e = {0};
    write_header(p->path,
                 "{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]},  "
                 "\"a\":{\"shape\":[1,1],\"data_offsets\":[0,4],\"dtype\":\"F32\"}}",
                 3);
    if (!safetensors_open(&f, p->path, &e)) fail_msg("%s", e.text);
    assert_true(safetensors_find(f, "b")->data[1] == 2);
    assert_true(safetensors_find(f, "a")->data[0] == 0);
    safetensors_close(f);
}

/* Cut off anywhere, in the length, the header or the data: an error, never a shorter file. */
static void a_file_cut_anywhere_is_refused(void **state) {
    const Place *p = *state;
    char bytes[1024], cut[128];
    size_t size = read_bytes(write_sample(p), bytes, sizeof bytes);
    snprintf(cut, sizeof cut, "%s", p->temporary);
    for (size_t length = 0; length < size; length++) {
        StFile *f = NULL;
        Error e = {0};
        write_bytes(cut, bytes, length);
        if (safetensors_open(&f, cut, &e)) fail_msg("%zu bytes of %zu were taken for a file", length, size);
        if (safetensors_open_any(&f, cut, NULL))
            fail_msg("%zu bytes of %zu were taken for any", length, size);
        assert_int_equal(e.code, EXIT_USAGE);
        assert_non_null(strstr(e.text, cut));
    }
    write_bytes(cut, bytes, size);
    StFile *f;
    assert_true(safetensors_open(&f, cut, NULL));
    safetensors_close(f);
}

/* Any one byte of the length or header changed: refused, or read without harm. */
static void a_byte_changed_anywhere_does_no_harm(void **state) {
    static const char *const names[] = {"a", "b", "none"};
    const Place *p = *state;
    char bytes[1024];
    size_t size = read_bytes(write_sample(p), bytes, sizeof bytes);
    for (size_t i = 0; i < size - 28; i++) {
        const char was = bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            StFile *f = NULL;
            bytes[i] = (char)(was ^ 1 << bit);
            write_bytes(p->temporary, bytes, size);
            if (safetensors_open_any(&f, p->temporary, NULL)) {
                for (int t = 0; t < safetensors_count(f); t++) {
                    float room[64]; /* more than any shape that 28 bytes of data leave */
                    safetensors_read(f, p->temporary, safetensors_at(f, t), room, NULL);
                }
                safetensors_close(f);
            }
            if (!safetensors_open(&f, p->temporary, NULL)) continue;
            for (int t = 0; t < 3; t++) {
                const StTensor *x = safetensors_find(f, names[t]);
                if (!x) continue; /* its name was changed, hence nothing else of it */
                int64_t count = x->shape[0] * (x->dims == 2 ? x->shape[1] : 1);
                volatile float last = count ? x->data[count - 1] : 0; /* within the map */
                (void)last;
            }
            safetensors_close(f);
        }
        bytes[i] = was;
    }
}

static void a_header_that_lies_is_refused(void **state) {
    const char *path = ((const Place *)*state)->path;
#define ENTRY(type, shape, begin, end)                                                                       \
    "{\"dtype\":\"" type "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"
    static const struct {
        const char *header;
        int data;
        const char *expected;
    } cases[] = {
        {"[1]", 0, ": not a safetensors file, or cut off"},
        {"{\"a\":" ENTRY("I64", "2", "0", "16") "}", 1,
         ": tensor a: dtype I64 is not supported (F32, F16 and BF16 are)"},
        {"{\"a\":" ENTRY("F32", "2", "0", "4") "}", 1, ": tensor a: data_offsets do not fit the shape"},
        {"{\"a\":" ENTRY("F32", "1", "4", "0") "}", 1,
         ": tensor a: data_offsets beyond the end of the file (cut off?)"},
        {"{\"a\":" ENTRY("F32", "1", "0", "4") ",\"b\":" ENTRY("F32", "1", "0", "4") "}", 1,
         ": tensor b: overlaps another in the file"},
        {"{\"a\":" ENTRY("F32", "2", "0", "8") ",\"b\":" ENTRY("F32", "2", "4", "12") "}", 3,
         ": tensor b: overlaps another in the file"},
        {"{\"a\":" ENTRY("F32", "1", "4", "8") "}", 2, ": tensor a: follows a gap in the file"},
        {"{\"a\":" ENTRY("F32", "1", "0", "4") ",\"b\":" ENTRY("F32", "1", "8", "12") "}", 3,
         ": tensor b: follows a gap in the file"},
        {"{\"a\":" ENTRY("F32", "1", "0", "4") "}", 3, ": 8 bytes after the last tensor"},
        {"{\"a\":" ENTRY("F32", "1,1,1,1,1", "0", "4") "}", 1,
         ": tensor a: not a shape of 1 to 4 dimensions"},
        {"{\"a\":" ENTRY("F32", "", "0", "4") "}", 1, ": tensor a: not a shape of 1 to 4 dimensions"},
        {"{\"a\":" ENTRY("F32", "-1", "0", "4") "}", 1, ": tensor a: not a shape of 1 to 4 dimensions"},
        {"{\"a\":" ENTRY("F32", "\"1\"", "0", "4") "}", 1, ": tensor a: not a shape of 1 to 4 dimensions"},
        {"{\"a\":" ENTRY("F32", "4294967296,4294967296", "0", "0") "}", 0,
         ": tensor a: not a shape of 1 to 4 dimensions"},
        {"{\"a\":" ENTRY("F32", "1", "0", "99999999999999999999") "}", 1,
         ": tensor a: data_offsets are not two integers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 1, ": tensor a: not dtype, shape and data_offsets"},
        {"{\"a\":3}", 1, ": tensor a: not dtype, shape and data_offsets"},
        {"{\"a\":" ENTRY("F32", "1", "0", "4") ",\"a\":" ENTRY("F32", "1", "4", "8") "}", 2,
         ":1:55: duplicate key a (first on line 1)"},
        {"{\"__metadata__\":{\"x\":[1]}}", 0, ": __metadata__ is not a map of texts"},
        {"{\"a\":", 0, ":2:1: did not find expected node content"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(path, cases[i].header, cases[i].data, cases[i].expected);
}

/* What other programs write beside weights: masks, scalars, a header of any length; overlaps and gaps never.
 */
static void another_programs_file_is_read_tensor_by_tensor(void **state) {
    const char *path = ((const Place *)*state)->path;
    StFile *f;
    Error e = {0};
    float room[2];
    write_header(path,
                 "{\"w\":" ENTRY("F32", "2", "0", "8") ",\"mask\":" ENTRY(
                     "BOOL", "2,2", "8", "12") ",\"s\":" ENTRY("F32", "", "12", "16") "}",
                 4);
    assert_true(safetensors_open_any(&f, path, &e));
    assert_int_equal(safetensors_count(f), 3);
    assert_int_equal(safetensors_find(f, "s")->dims, 0);
    assert_true(safetensors_read(f, path, safetensors_find(f, "w"), room, &e));
    assert_true(room[0] == 0 && room[1] == 1);
    assert_false(safetensors_read(f, path, safetensors_find(f, "mask"), room, &e));
    assert_non_null(strstr(e.text, "tensor mask: dtype BOOL is not supported"));
    safetensors_close(f);
    static const char *const hostile[] = {
        "{\"a\":" ENTRY("F32", "2", "0", "8") ",\"b\":" ENTRY("F32", "2", "4", "12") "}",
        "{\"a\":" ENTRY("F32", "1", "0", "4") ",\"b\":" ENTRY("F32", "1", "8", "12") "}",
        "{\"a\":" ENTRY("F32", "4", "0", "16") "}",
        "{\"a\":" ENTRY("F32", "4294967296,4294967296,4294967296", "0", "12") "}",
        "{\"a\":" ENTRY("F32", "-1", "0", "12") "}",
        "{\"a\":" ENTRY("COMPLEX", "3", "0", "12") "}"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        e = (Error){0};
        write_header(path, hostile[i], 3);
        if (safetensors_open_any(&f, path, &e)) fail_msg("%s: not refused", hostile[i]);
        assert_int_equal(e.code, EXIT_USAGE);
    }
}

static void an_unaligned_header_is_refused(void **state) {
    const Place *p = *state;
    Error e = {0};
    StFile *f;
    write_header(p->path, "{ }", 0);
    assert_false(safetensors_open(&f, p->path, &e));
    assert_non_null(strstr(e.text, "a header of 3 bytes leaves the data unaligned"));
}

static void a_huge_length_is_refused(void **state) {
    const Place *p = *state;
    Error e = {0};
    StFile *f;
    write_bytes(p->path, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10);
    assert_false(safetensors_open(&f, p->path, &e));
    assert_non_null(strstr(e.text, "not a safetensors file, or cut off"));
}

static void tensors_that_cannot_be_written_are_refused(void **state) {
    const Place *p = *state;
    float x[4] = {0};
    Error e = {0};
    const StTensor twice[] = {{"a", 1, {1}, x}, {"a", 1, {1}, x}}, cube[] = {{"a", 5, {1, 1, 1, 1}, x}};
    assert_false(safetensors_write(p->path, twice, 2, NULL, 0, &e));
    assert_non_null(strstr(e.text, "tensor a: given twice"));
    assert_false(safetensors_write(p->path, cube, 1, NULL, 0, &e));
    assert_non_null(strstr(e.text, "tensor a: not a shape of 1 to 4 dimensions"));
    assert_false(safetensors_write("/nonexistent/x", twice, 1, NULL, 0, &e));
    assert_string_equal(e.text, "/nonexistent/x: cannot write: No such file or directory");
}

/* Half precision is widened, exactly; fp32 that begins on no multiple of four is copied. */
static void half_precision_is_widened_exactly(void **state) {
    const Place *p = *state;
    const char header[] = "{\"h\":{\"dtype\":\"F16\",\"shape\":[1,1,3],\"data_offsets\":[0,6]},"
                          "\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[6,10]},"
                          "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[10,14]}}";
    const uint16_t f16[] = {0x3c00, 0xc100, 0x0001},
                   bf16[] = {0x3f80, 0xc049}; /* 1 -2.5 2^-24; 1 -3.140625 */
    const float f32 = 7.25f;
    char bytes[512];
    uint64_t length = (strlen(header) + 7) / 8 * 8;
    memcpy(bytes, &length, 8);
    memset(bytes + 8, ' ', length);
    memcpy(bytes + 8, header, strlen(header));
    memcpy(bytes + 8 + length, f16, 6);
    memcpy(bytes + 14 + length, &f32, 4);
    memcpy(bytes + 18 + length, bf16, 4);
    write_bytes(p->path, bytes, 22 + length);
    StFile *f;
    Error e = {0};
    if (!safetensors_open(&f, p->path, &e)) fail_msg("%s", e.text);
    const StTensor *h = safetensors_find(f, "h"), *b = safetensors_find(f, "b");
    assert_int_equal(h->dims, 3);
    assert_int_equal(h->shape[2], 3);
    assert_true(h->data[0] == 1 && h->data[1] == -2.5f && h->data[2] == 0x1p-24f);
    assert_true(safetensors_find(f, "f")->data[0] == 7.25f);
    assert_true(b->data[0] == 1 && b->data[1] == -3.140625f);
    safetensors_close(f);
}

/* All 65,536 of them, against the compiler's own type; NaN stays NaN. */
static void every_half_is_widened_exactly(void **state) {
    enum { HALVES = 1 << 16, LENGTH = 72 };
    const Place *p = *state;
    static char bytes[8 + LENGTH + 2 * HALVES];
    uint64_t length = LENGTH;
    memcpy(bytes, &length, 8);
    memset(bytes + 8, ' ', LENGTH);
    memcpy(bytes + 8, "{\"h\":{\"dtype\":\"F16\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", 63);
    for (int i = 0; i < HALVES; i++) memcpy(bytes + 8 + LENGTH + 2 * i, &(uint16_t){(uint16_t)i}, 2);
    write_bytes(p->path, bytes, sizeof bytes);
    StFile *f;
    Error e = {0};
    if (!safetensors_open(&f, p->path, &e)) fail_msg("%s", e.text);
    const float *read = safetensors_find(f, "h")->data;
    for (int i = 0; i < HALVES; i++) {
        _Float16 half;
        memcpy(&half, &(uint16_t){(uint16_t)i}, 2);
        float wide = (float)half;
        assert_true(wide != wide ? read[i] != read[i] : !memcmp(&wide, &read[i], sizeof wide));
    }
    safetensors_close(f);
}

/* A write that cannot end leaves the file before it as it was, and no temporary. */
static void a_failed_write_keeps_the_old_file(void **state) {
    const Place *p = *state;
    char before[1024], after[1024];
    size_t size = read_bytes(write_sample(p), before, sizeof before);
    assert_int_equal(mkdir(p->temporary, 0700), 0); /* where the temporary would be */
    const StTensor other = {"a", 1, {1}, (float[]){7}};
    Error e = {0};
    assert_false(safetensors_write(p->path, &other, 1, NULL, 0, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_int_equal(rmdir(p->temporary), 0);
    assert_int_equal(read_bytes(p->path, after, sizeof after), size);
    assert_memory_equal(before, after, size);
    assert_true(safetensors_write(p->path, &other, 1, NULL, 0, &e));
    assert_int_equal(access(p->temporary, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_bytes_are_those_of_the_format),
        TEST(what_is_written_is_read_back),
        TEST(a_file_may_be_without_tensors_and_metadata),
        TEST(entries_may_stand_in_any_order),
        TEST(a_file_cut_anywhere_is_refused),
        TEST(a_byte_changed_anywhere_does_no_harm),
        TEST(a_header_that_lies_is_refused),
        TEST(another_programs_file_is_read_tensor_by_tensor),
        TEST(an_unaligned_header_is_refused),
        TEST(a_huge_length_is_refused),
        TEST(half_precision_is_widened_exactly),
        TEST(every_half_is_widened_exactly),
        TEST(tensors_that_cannot_be_written_are_refused),
        TEST(a_failed_write_keeps_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
