/* How many threads other work leaves a run: by what a file in the form of /proc/stat tells, and beside
 * neighbours. */
#include "tests/train/store_fixture.h"

#include "train/host.h"
#include "train/other_work.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPUS = 4, TICKS = 1000 };

/* So many ticks a CPU since the start, `work` of them all for work, of each kind. A fifth CPU, of others
 * alone, is busy all the time. */
static void write_stat(const char *path, int ticks, int work) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "cpu  1 2 3 4 5 6 7 8 0 0\n");
    for (int cpu = 0; cpu < CPUS; cpu++) {
        int own = work < ticks ? work : ticks, part = own / 5, rest = ticks - own, stolen = rest / 4;
        fprintf(f, "cpu%d %d %d %d %d %d %d %d %d 0 0\n", cpu, own - 4 * part, part, part, rest - 2 * stolen,
                stolen, part, part, stolen);
        work -= own;
    }
    fprintf(f, "cpu%d %d 0 0 0 0 0 0 0 0 0\nintr 12345\n", CPUS, ticks);
    fclose(f);
}

/* A process on those CPUs that has looked after TICKS, when nobody had done anything. */
static OtherWork looking_at(const char *path, int most) {
    OtherWork w;
    write_stat(path, TICKS, 0);
    other_work_start(&w, most);
    w.stat = path, w.every = 0, w.all = CPUS * TICKS, w.busy = 0;
    CPU_ZERO(&w.cpus);
    for (int cpu = 0; cpu < CPUS; cpu++) CPU_SET(cpu, &w.cpus);
    return w;
}

/* What it is told after as many ticks again, in which it has slept and others took `others` cores. */
static int threads_after(OtherWork *w, double others) {
    write_stat(w->stat, 2 * TICKS, (int)(others * TICKS));
    w->all = CPUS * TICKS, w->busy = 0;
    usleep(20000);
    return other_work_threads(w);
}

static void as_many_threads_are_left_as_cores(void **state) {
    (void)state;
    static const struct {
        double others;
        int most, threads;
    } cases[] = {{0, 4, 4},   {0.3, 4, 4}, {0.5, 4, 3}, {1, 4, 3}, {1.3, 4, 3}, {2, 4, 2},
                 {3.5, 4, 1}, {4, 4, 1},   {1, 3, 3},   {2, 2, 2}, {2.5, 2, 1}, {4, 1, 1}};
    Place p = place_make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OtherWork w = looking_at(p.db, cases[i].most);
        assert_int_equal(threads_after(&w, cases[i].others), cases[i].threads);
    }
    place_remove(&p);
}

static void the_most_is_taken_where_nothing_is_told_and_again_once_in_a_while(void **state) {
    (void)state;
    Place p = place_make();
    OtherWork w = looking_at(p.db, 4);
    int tries = 0;
    for (int look = 0; look < 90; look++) {
        int threads = threads_after(&w, 2);
        assert_true(threads == 2 || threads == 4);
        tries += threads == 4;
    }
    assert_in_range(tries, 2, 3);
    w.every = 3600; /* no look: as before */
    assert_int_equal(threads_after(&w, 0), w.threads);
    w.every = 0;
    assert_int_equal(threads_after(&w, 4), 1);
    w.stat = "/nonexistent";
    assert_int_equal(other_work_threads(&w), 4);
    place_remove(&p);
}

/* Of this system, beside as many neighbours as there are cores. */
static void neighbours_are_seen(void **state) {
    (void)state;
    int cores = host_cores();
    FILE *f = fopen("/proc/stat", "r");
    if (!f || cores < 2) skip();
    fclose(f);
    pid_t neighbour[cores];
    for (int i = 0; i < cores; i++)
        if (!(neighbour[i] = fork()))
            for (;;) continue;
    OtherWork w;
    other_work_start(&w, cores);
    w.every = 0;
    usleep(500000);
    int threads = other_work_threads(&w);
    for (int i = 0; i < cores; i++) {
        kill(neighbour[i], SIGKILL);
        waitpid(neighbour[i], NULL, 0);
    }
    assert_true(threads < cores);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_threads_are_left_as_cores),
        cmocka_unit_test(the_most_is_taken_where_nothing_is_told_and_again_once_in_a_while),
        cmocka_unit_test(neighbours_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
