/* The cache: whole entries or none, several preparers at once, quick reopening. */
#include "tests/data/fixture.h"

#include "data/base/listing.h"
#include "data/cache.h"
#include "data/seal.h"
#include "data/workspace.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Place {
    Path folder, text, cache;
} Place;

static int setup(void **state) {
    Place *p = malloc(sizeof *p);
    p->folder = fresh_folder();
    p->text = path_of("%s/text", p->folder.s);
    p->cache = path_of("%s/cache", p->folder.s);
    write_made_text(p->text.s, 20000);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    folder_remove(((Place *)*state)->folder.s);
    free(*state);
    return 0;
}

static bool is_token_file(const char *path) {
    return strstr(path, ".tokens") != NULL;
}
static bool is_temporary(const char *path) {
    return strstr(path, "/tmp-") != NULL;
}

static int64_t files_in(const char *folder, bool (*wanted)(const char *)) {
    Error e = {0};
    FileList list;
    check(files_list(&list, folder, wanted, &e), &e);
    int64_t files = list.files;
    files_free(&list);
    return files;
}

static void tokens_made_once_are_reopened_without_a_program(void **state) {
    const Place *p = *state;
    DataConfig c = config_of(p->text.s, TOKENIZER_BPE);
    Error e = {0};
    TokenSet first, again;
    check(tokens_open(&first, &c, p->cache.s, NULL, &e), &e);
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1); /* reopening needs no program */
    check(tokens_open(&again, &c, p->cache.s, NULL, &e), &e);
    setenv("PATH", path, 1);
    free(path);
    assert_string_equal(first.entry.folder.s, again.entry.folder.s);
    assert_int_equal(first.train.tokens, again.train.tokens);
    assert_memory_equal(first.train.token, again.train.token, (size_t)first.train.tokens * 2);
    assert_int_equal(files_in(p->cache.s, is_temporary), 0);
    tokens_close(&first);
    tokens_close(&again);
}

/* The training and the held-out tokens decode to the text. */
static void training_and_heldout_tokens_decode_to_the_text(void **state) {
    const Place *p = *state;
    DataConfig c = config_of(p->text.s, TOKENIZER_BPE);
    Error e = {0};
    TokenSet t;
    check(tokens_open(&t, &c, p->cache.s, NULL, &e), &e);
    Bytes back = {0}, text = {0};
    const TokenPart *const parts[] = {&t.train, &t.heldout};
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < parts[k]->tokens; i++)
            check(codec_decode(&t.codec, &(int32_t){parts[k]->token[i]}, 1, &back, &e), &e);
    check(file_read(p->text.s, &text, &e), &e);
    assert_int_equal(back.size, text.size);
    assert_memory_equal(back.data, text.data, text.size);
    bytes_free(&back);
    bytes_free(&text);
    tokens_close(&t);
}

static void an_entry_is_found_by_content_and_settings(void **state) {
    const Place *p = *state;
    DataConfig c = config_of(p->text.s, TOKENIZER_BYTES);
    Error e = {0};
    TokenSet t;
    Path before;
    check(tokens_open(&t, &c, p->cache.s, NULL, &e), &e);
    before = t.entry.folder;
    tokens_close(&t);
    write_made_text(p->text.s, 20000); /* touched, but the same */
    check(tokens_open(&t, &c, p->cache.s, NULL, &e), &e);
    assert_string_equal(before.s, t.entry.folder.s);
    tokens_close(&t);
    write_made_text(p->text.s, 20001);
    check(tokens_open(&t, &c, p->cache.s, NULL, &e), &e);
    assert_string_not_equal(before.s, t.entry.folder.s);
    before = t.entry.folder;
    tokens_close(&t);
    c.tokenizer = TOKENIZER_BPE;
    check(tokens_open(&t, &c, p->cache.s, NULL, &e), &e);
    assert_string_not_equal(before.s, t.entry.folder.s);
    tokens_close(&t);
}

static pid_t prepare_in_child(const Place *p, int tokenizer) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid) return pid;
    DataConfig c = config_of(p->text.s, tokenizer);
    TokenSet t;
    bool ok = tokens_open(&t, &c, p->cache.s, NULL, NULL);
    _exit(ok ? 0 : 1);
}

static void several_preparers_leave_one_entry(void **state) {
    const Place *p = *state;
    enum { CHILDREN = 4 };
    pid_t child[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) child[i] = prepare_in_child(p, TOKENIZER_BPE);
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(files_in(p->cache.s, is_token_file), 2);
    assert_int_equal(files_in(p->cache.s, is_temporary), 0);
}

/* Killed at ever later instants, until one gets through: there is an entry only then, it is
 * whole, and the next preparer clears away what the others left. */
static void killed_preparers_leave_a_whole_entry_or_none(void **state) {
    const Place *p = *state;
    DataConfig c = config_of(p->text.s, TOKENIZER_BPE);
    Error e = {0};
    TokenSet t;
    int killed = 0;
    for (useconds_t wait = 1000;; wait += wait / 2) {
        pid_t pid = prepare_in_child(p, TOKENIZER_BPE);
        usleep(wait);
        kill(pid, SIGKILL);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSIGNALED(status)) break;
        killed++;
    }
    assert_true(killed > 2);
    check(tokens_open(&t, &c, p->cache.s, NULL, &e), &e);
    tokens_close(&t);
    Workspace w;
    check(workspace_open(&w, p->cache.s, &e), &e);
    workspace_close(&w);
    assert_int_equal(files_in(p->cache.s, is_temporary), 0);
    assert_int_equal(files_in(p->cache.s, is_token_file), 2);
}

/* A failed preparation leaves nothing either. */
static void a_failed_preparation_leaves_nothing(void **state) {
    const Place *p = *state;
    DataConfig c = config_of(p->text.s, TOKENIZER_BPE);
    c.vocab = 60000;
    Error e = {0};
    TokenSet t;
    assert_false(tokens_open(&t, &c, p->cache.s, NULL, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "at most"));
    assert_int_equal(files_in(p->cache.s, is_temporary) + files_in(p->cache.s, is_token_file), 0);
}

static void a_living_owner_is_left_alone(void **state) {
    const Place *p = *state;
    Error e = {0};
    Workspace one, two;
    check(workspace_open(&one, p->cache.s, &e), &e);
    check(workspace_open(&two, p->cache.s, &e), &e);
    assert_int_equal(access(one.path.s, F_OK), 0);
    workspace_close(&two);
    workspace_close(&one);
    assert_int_equal(access(one.path.s, F_OK), -1);
}

/* ---- damage ---- */

static char said[4096]; /* what the program said while it opened, a line each */

static void hear(const char *line) {
    strncat(said, line, sizeof said - strlen(said) - 2);
    strcat(said, "\n");
}

static TokenSet open_said(const Place *p, int tokenizer) {
    DataConfig c = config_of(p->text.s, tokenizer);
    Error e = {0};
    TokenSet t;
    said[0] = 0;
    check(tokens_open(&t, &c, p->cache.s, hear, &e), &e);
    return t;
}

/* Changes one byte where it lies, so that neither size nor name tell. */
static void flip(const char *path, int64_t at) {
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, (long)at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 1, f);
    assert_int_equal(fclose(f), 0);
}

/* One byte of any file: the first, one within, the last. */
static void a_damaged_entry_is_made_anew(void **state) {
    const Place *p = *state;
    static const char *const names[] = {"train.tokens",      "train.documents", "heldout.tokens",
                                        "heldout.documents", "tokenizer.model", "meta"};
    TokenSet good = open_said(p, TOKENIZER_BPE), again;
    assert_non_null(strstr(said, "preparing"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int64_t at = -1; at < 20; at += 10) {
            flip(path_of("%s/%s", good.entry.folder.s, names[i]).s, at);
            again = open_said(p, TOKENIZER_BPE);
            if (!strstr(said, "prepared anew") || !strstr(said, names[i])) fail_msg("%s: %s", names[i], said);
            assert_int_equal(again.train.tokens + again.heldout.tokens,
                             good.train.tokens + good.heldout.tokens);
            tokens_close(&again);
            again = open_said(p, TOKENIZER_BPE); /* it is whole now */
            assert_string_equal(said, "");
            tokens_close(&again);
        }
    assert_int_equal(files_in(p->cache.s, is_token_file), 2);
    assert_int_equal(files_in(p->cache.s, is_temporary), 0);
    tokens_close(&good);
}

static void a_missing_or_cut_file_is_made_anew(void **state) {
    const Place *p = *state;
    TokenSet t = open_said(p, TOKENIZER_BYTES);
    Path folder = t.entry.folder, tokens = path_of("%s/train.tokens", folder.s);
    int64_t whole = t.train.tokens;
    tokens_close(&t);
    for (int way = 0; way < 3; way++) {
        if (way == 0) assert_int_equal(unlink(tokens.s), 0);
        if (way == 1) assert_int_equal(truncate(tokens.s, whole), 0);
        if (way == 2) folder_remove(folder.s), write_text(folder.s, "a file");
        t = open_said(p, TOKENIZER_BYTES);
        assert_non_null(strstr(said, "prepared anew"));
        assert_int_equal(t.train.tokens, whole);
        tokens_close(&t);
    }
}

/* Copies of other entries, whole in themselves, under this one's name. */
static void another_texts_entry_is_not_taken(void **state) {
    const Place *p = *state;
    TokenSet t = open_said(p, TOKENIZER_BYTES);
    Path folder = t.entry.folder;
    tokens_close(&t);
    write_made_text(p->text.s, 21000);
    TokenSet other = open_said(p, TOKENIZER_BYTES);
    int64_t whole = other.train.tokens;
    Path others = other.entry.folder;
    tokens_close(&other);
    folder_remove(others.s);
    assert_int_equal(rename(folder.s, others.s), 0);
    t = open_said(p, TOKENIZER_BYTES);
    assert_non_null(strstr(said, "of another text"));
    assert_int_equal(t.train.tokens, whole);
    tokens_close(&t);
}

/* What is remembered of files by their times must not lead to another text. */
static void a_damaged_memory_is_forgotten(void **state) {
    const Place *p = *state;
    TokenSet t = open_said(p, TOKENIZER_BYTES);
    tokens_close(&t);
    FileList seen;
    Error e = {0};
    check(files_list(&seen, path_of("%s/seen", p->cache.s).s, NULL, &e), &e);
    assert_int_equal(seen.files, 1);
    flip(seen.path[0], 3);
    t = open_said(p, TOKENIZER_BYTES);
    assert_non_null(strstr(said, "preparing")); /* the text is read, and its entry found */
    tokens_close(&t);
    assert_int_equal(files_in(p->cache.s, is_token_file), 2);
    t = open_said(p, TOKENIZER_BYTES);
    assert_string_equal(said, "");
    tokens_close(&t);
    files_free(&seen);
}

/* Checksums that fit are no proof: an id that the vocabulary has not is refused. */
static void ids_beyond_the_vocabulary_are_refused(void **state) {
    const Place *p = *state;
    TokenSet t = open_said(p, TOKENIZER_BYTES);
    Path folder = t.entry.folder;
    Bytes facts = {0}, tokens = {0};
    Error e = {0};
    tokens_close(&t);
    check(folder_check(folder.s, &facts, &e) &&
              file_read(path_of("%s/train.tokens", folder.s).s, &tokens, &e),
          &e);
    memcpy(tokens.data + 100, &(uint16_t){257}, 2);
    check(file_write(path_of("%s/train.tokens", folder.s).s, tokens.data, tokens.size, &e), &e);
    assert_int_equal(unlink(path_of("%s/meta", folder.s).s), 0);
    check(folder_seal(folder.s, facts.data, &e), &e);
    DataConfig c = config_of(p->text.s, TOKENIZER_BYTES);
    assert_false(tokens_open(&t, &c, p->cache.s, NULL, &e));
    assert_non_null(strstr(e.text, "a token that its tokenizer does not have"));
    bytes_free(&facts), bytes_free(&tokens);
}

static void documents_that_do_not_follow_each_other_are_refused(void **state) {
    (void)state;
    static const uint16_t token[] = {1, 2, 3, 4, 5, 9};
    static const struct {
        int64_t start[4], start_bytes, token_bytes, vocab;
        bool ok;
    } rows[] = {{{0, 2, 4, 6}, 32, 12, 10, true},
                {{0, 6}, 16, 12, 10, true},
                {{0, 2, 4, 6}, 32, 12, 9, false},
                {{1, 2, 4, 6}, 32, 12, 10, false},
                {{0, 2, 4, 5}, 32, 12, 10, false},
                {{0, 2, 4, 7}, 32, 12, 10, false},
                {{0, 4, 2, 6}, 32, 12, 10, false},
                {{0, 2, 2, 6}, 32, 12, 10, false},
                {{0, -1, 2, 6}, 32, 12, 10, false},
                {{0, INT64_MAX, 2, 6}, 32, 12, 10, false},
                {{0, 2, 4, 6}, 31, 12, 10, false},
                {{0, 2, 4, 6}, 32, 11, 10, false},
                {{0}, 8, 0, 10, false},
                {{0}, 0, 0, 10, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TokenPart p;
        Error e = {0};
        if (token_part(&p, token, rows[i].token_bytes, rows[i].start, rows[i].start_bytes, rows[i].vocab, "x",
                       &e) != rows[i].ok)
            fail_msg("row %zu", i);
    }
}

/* The limit stands in for a full disk; whatever is cut, nothing is left of it. */
static void a_full_disk_leaves_nothing(void **state) {
    const Place *p = *state;
    DataConfig c = config_of(p->text.s, TOKENIZER_BYTES);
    struct rlimit was, little;
    TokenSet t;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int64_t most = 10; most < 300000; most *= 4) {
        Error e = {0};
        little = (struct rlimit){(rlim_t)most, was.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
        bool ok = tokens_open(&t, &c, p->cache.s, NULL, &e);
        setrlimit(RLIMIT_FSIZE, &was);
        if (ok) tokens_close(&t);
        if (ok) break;
        assert_int_equal(e.code, EXIT_FAILED);
        assert_non_null(strstr(e.text, "File too large"));
        assert_int_equal(files_in(p->cache.s, is_token_file) + files_in(p->cache.s, is_temporary), 0);
    }
    signal(SIGXFSZ, handler);
    check(tokens_open(&t, &c, p->cache.s, NULL, NULL), &(Error){.text = "not after all"});
    tokens_close(&t);
}

/* Of several that meet a damaged entry, each reads whole tokens, and one entry is left. */
static void several_mend_a_damaged_entry(void **state) {
    const Place *p = *state;
    enum { CHILDREN = 6 };
    pid_t child[CHILDREN];
    TokenSet t = open_said(p, TOKENIZER_BYTES);
    flip(path_of("%s/train.tokens", t.entry.folder.s).s, 5000);
    for (int i = 0; i < CHILDREN; i++) child[i] = prepare_in_child(p, TOKENIZER_BYTES);
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
    tokens_close(&t);
    t = open_said(p, TOKENIZER_BYTES);
    assert_string_equal(said, "");
    assert_int_equal(files_in(p->cache.s, is_token_file), 2);
    assert_int_equal(files_in(p->cache.s, is_temporary), 0);
    tokens_close(&t);
}

static void a_cache_that_cannot_be_written_is_refused(void **state) {
    const Place *p = *state;
    DataConfig c = config_of(p->text.s, TOKENIZER_BYTES);
    Error e = {0};
    TokenSet t;
    Path below_a_file = path_of("%s/cache", p->text.s);
    assert_false(tokens_open(&t, &c, below_a_file.s, NULL, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "must be writable"));
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_PLACE(tokens_made_once_are_reopened_without_a_program),
        IN_PLACE(training_and_heldout_tokens_decode_to_the_text),
        IN_PLACE(an_entry_is_found_by_content_and_settings),
        IN_PLACE(several_preparers_leave_one_entry),
        IN_PLACE(killed_preparers_leave_a_whole_entry_or_none),
        IN_PLACE(a_failed_preparation_leaves_nothing),
        IN_PLACE(a_living_owner_is_left_alone),
        IN_PLACE(a_cache_that_cannot_be_written_is_refused),
        IN_PLACE(a_damaged_entry_is_made_anew),
        IN_PLACE(a_missing_or_cut_file_is_made_anew),
        IN_PLACE(another_texts_entry_is_not_taken),
        IN_PLACE(a_damaged_memory_is_forgotten),
        IN_PLACE(ids_beyond_the_vocabulary_are_refused),
        cmocka_unit_test(documents_that_do_not_follow_each_other_are_refused),
        IN_PLACE(a_full_disk_leaves_nothing),
        IN_PLACE(several_mend_a_damaged_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
