/* The check before the program, with made-up programs on made-up CPUs. */
#include "train/cpu_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME(name, macro) #name,
static const char *const names[] = {CPU_FEATURES(NAME)};
enum { NAMES = sizeof names / sizeof *names };
_Static_assert(sizeof(CpuFeatures) == NAMES * sizeof(bool), "a name for each");

/* The i-th alone. */
static CpuFeatures one(int i) {
    CpuFeatures n = {0};
    ((bool *)&n)[i] = true;
    return n;
}

static CpuFeatures all_but(int i) {
    CpuFeatures n;
    for (int k = 0; k < NAMES; k++) ((bool *)&n)[k] = k != i;
    return n;
}

static void what_is_lacking_is_named(void **state) {
    (void)state;
    char line[256], words[64];
    for (int i = 0; i < NAMES; i++) {
        CpuFeatures needed = one(i), there = all_but(i), all = all_but(-1);
        assert_false(cpu_suffices(&needed, &there, line, sizeof line));
        snprintf(words, sizeof words, "has no %s,", names[i]);
        assert_non_null(strstr(line, words));
        assert_non_null(strstr(line, "make clean"));
        assert_false(cpu_suffices(&all, &there, line, sizeof line));
        assert_non_null(strstr(line, words));
    }
}

static void what_is_not_needed_may_be_lacking(void **state) {
    (void)state;
    char line[256] = "";
    CpuFeatures none = {0};
    for (int i = 0; i < NAMES; i++) {
        CpuFeatures needed = all_but(i), there = all_but(i), only = one(i);
        assert_true(cpu_suffices(&needed, &there, line, sizeof line));
        assert_true(cpu_suffices(&only, &only, line, sizeof line));
        assert_true(cpu_suffices(&none, &none, line, sizeof line));
    }
    assert_string_equal(line, "");
}

/* What this was built to use is what -march lets the compiler use, and the CPU that runs it has it. */
static void this_program_runs_here(void **state) {
    (void)state;
    char line[256];
    CpuFeatures here = cpu_has();
    assert_true(cpu_suffices(&program_features, &here, line, sizeof line));
#ifdef __AVX2__
    assert_true(program_features.avx2 && here.avx2);
#else
    assert_false(program_features.avx2);
#endif
#ifdef __AVX512F__
    assert_true(program_features.avx512f && here.avx512f);
#else
    assert_false(program_features.avx512f);
#endif
}

/* The check itself must run on the CPU that it refuses. */
static void the_check_needs_nothing(void **state) {
    (void)state;
    assert_int_equal(system("objdump -d build/train/start.o >/dev/null"), 0);
    assert_int_equal(system("! objdump -d build/train/start.o build/train/cpu_check.o | grep '%[yz]mm'"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_lacking_is_named),
        cmocka_unit_test(what_is_not_needed_may_be_lacking),
        cmocka_unit_test(this_program_runs_here),
        cmocka_unit_test(the_check_needs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
