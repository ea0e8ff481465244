/* Buffers, files and folders. */
#include "tests/data/fixture.h"

#include "data/base/listing.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>

static void a_path_that_is_too_long_becomes_empty(void **state) {
    (void)state;
    char longest[PATH_BYTES + 1];
    memset(longest, 'x', PATH_BYTES);
    longest[PATH_BYTES] = 0;
    assert_string_equal(path_of("%s/%d", "a", 7).s, "a/7");
    assert_int_equal(strlen(path_of("%s", longest + 1).s), PATH_BYTES - 1);
    assert_string_equal(path_of("%s", longest).s, "");
}

/* Larger than any buffer of file_read, packed and plain. */
static void files_larger_than_any_buffer_are_read_whole(void **state) {
    const char *folder = ((Path *)*state)->s;
    Bytes text = made_text(300000, 1), plain = {0}, packed = {0};
    Error e = {0};
    check(file_write(path_of("%s/plain", folder).s, text.data, text.size, &e), &e);
    gzFile f = gzopen(path_of("%s/packed", folder).s, "wb1");
    assert_int_equal(gzwrite(f, text.data, (unsigned)text.size), text.size);
    gzclose(f);
    check(file_read(path_of("%s/plain", folder).s, &plain, &e), &e);
    check(file_read(path_of("%s/packed", folder).s, &packed, &e), &e);
    assert_int_equal(plain.size, text.size);
    assert_int_equal(packed.size, text.size);
    assert_memory_equal(plain.data, text.data, text.size);
    assert_memory_equal(packed.data, text.data, text.size);
    const void *map;
    int64_t size;
    check(file_map(path_of("%s/plain", folder).s, &map, &size, &e), &e);
    assert_int_equal(size, text.size);
    assert_memory_equal(map, text.data, size);
    munmap((void *)map, (size_t)size);
    bytes_free(&text), bytes_free(&plain), bytes_free(&packed);
}

static void refused_as(const char *path, const char *why) {
    Error e = {0};
    Bytes out = {0};
    const void *map;
    int64_t size;
    assert_false(file_read(path, &out, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    if (!strstr(e.text, why)) fail_msg("%s: says not: %s", e.text, why);
    e = (Error){0};
    assert_false(file_read_raw(path, 1 << 20, &out, &e));
    if (!strstr(e.text, why)) fail_msg("%s: says not: %s", e.text, why);
    e = (Error){0};
    assert_false(file_map(path, &map, &size, &e));
    if (!strstr(e.text, why)) fail_msg("%s: says not: %s", e.text, why);
    bytes_free(&out);
}

/* Packed bytes stay packed, and a file one byte too long is not read. */
static void a_file_read_raw_is_as_long_as_it_may_be(void **state) {
    Path path = path_of("%s/raw", ((Path *)*state)->s);
    Error e = {0};
    Bytes out = {0};
    check(file_write(path.s, "\x1F\x8Bxyz", 5, &e), &e);
    check(file_read_raw(path.s, 5, &out, &e), &e);
    assert_int_equal(out.size, 5);
    assert_memory_equal(out.data, "\x1F\x8Bxyz", 5);
    assert_false(file_read_raw(path.s, 4, &out, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "5 bytes are too many"));
    assert_int_equal(out.size, 5);
    bytes_free(&out);
}

/* A FIFO without a writer must not be waited for. */
static void only_regular_files_are_opened(void **state) {
    Path fifo = path_of("%s/fifo", ((Path *)*state)->s), link = path_of("%s/link", ((Path *)*state)->s);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%.60s/socket", ((Path *)*state)->s);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(mkfifo(fifo.s, 0600) | bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(symlink("fifo", link.s), 0);
    refused_as(fifo.s, "is a FIFO");
    refused_as(link.s, "is a FIFO");
    refused_as(at.sun_path, "is a socket");
    refused_as("/dev/zero", "is a device");
    refused_as(((Path *)*state)->s, "is a folder");
    refused_as("/no/such/file", "No such file");
    refused_as("", "File name too long"); /* what path_of makes of such a path */
    close(listener);
}

/* The kernel's own files say that they have no bytes. */
static void a_file_is_read_to_its_end_whatever_its_size(void **state) {
    (void)state;
    Bytes b = {0};
    Error e = {0};
    check(file_read("/proc/self/status", &b, &e), &e);
    assert_true(b.size > 100 && memcmp(b.data, "Name:", 5) == 0);
    bytes_free(&b);
}

static void a_failed_read_leaves_the_bytes(void **state) {
    Path broken = path_of("%s/broken.gz", ((Path *)*state)->s);
    Bytes b = {0};
    Error e = {0};
    write_text(broken.s, "\x1F\x8B\x08 not really");
    check(bytes_append(&b, "kept", 4, &e), &e);
    assert_false(file_read(broken.s, &b, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_int_equal(b.size, 4);
    bytes_free(&b);
}

static void folders_are_made_listed_and_removed_whole(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    check(folder_make(path_of("%s/a//b/c/", folder).s, &e), &e);
    check(folder_make(path_of("%s/a/b", folder).s, &e), &e);
    write_text(path_of("%s/a/b/c/file", folder).s, "text");
    write_text(path_of("%s/a/b0", folder).s, "text");
    check(folder_sync(folder, &e), &e);
    FileList list;
    check(files_list(&list, folder, NULL, &e), &e);
    assert_int_equal(list.files, 2);
    assert_string_equal(list.path[0], path_of("%s/a/b/c/file", folder).s); /* '/' comes before '0' */
    files_free(&list);
    assert_false(folder_make(path_of("%s/a/b0/below", folder).s, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    folder_remove(path_of("%s/a", folder).s);
    assert_int_equal(access(path_of("%s/a", folder).s, F_OK), -1);
}

/* XXH3-128 of nothing, as published with the algorithm. */
static void hashes_are_xxh3_as_published(void **state) {
    (void)state;
    char hash[HASH_HEX];
    hash_hex("", 0, hash);
    assert_string_equal(hash, "99aa06d3014798d86001c324468d497f");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_path_that_is_too_long_becomes_empty),
                                       IN_FOLDER(files_larger_than_any_buffer_are_read_whole),
                                       IN_FOLDER(only_regular_files_are_opened),
                                       IN_FOLDER(a_file_read_raw_is_as_long_as_it_may_be),
                                       cmocka_unit_test(a_file_is_read_to_its_end_whatever_its_size),
                                       IN_FOLDER(a_failed_read_leaves_the_bytes),
                                       IN_FOLDER(folders_are_made_listed_and_removed_whole),
                                       cmocka_unit_test(hashes_are_xxh3_as_published)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
