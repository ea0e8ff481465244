/* sinklab query, as its user sees it: names, SQL, bounds, hints; nothing is written. */
#include "tests/train/store_fixture.h"
#include "train/commands/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char CONFIG[] = "{\"optim\":{\"lr\":0.001}}";

static int setup(void **state) {
    Place *p = calloc(1, sizeof *p);
    *p = place_make();
    Store *s = open_or_fail(p->db, STORE_WRITE);
    static const char *const keys[] = {"72aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                       "1e5aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (int i = 0; i < 2; i++) {
        RunIdentity id = identity(keys[i], i ? "no_bos" : "baseline", i, CONFIG);
        int64_t run;
        OK(store_enqueue(s, &id, &run, &e));
        for (int step = 1; step <= 5; step++) OK(store_step(s, run, &(StepRow){.step = step, .loss = 4}, &e));
    }
    store_close(s);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    place_remove(*state);
    free(*state);
    return 0;
}

/* Words, ended by NULL, and what came of them: the exit code, the rows, the error. */
typedef struct Asked {
    const char *words[5];
    int code;
    const char *out, *error; /* the whole output; words of the error, "" where none is to be */
} Asked;

/* Standard output goes to a file for the while. */
static int asked(const Place *p, const Asked *a, char out[4096], Error *e) {
    char *argv[8] = {"--db", (char *)p->db}, file[128];
    int argc = 2;
    for (int i = 0; a->words[i]; i++) argv[argc++] = (char *)a->words[i];
    snprintf(file, sizeof file, "%s/out", p->folder);
    fflush(stdout);
    int screen = dup(1);
    assert_non_null(freopen(file, "w", stdout));
    int code = query_command.run(argc, argv, e);
    fflush(stdout);
    dup2(screen, 1);
    close(screen);
    FILE *f = fopen(file, "r");
    out[fread(out, 1, 4095, f)] = 0;
    fclose(f);
    return code;
}

static void check_all(const Place *p, const Asked *cases, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char out[4096];
        Error e = {0};
        int code = asked(p, &cases[i], out, &e);
        if (code != cases[i].code || (cases[i].out && strcmp(out, cases[i].out)) ||
            !strstr(e.text, cases[i].error))
            fail_msg("%s: exit %d, \"%s\", error \"%s\"", cases[i].words[0], code, out, e.text);
    }
}

static void names_tables_and_sql_are_answered(void **state) {
    static const Asked cases[] = {
        {{"SELECT variant, seed FROM result"}, 0, "variant   seed\nbaseline     0\nno_bos       1\n", ""},
        {{"SELECT count(*) AS n FROM curve;"}, 0, "n\n0\n", ""},
        {{"SELECT seed FROM run", "--csv"}, 0, "seed\r\n0\r\n1\r\n", ""},
        {{"SELECT seed FROM run", "--json"}, 0, "[\n  {\"seed\": 0},\n  {\"seed\": 1}\n]\n", ""},
        {{"axis", "--csv", "--limit", "1"}, 0, "name,key\r\nlayers,model.layers\r\n", ""},
        {{"unfinished", "--csv"}, 0, NULL, ""},
        {{"step", "--csv", "--limit", "2"},
         0,
         "run_id,step,tokens,loss,grad_norm,lr,ms,probe_ms,save_ms\r\n1,1,0,4,0,0,0,0,\r\n"
         "1,2,0,4,0,0,0,0,\r\n",
         ""},
    };
    check_all(*state, cases, sizeof cases / sizeof *cases);
}

/* A number is one where it is written so; the start of a key, all digits or 1e5, finds its run. */
static void words_fill_in_what_a_query_leaves_open(void **state) {
    static const Asked cases[] = {
        {{"SELECT count(*) AS n FROM result WHERE lr = :lr", "lr=1e-3"}, 0, "n\n2\n", ""},
        {{"SELECT typeof(:a) || typeof(:b) AS t", "a=-7", "b=1e5"}, 0, "t\nintegertext\n", ""},
        {{"SELECT typeof(:a) || typeof(:b) AS t", "a=0.5", "b=007"}, 0, "t\nrealtext\n", ""},
        {{"two_runs", "first=72", "second=1e5", "--csv"},
         0,
         "kind,name,first,second\r\n", /* of one configuration, and nothing measured */
         ""},
        {{"two_runs", "frst=72"}, 2, "", "no parameter :frst (did you mean :first?)"},
        {{"SELECT 1", "lr"}, 2, "", "expected NAME=VALUE"},
    };
    check_all(*state, cases, sizeof cases / sizeof *cases);
}

static void what_is_not_there_is_told_with_what_was_meant(void **state) {
    static const Asked cases[] = {
        {{"runs"}, 2, "", "did you mean run?"},
        {{"frst_layer"}, 2, "", "did you mean first_layer?"},
        {{"SELECT * FROM runs"}, 2, "", "no such table: runs (did you mean run?)"},
        {{"SELECT e.sink_rat_03 FROM eval AS e"}, 2, "", "did you mean sink_rate_03?"},
        {{"SELEC 1"}, 2, "", "syntax error"},
        {{NULL}, 2, "", "takes a NAME or SQL"},
    };
    check_all(*state, cases, sizeof cases / sizeof *cases);
}

static void a_question_only_reads_and_ends(void **state) {
    const Place *p = *state;
    struct stat before, after;
    static const Asked cases[] = {
        {{"DELETE FROM run"}, 2, "", "it would write"},
        {{"CREATE TEMP TABLE t (x)"}, 2, "", "it would write"},
        {{"ATTACH '/tmp/other' AS other"}, 2, "", "not authorized"},
        {{"SELECT 1; SELECT 2"}, 2, "", "one statement"},
        {{"WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
          "--seconds", "1"},
         1,
         NULL,
         "not answered within 1 seconds"},
        {{"WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", "--limit",
          "2"},
         0,
         "i\n1\n2\n",
         ""},
    };
    stat(p->db, &before);
    check_all(p, cases, sizeof cases / sizeof *cases);
    stat(p->db, &after);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
}

/* script's terminal has 80 columns; a pipe gets one table. */
static void what_a_terminal_has_no_room_for_stands_below(void **state) {
    const Place *p = *state;
    static const char sql[] = "SELECT run_id, variant, seed, status, val_loss, sink_rate_02, sink_rate_03, "
                              "sink_rate_05, sink_rate_08 FROM result";
    char command[1024], line[4096];
    int lines = 0, heads = 0, terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0) skip(); /* a chroot without /dev/pts */
    close(terminal);
    snprintf(command, sizeof command, "script -qec \"./sinklab query '%s' --db %s\" /dev/null </dev/null",
             sql, p->db);
    FILE *f = popen(command, "r");
    for (; fgets(line, sizeof line, f); lines++) {
        line[strcspn(line, "\r\n")] = 0;
        if (strlen(line) > 80) fail_msg("%zu columns: %s", strlen(line), line);
        heads += !strncmp(line, "run_id", 6);
    }
    assert_int_equal(pclose(f), 0);
    assert_int_equal(heads, 2);
    assert_int_equal(lines, 3 + 1 + 3); /* two runs and the names, a blank line, the same again */
    Asked piped = {{sql}, 0, NULL, ""};
    Error e = {0};
    assert_int_equal(asked(p, &piped, line, &e), 0);
    assert_true(strstr(line, "sink_rate_08") < strchr(line, '\n'));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tables_and_sql_are_answered),
        cmocka_unit_test(words_fill_in_what_a_query_leaves_open),
        cmocka_unit_test(what_is_not_there_is_told_with_what_was_meant),
        cmocka_unit_test(a_question_only_reads_and_ends),
        cmocka_unit_test(what_a_terminal_has_no_room_for_stands_below),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
