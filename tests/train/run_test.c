/* One run as its user sees it: ./sinklab train on a small text, killed, repeated, misused. */
#include "data/base/rng.h"
#include "train/host.h"
#include "train/step.h"

#include "tests/train/command_fixture.h"

#include <omp.h>

/* Some 60 kB of pseudo-English: words of a small vocabulary with a grammar of pairs. */
static void write_text(const Place *p) {
    static const char *const words[] = {"the", "sink",  "drinks", "what",  "no", "head", "wants", "and",
                                        "a",   "token", "stands", "first", "so", "it",   "is",    "seen"};
    FILE *f = open_file(p, "text.txt", "w");
    uint64_t at = 0;
    for (int i = 0; i < 12000; i++) {
        at = (3 * at + rng_below(1, RNG_TEST, 0, (uint64_t)i, 4)) % 16;
        fprintf(f, "%s%c", words[at], i % 11 == 10 ? '\n' : ' ');
    }
    fclose(f);
}

static int setup(void **state) {
    Place *p = place_make("run");
    if (!p) return -1;
    write_text(p);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    return place_remove(*state);
}

/* A small model that learns in a second or so; further words may change it. */
static void command_line(const Place *p, const char *db, const char *more, char *out, size_t room) {
    snprintf(
        out, room,
        "exec ./sinklab train configs/demo.yaml --quiet --db %s/%s --cache %s/cache data.source=%s/text.txt "
        "data.tokenizer=bytes model.layers=2 "
        "model.width=32 model.heads=2 model.context=16 train.batch_tokens=512 train.steps=300 "
        "optim.warmup=10 probe.every=30 probe.sequences=20 run.checkpoint_every=7 "
        "run.threads=1 %s >%s/out 2>&1",
        p->folder, db, p->folder, p->folder, more, p->folder);
}

static int train(const Place *p, const char *db, const char *more) {
    char line[1024];
    command_line(p, db, more, line, sizeof line);
    return shell(line);
}

static void assert_same_run(const Place *p, const char *db, const char *other) {
    assert_same_results(p, db, other);
    char line[512];
    snprintf(line, sizeof line,
             "cd %s && cmp %s.d/*/step-00000300/model.safetensors %s.d/*/step-00000300/model.safetensors",
             p->folder, db, other);
    assert_int_equal(system(line), 0);
}

static void train_to_the_end(void **state) {
    const Place *p = *state;
    assert_int_equal(train(p, "a.db", ""), 0);
    assert_answer(
        p, "a.db",
        "SELECT status, steps, (SELECT count(*) FROM step), (SELECT count(*) FROM step_head) FROM run",
        "done|300|300|1200|\n");
    assert_answer(p, "a.db",
                  "SELECT group_concat(step, ' ') FROM (SELECT step FROM step_layer GROUP BY step HAVING "
                  "count(*) = 2 AND"
                  " count(gradient_sink) = 2 AND count(stream_gradient_sink) = 2 AND min(attn_write) > 0"
                  " AND min(mlp_write) > 0 ORDER BY step)",
                  "1 2 4 8 16 32 48 64 80 96 112 128 144 160 176 192 208 224 240 256 272 288 300|\n");
    assert_answer(
        p, "a.db", /* the norms of a step's gradient add up to its own */
        "SELECT count(*), max(abs(sqrt(squares) / grad_norm - 1)) < 1e-9 FROM step JOIN (SELECT run_id, step,"
        " sum(gradient * gradient) AS squares FROM step_tensor WHERE weight > 0 AND \"update\" > 0"
        " GROUP BY run_id, step) USING (run_id, step)",
        "23|1|\n");
    assert_answer(
        p, "a.db",
        "SELECT probe, group_concat(DISTINCT step), min(gradient_sink) > 0, min(stream_gradient_sink) > 0"
        " FROM eval_layer WHERE gradient_sink IS NOT NULL GROUP BY probe ORDER BY probe",
        "context|300|1|1|\nmain|0,150,300|1|1|\nother_bos|300|1|1|\n");
    assert_answer(p, "a.db", "SELECT min(step), max(step), count(*) > 60 FROM step WHERE loss IS NOT NULL",
                  "1|300|1|\n");
    assert_answer(
        p, "a.db",
        "SELECT (SELECT avg(loss) FROM step WHERE step > 290) < 0.6 * (SELECT loss FROM step WHERE step = 1)",
        "1|\n");
    assert_answer(p, "a.db",
                  "SELECT group_concat(DISTINCT probe) FROM (SELECT probe FROM eval ORDER BY probe)",
                  "context,main,other_bos,random,repeated|\n");
    assert_answer(p, "a.db",
                  "SELECT count(*) FROM eval WHERE step IN (0, 300) AND probe = 'main' AND val_loss > 0",
                  "2|\n");
    assert_answer(p, "a.db",
                  "SELECT probe, min(step), count(sink_rate_03), count(DISTINCT step) FILTER (WHERE"
                  " val_loss IS NOT NULL) FROM eval WHERE probe IN ('context', 'other_bos', 'random')"
                  " GROUP BY probe ORDER BY probe",
                  "context|0|3|0|\nother_bos|0|3|1|\nrandom|0|3|0|\n");
    assert_answer(p, "a.db",
                  "SELECT probe, group_concat(DISTINCT step), min(count) FROM (SELECT probe, step,"
                  " count(out_variance_first) AS count FROM eval_layer WHERE entropy IS NOT NULL AND"
                  " probe <> 'main' GROUP BY probe, step) GROUP BY probe ORDER BY probe",
                  "context|300|0|\nother_bos|300|0|\nrandom|300|2|\n");
    assert_answer(p, "a.db",
                  "SELECT count(DISTINCT step) FROM eval_layer WHERE probe = 'random' AND"
                  " out_variance_first IS NOT NULL",
                  "3|\n");
}

static void two_threads_give_the_same_bits(void **state) {
    if (host_cores() < 2) skip(); /* no more threads than cores */
    const Place *p = *state;
    assert_int_equal(train(p, "two.db", "run.threads=2"), 0);
    assert_same_run(p, "a.db", "two.db");
}

static void rows_in_flight_change_no_bit(void **state) {
    const Place *p = *state;
    const char *losses =
        "SELECT kind, step, place, figures FROM digest WHERE kind IN ('step', 'step_layer', 'step_tensor')";
    static const char *const ties[] = {"train.steps=80 model.tie=false", "train.steps=80 model.tie=true",
                                       "train.steps=80 train.replace=0.1 train.gate_balance=0.1 "
                                       "model.norm_kind=gated model.value_scale=true "
                                       "model.head_out=exclusive model.attention=scalable",
                                       "train.steps=20 model.depth_capacity=0.4"};
    for (int i = 0; i < 4; i++) {
        char all[64], few[64], words[192];
        snprintf(all, sizeof all, "all%d.db", i);
        snprintf(few, sizeof few, "few%d.db", i);
        assert_int_equal(train(p, all, ties[i]), 0);
        snprintf(words, sizeof words, "%s train.micro_rows=16", ties[i]);
        assert_int_equal(train(p, few, words), 0);
        char *a = ask(p, all, losses), *b = ask(p, few, losses);
        assert_string_equal(a, b);
        free(a);
        free(b);
    }
}

/* More threads, more rows; where bits depend on the rows in flight, as many on every machine. */
static void rows_in_flight_follow_the_threads_where_no_bit_does(void **state) {
    (void)state;
    static const struct {
        const char *key, *value;
        int few, many;
    } cases[] = {{"model.attention", "softmax", 4, 16},
                 {"model.attention", "sink_token", 4, 4},
                 {"model.interventions", "amplify(mu=batch)", 4, 4},
                 {"train.micro_rows", "8", 8, 8},
                 {"model.tie", "true", 1, 1}};
    int threads = omp_get_max_threads();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Error e = {0};
        config_defaults(&c);
        c.train.batch_tokens = 4096;
        assert_true(config_set(&c, cases[i].key, cases[i].value, "", &e));
        omp_set_num_threads(2);
        assert_int_equal(trainer_rows_in_flight(&c, 256), cases[i].few);
        omp_set_num_threads(16);
        assert_int_equal(trainer_rows_in_flight(&c, 256), cases[i].many);
    }
    omp_set_num_threads(threads);
}

/* The figures of steps, and those of evaluations before the first, of a run of a few steps. */
static void seeded(const Place *p, const char *words, char **steps, char **start) {
    char db[64], line[128];
    static int run;
    snprintf(db, sizeof db, "seeded%d.db", run++);
    snprintf(line, sizeof line, "train.steps=20 %s", words);
    assert_int_equal(train(p, db, line), 0);
    *steps = ask(p, db, "SELECT step, figures FROM digest WHERE kind = 'step'");
    *start = ask(p, db, "SELECT kind, place, figures FROM digest WHERE step = 0 AND kind <> 'run'");
}

/* Each seed moves what it names and nothing else; all of them together are `seed`. */
static void a_seed_of_its_own_moves_what_it_names(void **state) {
    static const struct {
        const char *words;
        bool steps, start; /* are those of seed 3 */
    } runs[] = {{"seed=3", true, true},
                {"seed=7 seeds.init=3 seeds.data=3 seeds.probe=3", true, true},
                {"seed=3 seeds.init=null seeds.data=7", false, true},
                {"seed=3 seeds.probe=7", true, false},
                {"seed=3 seeds.init=7", false, false}};
    char *want[2] = {NULL, NULL};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char *got[2];
        seeded(*state, runs[i].words, &got[0], &got[1]);
        for (int k = 0; k < 2; k++) {
            bool same = !strcmp(want[k] ? want[k] : got[k], got[k]);
            if (same != (k ? runs[i].start : runs[i].steps))
                fail_msg("%s: %s", runs[i].words, k ? "evaluations" : "steps");
            if (!i)
                want[k] = got[k];
            else
                free(got[k]);
        }
    }
    free(want[0]);
    free(want[1]);
}

/* Looking seldom, or never, changes nothing that is trained. */
static void gradients_are_looked_at_as_asked(void **state) {
    const Place *p = *state;
    const char *losses = "SELECT step, quote(loss), quote(grad_norm) FROM step ORDER BY step";
    char *want = ask(p, "a.db", losses);
    static const struct {
        const char *db, *word, *steps;
    } cases[] = {{"never.db", "probe.gradients=-1", "|\n"},
                 {"seldom.db", "probe.gradients=120", "1 2 4 8 16 32 64 120 240 300|\n"}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(train(p, cases[i].db, cases[i].word), 0);
        char *got = ask(p, cases[i].db, losses);
        assert_string_equal(got, want);
        free(got);
        static const char *const tables[] = {"step_layer", "step_tensor"};
        for (int t = 0; t < 2; t++) {
            char sql[128];
            snprintf(sql, sizeof sql,
                     "SELECT group_concat(step, ' ') FROM (SELECT DISTINCT step FROM %s ORDER BY step)",
                     tables[t]);
            assert_answer(p, cases[i].db, sql, cases[i].steps);
        }
    }
    free(want);
}

/* Starts the run in a process group of its own, so that a signal reaches what the shell started. */
static pid_t start(const Place *p, const char *db, const char *more) {
    char line[1024];
    command_line(p, db, more, line, sizeof line);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    setpgid(pid, pid);
    return pid;
}

static void kill_and_wait(pid_t pid, int signal) {
    kill(-pid, signal);
    waitpid(pid, NULL, 0);
    while (!kill(-pid, 0)) usleep(1000); /* the shell is gone, what it started may still be saving */
}

static void killed_and_gone_on_with(void **state) {
    const Place *p = *state;
    for (int i = 0; i < 6; i++) {
        pid_t pid = start(p, "killed.db", "");
        usleep(40000 + (useconds_t)rng_below((uint64_t)getpid(), RNG_TEST, 1, (uint64_t)i, 250000));
        kill_and_wait(pid, i % 3 == 2 ? SIGTERM : SIGKILL);
    }
    assert_int_equal(train(p, "killed.db", ""), 0);
    assert_same_run(p, "a.db", "killed.db");
}

static void done_is_done_and_again_repeats(void **state) {
    const Place *p = *state;
    char *before = ask(p, "a.db", "SELECT finished FROM run");
    assert_int_equal(train(p, "a.db", ""), 0);
    char *after = ask(p, "a.db", "SELECT finished FROM run");
    assert_string_equal(before, after);
    free(before);
    free(after);
    assert_int_equal(train(p, "two.db", "--again"), 0);
    assert_same_run(p, "a.db", "two.db");
}

/* The disk has cut its newest checkpoint off, then the one before it as well. */
static void a_damaged_checkpoint_is_made_up_for(void **state) {
    const Place *p = *state;
    char line[512];
    snprintf(line, sizeof line,
             "cd %s && cp a.db cut.db && cp -r a.db.d cut.db.d && truncate -s 100 "
             "cut.db.d/*/step-00000300/model.safetensors && cp -r cut.db.d both.db.d && truncate -s 100 "
             "both.db.d/*/step-00000294/optimizer.safetensors",
             p->folder);
    assert_int_equal(system(line), 0);
    free(ask(p, "cut.db", "UPDATE run SET status = 'interrupted'"));
    snprintf(line, sizeof line, "cd %s && cp cut.db both.db", p->folder);
    assert_int_equal(system(line), 0);
    assert_int_equal(train(p, "cut.db", ""), 0);
    assert_same_run(p, "a.db", "cut.db");
    assert_answer(p, "cut.db",
                  "SELECT step, kind, instr(detail, 'step-00000300/model.safetensors') > 0 FROM event"
                  " WHERE kind NOT IN ('nan', 'diverged')",
                  "294|checkpoint|1|\n");
    assert_int_not_equal(train(p, "both.db", ""), 0);
    assert_answer(p, "both.db",
                  "SELECT status, kind, instr(detail, 'step-00000300/model.safetensors') > 0 FROM run"
                  " JOIN event ON id = run_id WHERE kind NOT IN ('nan', 'diverged')",
                  "failed|error|1|\n");
    assert_int_equal(train(p, "both.db", "--again"), 0);
    assert_same_run(p, "a.db", "both.db");
}

/* A power cut keeps what was synced, the checkpoints, and loses rows that were not: of the newest one's
 * steps, of both ones', of steps long ago. */
static void rows_that_are_lost_are_made_again(void **state) {
    const Place *p = *state;
    static const struct {
        const char *lost, *from;
    } cases[] = {
        {"step > 296", "294"}, {"step > 200", "0"}, {"step BETWEEN 100 AND 120", "0"}, {"step < 3", "0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[512], want[64];
        snprintf(line, sizeof line, "cd %s && rm -rf lost.db* && cp a.db lost.db && cp -r a.db.d lost.db.d",
                 p->folder);
        assert_int_equal(system(line), 0);
        free(ask(p, "lost.db", "UPDATE run SET status = 'running'"));
        for (int table = 0; table < 2; table++) {
            snprintf(line, sizeof line, "DELETE FROM %s WHERE %s", table ? "eval" : "step", cases[i].lost);
            free(ask(p, "lost.db", line));
        }
        assert_int_equal(train(p, "lost.db", ""), 0);
        assert_same_run(p, "a.db", "lost.db");
        snprintf(want, sizeof want, "%s|1|\n", cases[i].from);
        assert_answer(p, "lost.db",
                      "SELECT step, instr(detail, 'has figures up to step') > 0 FROM event"
                      " WHERE kind = 'checkpoint'",
                      want);
    }
}

/* Of a run that goes and of one that was killed. */
static void the_newest_checkpoint_is_named(void **state) {
    const Place *p = *state;
    char line[512], *path = NULL;
    pid_t pid = start(p, "named.db", "train.steps=100000");
    snprintf(line, sizeof line,
             "timeout 60 sh -c 'until ls -d %s/named.db.d/*/step-* >/dev/null 2>&1; do sleep .01; done'",
             p->folder);
    assert_int_equal(shell(line), 0);
    for (int i = 0; i < 6000 && (!path || *path != '/'); i++, usleep(10000)) {
        free(path);
        path = ask(p, "named.db", "SELECT checkpoint FROM run WHERE status = 'running'");
    }
    assert_int_equal(*path, '/');
    free(path);
    kill_and_wait(pid, SIGKILL);
    path = ask(p, "named.db", "SELECT checkpoint FROM run");
    snprintf(line, sizeof line, "test -d %.*s", (int)strcspn(path, "|"), path);
    assert_int_equal(*path, '/');
    assert_int_equal(shell(line), 0);
    free(path);
}

/* And of one that had nothing left to do but say that it is done. */
static void what_was_saved_last_is_named(void **state) {
    const Place *p = *state;
    assert_int_equal(train(p, "last.db", ""), 0);
    free(ask(p, "last.db", "UPDATE run SET status = 'interrupted', checkpoint = NULL"));
    assert_int_equal(train(p, "last.db", ""), 0);
    assert_answer(p, "last.db", "SELECT status, substr(checkpoint, -14) FROM run", "done|/step-00000300|\n");
}

/* Sent back behind its checkpoints and stopped before it has caught up, a run keeps what it makes. */
static void a_run_sent_back_keeps_what_it_makes(void **state) {
    const Place *p = *state;
    char line[512], *made;
    snprintf(line, sizeof line, "cd %s && cp a.db back.db && cp -r a.db.d back.db.d", p->folder);
    assert_int_equal(system(line), 0);
    free(ask(p, "back.db", "UPDATE run SET status = 'running'"));
    free(ask(p, "back.db", "DELETE FROM step WHERE step > 200"));
    pid_t pid = start(p, "back.db", "");
    snprintf(line, sizeof line,
             "cd %s/back.db.d/* && timeout 60 sh -c 'until ls -d step-*.aside && ls -d step-????????; do "
             "sleep .01; "
             "done' >/dev/null 2>&1",
             p->folder);
    assert_int_equal(shell(line), 0);
    kill_and_wait(pid, SIGTERM);
    made = ask(p, "back.db", "SELECT max(step) FROM step");
    assert_in_range(atoi(made), 1, 300);
    free(made);
    assert_int_equal(train(p, "back.db", ""), 0);
    assert_same_run(p, "a.db", "back.db");
    assert_answer(p, "back.db", "SELECT count(*) FROM event WHERE kind = 'checkpoint'", "1|\n");
}

/* Weights alone but for the two newest; what an earlier start asked for stays; run.keep is outside the run's
 * key. */
static void what_is_kept_changes_no_bit(void **state) {
    const Place *p = *state;
    char line[512];
    const char *steps = "cd %s && test \"$(ls -d log.db.d/*/step-* | sed 's/.*step-0*//' | xargs)\" = '%s'";
    assert_int_equal(train(p, "log.db", "run.keep=log run.checkpoint_every=290"), 0);
    assert_same_run(p, "a.db", "log.db");
    snprintf(line, sizeof line, steps, p->folder, "1 2 3 4 6 8 11 16 23 32 45 64 91 128 181 256 290 300");
    assert_int_equal(shell(line), 0);
    snprintf(line, sizeof line,
             "cd %s && test \"$(ls log.db.d/*/step-*/optimizer.safetensors | sed 's/.*step-0*//' | "
             "xargs)\" = '290/optimizer.safetensors 300/optimizer.safetensors'",
             p->folder);
    assert_int_equal(shell(line), 0);
    snprintf(line, sizeof line,
             "cd %s && rm -r log.db.d/*/step-00000300 && sqlite3 log.db \"DELETE FROM step WHERE step "
             "> 299; UPDATE run SET status = 'interrupted'\"",
             p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(train(p, "log.db", "run.checkpoint_every=5"), 0);
    assert_same_run(p, "a.db", "log.db");
    snprintf(line, sizeof line, steps, p->folder, "1 2 3 4 6 8 11 16 23 32 45 64 91 128 181 256 295 300");
    assert_int_equal(shell(line), 0);
}

/* With every whole one gone beyond its rows, there is none to go on from: weights alone are no reason to
 * fail. */
static void weights_alone_are_not_gone_on_from(void **state) {
    const Place *p = *state;
    assert_int_equal(train(p, "lost.db", "run.keep=all run.checkpoint_every=100"), 0);
    char line[512];
    snprintf(line, sizeof line,
             "cd %s && sqlite3 lost.db \"DELETE FROM step WHERE step > 150; UPDATE run SET status = "
             "'interrupted'\"",
             p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(train(p, "lost.db", "run.keep=all run.checkpoint_every=100"), 0);
    assert_same_run(p, "a.db", "lost.db");
}

/* A database that was deleted, its checkpoints kept: they are days of work. */
static void checkpoints_without_rows_are_set_aside(void **state) {
    const Place *p = *state;
    char line[512];
    snprintf(line, sizeof line, "cd %s && cp -r a.db.d gone.db.d", p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(train(p, "gone.db", ""), 0);
    assert_file_says(
        p, "out",
        "its database has figures up to step 0 only (set aside as step-00000300.aside); so were 1 more");
    assert_same_run(p, "a.db", "gone.db");
    assert_answer(p, "gone.db", "SELECT kind, step FROM event WHERE kind NOT IN ('nan', 'diverged')",
                  "checkpoint|0|\n");
    snprintf(line, sizeof line,
             "cd %s && cmp a.db.d/*/step-00000294/model.safetensors "
             "gone.db.d/*/step-00000294.aside/model.safetensors",
             p->folder);
    assert_int_equal(shell(line), 0);
}

/* Waits until the run of that database has a checkpoint. */
static void await_checkpoint(const Place *p, const char *db) {
    char line[256];
    snprintf(line, sizeof line,
             "timeout 60 sh -c 'until ls -d %s/%s.d/*/step-????????; do sleep .01; done' >/dev/null 2>&1",
             p->folder, db);
    assert_int_equal(shell(line), 0);
}

static int wait_for(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Rows and checkpoint are of one step: put back, it goes on from there. */
static void a_moved_database_stops_its_run(void **state) {
    const Place *p = *state;
    char line[512];
    pid_t pid = start(p, "here.db", "train.steps=100000");
    await_checkpoint(p, "here.db");
    snprintf(line, sizeof line, "cd %s && mv here.db there.db", p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(wait_for(pid), 1);
    assert_file_says(p, "out", "here.db: moved, removed or replaced while it was written to");
    assert_answer(
        p, "there.db",
        "SELECT status, checkpoint LIKE printf('%%/step-%08d', (SELECT max(step) FROM step)) FROM run",
        "interrupted|1|\n");
    snprintf(line, sizeof line, "cd %s && [ ! -e here.db ] && [ ! -s here.db-wal ] && mv there.db here.db",
             p->folder);
    assert_int_equal(shell(line), 0);
    pid = start(p, "here.db", "train.steps=100000");
    snprintf(line, sizeof line,
             "cd %s && timeout 60 sh -c 'until [ $(grep -c ^run here.db.d/*/log.txt) = 2 ]; do sleep .01; "
             "done' && rm here.db",
             p->folder); /* it trains again */
    assert_int_equal(shell(line), 0);
    assert_int_equal(wait_for(pid), 1);
    assert_file_says(p, "out", "here.db: moved, removed or replaced while it was written to");
}

static void other_kernels_are_told(void **state) {
    const Place *p = *state;
    char line[512];
    snprintf(line, sizeof line, "cd %s && cp a.db kernels.db && cp -r a.db.d kernels.db.d", p->folder);
    assert_int_equal(shell(line), 0);
    free(ask(p, "kernels.db", "DELETE FROM step WHERE step > 296"));
    free(ask(p, "kernels.db", "UPDATE run SET status = 'interrupted', blas_arch = 'abacus'"));
    assert_int_equal(train(p, "kernels.db", "run.same_kernels=true"), 1);
    assert_file_says(p, "out", "it was begun under the kernels abacus, and here are ");
    assert_answer(p, "kernels.db", "SELECT status, (SELECT max(step) FROM step) FROM run",
                  "interrupted|296|\n");
    assert_int_equal(train(p, "kernels.db", ""), 0);
    assert_file_says(p, "out", "other kernels: abacus up to step 294, ");
    assert_answer(
        p, "kernels.db",
        "SELECT step, detail = 'abacus up to step 294, ' || blas_arch || ' from there' FROM event JOIN run"
        " ON id = run_id WHERE kind = 'kernels'",
        "294|1|\n");
    assert_answer(p, "back.db", "SELECT count(*) FROM event WHERE kind = 'kernels'",
                  "0|\n"); /* the same ones */
}

/* A terminal that closes stops a run as SIGTERM does; what nohup or a shell has ignored stays so. */
static void a_hangup_saves_unless_it_is_ignored(void **state) {
    const Place *p = *state;
    for (int ignored = 0; ignored < 2; ignored++) {
        char db[16];
        snprintf(db, sizeof db, "hup%d.db", ignored);
        signal(SIGHUP, ignored ? SIG_IGN : SIG_DFL);
        signal(SIGINT, ignored ? SIG_IGN : SIG_DFL);
        pid_t pid = start(p, db, "train.steps=100000");
        signal(SIGHUP, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        await_checkpoint(p, db);
        kill(pid, SIGHUP);
        if (ignored) {
            kill(pid, SIGINT);
            usleep(300000);
            assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
            kill(pid, SIGTERM);
        }
        assert_int_equal(wait_for(pid), 128 + (ignored ? SIGTERM : SIGHUP));
        assert_answer(
            p, db,
            "SELECT status, checkpoint LIKE printf('%%/step-%08d', (SELECT max(step) FROM step)) FROM run",
            "interrupted|1|\n");
    }
}

/* By ulimit -f, which sends SIGXFSZ; a new database fits. */
static void a_limit_on_files_is_told(void **state) {
    const Place *p = *state;
    char line[1200], command[1024];
    command_line(p, "limit.db", "model.width=128", command, sizeof command);
    snprintf(line, sizeof line, "ulimit -f 900; %s", command);
    assert_int_equal(shell(line), 1);
    snprintf(line, sizeof line, "grep -Eq 'sinklab: .*(ulimit -f|File too large)' %s/out", p->folder);
    assert_int_equal(shell(line), 0);
}

static void divergence_is_reported_and_kept(void **state) {
    const Place *p = *state;
    const char *wild = "optim.lr=1000 optim.weight_decay=1000";
    assert_int_equal(train(p, "wild.db", wild), 1);
    assert_answer(p, "wild.db",
                  "SELECT status, (SELECT count(*) FROM event WHERE kind = 'diverged') FROM run",
                  "diverged|1|\n");
    assert_int_equal(train(p, "wild.db", wild), 1);
    assert_answer(p, "wild.db", "SELECT count(*) FROM event WHERE kind = 'diverged'", "1|\n");
    char retry[96];
    snprintf(retry, sizeof retry, "%s --retry", wild);
    assert_int_equal(train(p, "wild.db", retry), 1);
}

static void assert_said(const Place *p, const char *words) {
    assert_file_says(p, "out", words);
}

static void bad_input_is_one_clear_line(void **state) {
    const Place *p = *state;
    static const struct {
        const char *more, *says;
    } cases[] = {
        {"model.widht=64", "model.width"},
        {"model.width=many", "model.width"},
        {"optim.lr=nan", "optim.lr"},
        {"model.heads=3", "does not divide"},
        {"train.batch_tokens=500", "train.batch_tokens"},
        {"data.source=/nonexistent/text", "/nonexistent/text"},
        {"run.threads=4000", "run.threads"},
        {"model.width=65536 model.layers=512 model.mlp_width=262144", "GB"},
        {"train.init_from=/nonexistent/checkpoint", "/nonexistent/checkpoint"},
        {"train.steps=0", "train.steps"},
        {"'model.interventions=replace_first(99999)'", "token 99999 is not there"},
        {"'model.interventions=[\"amplify(4, 8)\"]' train.batch_tokens=16", "one row of 16 is in flight"},
        {"train.context_schedule=[0:8,6:16] 'model.interventions=self_only(10)'", "pos 10 is not there"},
        {"'probe.do=self_only(16)'", "probe.do"},
        {"'probe.do=[\"scale(1, 2)\", \"scale(pos=1, lambda=2)\"]'",
         "scale(pos=1,lambda=2) stands there twice"},
        {"data.bos=none probe.do=no_bos", "rows do not begin with BOS"},
        {"model.depth_capacity=0.5 'probe.do=[\"head_off(0, 0)\"]'", "routed blocks"},
        {"probe.sequences=1 'probe.do=amplify(4, 8)'",
         "probe.do: amplify(pos=4,lambda=8) is over a mean of rows"},
        {"nonexistent.yaml", "nonexistent.yaml"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(train(p, "bad.db", cases[i].more), 2);
        assert_said(p, cases[i].says);
    }
    char line[256]; /* none was registered */
    snprintf(line, sizeof line, "test ! -e %s/bad.db", p->folder);
    assert_int_equal(system(line), 0);
    assert_int_equal(train(p, "bad.db", "--dry-run 'model.interventions=replace_first(257)'"), 2);
    assert_int_equal(train(p, "bad.db", "--dry-run train.init_from=/nonexistent/checkpoint"), 2);
    assert_int_equal(train(p, "bad.db", "--dry-run 'model.interventions=replace_first(256)'"), 0);
}

static void a_checkpoint_of_another_shape_is_refused(void **state) {
    const Place *p = *state;
    char more[256], line[256];
    snprintf(line, sizeof line, "ln -sfn $(ls -d %s/a.db.d/*/step-00000300) %s/start", p->folder, p->folder);
    assert_int_equal(system(line), 0);
    snprintf(more, sizeof more, "train.init_from=%s/start model.width=64", p->folder);
    assert_int_equal(train(p, "shape.db", more), 2);
    assert_said(p, "embed_tokens");
    snprintf(more, sizeof more, "train.init_from=%s/start train.steps=20", p->folder);
    assert_int_equal(train(p, "shape.db", more), 0);
    assert_answer(p, "shape.db",
                  "SELECT loss < 2.5 FROM step WHERE step = 1 AND run_id = (SELECT max(id) FROM run)",
                  "1|\n");
}

/* Other weights in the same place are another run, the same ones elsewhere are the same. */
static void weights_are_known_by_what_they_are(void **state) {
    const Place *p = *state;
    char more[256], line[512];
    snprintf(line, sizeof line,
             "cd %s && rm -rf w && mkdir w && cp $(ls a.db.d/*/step-00000300/model.safetensors) "
             "w/one.safetensors &&"
             " cp $(ls shape.db.d/*/step-00000020/model.safetensors) w/two.safetensors && cp "
             "w/one.safetensors w/it",
             p->folder);
    assert_int_equal(shell(line), 0);
    snprintf(more, sizeof more, "train.init_from=%s/w/it train.steps=10", p->folder);
    assert_int_equal(train(p, "init.db", more), 0);
    snprintf(line, sizeof line, "cp %s/w/two.safetensors %s/w/it", p->folder, p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(train(p, "init.db", more), 0);
    assert_answer(p, "init.db", "SELECT count(*), count(DISTINCT key) FROM run", "2|2|\n");
    snprintf(more, sizeof more, "train.init_from=%s/w/one.safetensors train.steps=10", p->folder);
    assert_int_equal(train(p, "init.db", more), 0);
    assert_answer(p, "init.db", "SELECT count(*) FROM run", "2|\n");
    char *hash = ask(p, "init.db", "SELECT json_extract(config, '$.train.init_hash') FROM run WHERE id = 2");
    snprintf(more, sizeof more, "train.init_from=%s/w/one.safetensors train.init_hash=%.32s", p->folder,
             hash);
    free(hash);
    assert_int_equal(train(p, "init.db", more), 2);
    assert_said(p, "train.init_hash: ");
}

/* Its tokens have other numbers: to start from it or to sample from it would mean nothing. */
static void a_checkpoint_of_another_tokenizer_is_refused(void **state) {
    const Place *p = *state;
    char more[256], line[512];
    snprintf(line, sizeof line,
             "LC_ALL=C sed 's/\"tokenizer\":\"[0-9a-f]/\"tokenizer\":\"x/;s/\"checksum\"/\"checksun\"/' "
             "%s/a.db.d/*/step-00000300/"
             "model.safetensors >%s/other.safetensors",
             p->folder, p->folder);
    assert_int_equal(system(line), 0);
    snprintf(more, sizeof more, "train.init_from=%s/other.safetensors", p->folder);
    assert_int_equal(train(p, "tokens.db", more), 2);
    assert_said(p, "another tokenizer");
    snprintf(line, sizeof line, "test ! -e %s/tokens.db", p->folder);
    assert_int_equal(system(line), 0);
    snprintf(line, sizeof line,
             "./sinklab sample %s/other.safetensors --cache %s/cache --prompt x >%s/out 2>&1", p->folder,
             p->folder, p->folder);
    assert_int_equal(shell(line), 2);
    assert_said(p, "another tokenizer");
}

static int sample(const Place *p, const char *more) {
    char line[512];
    snprintf(line, sizeof line,
             "./sinklab sample $(ls -d %s/a.db.d/*/step-00000300) --cache %s/cache --prompt 'the sink' %s "
             ">%s/out 2>&1",
             p->folder, p->folder, more, p->folder);
    return shell(line);
}

/* 60 bytes and more than one window of 16: the words of the text come back. */
static void a_model_goes_on_with_a_prompt(void **state) {
    const Place *p = *state;
    char line[256];
    assert_int_equal(sample(p, "--tokens 60 --temperature 0 --keep 1"), 0);
    assert_said(p, "the sink");
    snprintf(line, sizeof line, "cp %s/out %s/first", p->folder, p->folder);
    assert_int_equal(system(line), 0);
    assert_int_equal(sample(p, "--tokens 60 --top-k 1 --keep 1 --seed 7"), 0); /* the likeliest again */
    snprintf(line, sizeof line, "cmp %s/out %s/first && [ $(wc -c <%s/out) = 69 ]", p->folder, p->folder,
             p->folder);
    assert_int_equal(system(line), 0);
    assert_int_equal(sample(p, "--tokens 60 --seed 8"), 0);
    snprintf(line, sizeof line, "! cmp -s %s/out %s/first", p->folder, p->folder);
    assert_int_equal(system(line), 0);
    assert_int_equal(sample(p, "--window 17"), 2);
    assert_said(p, "--window");
    assert_int_equal(sample(p, "--keep 16"), 2);
    assert_int_equal(sample(p, "--temperature hot"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(train_to_the_end),
        cmocka_unit_test(two_threads_give_the_same_bits),
        cmocka_unit_test(rows_in_flight_change_no_bit),
        cmocka_unit_test(rows_in_flight_follow_the_threads_where_no_bit_does),
        cmocka_unit_test(a_seed_of_its_own_moves_what_it_names),
        cmocka_unit_test(gradients_are_looked_at_as_asked),
        cmocka_unit_test(killed_and_gone_on_with),
        cmocka_unit_test(done_is_done_and_again_repeats),
        cmocka_unit_test(a_damaged_checkpoint_is_made_up_for),
        cmocka_unit_test(rows_that_are_lost_are_made_again),
        cmocka_unit_test(the_newest_checkpoint_is_named),
        cmocka_unit_test(what_was_saved_last_is_named),
        cmocka_unit_test(a_run_sent_back_keeps_what_it_makes),
        cmocka_unit_test(what_is_kept_changes_no_bit),
        cmocka_unit_test(weights_alone_are_not_gone_on_from),
        cmocka_unit_test(checkpoints_without_rows_are_set_aside),
        cmocka_unit_test(a_moved_database_stops_its_run),
        cmocka_unit_test(other_kernels_are_told),
        cmocka_unit_test(a_hangup_saves_unless_it_is_ignored),
        cmocka_unit_test(a_limit_on_files_is_told),
        cmocka_unit_test(divergence_is_reported_and_kept),
        cmocka_unit_test(bad_input_is_one_clear_line),
        cmocka_unit_test(a_checkpoint_of_another_shape_is_refused),
        cmocka_unit_test(weights_are_known_by_what_they_are),
        cmocka_unit_test(a_checkpoint_of_another_tokenizer_is_refused),
        cmocka_unit_test(a_model_goes_on_with_a_prompt),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
