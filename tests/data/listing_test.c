/* Which files stand below a folder, through links and in spite of them. */
#include "tests/data/fixture.h"

#include "data/base/listing.h"

#include <sys/stat.h>
#include <unistd.h>

static void make_file(const char *folder, const char *name) {
    Error e = {0};
    Path p = path_of("%s/%s", folder, name), up = p;
    *strrchr(up.s, '/') = 0;
    check(folder_make(up.s, &e), &e);
    write_text(p.s, name);
}

static void make_link(const char *folder, const char *name, const char *to) {
    assert_int_equal(symlink(to, path_of("%s/%s", folder, name).s), 0);
}

/* The names below `folder`, `wanted` with a blank between, and how many links were left out. */
static void expect(const char *folder, bool follow, const char *wanted, int64_t links) {
    Error e = {0};
    FileList list;
    check((follow ? files_list_linked : files_list)(&list, folder, NULL, &e), &e);
    Bytes names = {0};
    for (int64_t i = 0; i < list.files; i++) {
        const char *name = list.path[i] + strlen(folder) + 1;
        check(bytes_append(&names, " ", i > 0, &e) && bytes_append(&names, name, (int64_t)strlen(name), &e),
              &e);
    }
    check(bytes_append(&names, "", 1, &e), &e);
    assert_string_equal(names.data, wanted);
    assert_int_equal(list.links, links);
    bytes_free(&names);
    files_free(&list);
}

/* As data sets lie in a cache: a store of files by hash and a folder of links with names. */
static void links_to_files_and_folders_are_followed(void **state) {
    const char *top = ((Path *)*state)->s;
    Path hub = path_of("%s/hub", top);
    make_file(top, "store/1"), make_file(top, "store/2"), make_file(top, "other/deep/3");
    make_file(top, "hub/own");
    make_link(hub.s, "b", "../store/2");
    make_link(hub.s, "a", "../store/1");
    make_link(hub.s, "more", "../other");
    expect(hub.s, true, "a b more/deep/3 own", 0);
    expect(hub.s, false, "own", 3);
    make_link(top, "alias", "hub");
    expect(path_of("%s/alias", top).s, true, "a b more/deep/3 own", 0);
}

/* Whatever the order in which the disk gives the names. */
static void a_file_of_two_names_is_read_once(void **state) {
    const char *top = ((Path *)*state)->s;
    make_file(top, "z/file");
    make_link(top, "a", "z/file");
    expect(top, true, "z/file", 1); /* its own name */
    Path outside = fresh_folder(), links = path_of("%s/links", top);
    make_file(outside.s, "far/file");
    make_file(top, "links/x");
    make_link(links.s, "c", path_of("%s/far/file", outside.s).s);
    make_link(links.s, "b", path_of("%s/far/file", outside.s).s);
    make_link(links.s, "d", path_of("%s/far", outside.s).s);
    make_link(links.s, "e", path_of("%s/far", outside.s).s);
    expect(links.s, true, "b x", 3); /* the first link's; c and the file in d are it again, e is d again */
    folder_remove(outside.s);
}

static void circles_and_links_to_nothing_are_left_out(void **state) {
    const char *top = ((Path *)*state)->s;
    Path text = path_of("%s/text", top);
    make_file(top, "text/a/1");
    make_file(top, "beside");
    make_link(text.s, "a/self", ".");
    make_link(text.s, "a/up", "..");
    make_link(text.s, "above", "../..");
    make_link(text.s, "root", "/");
    make_link(text.s, "nothing", "gone");
    make_link(text.s, "round", "round");
    expect(text.s, true, "a/1", 6);
}

/* Two folders of links to each other, on every level: 2^20 ways, two files. */
static void ways_that_multiply_are_walked_once(void **state) {
    const char *top = ((Path *)*state)->s;
    for (int i = 0; i < 20; i++) {
        make_file(top, path_of("store/%02d/file", i).s);
        Path level = path_of("%s/store/%02d", top, i);
        make_link(level.s, "p", path_of("../%02d", (i + 1) % 20).s);
        make_link(level.s, "q", path_of("../%02d", (i + 1) % 20).s);
    }
    make_file(top, "in/x");
    make_link(path_of("%s/in", top).s, "start", "../store/00");
    FileList list;
    Error e = {0};
    check(files_list_linked(&list, path_of("%s/in", top).s, NULL, &e), &e);
    assert_int_equal(list.files, 21);
    assert_int_equal(list.links, 21); /* one of two on every level, and the last level's other */
    files_free(&list);
}

static void what_is_no_file_is_counted(void **state) {
    const char *top = ((Path *)*state)->s;
    Error e = {0};
    FileList list;
    make_file(top, "file"), make_file(top, ".hidden"), make_file(top, ".git/config"),
        make_file(top, ".git/HEAD");
    assert_int_equal(mkfifo(path_of("%s/fifo", top).s, 0600), 0);
    make_link(top, "device", "/dev/zero");
    check(files_list_linked(&list, top, NULL, &e), &e);
    assert_int_equal(list.files, 1);
    assert_int_equal(list.hidden, 2);
    assert_int_equal(list.special, 2);
    files_free(&list);
}

/* The walk keeps its folders on the heap; paths too long for any call are refused. */
static void a_tree_deeper_than_paths_reach_is_refused(void **state) {
    Error e = {0};
    FileList list;
    char home[PATH_BYTES];
    assert_non_null(getcwd(home, sizeof home));
    assert_int_equal(chdir(((Path *)*state)->s), 0);
    for (int i = 0; i < 1500; i++) assert_int_equal(mkdir("deep", 0700) | chdir("deep"), 0);
    assert_int_equal(chdir(home), 0);
    assert_false(files_list_linked(&list, ((Path *)*state)->s, NULL, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "paths of more than 4095 bytes"));
    for (int i = 0; i < 1500; i++) { /* nftw reaches no further than we do */
        Path level = path_of("%s/deep", ((Path *)*state)->s), rest = path_of("%s/rest", ((Path *)*state)->s);
        assert_int_equal(rename(path_of("%s/deep", level.s).s, rest.s), i < 1499 ? 0 : -1);
        assert_int_equal(rmdir(level.s), 0);
        if (i < 1499) assert_int_equal(rename(rest.s, level.s), 0);
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {IN_FOLDER(links_to_files_and_folders_are_followed),
                                       IN_FOLDER(a_file_of_two_names_is_read_once),
                                       IN_FOLDER(circles_and_links_to_nothing_are_left_out),
                                       IN_FOLDER(ways_that_multiply_are_walked_once),
                                       IN_FOLDER(what_is_no_file_is_counted),
                                       IN_FOLDER(a_tree_deeper_than_paths_reach_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
