/* Sweeps as their user sees them: ./sinklab sweep on a small text, shared, killed, misused, gone on with. */
#include "data/base/error.h"
#include "tests/ablations/small_sweep.h"

#include <fcntl.h>

static int setup(void **state) {
    Place *p = place_make("sweep");
    if (!p) return -1;
    setenv("OMP_NUM_THREADS", "1", 1);
    write_text(p);
    write_sweep(p, "plain", "grid: {model.head_out: [none, rmsnorm]}\nseeds: 2\n");
    write_sweep(p, "endless", "grid: {model.head_out: [none, rmsnorm], train.steps: [2000000]}\nseeds: 1\n");
    write_sweep(p, "long", "grid: {model.head_out: [none, rmsnorm], train.steps: [200, 240]}\nseeds: 1\n");
    *state = p;
    return 0;
}

static int teardown(void **state) {
    return place_remove(*state);
}

/* ---- processes ---- */

static pid_t start_action(const Place *p, const char *action, const char *name, const char *db,
                          const char *more) {
    char line[1024];
    command_line(p, action, name, db, more, line);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static pid_t start(const Place *p, const char *name, const char *db, const char *more) {
    return start_action(p, "run", name, db, more);
}

static int wait_for(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ---- running ---- */

static void two_at_a_time_then_nothing_is_left_to_do(void **state) {
    const Place *p = *state;
    assert_int_equal(sweep(p, "run", "plain", "a.db", two_jobs("")), 0);
    assert_said(p, "a.db", "plain: 4 of 4 done");
    assert_answer(p, "a.db",
                  "SELECT count(*), sum(status = 'done'), sum((SELECT count(*) FROM step WHERE run_id = id)),"
                  " sum(threads = 1) >= 3 FROM run", /* the last one may have been given all cores */
                  "4|4|240|1|\n");
    char *before = ask(p, "a.db", "SELECT id, started, finished, heartbeat FROM run");
    assert_int_equal(sweep(p, "run", "plain", "a.db", two_jobs("")), 0);
    char *after = ask(p, "a.db", "SELECT id, started, finished, heartbeat FROM run");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* Deletes one of the runs and has it run again. */
static void run_one_anew(const Place *p) {
    char command[256], *key = ask(p, "a.db", "SELECT key FROM run ORDER BY id DESC LIMIT 1");
    snprintf(command, sizeof command, "./sinklab runs delete %.32s --db %s/a.db --quiet", key, p->folder);
    free(key);
    assert_int_equal(system(command), 0);
    assert_int_equal(sweep(p, "run", "plain", "a.db", two_jobs("")), 0);
}

/* One run that is left has all cores, and the bits that it had on one; also where OpenMP has pinned the
 * sweep's own first thread to one of them: then the program must not begin anew (train/start.c), as it does
 * for want of OMP_WAIT_POLICY. */
static void the_last_run_has_all_cores(void **state) {
    const Place *p = *state;
    static const char *const said[] = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PLACES", "GOMP_CPU_AFFINITY",
                                       "SLURM_JOB_ID"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) unsetenv(said[i]);
    static const char *const binds[] = {"false", "close"};
    char want[32];
    snprintf(want, sizeof want, "%d|\n", host_cores());
    char *digest = ask(p, "a.db", "SELECT * FROM digest");
    for (int i = 0; i < 2; i++) {
        setenv("OMP_PROC_BIND", binds[i], 1);
        run_one_anew(p);
        assert_answer(p, "a.db", "SELECT threads FROM run ORDER BY id DESC LIMIT 1", want);
        assert_answer(p, "a.db", "SELECT count(*) FROM run", "4|\n");
        char *again = ask(p, "a.db", "SELECT * FROM digest");
        assert_string_equal(digest, again);
        free(again);
    }
    unsetenv("OMP_PROC_BIND");
    free(digest);
}

static void a_cell_of_two_sweeps_runs_once(void **state) {
    const Place *p = *state;
    char *before = ask(p, "a.db", "SELECT key, heartbeat FROM run ORDER BY key");
    write_sweep(p, "shared", "grid: {optim.lr: [1e-3, 3e-3]}\nseeds: 2\n");
    assert_int_equal(sweep(p, "run", "shared", "a.db", two_jobs("")), 0);
    assert_answer(p, "a.db", "SELECT count(*), (SELECT count(*) FROM sweep_run) FROM run", "6|8|\n");
    char *after = ask(
        p, "a.db",
        "SELECT key, heartbeat FROM run WHERE id IN (SELECT run FROM sweep_run WHERE sweep = 1) ORDER BY 1");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void one_place_is_the_same_run_everywhere(void **state) {
    const Place *p = *state;
    char more[32];
    for (int i = 3; i >= 0; i--) {
        snprintf(more, sizeof more, "--index %d --json", i);
        assert_int_equal(sweep(p, "run", "plain", "index.db", more), 0);
        assert_said(p, "index.db", "\"status\": \"done\", \"val_loss\": 4");
    }
    assert_int_equal(sweep(p, "run", "plain", "index.db", "--index -1"), 2); /* not: all of them */
    assert_said(p, "index.db", "--index: -1: runs are counted from 0");
    assert_int_equal(sweep(p, "run", "plain", "index.db", "--json"), 0);
    assert_said(p, "index.db", "\"runs\"");
    assert_not_said(p, "index.db", "of 4 done"); /* JSON alone */
    assert_int_equal(sweep(p, "run", "plain", "whole.db", "--jobs 1 --quiet"), 0);
    assert_same_results(p, "index.db", "whole.db");
    assert_answer(p, "index.db", "SELECT count(DISTINCT \"index\"), max(\"index\") FROM sweep_run", "4|3|\n");
}

/* Two runners, one database, one file: whoever comes second waits for the other's runs. */
static void several_writers_share_the_work(void **state) {
    const Place *p = *state;
    pid_t pids[3];
    for (int i = 0; i < 3; i++) pids[i] = start(p, "plain", "writers.db", "--jobs 1 --quiet");
    for (int i = 0; i < 3; i++) assert_int_equal(wait_for(pids[i]), 0);
    assert_same_results(p, "writers.db", "whole.db");
    assert_answer(p, "writers.db", "PRAGMA integrity_check", "ok|\n");
}

/* ---- killing ---- */

/* A child of the process, or 0. */
static pid_t child_of(pid_t pid) {
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%d", &child) != 1) child = 0;
    if (f) fclose(f);
    return child;
}

static void killed_at_random_it_ends_the_same(void **state) {
    const Place *p = *state;
    assert_int_equal(sweep(p, "run", "long", "calm.db", two_jobs("--quiet")), 0);
    for (int i = 0; i < 6; i++) {
        pid_t runner = start(p, "long", "killed.db", two_jobs("--quiet"));
        usleep(150000 + (useconds_t)rng_below((uint64_t)getpid(), RNG_TEST, 1, (uint64_t)i, 300000));
        pid_t worker = child_of(runner);
        if (worker) kill(worker, SIGKILL);
        kill(runner, i % 2 ? SIGKILL : SIGINT);
        int code = wait_for(runner);
        /* done already; over but for the run of the worker that died; not yet listening for signals */
        bool over = code == 0 || (worker && code == EXIT_FAILED) || code == -SIGINT;
        if (code != (i % 2 ? -SIGKILL : EXIT_SIGINT) && !over) fail_msg("kill %d ended with %d", i, code);
    }
    assert_int_equal(sweep(p, "run", "long", "killed.db", two_jobs("--quiet")), 0);
    assert_same_results(p, "killed.db", "calm.db");
}

/* A worker that dies leaves its run to the next `sweep run`, and this one says that it is not done. A worker
 * that was over before the signal came is no dead one: the next sweep has another. */
static void a_dead_worker_is_told_and_taken_up(void **state) {
    const Place *p = *state;
    char db[32];
    int code = 0;
    for (int try = 0; !code && try < 20; try++) {
        snprintf(db, sizeof db, "worker%d.db", try);
        pid_t runner = start(p, "long", db, two_jobs("")), worker = 0;
        for (int i = 0; i < 60000 && !worker; i++, usleep(1000)) worker = child_of(runner);
        assert_true(worker);
        kill(worker, SIGKILL);
        code = wait_for(runner);
    }
    assert_int_equal(code, 1);
    assert_said(p, db, "killed by signal 9");
    assert_said(p, db, "3 of 4 done, 0 going, 1 ");
    assert_int_equal(sweep(p, "run", "long", db, two_jobs("")), 0);
    assert_same_results(p, db, "calm.db");
}

/* Whoever reads the progress has seen enough. */
static void a_reader_that_leaves_stops_no_sweep(void **state) {
    const Place *p = *state;
    char line[1024], db[32];
    static const char *const jobs[] = {"--jobs 1", "--jobs 2"};
    for (int i = 0; i < (host_cores() > 1 ? 2 : 1); i++) {
        snprintf(line, sizeof line,
                 "cd %s && rm -f code && { %s/sinklab sweep run plain.yaml --db left%d.db --cache cache %s; "
                 "echo $? >code; } 2>&1 |"
                 " head -c 1 >first; while [ ! -e code ]; do sleep .05; done; exit $(cat code)",
                 p->folder, getcwd((char[256]){0}, 256), i, jobs[i]);
        assert_int_equal(shell(line), 0);
        assert_file_size(p, "first", 1);
        snprintf(db, sizeof db, "left%d.db", i);
        assert_same_results(p, db, "whole.db");
    }
}

/* The run that goes stops at a checkpoint, and no other one makes a new database there. */
static void a_moved_database_stops_its_sweep(void **state) {
    const Place *p = *state;
    char line[512];
    pid_t pid = start(p, "plain", "here.db", "--jobs 1 train.steps=100000");
    snprintf(line, sizeof line,
             "cd %s && timeout 60 sh -c 'until ls -d here.db.d/*/step-????????; do sleep .01; done' "
             ">/dev/null 2>&1 &&"
             " mv here.db there.db",
             p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(wait_for(pid), 1);
    assert_said(p, "here.db", "here.db: moved, removed or replaced while it was written to");
    snprintf(line, sizeof line, "[ ! -e %s/here.db ]", p->folder);
    assert_int_equal(shell(line), 0);
    assert_answer(p, "there.db", "SELECT group_concat(status) FROM (SELECT status FROM run ORDER BY id)",
                  "interrupted,queued,queued,queued|\n");
}

/* Nobody can ask any more how its runs are: once they have ended, the sweep does. */
static void a_spoilt_database_ends_its_sweep(void **state) {
    const Place *p = *state;
    char line[640];
    int status, waits = 0;
    pid_t pid = start(p, "plain", "spoilt.db", "--jobs 1 train.steps=2000");
    snprintf(line, sizeof line,
             "cd %s && timeout 60 sh -c 'until ls -d spoilt.db.d/*/step-????????; do sleep .01; done' "
             ">/dev/null 2>&1 && for f in spoilt.db spoilt.db-wal; do tr '\\0' '\\377' </dev/zero |"
             " head -c $(stat -c %%s $f) | dd of=$f conv=notrunc status=none; done",
             p->folder);
    assert_int_equal(shell(line), 0);
    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (++waits > 600) kill(pid, SIGKILL);
        usleep(100000);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status));
    assert_said(p, "spoilt.db", "spoilt.db: ");
}

/* As nohup and a shell's & have them. */
static void a_sweep_ignores_what_it_was_told_to(void **state) {
    const Place *p = *state;
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    pid_t pid = start(p, "plain", "ignored.db", "--jobs 1");
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    for (int i = 0; i < 60000 && !child_of(pid); i++) usleep(1000);
    kill(pid, SIGHUP);
    kill(pid, SIGINT);
    assert_int_equal(wait_for(pid), 0);
    assert_same_results(p, "ignored.db", "whole.db");
}

/* What it measured, it measured in a folder of its own. */
static void a_plan_that_is_hung_up_leaves_no_folder(void **state) {
    const Place *p = *state;
    char line[256];
    signal(SIGHUP, SIG_DFL);
    setenv("TMPDIR", p->folder, 1);
    pid_t pid = start_action(p, "plan", "plain", "planned.db", "");
    unsetenv("TMPDIR");
    for (int i = 0; i < 60000 && !child_of(pid); i++) usleep(1000);
    kill(pid, SIGHUP);
    assert_int_equal(wait_for(pid), 129);
    assert_said(p, "planned.db", "plan: stopped while it measured");
    snprintf(line, sizeof line, "! ls -d %s/sinklab-plan-* 2>/dev/null", p->folder);
    assert_int_equal(shell(line), 0);
}

/* ---- one task of a job array ---- */

/* array.sh as Slurm starts task 0, from the folder; there, ./sinklab is a script that refuses to write to
 * out/ while there is a file called full. What it says goes to NAME.out. */
static int array_task(const Place *p, const char *name) {
    char line[1024];
    snprintf(line, sizeof line,
             "script=$PWD/ablations/slurm/array.sh; cd %s &&"
             " SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_JOB_ID=7 SINKLAB_LOCAL=%s/local bash $script plain.yaml out"
             " --cache cache >%s.out 2>&1",
             p->folder, p->folder, name);
    return shell(line);
}

static void a_task_that_cannot_bring_its_results_keeps_them(void **state) {
    const Place *p = *state;
    char line[512], words[256];
    snprintf(line, sizeof line,
             "{ echo '#!/bin/sh'; echo '[ \"$1 $2\" = \"merge out/0.db\" ] && [ -e full ] && exit 1';"
             " echo \"exec $PWD/sinklab \\\"\\$@\\\"\"; } >%s/sinklab && chmod +x %s/sinklab && : >%s/full",
             p->folder, p->folder, p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(array_task(p, "full"), 1);
    snprintf(words, sizeof words, "./sinklab merge 'out/0.db' '%s/local/sinklab-7-0/results.db'", p->folder);
    assert_said(p, "full", words);
    assert_answer(p, "local/sinklab-7-0/results.db", "SELECT status FROM run", "done|\n");
    free(ask(p, "local/sinklab-7-0/results.db", "UPDATE run SET note = 'the same'"));
    snprintf(line, sizeof line, "rm %s/full", p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(array_task(p, "again"), 0); /* it finds what it has done */
    assert_answer(p, "out/0.db", "SELECT status, note FROM run", "done|the same|\n");
    snprintf(line, sizeof line, "! [ -e %s/local/sinklab-7-0 ]", p->folder);
    assert_int_equal(shell(line), 0); /* nothing is left there that has been brought */
}

/* ---- what ended badly ---- */

static void what_ended_badly_waits_for_retry(void **state) {
    const Place *p = *state;
    const char *untouched = "SELECT count(*) FROM run WHERE host IS NULL";
    write_sweep(p, "wild", "zip: {optim.lr: [1e-3, 1e3], optim.weight_decay: [0, 1e3]}\n");
    assert_int_equal(sweep(p, "run", "wild", "wild.db", two_jobs("")), 1);
    assert_said(p, "wild.db", "1 failed or diverged (--retry tries them again)");
    assert_said(p, "wild.db", "lower optim.lr"); /* its own last words, out of its log */
    assert_answer(p, "wild.db", "SELECT group_concat(status) FROM run", "done,diverged|\n");
    free(ask(p, "wild.db", "UPDATE run SET host = NULL"));
    assert_int_equal(sweep(p, "run", "wild", "wild.db", two_jobs("--quiet")), 1);
    assert_said(p, "wild.db", "sinklab: wild: 1 of 2 done, 0 going, 1 failed or diverged");
    assert_int_equal(sweep(p, "plan", "wild", "wild.db", ""), 0); /* nothing is left to measure on */
    assert_answer(p, "wild.db", untouched, "2|\n");
    assert_int_equal(sweep(p, "run", "wild", "wild.db", two_jobs("--retry")), 1);
    assert_answer(p, "wild.db", untouched, "1|\n"); /* the done one is left alone */
    free(ask(p, "wild.db", "UPDATE run SET status = 'failed', host = NULL WHERE status = 'done'"));
    assert_int_equal(sweep(p, "run", "wild", "wild.db", two_jobs("")), 1);
    assert_answer(p, "wild.db", "SELECT group_concat(status) FROM run", "failed,diverged|\n");
    assert_int_equal(sweep(p, "run", "wild", "wild.db", two_jobs("--retry")), 1);
    assert_answer(p, "wild.db", "SELECT group_concat(status) FROM run", "done,diverged|\n");
}

/* ---- a file that changes ---- */

/* By key and label. */
static void assert_edit_told(const Place *p) {
    static const struct {
        const char *what, *lr;
        int seed;
    } runs[] = {{"match", "0.001", 0}, {"match", "0.001", 1}, {"orphan", "0.003", 0}, {"orphan", "0.003", 1}};
    assert_said(p, "edited.db", "2 runs of an earlier text of this file are no part of it now");
    for (int i = 0; i < 4; i++) {
        char sql[160], line[160];
        snprintf(sql, sizeof sql,
                 "SELECT substr(key, 1, 8) FROM run WHERE config ->> '$.optim.lr' = %s AND seed = %d",
                 runs[i].lr, runs[i].seed);
        char *key = ask(p, "edited.db", sql);
        snprintf(line, sizeof line, "  %-6s  %.8s  done         lr=%s seed %d\n", runs[i].what, key,
                 runs[i].lr, runs[i].seed);
        assert_said(p, "edited.db", line);
        free(key);
    }
}

static void an_edited_file_keeps_the_runs_that_still_match(void **state) {
    const Place *p = *state;
    write_sweep(p, "edited", "grid: {optim.lr: [1e-3, 3e-3]}\nseeds: 2\n");
    assert_int_equal(sweep(p, "run", "edited", "edited.db", two_jobs("")), 0);
    write_sweep(p, "edited", "grid: {optim.lr: [1e-3, 2e-3]}\nseeds: 2\n");
    assert_int_equal(sweep(p, "status", "edited", "edited.db", ""), 0);
    assert_said(p, "edited.db", "4 runs, 2 done");
    assert_edit_told(p);
    assert_said(p, "edited.db", "edited.yaml has changed since it was last run: 2 of its 4 runs match");
    assert_int_equal(sweep(p, "run", "edited", "edited.db", two_jobs("")), 0);
    assert_edit_told(p);
    assert_said(p, "edited.db", "edited.yaml has changed since it was last run: 2 of its 4 runs match");
    assert_answer(p, "edited.db",
                  "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM sweep_run),"
                  " (SELECT group_concat(cell) FROM summary)",
                  "6|4|lr=0.001,lr=0.002|\n");
    assert_int_equal(sweep(p, "status", "edited", "edited.db", ""), 0); /* orphans stay known */
    assert_said(p, "edited.db", "2 runs of an earlier text of this file are no part of it now");
    assert_said(p, "edited.db", "done         lr=0.003 seed 1");
    write_sweep(p, "edited", "grid: {optim.lr: [1e-3, 3e-3]}\nseeds: 2\n");
    assert_int_equal(sweep(p, "run", "edited", "edited.db", "--jobs 1 --quiet"), 0);
    assert_answer(p, "edited.db", "SELECT group_concat(label) FROM sweep_orphan", "lr=0.002,lr=0.002|\n");
    /* Words make other runs too: the stage and the edit are told of these. */
    assert_int_equal(sweep(p, "status", "edited", "edited.db", "train.steps=61"), 0);
    assert_said(p, "edited.db",
                "edited.yaml was last run with other words on the line: 0 of its 4 runs match");
    assert_said(p, "edited.db", "6 runs of other words or an earlier text are no part of it now");
}

/* One place run after the edit: what is left of the other text does not stand beside it. */
static void an_edited_file_mixes_nothing_when_one_place_is_run(void **state) {
    const Place *p = *state;
    write_sweep(p, "mixed", "grid: {optim.lr: [1e-3, 3e-3]}\nseeds: 2\n");
    assert_int_equal(sweep(p, "run", "mixed", "mixed.db", "--jobs 1 --quiet"), 0);
    write_sweep(p, "mixed", "grid: {optim.lr: [1e-3, 2e-3, 3e-3]}\nseeds: 1\n");
    assert_int_equal(sweep(p, "run", "mixed", "mixed.db", "--index 1 --quiet"), 0);
    assert_answer(
        p, "mixed.db",
        "SELECT \"index\", c.label, config ->> '$.optim.lr', config ->> '$.seed' FROM sweep_cell AS c"
        " LEFT JOIN sweep_run AS s USING (sweep, \"index\") LEFT JOIN run AS r ON r.id = s.run",
        "0|lr=0.001|0.001|0|\n1|lr=0.002|0.002|0|\n2|lr=0.003|0.003|0|\n");
}

/* ---- tuning ---- */

static void only_the_best_cell_of_each_side_is_judged(void **state) {
    const Place *p = *state;
    write_sweep(p, "tuned",
                "grid: {model.head_out: [none, rmsnorm], optim.lr: [1e-3, 5e-3]}\nseeds: 2\n"
                "compare: {axis: model.head_out, baseline: none}\ntune: {axes: [optim.lr], seeds: 1}\n"
                "expect: [{metric: val_loss, direction: lower, by: 9}]\n");
    assert_int_equal(sweep(p, "run", "tuned", "tuned.db", two_jobs("")), 0);
    assert_said(p, "tuned.db", "tuned: 8 of 12 done, 0 going, 4 not needed (tuned away)");
    assert_answer(p, "tuned.db", "SELECT side, open FROM sweep_choice ORDER BY side",
                  "head_out=none|0|\nhead_out=rmsnorm|0|\n");
    assert_answer(p, "tuned.db", "SELECT n, verdict FROM verdict", "2|refuted|\n");
    assert_answer(p, "tuned.db", "SELECT count(*) FROM run WHERE started IS NOT NULL", "8|\n");
    assert_int_equal(sweep(p, "verdict", "tuned", "tuned.db", ""), 0);
    assert_said(p, "tuned.db", "each side at its own best");
    assert_said(p, "tuned.db", "more_seeds: how many more would decide"); /* what a column is, to people */
    assert_int_equal(sweep(p, "verdict", "tuned", "tuned.db", "--markdown"), 0);
    assert_not_said(p, "tuned.db", "more_seeds: ");
    assert_said(p, "tuned.db", "| val\\_loss lower by more than 9 | 2 |");
}

/* Whoever waits learns what another's runs have chosen, and does not give up. */
static void writers_of_a_tuned_sweep_share_its_choice(void **state) {
    const Place *p = *state;
    pid_t pids[3];
    for (int i = 0; i < 3; i++) pids[i] = start(p, "tuned", "choosers.db", "--jobs 1 --quiet");
    for (int i = 0; i < 3; i++) assert_int_equal(wait_for(pids[i]), 0);
    assert_answer(p, "choosers.db", "SELECT count(*) FROM run WHERE started IS NOT NULL", "8|\n");
    assert_same_results(p, "choosers.db", "tuned.db");
}

/* An edited text has other cells: whoever is at work on the former one must not read them as its own. */
static void a_tuned_sweep_edited_under_way_is_given_up(void **state) {
    const Place *p = *state;
    const char *rest = "seeds: 2\ncompare: {axis: model.head_out, baseline: none}\n"
                       "tune: {axes: [optim.lr], seeds: 1}\n";
    char text[512], line[256];
    snprintf(text, sizeof text, "grid: {model.head_out: [none, rmsnorm], optim.lr: [1e-3, 5e-3]}\n%s", rest);
    write_sweep(p, "changed", text);
    pid_t pid = start(p, "changed", "changed.db", "--jobs 1 --quiet train.steps=4000");
    snprintf(line, sizeof line,
             "timeout 60 sh -c 'until ls %s/changed.db.d/*/lock >/dev/null 2>&1; do sleep .01; done'",
             p->folder);
    assert_int_equal(shell(line), 0); /* it has registered its runs and begun one */
    snprintf(text, sizeof text, "grid: {model.head_out: [none, rmsnorm], optim.lr: [1e-3, 5e-3, 1e-2]}\n%s",
             rest);
    write_sweep(p, "changed", text);
    assert_int_equal(sweep(p, "run", "changed", "changed.db", "--index 0 --quiet"), 0);
    assert_int_equal(wait_for(pid), 1);
    assert_said(p, "changed.db", "another process has registered other runs of it");
}

/* A run that tunes is not there: no verdict on half a choice. */
static void what_is_not_there_keeps_the_verdict_open(void **state) {
    const Place *p = *state;
    char line[512];
    snprintf(line, sizeof line, "cp %s/tuned.db %s/hole.db", p->folder, p->folder);
    assert_int_equal(shell(line), 0);
    free(ask(p, "hole.db",
             "DELETE FROM sweep_run WHERE \"index\" = (SELECT \"index\" FROM sweep_cell WHERE NOT judges "
             "LIMIT 1)"));
    assert_int_equal(sweep(p, "verdict", "tuned", "hole.db", ""), 0);
    assert_said(p, "hole.db", "undecided");
    assert_int_equal(sweep(p, "verdict", "tuned", "hole.db", "--markdown"), 0);
    assert_said(p, "hole.db", "| 0 | - | - | - | undecided |"); /* no interval of two zeros */
}

/* Four cells tune on one seed; two of them then judge on two. */
static void what_stage_it_is_in_is_told(void **state) {
    const Place *p = *state;
    static const struct {
        const char *sql, *says;
    } cases[] = {
        {NULL, "stage: over, 4 runs tuned and 4 judged"},
        {"UPDATE run SET status = 'interrupted' WHERE id = (SELECT run FROM sweep_run AS s JOIN sweep_cell "
         "AS c"
         " USING (sweep, \"index\") JOIN sweep_choice AS h USING (sweep, cell) WHERE judges LIMIT 1)",
         "stage: judging, 3 of 4 runs over (4 tuned before them)"},
        {"UPDATE run SET status = 'interrupted' WHERE id = (SELECT run FROM sweep_run JOIN sweep_cell"
         " USING (sweep, \"index\") WHERE NOT judges LIMIT 1)",
         "stage: tuning, 3 of 4 runs over; then 4 runs judge the cells chosen"},
    };
    assert_int_equal(sweep(p, "status", "tuned", "none.db", ""), 0);
    assert_said(p, "none.db", "stage: tuning, 0 of 4 runs over; then 4 runs judge the cells chosen");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].sql) free(ask(p, "tuned.db", cases[i].sql));
        assert_int_equal(sweep(p, "status", "tuned", "tuned.db", ""), 0);
        assert_said(p, "tuned.db", cases[i].says);
        assert_int_equal(sweep(p, "verdict", "tuned", "tuned.db", ""), 0);
        assert_said(p, "tuned.db", cases[i].says);
    }
    assert_int_equal(sweep(p, "run", "tuned", "tuned.db", two_jobs("")), 0);
    assert_answer(p, "tuned.db", "SELECT n, verdict FROM verdict", "2|refuted|\n");
    assert_answer(p, "tuned.db", "SELECT count(*) FROM run WHERE started IS NOT NULL", "8|\n");
    /* A third seed, of a cell that was not chosen. */
    free(ask(p, "tuned.db",
             "UPDATE sweep_run SET run = (SELECT run FROM sweep_run JOIN sweep_cell USING (sweep, \"index\")"
             " WHERE NOT judges) WHERE run IN (SELECT id FROM run WHERE started IS NULL)"));
    assert_int_equal(sweep(p, "verdict", "tuned", "tuned.db", ""), 0);
    assert_said(p, "tuned.db", " 2 judging seeds");
}

/* ---- what it prints ---- */

/* Standard output of an action is one JSON value with an array at that path; SQLite's reader is the judge. */
static void assert_json(const Place *p, const char *action, const char *path) {
    char line[512], sql[256];
    snprintf(line, sizeof line,
             "./sinklab sweep %s %s/tuned.yaml --db %s/tuned.db --cache %s/cache --json --quiet >%s/json",
             action, p->folder, p->folder, p->folder, p->folder);
    assert_int_equal(system(line), 0);
    snprintf(sql, sizeof sql,
             "sqlite3 :memory: \"SELECT json_array_length(readfile('%s/json'), '%s') > 0\" | grep -qx 1",
             p->folder, path);
    assert_int_equal(system(sql), 0);
}

static void figures_come_as_json(void **state) {
    const Place *p = *state;
    assert_json(p, "run", "\\$");
    assert_json(p, "verdict", "\\$");
    assert_json(p, "plan", "\\$.runs");
    assert_json(p, "status", "\\$.runs");
}

static void quiet_prints_nothing(void **state) {
    const Place *p = *state;
    char line[512];
    snprintf(line, sizeof line,
             "./sinklab sweep run %s/plain.yaml --db %s/whole.db --cache %s/cache --quiet >%s/silence",
             p->folder, p->folder, p->folder, p->folder);
    assert_int_equal(shell(line), 0);
    assert_file_size(p, "silence", 0);
    assert_answer(p, "whole.db", "SELECT count(*) FROM run WHERE status = 'done'", "4|\n");
}

/* Words that made the runs and are left out of the question: whose verdict it is is said. */
static void a_verdict_names_words_that_it_was_not_given(void **state) {
    const Place *p = *state;
    write_sweep(p, "words",
                "grid: {optim.lr: [1e-3, 5e-3]}\ncompare: {axis: optim.lr, baseline: 1e-3}\n"
                "expect: [{metric: onset, direction: lower}]\n");
    assert_int_equal(sweep(p, "run", "words", "words.db", "train.steps=20 --quiet"), 0);
    assert_int_equal(sweep(p, "verdict", "words", "words.db", ""), 0);
    assert_said(p, "words.db", "words.yaml: what was run has train.steps 20, not 60; this is the verdict on");
    assert_int_equal(sweep(p, "verdict", "words", "words.db", "train.steps=20 run.log_every=7"), 0);
    assert_not_said(p, "words.db", "what was run has");
    assert_said(p, "words.db", "onset: one that never came counts as the run's last step, later than any");
}

/* Not in a chroot without /dev/pts. */
static bool terminals_are_there(void) {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal >= 0) close(terminal);
    return terminal >= 0;
}

static void a_terminal_gets_a_live_table(void **state) {
    const Place *p = *state;
    char line[512];
    if (host_cores() < 2 || !terminals_are_there()) skip(); /* a single run draws its own line */
    snprintf(
        line, sizeof line,
        "script -qec './sinklab sweep run %s/long.yaml --db %s/live.db --cache %s/cache --jobs 2' /dev/null "
        ">%s/live.db.out </dev/null",
        p->folder, p->folder, p->folder, p->folder);
    assert_int_equal(system(line), 0);
    assert_said(p, "live.db", "  head_out=none steps=200 seed 0");
    assert_said(p, "live.db", "\033[3A\033[J"); /* two runs and the counts, redrawn */
    assert_said(p, "live.db", "long: 4 of 4 done, 0 going");
}

/* Of runs that go on for as long as they are looked at. */
static void a_live_table_has_figures_before_a_cell_that_is_cut(void **state) {
    const Place *p = *state;
    char line[1024];
    if (host_cores() < 2 || !terminals_are_there()) skip();
    snprintf(
        line, sizeof line,
        "script -qec 'exec ./sinklab sweep run %s/endless.yaml --db %s/cut.db --cache %s/cache --jobs 2' "
        "/dev/null >%s/cut.db.out </dev/null & script=$!; for _ in $(seq 1200); do"
        " grep -q 'left  seed 0  head' %s/cut.db.out && break; sleep 0.1; done;"
        " kill -TERM $(cat /proc/$script/task/$script/children); wait $script; :",
        p->folder, p->folder, p->folder, p->folder, p->folder);
    assert_int_equal(shell(line), 0);
    assert_said(p, "cut.db", "left  seed 0  head");
    assert_not_said(p, "cut.db", "left  seed 0  head_out=none steps="); /* 80 columns here */
}

/* ---- a plan that is stopped ---- */

/* The measuring child is sinklab to top, too; told to stop, plan takes its folder away and ends as told. */
static void what_is_measured_leaves_nothing_behind(void **state) {
    const Place *p = *state;
    char line[1024], path[64], name[32] = "";
    pid_t child = 0;
    snprintf(line, sizeof line, "mkdir %s/tmp", p->folder);
    assert_int_equal(shell(line), 0);
    pid_t plan = fork();
    if (plan == 0) {
        snprintf(line, sizeof line, "%s/tmp", p->folder);
        setenv("TMPDIR", line, 1);
        command_line(p, "plan", "plain", "stopped.db", "", line);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 6000 && strcmp(name, "sinklab"); i++, usleep(10000)) {
        if (!(child = child_of(plan))) continue;
        snprintf(path, sizeof path, "/proc/%d/comm", (int)child);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%31s", name) != 1) name[0] = 0;
        if (f) fclose(f);
    }
    assert_string_equal(name, "sinklab");
    kill(plan, SIGINT);
    assert_int_equal(wait_for(plan), EXIT_SIGINT);
    assert_int_equal(kill(child, 0), -1);
    snprintf(line, sizeof line, "rmdir %s/tmp", p->folder);
    assert_int_equal(shell(line), 0); /* nothing is in it */
}

/* ---- misuse ---- */

static void bad_input_is_one_clear_line(void **state) {
    const Place *p = *state;
    static const struct {
        const char *action, *name, *db, *more, *says;
    } cases[] = {
        {"run", "plain", "bad.db", "--index 4", "--index 4: "},
        {"run", "plain", "bad.db", "--jobs 4000", "runs times threads must not exceed cores"},
        {"run", "plain", "bad.db", "--jobs -1", "--jobs: -1: expected 1 to 4096 processes"},
        {"rnu", "plain", "bad.db", "", "unknown action rnu (did you mean run?)"},
        {"xyzzy", "plain", "bad.db", "", "unknown action xyzzy (one of: plan, run, status, verdict, export)"},
        {"run", "nowhere", "bad.db", "", "nowhere.yaml"},
        {"run", "many", "bad.db", "", "257 runs, more than 256 (--yes says that it is meant)"},
        {"run", "blind", "bad.db", "",
         "expect: unknown metric val_los (did you mean val_loss, val_loss_1, val_loss_late or "
         "val_loss_16k?)"},
        {"run", "plain", "text.txt", "", "not a SQLite database"},
        {"run", "plain", "foreign.db", "", "another program's database"},
        {"verdict", "plain", "none.db", "", "there is none"},
        {"verdict", "tuned", "whole.db", "", "has no sweep called tuned"},
        {"export", "plain", "whole.db", "--csv --results x", "in what form? (--csv or --results FOLDER)"},
        {"plan", "plain", "whole.db", "--csv --markdown",
         "--markdown says nothing to sweep plan (leave it out: it is for verdict)"},
        {"status", "plain", "whole.db", "--index 0",
         "--index says nothing to sweep status (leave it out: it is for run)"},
        {"run", "plain", "bad.db", "--csv",
         "--csv says nothing to sweep run (leave it out: it is for export)"},
        {"verdict", "tuned", "tuned.db", "--retry", "--retry says nothing to sweep verdict"},
        {"verdict", "tuned", "tuned.db", "--yes", "--yes says nothing to sweep verdict"},
        {"verdict", "tuned", "tuned.db", "--json --markdown", "two forms"},
        {"export", "plain", "whole.db", "--csv --jobs 2", "--jobs says nothing to sweep export"},
        {"export", "plain", "whole.db", "--csv --json", "it is for plan, run, status, verdict)"},
        {"run", "plain", "bad.db", "model.head_out=none", "model.head_out is an axis"},
    };
    write_sweep(p, "many", "seeds: 257\n");
    write_sweep(p, "blind",
                "grid: {optim.lr: [1, 2]}\ncompare: {axis: optim.lr, baseline: 1}\n"
                "expect: [{metric: val_los, direction: lower}]\n");
    fclose(open_file(p, "foreign.db", "w"));
    free(ask(p, "foreign.db", "CREATE TABLE theirs (x)"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sweep(p, cases[i].action, cases[i].name, cases[i].db, cases[i].more), 2);
        assert_said(p, cases[i].db, cases[i].says);
    }
    assert_answer(p, "foreign.db", "SELECT count(*) FROM sqlite_schema", "1|\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_at_a_time_then_nothing_is_left_to_do),
        cmocka_unit_test(the_last_run_has_all_cores),
        cmocka_unit_test(a_cell_of_two_sweeps_runs_once),
        cmocka_unit_test(one_place_is_the_same_run_everywhere),
        cmocka_unit_test(several_writers_share_the_work),
        cmocka_unit_test(killed_at_random_it_ends_the_same),
        cmocka_unit_test(a_dead_worker_is_told_and_taken_up),
        cmocka_unit_test(a_reader_that_leaves_stops_no_sweep),
        cmocka_unit_test(a_moved_database_stops_its_sweep),
        cmocka_unit_test(a_spoilt_database_ends_its_sweep),
        cmocka_unit_test(a_sweep_ignores_what_it_was_told_to),
        cmocka_unit_test(a_plan_that_is_hung_up_leaves_no_folder),
        cmocka_unit_test(a_task_that_cannot_bring_its_results_keeps_them),
        cmocka_unit_test(what_ended_badly_waits_for_retry),
        cmocka_unit_test(an_edited_file_keeps_the_runs_that_still_match),
        cmocka_unit_test(an_edited_file_mixes_nothing_when_one_place_is_run),
        cmocka_unit_test(only_the_best_cell_of_each_side_is_judged),
        cmocka_unit_test(writers_of_a_tuned_sweep_share_its_choice),
        cmocka_unit_test(a_tuned_sweep_edited_under_way_is_given_up),
        cmocka_unit_test(what_is_not_there_keeps_the_verdict_open),
        cmocka_unit_test(what_stage_it_is_in_is_told),
        cmocka_unit_test(figures_come_as_json),
        cmocka_unit_test(quiet_prints_nothing),
        cmocka_unit_test(a_verdict_names_words_that_it_was_not_given),
        cmocka_unit_test(what_is_measured_leaves_nothing_behind),
        cmocka_unit_test(a_terminal_gets_a_live_table),
        cmocka_unit_test(a_live_table_has_figures_before_a_cell_that_is_cut),
        cmocka_unit_test(bad_input_is_one_clear_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
