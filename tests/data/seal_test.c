/* A sealed folder: any byte that changed is seen, in its files or in what is said of them. */
#include "tests/data/fixture.h"

#include "data/seal.h"

#include <unistd.h>

static const char FACTS[] = "licence GPL-2+ (a b)\nnote \n";

static Path sealed(void **state) {
    Path folder = path_of("%s/sealed", ((Path *)*state)->s);
    Error e = {0};
    check(folder_make(folder.s, &e), &e);
    write_text(path_of("%s/one", folder.s).s, "some bytes");
    write_text(path_of("%s/two", folder.s).s, "");
    check(folder_seal(folder.s, FACTS, &e), &e);
    return folder;
}

static void refused(const char *folder, const char *why) {
    Bytes facts = {0};
    Error e = {0};
    assert_false(folder_check(folder, &facts, &e));
    if (!strstr(e.text, why)) fail_msg("%s: says not: %s", e.text, why);
    bytes_free(&facts);
}

static void facts_come_back(void **state) {
    Path folder = sealed(state);
    Bytes facts = {0};
    Error e = {0};
    char value[30];
    check(folder_check(folder.s, &facts, &e), &e);
    assert_string_equal(facts.data, FACTS);
    assert_true(fact_read(facts.data, "licence", value, sizeof value));
    assert_string_equal(value, "GPL-2+ (a b)");
    assert_true(fact_read(facts.data, "note", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(fact_read(facts.data, "lic", value, sizeof value));
    assert_false(fact_read(facts.data, "corpus", value, sizeof value));
    assert_false(fact_read(facts.data, "licence", value, 12)); /* no room for the last byte and the NUL */
    bytes_free(&facts);
}

static void changed_files_are_seen(void **state) {
    Path folder = sealed(state);
    write_text(path_of("%s/one", folder.s).s, "some bites");
    refused(folder.s, "one: damaged");
    write_text(path_of("%s/one", folder.s).s, "some bytes ");
    refused(folder.s, "one: damaged");
    write_text(path_of("%s/one", folder.s).s, "some bytes");
    write_text(path_of("%s/two", folder.s).s, "x");
    refused(folder.s, "two: damaged");
    assert_int_equal(unlink(path_of("%s/two", folder.s).s), 0);
    refused(folder.s, "two: No such file");
    assert_int_equal(unlink(path_of("%s/meta", folder.s).s), 0);
    refused(folder.s, "meta: No such file");
}

/* Each bit of the meta, and each cut of it, from memory that ends where it does. */
static void any_other_meta_is_refused(void **state) {
    Path folder = sealed(state);
    Bytes meta = {0};
    Error e = {0};
    check(file_read(path_of("%s/meta", folder.s).s, &meta, &e), &e);
    for (int64_t bit = -1; bit < 9 * meta.size; bit++) { /* -1: as it is; behind the bits: the cuts */
        int64_t size = bit < 8 * meta.size ? meta.size : bit - 8 * meta.size;
        char *copy = malloc((size_t)size + !size);
        Bytes facts = {0}, files = {0};
        memcpy(copy, meta.data, (size_t)size);
        if (bit >= 0 && size == meta.size) copy[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(seal_parse(copy, size, &facts, &files, &e), bit < 0);
        if (bit < 0) assert_string_equal(facts.data, FACTS);
        bytes_free(&facts), bytes_free(&files);
        free(copy);
    }
    bytes_free(&meta);
}

/* A checksum that fits is no proof that we wrote it: a name leads to no other folder. */
static void a_name_that_leads_away_is_refused(void **state) {
    static const char *const lines[] = {"file ../sealed/one ", "file one", "file", "other one "};
    Path folder = sealed(state);
    char one[HASH_HEX], all[HASH_HEX];
    hash_hex("some bytes", 10, one);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        bool hashed = lines[i][strlen(lines[i]) - 1] == ' ';
        Path body = path_of("%sfile one %s\n%s%s\n", FACTS, one, lines[i], hashed ? one : "");
        hash_hex(body.s, (int64_t)strlen(body.s), all);
        write_text(path_of("%s/meta", folder.s).s, path_of("%smeta %s\n", body.s, all).s);
        refused(folder.s, "meta: damaged");
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {IN_FOLDER(facts_come_back), IN_FOLDER(changed_files_are_seen),
                                       IN_FOLDER(any_other_meta_is_refused),
                                       IN_FOLDER(a_name_that_leads_away_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
