/* Corpora from hand-made files, and fetching with a stand-in for apt-get: no network. */
#include "tests/data/fixture.h"

#include "data/corpus.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup_folder, teardown_folder)

static void write_gzip(const char *path, const char *text) {
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, text, (unsigned)strlen(text)), strlen(text));
    gzclose(f);
}

static void check_documents(const Corpus *c, int documents, const char *const *expected) {
    assert_int_equal(c->documents, documents);
    assert_int_equal(c->start[0], 0);
    assert_int_equal(c->start[documents], c->text.size);
    for (int i = 0; i < documents; i++) {
        assert_int_equal(c->start[i + 1] - c->start[i], strlen(expected[i]));
        assert_memory_equal(c->text.data + c->start[i], expected[i], strlen(expected[i]));
    }
}

/* Offsets in dictd's digits: A = 0, B = 1, ..., BA = 64. */
static const char dict[] = "note\nbeta 2\nalpha\n\t 1\n\n  no newline"; /* at 0, 5, 12, 23 (13 bytes) */
static const char index_text[] = "00-database-info\tA\tF\n"
                                 "about\tA\tF\n" /* another name of the note: left out too */
                                 "alpha\tM\tK\n"
                                 "alpha, again\tM\tK\n"
                                 "beta\tF\tH\n"
                                 "end\tW\tN\n";

static void a_dictd_dictionary_is_read_in_the_order_of_its_text(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path d = path_of("%s/gcide.dict.dz", folder), i = path_of("%s/gcide.index", folder);
    write_gzip(d.s, dict);
    write_text(i.s, index_text);
    Error e = {0};
    Corpus c = {0};
    check(corpus_read_dictd(&c, d.s, i.s, &e), &e);
    check_documents(&c, 3, (const char *const[]){"beta 2\n", "alpha 1\n", "no newline\n"});
    corpus_free(&c);
}

static void a_broken_dictd_index_is_refused(void **state) {
    const char *folder = ((Path *)*state)->s;
    static const char *const broken[] = {"word\tA\n", "word\tA\tBA\n", "word\t-\tB\n",
                                         "word\t///////////\tB\n"};
    Path d = path_of("%s/dict", folder), i = path_of("%s/index", folder);
    write_text(d.s, "text\n");
    for (size_t k = 0; k < sizeof broken / sizeof *broken; k++) {
        Error e = {0};
        Corpus c = {0};
        write_text(i.s, broken[k]);
        assert_false(corpus_read_dictd(&c, d.s, i.s, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        corpus_free(&c);
    }
}

static bool add_index(const char *bytes, int64_t size, Error *e) {
    static char text[] = "some words\n";
    Bytes dict = {text, sizeof text - 1, 0}, index = {0};
    Corpus c = {0};
    *e = (Error){0};
    bool ok = bytes_append(&index, bytes, size, e) && corpus_add_dictd(&c, "index", &dict, &index, e);
    corpus_free(&c);
    bytes_free(&index);
    return ok;
}

/* An index that would hide its rest behind a NUL, and one that makes many times the text of it. */
static void an_index_that_hides_or_multiplies_text_is_refused(void **state) {
    (void)state;
    Error e;
    static const char hiding[] = "a\tA\tB\n\0b\tB\tB\n", overlapping[] = "a\tA\tL\nb\tA\tK\nc\tA\tJ\n";
    assert_true(add_index(hiding, 6, &e));
    assert_false(add_index(hiding, sizeof hiding - 1, &e));
    assert_non_null(strstr(e.text, "no index"));
    assert_true(add_index(overlapping, 12, &e));
    assert_false(add_index(overlapping, sizeof overlapping - 1, &e));
    assert_non_null(strstr(e.text, "overlap"));
    assert_int_equal(e.code, EXIT_USAGE);
}

static void a_named_corpus_is_whole_or_is_to_be_fetched(void **state) {
    const char *cache = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    assert_false(corpus_read(&c, "gcide", cache, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "sinklab fetch gcide"));
    check(folder_make(path_of("%s/gcide/text", cache).s, &e), &e);
    write_gzip(path_of("%s/gcide/text/gcide.dict.dz", cache).s, dict);
    assert_false(corpus_read(&c, "gcide", cache, &e)); /* the index is missing */
    write_text(path_of("%s/gcide/text/gcide.index", cache).s, index_text);
    write_text(path_of("%s/gcide/licence", cache).s, "GPL-2+ (dict-gcide 1)\n");
    check(corpus_read(&c, "gcide", cache, &e), &e);
    assert_int_equal(c.documents, 3);
    assert_string_equal(c.licence, "GPL-2+ (dict-gcide 1)");
    corpus_free(&c);
}

static void kernel_doc_takes_sources_only(void **state) {
    const char *cache = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    check(folder_make(path_of("%s/kernel-doc/text/mm", cache).s, &e), &e);
    write_gzip(path_of("%s/kernel-doc/text/mm/a.rst.gz", cache).s, "pages\n");
    write_text(path_of("%s/kernel-doc/text/b.txt", cache).s, "text\n");
    write_text(path_of("%s/kernel-doc/text/conf.py", cache).s, "no\n");
    check(corpus_read(&c, "kernel-doc", cache, &e), &e);
    check_documents(&c, 2, (const char *const[]){"text\n", "pages\n"});
    corpus_free(&c);
}

/* A row of data/sources.yaml with a separator, and with files that others hold out. */
static void a_named_text_is_cut_and_held_out_as_its_row_says(void **state) {
    const char *cache = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    check(folder_make(path_of("%s/tinystories/text", cache).s, &e) &&
              folder_make(path_of("%s/tinystories/heldout", cache).s, &e),
          &e);
    write_text(path_of("%s/tinystories/text/t.txt", cache).s, "once\n<|endoftext|>\ntwice\n");
    write_text(path_of("%s/tinystories/heldout/v.txt", cache).s, "never<|endoftext|>");
    TextSource both = {.source = "tinystories", .heldout = "tinystories"};
    check(corpus_read_all(&c, &both, cache, &e), &e);
    check_documents(&c, 3, (const char *const[]){"once\n", "twice\n", "never\n"});
    assert_int_equal(c.heldout_from, 2);
    corpus_free(&c);
    both.separator = "e";
    assert_false(corpus_read_all(&c, &both, cache, &e));
    assert_non_null(strstr(e.text, "has documents of its own"));
}

static void of_linux_the_longer_sources_are_read(void **state) {
    const char *cache = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    Bytes text = made_text(20000, 7);
    Path folder = path_of("%s/linux-source/text/kernel", cache);
    check(folder_make(folder.s, &e), &e);
    check(file_write(path_of("%s/fork.c", folder.s).s, text.data, text.size, &e), &e);
    check(file_write(path_of("%s/fork.o", folder.s).s, text.data, text.size, &e), &e);
    write_text(path_of("%s/short.c", folder.s).s, "int main;\n");
    check(corpus_read(&c, "linux-source", cache, &e), &e);
    assert_int_equal(c.documents, 1);
    assert_int_equal(c.text.size, text.size);
    corpus_free(&c);
    bytes_free(&text);
}

/* A document a line, whatever stands beside it; escapes are read, what is empty is counted. */
static void json_lines_are_documents_by_the_field_named(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path path = path_of("%s/two.jsonl", folder), one = path_of("%s#text", path.s),
         other = path_of("%s#title", path.s);
    char digest[HASH_HEX], another[HASH_HEX];
    Error e = {0};
    Corpus c;
    write_text(path.s, "{\"id\": 1, \"text\": \"caf\\u00e9\\nand \\ud83d\\ude00\", \"title\": \"A\"}\r\n\n"
                       "{\"title\": \"B\", \"text\": \"\"}\n{\"text\": \"last\\n\", \"title\": \"C\"}");
    check(corpus_read(&c, one.s, "", &e), &e);
    check_documents(&c, 2, (const char *const[]){"caf\u00e9\nand \U0001F600\n", "last\n"});
    assert_string_equal(c.note, "1 empty texts left out");
    corpus_free(&c);
    check(corpus_read(&c, other.s, "", &e), &e);
    check_documents(&c, 3, (const char *const[]){"A\n", "B\n", "C\n"});
    corpus_free(&c);
    check(corpus_stat(one.s, "", digest, &e) && corpus_stat(other.s, "", another, &e), &e);
    assert_string_not_equal(digest, another); /* two texts of one file */
}

static void a_folder_is_read_in_the_order_of_its_paths(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    check(folder_make(path_of("%s/b/c", folder).s, &e), &e);
    check(folder_make(path_of("%s/.git", folder).s, &e), &e);
    write_text(path_of("%s/z", folder).s, "last");
    write_text(path_of("%s/b/c/one", folder).s, "second\n");
    write_text(path_of("%s/a", folder).s, "first\n");
    write_text(path_of("%s/empty", folder).s, "");
    write_text(path_of("%s/.hidden", folder).s, "no\n");
    write_text(path_of("%s/.git/no", folder).s, "no\n");
    assert_int_equal(symlink("/", path_of("%s/link", folder).s), 0);
    check(corpus_read(&c, folder, "", &e), &e);
    check_documents(&c, 3, (const char *const[]){"first\n", "second\n", "last\n"});
    assert_string_equal(c.licence, "unknown");
    assert_string_equal(c.note, "2 hidden names left out, 1 empty files left out, "
                                "1 links left out (to nothing, or to what is read already)");
    corpus_free(&c);
}

/* As Hugging Face's cache keeps a data set: names that are links to files elsewhere. */
static void a_folder_of_links_is_the_files_behind_them(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    check(folder_make(path_of("%s/store", folder).s, &e) && folder_make(path_of("%s/hub", folder).s, &e), &e);
    write_text(path_of("%s/store/1", folder).s, "one\n");
    write_text(path_of("%s/store/2", folder).s, "caf\xE9\n");
    assert_int_equal(symlink("../store/2", path_of("%s/hub/a", folder).s), 0);
    assert_int_equal(symlink("../store/1", path_of("%s/hub/b", folder).s), 0);
    check(corpus_read(&c, path_of("%s/hub", folder).s, "", &e), &e);
    check_documents(&c, 2, (const char *const[]){"caf\xE9\n", "one\n"});
    assert_string_equal(c.note, "1 bytes that are not UTF-8, kept as they are");
    corpus_free(&c);
}

static void what_is_no_text_in_a_folder_is_named(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    write_text(path_of("%s/README", folder).s, "a card\n");
    write_text(path_of("%s/train.parquet", folder).s, "PAR1\x15");
    assert_false(corpus_read(&c, folder, "", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "train.parquet: looks like a Parquet table"));
}

/* The licence's file is not trusted to end in a newline, to hold anything, or to be short. */
static void a_licence_is_one_short_line(void **state) {
    const char *cache = ((Path *)*state)->s;
    char longer[1000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    const char *const rows[][2] = {
        {"GPL-2", "GPL-2"}, {"", "unknown"}, {"\nMIT", "unknown"}, {"MIT\nmore", "MIT"}};
    Path licence = path_of("%s/kernel-doc/licence", cache);
    Error e = {0};
    Corpus c;
    check(folder_make(path_of("%s/kernel-doc/text", cache).s, &e), &e);
    write_text(path_of("%s/kernel-doc/text/a.rst", cache).s, "text\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text(licence.s, rows[i][0]);
        check(corpus_read(&c, "kernel-doc", cache, &e), &e);
        assert_string_equal(c.licence, rows[i][1]);
        corpus_free(&c);
    }
    write_text(licence.s, longer);
    check(corpus_read(&c, "kernel-doc", cache, &e), &e);
    assert_int_equal(strlen(c.licence), sizeof c.licence - 1);
    corpus_free(&c);
}

static void digests_follow_the_documents(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    Corpus c;
    char stat_before[HASH_HEX], stat_after[HASH_HEX], before[HASH_HEX], after[HASH_HEX];
    write_text(path_of("%s/a", folder).s, "x\ny\n");
    check(corpus_stat(folder, "", stat_before, &e) && corpus_read(&c, folder, "", &e), &e);
    corpus_hash(&c, before);
    corpus_free(&c);
    check(corpus_stat(folder, "", stat_after, &e), &e);
    assert_string_equal(stat_before, stat_after);
    write_text(path_of("%s/a", folder).s, "x\n"); /* the same text, in two documents */
    write_text(path_of("%s/b", folder).s, "y\n");
    check(corpus_stat(folder, "", stat_after, &e) && corpus_read(&c, folder, "", &e), &e);
    corpus_hash(&c, after);
    corpus_free(&c);
    assert_string_not_equal(stat_before, stat_after);
    assert_string_not_equal(before, after);
}

static void check_refused(const char *source, const char *why) {
    Error e = {0};
    Corpus c;
    assert_false(corpus_read(&c, source, "/nowhere", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, why));
    assert_null(strchr(e.text, '\n'));
}

static void json_lines_without_their_text_are_refused(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path path = path_of("%s/x.jsonl", folder);
    static const struct {
        const char *lines, *source, *why;
    } cases[] = {{"{\"text\": \"a\"}\n{\"body\": \"b\"}\n", "#text", "x.jsonl:2: has no text \"text\""},
                 {"{\"text\": 7}\n", "#text", "x.jsonl:1: has no text \"text\""},
                 {"{\"text\": \"a\"}\n\n{\"text\": \"cut", "#text", "x.jsonl:3: no JSON: "},
                 {"[\"text\"]\n", "#text", "x.jsonl:1: has no text"},
                 {"{\"text\": \"a\", \"text\": \"b\"}\n", "#text", "x.jsonl:1: no JSON: duplicate"},
                 {"{\"a\": 1}\n", "", "looks like JSON lines"}, /* by its name */
                 {"{\"text\": \"a\"}\n", "#", "No such file"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text(path.s, cases[i].lines);
        check_refused(path_of("%s%s", path.s, cases[i].source).s, cases[i].why);
    }
    /* A file that has such a name is that file. */
    Corpus c;
    Error e = {0};
    write_text(path_of("%s/plain#text", folder).s, "words\n");
    check(corpus_read(&c, path_of("%s/plain#text", folder).s, "", &e), &e);
    check_documents(&c, 1, (const char *const[]){"words\n"});
    corpus_free(&c);
}

static void a_source_without_text_is_refused(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path empty = path_of("%s/empty", folder), broken = path_of("%s/broken.gz", folder);
    write_text(empty.s, "");
    write_text(broken.s, "\x1F\x8B\x08 not really");
    check_refused(empty.s, "the text is empty");
    check_refused(broken.s, "broken");
    check_refused("/no/such/path", "No such file");
    check_refused("/dev/null", "neither a file nor a folder");
    check_refused("", "data.source");
    assert_int_equal(unlink(empty.s) | unlink(broken.s), 0);
    check_refused(folder, "the text is empty");
}

/* Puts a shell script named apt-get first in PATH; returns the old PATH. */
static char *fake_apt(const char *folder, const char *script) {
    Error e = {0};
    Path bin = path_of("%s/bin", folder), apt = path_of("%s/bin/apt-get", folder);
    char *path = strdup(getenv("PATH"));
    check(folder_make(bin.s, &e), &e);
    write_text(apt.s, script);
    assert_int_equal(chmod(apt.s, 0755), 0);
    setenv("PATH", path_of("%s:%s", bin.s, path).s, 1);
    return path;
}

static void a_corpus_is_fetched_once(void **state) {
    const char *folder = ((Path *)*state)->s;
    Error e = {0};
    char *path = fake_apt(folder, "#!/bin/sh\nset -e\numask 022\nmkdir -p p/DEBIAN p/usr/share/dictd\n"
                                  "printf 'Package: dict-gcide\\nVersion: 1.5\\nArchitecture: all\\n"
                                  "Maintainer: x <x@x>\\nDescription: x\\n' > p/DEBIAN/control\n"
                                  "echo text > p/usr/share/dictd/gcide.dict.dz\n"
                                  "dpkg-deb -b p dict-gcide_1.5+n2_all.deb\nrm -r p\n");
    Path cache = path_of("%s/cache", folder);
    check(corpus_fetch("gcide", cache.s, NULL, &e), &e);
    Bytes licence = {0};
    check(file_read(path_of("%s/gcide/licence", cache.s).s, &licence, &e), &e);
    assert_memory_equal(licence.data, "GPL-2+ (dict-gcide 1.5+n2)\n", licence.size);
    bytes_free(&licence);
    assert_int_equal(access(path_of("%s/gcide/text/gcide.dict.dz", cache.s).s, R_OK), 0);
    setenv("PATH", "/nowhere", 1);
    check(corpus_fetch("gcide", cache.s, NULL, &e), &e); /* it is there: nothing is run */
    setenv("PATH", path, 1);
    free(path);
}

static void a_fetch_that_fails_says_why_and_leaves_nothing(void **state) {
    const char *folder = ((Path *)*state)->s;
    Path cache = path_of("%s/cache", folder);
    Error e = {0};
    assert_false(corpus_fetch("the-web", cache.s, NULL, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "no such corpus (one of: gcide, "));
    char *path =
        fake_apt(folder, "#!/bin/sh\necho 'E: Temporary failure resolving deb.debian.org'\nexit 100\n");
    assert_false(corpus_fetch("gcide", cache.s, NULL, &e));
    assert_non_null(strstr(e.text, "fetch: gcide: "));
    assert_non_null(strstr(e.text, "Temporary failure"));
    assert_non_null(strstr(e.text, "network"));
    setenv("PATH", "/nowhere", 1);
    assert_false(corpus_fetch("gcide", cache.s, NULL, &e));
    assert_non_null(strstr(e.text, "apt-get: not installed"));
    setenv("PATH", path, 1);
    free(path);
    FileList left;
    check(files_list(&left, cache.s, NULL, &e), &e);
    assert_int_equal(left.files, 1); /* the lock alone */
    files_free(&left);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_dictd_dictionary_is_read_in_the_order_of_its_text),
        IN_FOLDER(a_broken_dictd_index_is_refused),
        IN_FOLDER(an_index_that_hides_or_multiplies_text_is_refused),
        IN_FOLDER(a_folder_of_links_is_the_files_behind_them),
        IN_FOLDER(what_is_no_text_in_a_folder_is_named),
        IN_FOLDER(a_licence_is_one_short_line),
        IN_FOLDER(a_named_corpus_is_whole_or_is_to_be_fetched),
        IN_FOLDER(kernel_doc_takes_sources_only),
        IN_FOLDER(a_named_text_is_cut_and_held_out_as_its_row_says),
        IN_FOLDER(of_linux_the_longer_sources_are_read),
        IN_FOLDER(json_lines_are_documents_by_the_field_named),
        IN_FOLDER(json_lines_without_their_text_are_refused),
        IN_FOLDER(a_folder_is_read_in_the_order_of_its_paths),
        IN_FOLDER(digests_follow_the_documents),
        IN_FOLDER(a_source_without_text_is_refused),
        IN_FOLDER(a_corpus_is_fetched_once),
        IN_FOLDER(a_fetch_that_fails_says_why_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
