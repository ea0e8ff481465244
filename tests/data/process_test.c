/* Other programs: their place, their output, and what their failures become. */
#include "tests/data/fixture.h"

#include "data/base/process.h"

#include <signal.h>

static void a_process_runs_in_its_folder_without_input(void **state) {
    const char *folder = ((Path *)*state)->s;
    const char *const argv[] = {"sh", "-c", "pwd; echo two >&2; cat", NULL}; /* cat: there is no input */
    Error e = {0};
    Bytes log = {0};
    check(process_run(argv, folder, "log", "dash", &e), &e);
    check(file_read(path_of("%s/log", folder).s, &log, &e), &e);
    Path expected = path_of("%s\ntwo\n", folder);
    assert_int_equal(log.size, strlen(expected.s));
    assert_memory_equal(log.data, expected.s, log.size);
    bytes_free(&log);
}

static void check_failure(void **state, const char *script, int code, const char *says) {
    const char *const argv[] = {"sh", "-c", script, NULL};
    Error e = {0};
    assert_false(process_run(argv, ((Path *)*state)->s, "log", "dash", &e));
    if (e.code != code || !strstr(e.text, says))
        fail_msg("%d, %s: is not: %d, %s", e.code, e.text, code, says);
}

static void a_failed_process_is_told_by_its_last_words(void **state) {
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL); /* ignored where the tests run in the background of a script */
    check_failure(state, "echo first; echo 'an Error: x'; echo last; exit 3", EXIT_FAILED,
                  "sh: failed: an Error: x");
    check_failure(state, "echo first; echo last; exit 1", EXIT_FAILED, "sh: failed: last");
    check_failure(state, "exit 1", EXIT_FAILED, "no output");
    check_failure(state, "kill -9 $$", EXIT_FAILED, "killed: signal 9");
    check_failure(state, "kill -9 $$", EXIT_FAILED, "out of memory?");
    check_failure(state, "kill -25 $$", EXIT_FAILED, "(File size limit exceeded): no output");
    check_failure(state, "echo \"what():  std::bad_alloc\"; echo Program terminated; kill -6 $$", EXIT_FAILED,
                  "killed by a signal (Aborted): what():  std::bad_alloc");
    check_failure(state, "kill -2 $$", EXIT_SIGINT, "signal 2");
    check_failure(state, "kill -15 $$", EXIT_SIGTERM, "signal 15");
    check_failure(state, "kill -1 $$", 129, "signal 1");
}

static void a_missing_program_is_told_by_its_package(void **state) {
    const char *const argv[] = {"no-such-program", NULL};
    Error e = {0};
    assert_false(process_run(argv, ((Path *)*state)->s, "log", "some-package", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "apt-get install some-package"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {IN_FOLDER(a_process_runs_in_its_folder_without_input),
                                       IN_FOLDER(a_failed_process_is_told_by_its_last_words),
                                       IN_FOLDER(a_missing_program_is_told_by_its_package)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
