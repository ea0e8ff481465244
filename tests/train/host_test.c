/* What this machine and its environment give: stacks. */
#include "tests/data/fixture.h"

#include "train/host.h"

#include <omp.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether a text is refused as OMP_STACKSIZE. */
static bool is_refused(const char *size) {
    Error e = {0};
    int threads;
    setenv("OMP_STACKSIZE", size, 1);
    bool ok = host_threads(1, &threads, &e);
    unsetenv("OMP_STACKSIZE");
    assert_true(ok || (e.code == EXIT_USAGE && strstr(e.text, "OMP_STACKSIZE: ")));
    return !ok;
}

static void threads_of_little_stack_are_refused(void **state) {
    (void)state;
    static const char *const small[] = {"100K", "100k", "255", "0.1M", "100000B", " 64 K"},
                             *const large[] = {"2M", "2048", "1G", "4194304B", "none of that"};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) assert_true(is_refused(small[i]));
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) assert_false(is_refused(large[i]));
}

/* Needs 1.5 MB of stack, more than either of them begins with. */
static double __attribute__((noinline)) deep(int n) {
    volatile double room[3 << 16];
    for (int i = 0; i < 3 << 16; i += 512) room[i] = n;
    return room[(3 << 16) - 512];
}

/* In a process of its own, which has begun with a small limit: the first thread's stack and another's. */
static void small_stacks_are_raised(void **state) {
    (void)state;
    struct rlimit now;
    assert_int_equal(getrlimit(RLIMIT_STACK, &now), 0);
    if (now.rlim_max < 8 << 20) skip(); /* they may not be, here */
    pid_t pid = fork();
    if (!pid) {
        struct rlimit small;
        int threads;
        double sum = 0;
        Error e = {0};
        getrlimit(RLIMIT_STACK, &small);
        small.rlim_cur = 200 << 10;
        pthread_attr_t others; /* as a process has them that began with that limit */
        pthread_getattr_default_np(&others);
        pthread_attr_setstacksize(&others, 200 << 10);
        pthread_setattr_default_np(&others);
        bool ok = !setrlimit(RLIMIT_STACK, &small) && host_threads(1, &threads, &e);
#pragma omp parallel num_threads(2) reduction(+ : sum) if (ok)
        sum += deep(omp_get_thread_num());
        _exit(ok && sum >= 0 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* As awk reads it: processors of one name and unlike generations are told apart. */
static void the_cpu_is_named_with_its_family_and_model(void **state) {
    (void)state;
    char ours[192], theirs[192] = "";
    FILE *f = popen(
        "awk -F '[ \t]*: ' '!NF {exit} {v[$1] = $2} END {f = v[\"cpu family\"]; printf \"%s\", "
        "v[\"model name\"] (f ? \" (family \" f \", model \" v[\"model\"] \")\" : \"\")}' /proc/cpuinfo",
        "r");
    assert_non_null(f);
    assert_true(fread(theirs, 1, sizeof theirs - 1, f) > 0);
    assert_int_equal(pclose(f), 0);
    host_cpu(ours, sizeof ours);
    assert_string_equal(ours, theirs);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_of_little_stack_are_refused),
                                       cmocka_unit_test(small_stacks_are_raised),
                                       cmocka_unit_test(the_cpu_is_named_with_its_family_and_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
