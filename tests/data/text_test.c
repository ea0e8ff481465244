/* Texts built in memory: whole, or the program ends with one line. */
#include "data/base/error.h"
#include "data/base/text.h"
#include "tests/data/fixture.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_text_is_what_was_written(void **state) {
    (void)state;
    char *text = NULL, number[16];
    size_t length = 0, at = 0;
    FILE *out = text_open(&text, &length);
    for (int i = 0; i < 20000; i++) {
        assert_int_equal(ftell(out), (long)at);
        at += (size_t)fprintf(out, "%d ", i);
    }
    fclose(out);
    assert_int_equal(length, at);
    at = 0;
    for (int i = 0; i < 20000; i++) {
        size_t n = (size_t)snprintf(number, sizeof number, "%d ", i);
        assert_memory_equal(text + at, number, n);
        at += n;
    }
    assert_int_equal(text[at], 0);
    free(text);
}

static void an_empty_text_is_one(void **state) {
    (void)state;
    char *text = NULL;
    size_t length = 7;
    fclose(text_open(&text, &length));
    assert_int_equal(length, 0);
    assert_string_equal(text, "");
    free(text);
}

/* In a process of its own, with little memory: standard error comes back. */
static void what_finds_no_memory_ends_the_program(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its allocator ends the program itself */
#endif
    int ends[2], status;
    char line[64] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (!pid) {
        char *text;
        size_t length;
        struct rlimit most = {256 << 20, 256 << 20};
        dup2(ends[1], 2);
        setrlimit(RLIMIT_AS, &most);
        FILE *out = text_open(&text, &length);
        for (int i = 0; i < 1 << 20; i++) fprintf(out, "%01023d\n", i);
        fclose(out);
        _exit(EXIT_DONE);
    }
    close(ends[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_FAILED);
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    assert_string_equal(line, "sinklab: out of memory\n");
    close(ends[0]);
}

static void errors_of_paths_are_the_users_and_others_the_machines(void **state) {
    (void)state;
    assert_int_equal(exit_code_of(ENOENT), EXIT_USAGE);
    assert_int_equal(exit_code_of(EACCES), EXIT_USAGE);
    assert_int_equal(exit_code_of(ENOSPC), EXIT_FAILED);
    assert_int_equal(exit_code_of(EIO), EXIT_FAILED);
    assert_int_equal(exit_code_of(ENOMEM), EXIT_FAILED);
    assert_int_equal(exit_code_of(EMFILE), EXIT_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_what_was_written),
        cmocka_unit_test(an_empty_text_is_one),
        cmocka_unit_test(what_finds_no_memory_ends_the_program),
        cmocka_unit_test(errors_of_paths_are_the_users_and_others_the_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
