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
        {{"SELECT tokens FROM eval"}, 2, "", "no such column: tokens (it is one of "},
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

/* What a terminal of 80 columns, script's, shows of an answer; false in a chroot without /dev/pts. */
static bool on_terminal(const Place *p, const char *sql, char out[4096]) {
    char command[1024], *to = out;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0) return false;
    close(terminal);
    setenv("SQL", sql, 1);
    snprintf(command, sizeof command, "script -qec './sinklab query \"$SQL\" --db %s' /dev/null </dev/null",
             p->db);
    FILE *f = popen(command, "r");
    for (int c; (c = fgetc(f)) != EOF && to < out + 4095;)
        if (c != '\r') *to++ = (char)c;
    *to = 0;
    assert_int_equal(pclose(f), 0);
    return true;
}

/* A pipe gets one table. */
static void what_a_terminal_has_no_room_for_stands_below(void **state) {
    const Place *p = *state;
    static const char sql[] =
        "SELECT run_id, variant, seed AS a_name_of_twenty_one, seed + 1 AS a_name_of_twenty_two, "
        "seed + 2 AS a_name_of_twenty_and_3, seed + 3 AS last FROM result";
    char out[4096], *line = out;
    int lines = 0, heads = 0;
    if (!on_terminal(p, sql, out)) skip();
    for (char *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
        if (end - line > 80) fail_msg("%td columns: %s", end - line, line);
        heads += !strncmp(line, "run_id", 6);
    }
    assert_int_equal(heads, 2);
    assert_int_equal(lines, 3 + 1 + 3); /* two runs and the names, a blank line, the same again */
    Asked piped = {{sql}, 0, NULL, ""};
    Error e = {0};
    assert_int_equal(asked(p, &piped, out, &e), 0);
    assert_true(strstr(out, "last") < strchr(out, '\n'));
}

#define X60 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* Not where there is room, nor of one row or equal ones, nor in another form. */
static void what_a_terminal_has_no_room_for_and_is_the_same_in_all_rows_is_said_once(void **state) {
    static const struct {
        const char *sql, *out;
    } cases[] = {
        {"SELECT 7 AS id, variant, seed, NULL AS none, 0.5 AS half, '" X60 "' AS wide FROM result",
         "in all 2 rows: id=7 none=- half=0.5 wide=" X60 "\n\n"
         "variant   seed\nbaseline     0\nno_bos       1\n"},
        {"SELECT 7 AS id, seed FROM result", "id  seed\n 7     0\n 7     1\n"},
        {"SELECT 1 AS a, '" X60 "' AS " X60 ", '" X60 "' AS y FROM run LIMIT 1",
         "a  " X60 "  y\n1  " X60 "  " X60 "\n"},
        {"SELECT 1 AS a, '" X60 "' AS " X60 ", '" X60 "' AS y FROM run",
         "a  " X60 "  y\n1  " X60 "  " X60 "\n1  " X60 "  " X60 "\n"},
    };
    char out[4096];
    Error e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!on_terminal(*state, cases[i].sql, out)) skip();
        assert_string_equal(out, cases[i].out);
    }
    for (int form = 0; form < 3; form++) {
        const Asked elsewhere = {
            {cases[0].sql, (const char *[]){"--csv", "--json", NULL}[form]}, 0, NULL, ""};
        assert_int_equal(asked(*state, &elsewhere, out, &e), 0);
        assert_null(strstr(out, "in all"));
        assert_non_null(strstr(out, "half"));
    }
}

/* An answer of no rows, or of fewer than there are, is told as such: not of another, nor where quiet was
 * asked for. */
static void what_an_answer_leaves_out_is_told(void **state) {
    static const struct {
        Asked asked;
        const char *told;
    } cases[] = {
        {{{"SELECT 1 WHERE 0"}, 0, NULL, ""}, "sinklab: query: no rows\n"},
        {{{"SELECT 1 WHERE 0", "--quiet"}, 0, NULL, ""}, ""},
        {{{"step", "--limit", "9"}, 0, NULL, ""},
         "sinklab: query: the first 9 rows; there are more (--limit)\n"},
        {{{"step", "--limit", "9", "--quiet"}, 0, NULL, ""}, ""},
        {{{"step", "--limit", "10"}, 0, NULL, ""}, ""},
        {{{"step", "--limit", "0"}, 0, NULL, ""}, ""},
    };
    const Place *p = *state;
    char out[4096], file[128], told[256];
    Error e = {0};
    snprintf(file, sizeof file, "%s/told", p->folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fflush(stderr);
        int screen = dup(2);
        assert_non_null(freopen(file, "w", stderr));
        int code = asked(p, &cases[i].asked, out, &e);
        fflush(stderr);
        dup2(screen, 2);
        close(screen);
        assert_int_equal(code, 0);
        FILE *f = fopen(file, "r");
        told[fread(told, 1, sizeof told - 1, f)] = 0;
        fclose(f);
        assert_string_equal(told, cases[i].told);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tables_and_sql_are_answered),
        cmocka_unit_test(words_fill_in_what_a_query_leaves_open),
        cmocka_unit_test(what_is_not_there_is_told_with_what_was_meant),
        cmocka_unit_test(a_question_only_reads_and_ends),
        cmocka_unit_test(what_an_answer_leaves_out_is_told),
        cmocka_unit_test(what_a_terminal_has_no_room_for_stands_below),
        cmocka_unit_test(what_a_terminal_has_no_room_for_and_is_the_same_in_all_rows_is_said_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
