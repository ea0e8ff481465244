/* gzip in memory, whole and broken in every way that a file can be. */
#include "tests/data/fixture.h"

#include "data/base/gzip.h"

#include <zlib.h>

/* What `gzip` makes of the bytes. */
static Bytes packed(const char *text, int64_t size) {
    Bytes b = {0};
    Error e = {0};
    z_stream z = {.next_in = (unsigned char *)text, .avail_in = (unsigned)size};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    check(bytes_reserve(&b, (int64_t)deflateBound(&z, (unsigned long)size), &e), &e);
    z.next_out = (unsigned char *)b.data;
    z.avail_out = (unsigned)b.capacity;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    b.size = (int64_t)z.total_out;
    deflateEnd(&z);
    return b;
}

static void expect_text(const Bytes *gzip, const Bytes *text) {
    Bytes out = {0};
    Error e = {0};
    check(bytes_append(&out, "kept", 4, &e), &e);
    check(gzip_unpack(gzip->data, gzip->size, "x.gz", &out, &e), &e);
    assert_int_equal(out.size, 4 + text->size);
    assert_memory_equal(out.data, "kept", 4);
    assert_memory_equal(out.data + 4, text->data, text->size);
    bytes_free(&out);
}

static void expect_refused(const Bytes *gzip, int64_t size, const char *why) {
    Bytes out = {0};
    Error e = {0};
    check(bytes_append(&out, "kept", 4, &e), &e);
    assert_false(gzip_unpack(gzip->data, size, "x.gz", &out, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    if (!strstr(e.text, why) || !strstr(e.text, "x.gz")) fail_msg("%lld bytes: %s", (long long)size, e.text);
    assert_int_equal(out.size, 4);
    bytes_free(&out);
}

static void every_cut_is_seen(void **state) {
    (void)state;
    Bytes text = made_text(300, 1), gzip = packed(text.data, text.size);
    expect_text(&gzip, &text);
    for (int64_t size = 0; size < gzip.size; size++) expect_refused(&gzip, size, "cut short");
    bytes_free(&text), bytes_free(&gzip);
}

/* No bit may change the text unseen. The few that change nothing pad the last byte of the packed text; the
 * header's time and name are left alone. */
static void no_flipped_bit_changes_the_text(void **state) {
    (void)state;
    enum { HEADER = 10, PADDING = 7 };
    Bytes text = made_text(300, 1), gzip = packed(text.data, text.size);
    int same = 0;
    for (int64_t bit = 8 * HEADER; bit < 8 * gzip.size; bit++) {
        Bytes out = {0};
        Error e = {0};
        gzip.data[bit / 8] ^= (char)(1 << bit % 8);
        if (gzip_unpack(gzip.data, gzip.size, "x.gz", &out, &e)) {
            assert_int_equal(out.size, text.size);
            assert_memory_equal(out.data, text.data, text.size);
            same++;
        } else if (e.code != EXIT_USAGE || !strstr(e.text, "broken gzip")) {
            fail_msg("bit %lld: %s", (long long)bit, e.text);
        }
        gzip.data[bit / 8] ^= (char)(1 << bit % 8);
        bytes_free(&out);
    }
    assert_true(same <= PADDING);
    bytes_free(&text), bytes_free(&gzip);
}

/* As `cat a.gz b.gz` and pigz make them; zeros at the end are a tape's. */
static void members_stand_behind_each_other(void **state) {
    (void)state;
    Bytes text = made_text(300, 1), a = packed(text.data, 1000),
          b = packed(text.data + 1000, text.size - 1000);
    Error e = {0};
    int64_t first = a.size;
    check(bytes_append(&a, b.data, b.size, &e), &e);
    expect_text(&a, &text);
    for (int64_t size = first + 2; size < a.size; size++) expect_refused(&a, size, "cut short");
    expect_refused(&a, first + 1, "1 bytes after its end");
    check(bytes_append(&a, "\0\0\0\0", 4, &e), &e);
    expect_text(&a, &text);
    check(bytes_append(&a, "x", 1, &e), &e);
    expect_refused(&a, a.size, "5 bytes after its end");
    bytes_free(&text), bytes_free(&a), bytes_free(&b);
}

/* 64 MB of zeros in 64 KB are refused before they take memory; a small file may unpack to a MB whatever its
 * size, and a large one to a hundred times it. */
static void a_bomb_is_refused(void **state) {
    (void)state;
    Bytes text = {0}, out = {0};
    Error e = {0};
    check(bytes_reserve(&text, 64 << 20, &e), &e);
    memset(text.data, 0, 64 << 20);
    Bytes bomb = packed(text.data, 64 << 20), small = packed(text.data, GZIP_FREE);
    expect_refused(&bomb, bomb.size, "more than 100 times");
    assert_false(gzip_unpack(bomb.data, bomb.size, "x.gz", &out, &e));
    assert_true(out.capacity < 16 << 20);
    bytes_free(&out);
    text.size = GZIP_FREE;
    expect_text(&small, &text);
    bytes_free(&text), bytes_free(&bomb), bytes_free(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_is_seen), cmocka_unit_test(no_flipped_bit_changes_the_text),
        cmocka_unit_test(members_stand_behind_each_other), cmocka_unit_test(a_bomb_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
