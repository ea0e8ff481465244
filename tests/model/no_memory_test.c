/* Small memory that a library cannot have ends the program, for want of it, and changes no figure: LAPACK's
 * room to work in, and the word by which BLIS takes its kernels. */
#include "model/instruments/gram.h"
#include "model/kernels/gemm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lapacke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

lapack_int __wrap_LAPACKE_dsyevd(int layout, char job, char triangle, lapack_int n, double *a, lapack_int ld,
                                 double *values);
lapack_int __wrap_LAPACKE_dsyevd(int layout, char job, char triangle, lapack_int n, double *a, lapack_int ld,
                                 double *values) {
    (void)layout, (void)job, (void)triangle, (void)n, (void)a, (void)ld, (void)values;
    return LAPACK_WORK_MEMORY_ERROR;
}

int __wrap_setenv(const char *name, const char *value, int over);
int __wrap_setenv(const char *name, const char *value, int over) {
    (void)name, (void)value, (void)over;
    return -1;
}

/* The exit status of a process that does so, and what it says. */
static int status_of(void (*does)(void), char *said, size_t room) {
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(ends[1], 2);
        does();
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], said, room - 1);
    said[n > 0 ? n : 0] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void values(void) {
    double G[16 * 16] = {1}, values[16];
    gram_eigenvalues(G, gram_room(16), 16, values);
}

static void vector(void) {
    double G[4] = {1, 0, 0, 1}, vector[2];
    gram_first_vector(G, 2, vector);
}

static void kernels(void) {
    gemm_start();
}

static void the_program_ends(void **state) {
    (void)state;
    static void (*const all[])(void) = {values, vector, kernels};
    unsetenv("BLIS_ARCH_TYPE");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    for (size_t i = 0; i < sizeof all / sizeof *all - !avx512;
         i++) { /* others' kernels BLIS takes by itself */
        char said[256];
        assert_int_equal(status_of(all[i], said, sizeof said), 1);
        assert_string_equal(said, "sinklab: out of memory\n");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_program_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
