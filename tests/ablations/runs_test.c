/* sinklab runs, and the table printer under it. */
#include "ablations/text_table.h"
#include "tests/train/store_fixture.h"
#include "train/checkpoint/safetensors.h"
#include "train/commands/command.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

/* Keys of runs. */
#define AA11 "aa11aaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define AA22 "aa22aaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char PLAIN[] =
    "{\"variant\":\"baseline\",\"model\":{\"width\":8,\"head_out\":\"none\"},\"optim\":{\"lr\":"
    "0.001}}";
static const char NORMED[] =
    "{\"variant\":\"head_rmsnorm\",\"model\":{\"width\":8,\"head_out\":\"rmsnorm\"},\"optim\":"
    "{\"lr\":0.001},\"extra\":1}";

/* ---- the table printer ---- */

static const char *printed_table(sqlite3 *db, const char *sql, TableForm form, char out[2048]) {
    sqlite3_stmt *rows;
    Error e = {0};
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &rows, NULL), SQLITE_OK);
    FILE *f = fmemopen(out, 2048, "w");
    if (!table_print(f, rows, form, &e)) fail_msg("%s", e.text);
    fclose(f);
    sqlite3_finalize(rows);
    return out;
}

static void tables_are_aligned(void **state) {
    (void)state;
    sqlite3 *db;
    char out[2048];
    sqlite3_open(":memory:", &db);
    const char *rows = "SELECT * FROM (SELECT 'a' AS name, 5 AS n, 2.0 / 3 AS x, 'left' AS last "
                       "UNION ALL SELECT 'größer', 12345, NULL, 'b')";
    assert_string_equal(printed_table(db, rows, TABLE_TEXT, out), "name        n        x  last\n"
                                                                  "a           5  0.66667  left\n"
                                                                  "größer  12345        -  b\n");
    assert_string_equal(
        printed_table(db, "SELECT '日本' AS name, 1 AS n UNION ALL SELECT '🚀é', 2", TABLE_TEXT, out),
        "name  n\n日本  1\n🚀é   2\n"); /* two columns a character of CJK, and of emoji */
    assert_string_equal(printed_table(db, "SELECT 1 AS a WHERE 0", TABLE_TEXT, out), "a\n");
    assert_string_equal(printed_table(db,
                                      "SELECT 'a' || char(27) || '[2J' || char(10) || 'b' AS label, 1 AS n",
                                      TABLE_TEXT, out),
                        "label          n\n"
                        "a\\x1b[2J\\x0ab  1\n"); /* no row is forged, nothing steers the terminal */
    sqlite3_close(db);
}

static void json_keeps_every_bit(void **state) {
    (void)state;
    sqlite3 *db;
    char out[2048];
    sqlite3_open(":memory:", &db);
    assert_string_equal(printed_table(db,
                                      "SELECT 0.1 AS a, 0.1 + 0.2 AS b, 7 AS c, NULL AS d, 9e999 AS e, "
                                      "'x\"\\' || char(10, 1) || CAST(x'ff' AS TEXT) AS f "
                                      "UNION ALL SELECT 1.5, 2, 3, 4, 5, ''",
                                      TABLE_JSON, out),
                        "[\n  {\"a\": 0.1, \"b\": 0.30000000000000004, \"c\": 7, \"d\": null, \"e\": null, "
                        "\"f\": \"x\\\"\\\\\\u000a\\u0001\\ufffd\"},\n"
                        "  {\"a\": 1.5, \"b\": 2, \"c\": 3, \"d\": 4, \"e\": 5, \"f\": \"\"}\n]\n");
    assert_string_equal(printed_table(db, "SELECT 1 AS a WHERE 0", TABLE_JSON, out), "[]\n");
    sqlite3_close(db);
}

/* Of each form: names, a row of every type, and what would end a cell. */
static void documents_escape_what_would_end_a_cell(void **state) {
    (void)state;
    static const char rows[] = "SELECT 'a|b' AS x_1, 2.0 / 3 AS r, 7 AS n, NULL AS z UNION ALL"
                               " SELECT '<i>,\"\"_' || char(10), 0.5, 1, ''";
    static const struct {
        TableForm form;
        const char *is, *empty;
    } cases[] = {
        {TABLE_MARKDOWN,
         "\n| x_1 | r | n | z |\n|---|---|---|---|\n| a\\|b | 0.6667 | 7 | - |\n"
         "| \\<i>,\"\"\\_  | 0.5 | 1 |  |\n",
         "\n| a |\n|---|\n"},
        {TABLE_HTML,
         "<table>\n<tr><th>x_1<th>r<th>n<th>z</tr>\n<tr><td>a|b<td>0.6667<td>7<td>-</tr>\n"
         "<tr><td>&lt;i&gt;,&quot;&quot;_ <td>0.5<td>1<td></tr>\n</table>\n",
         "<table>\n<tr><th>a</tr>\n</table>\n"},
        {TABLE_CSV, "x_1,r,n,z\r\na|b,0.6666666666666666,7,\r\n\"<i>,\"\"\"\"_\n\",0.5,1,\r\n", "a\r\n"},
    };
    sqlite3 *db;
    char out[2048];
    sqlite3_open(":memory:", &db);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(printed_table(db, rows, cases[i].form, out), cases[i].is);
        assert_string_equal(printed_table(db, "SELECT 1 AS a WHERE 0", cases[i].form, out), cases[i].empty);
    }
    /* A document is looked at in a terminal, too. */
    assert_string_equal(
        printed_table(db, "SELECT char(27) || '[2J\\' || char(233, 155) AS a", TABLE_MARKDOWN, out),
        "\n| a |\n|---|\n| \\\\x1b[2J\\\\\xc3\xa9\\\\xc2\\\\x9b |\n");
    sqlite3_close(db);
}

/* ---- the command ---- */

typedef struct Answer {
    int code;
    Error e;
    char out[8192];
} Answer;

/* Runs `sinklab runs WORDS... --db PATH` and keeps what it prints; words end with NULL. */
static Answer runs(const Place *p, const char *const *words) {
    Answer a = {0};
    char *argv[16], file[128];
    int argc = 0;
    for (; words[argc]; argc++) argv[argc] = (char *)words[argc];
    argv[argc++] = "--db";
    argv[argc++] = (char *)p->db;
    snprintf(file, sizeof file, "%s/out", p->folder);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    assert_non_null(freopen(file, "w", stdout));
    a.code = runs_command.run(argc, argv, &a.e);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    FILE *f = fopen(file, "r");
    a.out[fread(a.out, 1, sizeof a.out - 1, f)] = '\0';
    fclose(f);
    return a;
}
#define RUNS(place, ...) runs(place, (const char *const[]){__VA_ARGS__, NULL})

/* Two runs: aa11 done with figures, aa22 called running though nobody runs it. */
static Place planted(void) {
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity first = identity(AA11, "baseline", 0, PLAIN),
                second = identity(AA22, "head_rmsnorm", 1, NORMED);
    Claim c = claim_or_fail(s, &first);
    Figures f = {0};
    figures_add(&f, "val_loss", -1, -1, 2.5);
    figures_add(&f, "sink_rate_03", -1, -1, 0.4);
    for (int step = 1; step <= 3; step++) {
        OK(store_step(s, c.run, &(StepRow){.step = step, .tokens = step}, &e));
        OK(store_eval(s, c.run, step, "main", &f, &e));
    }
    OK(store_status(s, c.run, "done", NULL, &e));
    store_release(&c);
    c = claim_or_fail(s, &second);
    store_release(&c);
    figures_free(&f);
    store_close(s);
    return p;
}

static void says(const Answer *a, const char *words) {
    if (!strstr(a->out, words)) fail_msg("'%s' is not in:\n%s\n%s", words, a->out, a->e.text);
}

static void list_tells_what_is_there(void **state) {
    (void)state;
    Place p = planted();
    Answer a = RUNS(&p, "list");
    assert_int_equal(a.code, EXIT_DONE);
    says(&a, "aa11aaaa  baseline         0     -         done            3    100       2.5           0.4");
    says(&a, "aa22aaaa  head_rmsnorm     1     -         interrupted     -");
    a = RUNS(&p, "list", "--json");
    says(&a,
         "{\"key\": \"" AA11
         "\", \"variant\": \"baseline\", \"seed\": 0, \"cell\": null, \"label\": \"\", \"status\": \"done\"");
    place_remove(&p);
}

/* By sweep, with what a run stands for there; by status, as it is now; in the order of a column. */
static void list_takes_a_part_in_an_order(void **state) {
    (void)state;
    Place p = planted();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    run_sql(s, "INSERT INTO sweep (id, name, file) VALUES (1, 'norms', ''), (2, 'later', '');"
               "INSERT INTO sweep_cell VALUES (1, 0, 0, 'head_out=none', 'all', 'all', 1), (2, 0, 0, 'lr=1', "
               "'all', 'all', 1);"
               "INSERT INTO sweep_run SELECT 1, 0, id FROM run WHERE key GLOB 'aa11*';"
               "INSERT INTO sweep_run SELECT 2, 0, id FROM run WHERE key GLOB 'aa11*';");
    store_close(s);
    Answer a = RUNS(&p, "list", "--sweep=norms");
    says(&a, "0  head_out=none         done");
    assert_null(strstr(a.out, "aa22"));
    a = RUNS(&p, "list", "--sweep=others");
    assert_null(strstr(a.out, "aa"));
    a = RUNS(&p, "list");
    says(&a, "0  lr=1         done");             /* in the newest sweep */
    a = RUNS(&p, "list", "--status=interrupted"); /* called running, and nobody trains it */
    says(&a, "aa22");
    assert_null(strstr(a.out, "aa11"));
    a = RUNS(&p, "list", "--sort=-seed");
    assert_true(strstr(a.out, "aa22") < strstr(a.out, "aa11"));
    a = RUNS(&p, "list", "--sort=val_loss"); /* what has none comes last */
    assert_true(strstr(a.out, "aa11") < strstr(a.out, "aa22"));
    a = RUNS(&p, "list", "--sort=val_los");
    assert_non_null(strstr(a.e.text, "did you mean val_loss?"));
    a = RUNS(&p, "list", "--status=don");
    assert_non_null(strstr(a.e.text, "did you mean done?"));
    assert_int_equal(RUNS(&p, "show", "aa1", "--sort=seed").code, EXIT_USAGE);
    place_remove(&p);
}

static void show_takes_a_unique_prefix(void **state) {
    (void)state;
    Place p = planted();
    Answer a = RUNS(&p, "show", "aa1");
    assert_int_equal(a.code, EXIT_DONE);
    const char *width = strstr(a.out, "\nmodel.width ");
    assert_non_null(width);
    width += strlen("\nmodel.width ");
    assert_memory_equal(width + strspn(width, " "), "8\n", 2);
    says(&a, "sink_rate_03        0.1            -            1");
    a = RUNS(&p, "show", "aa2", "--json");
    says(&a, "{\"run\": [");
    says(&a, "{\"field\": \"status\", \"value\": \"interrupted\"}");
    says(&a, "\"events\": []\n}");
    a = RUNS(&p, "show", "aa");
    assert_int_equal(a.code, EXIT_USAGE);
    assert_non_null(strstr(a.e.text, "2 runs"));
    a = RUNS(&p, "show", "b");
    assert_int_equal(a.code, EXIT_USAGE);
    place_remove(&p);
}

static void diff_lists_differing_keys_only(void **state) {
    (void)state;
    Place p = planted();
    Answer a = RUNS(&p, "diff", "aa1", "aa2");
    assert_int_equal(a.code, EXIT_DONE);
    assert_string_equal(a.out, "key             first     second\n"
                               "extra           -         1\n"
                               "model.head_out  none      rmsnorm\n"
                               "variant         baseline  head_rmsnorm\n");
    place_remove(&p);
}

static void note_is_kept(void **state) {
    (void)state;
    Place p = planted();
    assert_int_equal(RUNS(&p, "note", "aa1", "the good one").code, EXIT_DONE);
    Answer a = RUNS(&p, "list");
    says(&a, "the good one");
    place_remove(&p);
}

static void delete_refuses_the_living(void **state) {
    (void)state;
    Place p = planted();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA22, "head_rmsnorm", 1, NORMED);
    Claim c = claim_or_fail(s, &id);
    assert_int_equal(RUNS(&p, "delete", "aa1", "zz").code, EXIT_USAGE);
    assert_int_equal(RUNS(&p, "delete", "aa2").code, EXIT_USAGE);
    ASK(s, "SELECT count(*) FROM run", "2");
    store_release(&c);
    Answer a = RUNS(&p, "delete", "aa1", "aa2");
    assert_int_equal(a.code, EXIT_DONE);
    assert_string_equal(a.out, "deleted " AA11 "\ndeleted " AA22 "\n");
    ASK(s, "SELECT count(*) FROM run", "0");
    assert_int_equal(access(c.folder, F_OK), -1);
    store_close(s);
    place_remove(&p);
}

/* As of a script's variable that was never set. */
static void an_empty_key_is_no_run(void **state) {
    (void)state;
    static const char *const uses[][4] = {
        {"show", ""}, {"diff", "", "aa1"}, {"diff", "aa1", ""}, {"note", "", "text"}, {"delete", "aa1", ""}};
    Place p = planted();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(store_delete(s, AA22, &e)); /* the one that is left is the one that begins so */
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        Answer a = RUNS(&p, uses[i][0], uses[i][1], uses[i][2]);
        assert_int_equal(a.code, EXIT_USAGE);
        assert_non_null(strstr(a.e.text, "an empty KEY"));
    }
    ASK(s, "SELECT count(*) || coalesce(note, '') FROM run", "1");
    store_close(s);
    place_remove(&p);
}

/* A database made by others may say anything: its key would be a path. */
static void a_key_that_leads_elsewhere_is_refused(void **state) {
    (void)state;
    static const char *const uses[][4] = {
        {"show", "../"}, {"diff", "../", "aa1"}, {"note", "../", "text"}, {"delete", "../"}};
    Place p = planted();
    char victim[128];
    snprintf(victim, sizeof victim, "%s/victim", p.folder);
    assert_int_equal(mkdir(victim, 0777), 0);
    Store *s = open_or_fail(p.db, STORE_WRITE);
    run_sql(s, "UPDATE run SET key = '../../../../../../../victim' WHERE key = '" AA22 "'");
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        Answer a = RUNS(&p, uses[i][0], uses[i][1], uses[i][2]);
        assert_int_equal(a.code, EXIT_USAGE);
        assert_non_null(strstr(a.e.text, "is \"../../../../../../../victim\", not 32 hex digits"));
    }
    assert_int_equal(RUNS(&p, "list").code, EXIT_DONE);
    assert_int_equal(access(victim, F_OK), 0);
    ASK(s, "SELECT count(*) || coalesce(note, '') FROM run", "2");
    store_close(s);
    place_remove(&p);
}

static void a_key_given_twice_is_deleted_once(void **state) {
    (void)state;
    Place p = planted();
    Answer a = RUNS(&p, "delete", "aa1", "aa2", "aa11", "aa2", "aa1");
    assert_int_equal(a.code, EXIT_DONE);
    assert_string_equal(a.out, "deleted " AA11 "\ndeleted " AA22 "\n");
    place_remove(&p);
}

/* A delete that was killed between rows and files, or a database that is gone, left them. */
static void files_without_a_row_go_by_their_whole_key(void **state) {
    (void)state;
    Place p = planted();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA22, "head_rmsnorm", 1, NORMED);
    Claim c = claim_or_fail(s, &id);
    run_sql(s, "DELETE FROM run WHERE key = '" AA22 "'");
    assert_int_equal(RUNS(&p, "delete", AA22).code, EXIT_USAGE); /* a living process has it */
    assert_int_equal(access(c.folder, F_OK), 0);
    store_release(&c);
    assert_int_equal(RUNS(&p, "delete", "aa2").code, EXIT_USAGE); /* not its whole key */
    Answer a = RUNS(&p, "delete", AA22, "aa1");
    assert_int_equal(a.code, EXIT_DONE);
    assert_string_equal(a.out, "deleted " AA22 "\ndeleted " AA11 "\n");
    assert_int_equal(access(c.folder, F_OK), -1);
    assert_int_equal(RUNS(&p, "delete", AA22).code, EXIT_USAGE); /* nothing of it is left */
    store_close(s);
    place_remove(&p);
}

static void bad_use_is_exit_2_and_makes_nothing(void **state) {
    (void)state;
    Place p = place_make();
    static const char *const uses[][3] = {
        {"list"}, {"note", "aa", "text"}, {"delete", "aa"}, {"show"}, {"shwo"}};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        Answer a = RUNS(&p, uses[i][0], uses[i][1], uses[i][2]);
        assert_int_equal(a.code, EXIT_USAGE);
        assert_int_not_equal(a.e.text[0], '\0');
    }
    Answer a = RUNS(&p, "list");
    assert_non_null(strstr(a.e.text, "sinklab train"));
    assert_int_equal(access(p.db, F_OK), -1);
    place_remove(&p);
}

/* ---- prune ---- */

/* Four checkpoints of a run, as files that can be opened; the newest two have an optimiser's state. */
static void write_checkpoints(const Place *p, const char *key) {
    char line[768], path[128];
    float one = 1;
    StTensor tensor = {.name = "one", .dims = 1, .shape = {1, 1}, .data = &one};
    snprintf(path, sizeof path, "%s/one", p->folder);
    OK(safetensors_write(path, &tensor, 1, NULL, 0, &e));
    snprintf(line, sizeof line,
             "d=%s.d/%s; for s in 1 2 3 4; do mkdir -p $d/step-0000000$s; cp %s "
             "$d/step-0000000$s/model.safetensors; done; "
             "for s in 3 4; do cp %s $d/step-0000000$s/optimizer.safetensors; done",
             p->db, key, path, path);
    assert_int_equal(system(line), 0);
}

static void assert_checkpoints(const Place *p, const char *key, const char *names) {
    char line[512];
    snprintf(line, sizeof line, "test \"$(ls %s.d/%s | grep step | xargs)\" = '%s'", p->db, key, names);
    if (system(line)) fail_msg("%s: not %s", key, names);
}

static void prune_leaves_the_last_that_can_be_gone_on_from(void **state) {
    (void)state;
    Place p = planted();
    char line[256];
    write_checkpoints(&p, AA11);
    write_checkpoints(&p, AA22);
    assert_int_equal(RUNS(&p, "prune").code, EXIT_USAGE);
    assert_checkpoints(&p, AA11, "step-00000001 step-00000002 step-00000003 step-00000004");
    Answer a = RUNS(&p, "prune", "aa1");
    assert_int_equal(a.code, EXIT_DONE);
    assert_string_equal(a.out, "aa11aaaa: removed 3 checkpoints, freed 0.0 MB\nfreed 0.0 MB\n");
    assert_checkpoints(&p, AA11, "step-00000004");
    snprintf(line, sizeof line, "echo >%s.d/" AA22 "/step-00000004/model.safetensors",
             p.db); /* a damaged one is no last one */
    assert_int_equal(system(line), 0);
    assert_int_equal(RUNS(&p, "prune", "--yes").code, EXIT_DONE);
    assert_checkpoints(&p, AA22, "step-00000003 step-00000004");
    assert_checkpoints(&p, AA11, "step-00000004");
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(json_keeps_every_bit),
        cmocka_unit_test(documents_escape_what_would_end_a_cell),
        cmocka_unit_test(list_tells_what_is_there),
        cmocka_unit_test(list_takes_a_part_in_an_order),
        cmocka_unit_test(show_takes_a_unique_prefix),
        cmocka_unit_test(diff_lists_differing_keys_only),
        cmocka_unit_test(note_is_kept),
        cmocka_unit_test(delete_refuses_the_living),
        cmocka_unit_test(prune_leaves_the_last_that_can_be_gone_on_from),
        cmocka_unit_test(an_empty_key_is_no_run),
        cmocka_unit_test(a_key_that_leads_elsewhere_is_refused),
        cmocka_unit_test(a_key_given_twice_is_deleted_once),
        cmocka_unit_test(files_without_a_row_go_by_their_whole_key),
        cmocka_unit_test(bad_use_is_exit_2_and_makes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
