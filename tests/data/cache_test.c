/* The cache: whole entries or none, several preparers at once, quick reopening. */
#include "tests/data/fixture.h"

#include "data/base/listing.h"
#include "data/cache.h"
#include "data/workspace.h"

#include <signal.h>
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
