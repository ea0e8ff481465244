/* results.db: its schema, what is written to it and comes back, claims, refusals. */
#include "data/base/files.h"
#include "tests/train/store_fixture.h"
#include "train/store/schema.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Keys of runs. */
#define AA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BB "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const char CONFIG[] = "{\"variant\":\"baseline\",\"model\":{\"layers\":2}}";

/* ---- what is synced ---- */

/* Of the calls of this program and its libraries: the names of the files, one a line. */
static char synced[1 << 12];

static int note_sync(long call, int fd) {
    char link[64], name[300];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 2);
    if (n > 0 && strlen(synced) + (size_t)n + 2 < sizeof synced) {
        strcpy(name + n, "\n");
        strcat(synced, name);
    }
    return (int)syscall(call, fd);
}

int fsync(int fd) {
    return note_sync(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return note_sync(SYS_fdatasync, fd);
}

/* ---- schema ---- */

static void every_table_view_and_column_has_a_comment(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    sqlite3_stmt *objects, *columns;
    sqlite3_prepare_v2(store_db(s),
                       "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view')", -1,
                       &objects, NULL);
    int tables = 0;
    while (sqlite3_step(objects) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(objects, 0);
        const char *sql = (const char *)sqlite3_column_text(objects, 2);
        const char *comment = strstr(sql, "-- ");
        if (!comment || comment > strchr(sql, '\n')) fail_msg("%s has no comment", name);
        if (strcmp((const char *)sqlite3_column_text(objects, 1), "table")) continue;
        tables++;
        sqlite3_prepare_v2(store_db(s), "SELECT name FROM pragma_table_info(?1)", -1, &columns, NULL);
        sqlite3_bind_text(columns, 1, name, -1, SQLITE_TRANSIENT);
        while (sqlite3_step(columns) == SQLITE_ROW) {
            char line[64];
            const char *column = (const char *)sqlite3_column_text(columns, 0);
            bool quoted = !strcmp(column, "index") || !strcmp(column, "update"); /* SQL's words, too */
            snprintf(line, sizeof line, quoted ? "\n    \"%s\" " : "\n    %s ", column);
            const char *at = strstr(sql, line), *said = at ? strstr(at, " -- ") : NULL;
            if (!said || said > strchr(at + 1, '\n')) fail_msg("%s.%s has no comment", name, column);
        }
        sqlite3_finalize(columns);
    }
    sqlite3_finalize(objects);
    assert_int_equal(tables, 21);
    store_close(s);
    place_remove(&p);
}

/* Forks n processes that run `work(db, i)` and waits for them; each must exit with 0. */
static void in_processes(int n, void (*work)(const char *db, int i), const char *db) {
    for (int i = 0; i < n; i++)
        if (!fork()) {
            work(db, i);
            _exit(0);
        }
    int failed = 0;
    for (int i = 0; i < n; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        failed += status != 0;
    }
    assert_int_equal(failed, 0);
}

static void check(bool ok, const Error *e) {
    if (ok) return;
    fprintf(stderr, "%s\n", e->text);
    _exit(1);
}

static void open_and_close(const char *db, int i) {
    (void)i;
    Store *s;
    Error e = {0};
    check(store_open(&s, db, STORE_WRITE, &e), &e);
    store_close(s);
}

static const char schema_sum[] = "SELECT count(*) || ' ' || sum(length(sql)) FROM sqlite_schema";

static void schema_loads_twice(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    char before[256], after[256];
    ask(s, schema_sum, before);
    assert_int_equal(schema_create(store_db(s)), SQLITE_OK);
    assert_string_equal(ask(s, schema_sum, after), before);
    ASK(s, "PRAGMA application_id", "1936616300");
    ASK(s, "PRAGMA journal_mode", "wal");
    ASK(s, "PRAGMA integrity_check", "ok");
    store_close(s);
    place_remove(&p);
}

/* Any change of the schema raises its version: user_version of train/schema.sql, STORE_VERSION, a step of
 * migrations[], and this pair. Comments are part of it: they are the definitions. */
static void a_changed_schema_has_another_version(void **state) {
    (void)state;
    static const int version = 3;
    static const char hash[] = "8262265895db8291701e7a868db11b4e";
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    char now[HASH_HEX], answer[256];
    sqlite3_stmt *q;
    sqlite3_prepare_v2(
        store_db(s), "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY type, name)",
        -1, &q, NULL);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    hash_hex(sqlite3_column_text(q, 0), sqlite3_column_bytes(q, 0), now);
    sqlite3_finalize(q);
    if (strcmp(now, hash)) fail_msg("the schema is %s: raise its version, then this hash", now);
    assert_int_equal(version, STORE_VERSION);
    assert_int_equal(atoi(ask(s, "PRAGMA user_version", answer)), version);
    store_close(s);
    place_remove(&p);
}

static void make_database(const char *path, const char *sql) {
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s", message);
    sqlite3_close(db);
}

/* Made by schema 1, with a row in every table of figures. */
static void make_schema_1(const char *path) {
    Bytes text = {0};
    OK(file_read("tests/train/schema_1.sql", &text, &e));
    OK(bytes_append(&text, "", 1, &e));
    make_database(path, text.data);
    bytes_free(&text);
}

/* The text of all rows of its digest, without the columns that came after schema 1, which are NULL; free it.
 */
static char *digest_of(Store *s) {
    sqlite3_stmt *q;
    sqlite3_prepare_v2(store_db(s),
                       "SELECT group_concat(key || kind || step || place || replace(figures,"
                       " ' gradient_sink=NULL stream_gradient_sink=NULL', ''), char(10)) FROM digest",
                       -1, &q, NULL);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return text;
}

static const char columns_sql[] =
    "SELECT group_concat(place, ' ') FROM (SELECT s.name || '.' || c.name || c.type || c.\"notnull\" || c.pk "
    "AS place"
    " FROM sqlite_schema AS s, pragma_table_info(s.name) AS c WHERE s.type = 'table' ORDER BY s.name, c.cid)";

static char *columns_of(Store *s) {
    sqlite3_stmt *q;
    sqlite3_prepare_v2(store_db(s), columns_sql, -1, &q, NULL);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    char *text = strdup((const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    return text;
}

/* A migrated database has the columns of a new one in their order, and its rows; the hash of its digest is
 * that of the view `digest` of schema 1. */
static void schema_1_is_migrated(void **state) {
    (void)state;
    Place p = place_make(), q = place_make();
    make_schema_1(p.db);
    Store *s = open_or_fail(p.db, STORE_WRITE), *new = open_or_fail(q.db, STORE_WRITE);
    char answer[256], before[256], hash[HASH_HEX], *digest = digest_of(s), *ours = columns_of(s),
                                                   *theirs = columns_of(new);
    assert_int_equal(atoi(ask(s, "PRAGMA user_version", answer)), STORE_VERSION);
    hash_hex(digest, (int64_t)strlen(digest), hash);
    assert_string_equal(hash, "a8739a4810553bd1746a5e83bf3525d4");
    assert_string_equal(ours, theirs);
    ASK(s, "SELECT count(*) FROM sqlite_schema WHERE name = 'outcome'", "0"); /* no view of ours any more */
    ASK(s, "SELECT val_loss || ' ' || tokens FROM final", "0.1 20");
    ASK(s, "SELECT count(*) FROM sink", "1");
    OK(store_step(s, 1, &(StepRow){.step = 3}, &e));
    ask(s, "PRAGMA schema_version", before);
    store_close(s);
    s = open_or_fail(p.db, STORE_WRITE);
    ASK(s, "PRAGMA schema_version", before); /* there is nothing to do any more */
    ASK(s, "SELECT count(*) FROM step", "3");
    store_close(s);
    store_close(new);
    free(digest);
    free(ours);
    free(theirs);
    place_remove(&p);
    place_remove(&q);
}

/* Version 1 called tau_wo what is tau_variances now. */
static void the_tau_of_schema_1_gets_its_new_name(void **state) {
    (void)state;
    Place p = place_make();
    make_schema_1(p.db);
    make_database(
        p.db, "INSERT INTO eval_layer (run_id, step, probe, layer, tau_wo) VALUES (1, 2, 'random', 0, 0.1)");
    Store *s = open_or_fail(p.db, STORE_WRITE);
    ASK(s, "SELECT tau_variances || ' ' || coalesce(tau_wo, '?') FROM eval_layer WHERE probe = 'random'",
        "0.1 ?");
    ASK(s, "SELECT figure FROM outdated WHERE run_id = 1", "tau_wo");
    ASK(s,
        "SELECT count(*) FROM digest WHERE place = 'random.0' AND figures LIKE '% tau_wo=NULL % "
        "tau_variances=0.1'",
        "1");
    store_close(s);
    place_remove(&p);
}

static void an_older_schema_is_migrated_by_one_of_several(void **state) {
    (void)state;
    Place p = place_make();
    make_schema_1(p.db);
    in_processes(8, open_and_close, p.db);
    Store *s = open_or_fail(p.db, STORE_READ);
    ASK(s, "SELECT count(*) FROM digest", "10");
    ASK(s, "PRAGMA integrity_check", "ok");
    store_close(s);
    place_remove(&p);
}

static void journal_follows_the_file_system(void **state) {
    (void)state;
    assert_string_equal(store_journal(0xEF53), "WAL");               /* ext4 */
    assert_string_equal(store_journal(0x6969), "TRUNCATE");          /* NFS */
    assert_string_equal(store_journal((int)0xFF534D42), "TRUNCATE"); /* CIFS, sign-extended */
}

/* ---- round trips ---- */

static void figures_of_a_step_come_back(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    Figures f = {0}, odd = {0};
    figures_add(&f, "mlp_write", 0, -1, 4);
    figures_add(&f, "gradient_sink", 0, -1, 1);
    figures_add(&f, "attn_write", 1, -1, 7);
    figures_add(&f, "stream_gradient_sink", 1, -1, NAN);
    OK(store_step_layer(s, c.run, 5, &f, &e));
    OK(store_step_tensor(s, c.run, &(StepTensorRow){5, "b", 1, 2, 3}, &e));
    OK(store_step_tensor(s, c.run, &(StepTensorRow){5, "a", 4, 5, NAN}, &e));
    OK(store_flush(s, &e));
    ASK(s,
        "SELECT group_concat(step || layer || coalesce(gradient_sink, '?') || coalesce(stream_gradient_sink, "
        "'?') ||"
        " coalesce(attn_write, '?') || coalesce(mlp_write, '?'), ' ') FROM step_layer",
        "501.0??4.0 51??7.0?");
    ASK(s,
        "SELECT group_concat(step || tensor || gradient || weight || coalesce(\"update\", '?'), ' ')"
        " FROM step_tensor",
        "5a4.05.0? 5b1.02.03.0");
    ASK(s, "SELECT group_concat(detail) FROM (SELECT detail FROM event WHERE kind = 'nan' ORDER BY detail)",
        "step_layer.stream_gradient_sink,step_tensor.update");
    figures_add(&odd, "oddity", 0, -1, 1);
    Error e = {0};
    assert_false(store_step_layer(s, c.run, 6, &odd, &e));
    assert_string_equal(e.text, "results: step_layer.oddity: there is no such column");
    figures_free(&f);
    figures_free(&odd);
    store_release(&c);
    store_close(s);
    place_remove(&p);
}

static void writes_come_back(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 7, CONFIG);
    Claim c = claim_or_fail(s, &id);
    const StepRow row = {3, 300, 2.5, 1.25, 1e-3, 10, NAN};
    const double mass[] = {0.1, 0.2, 0.3, 0.4}, ratio[] = {1, 2, 3, 4};
    Figures f = {0};
    figures_add(&f, "val_loss", -1, -1, 3.5);
    figures_add(&f, "T", -1, -1, 64);
    figures_add(&f, "sink_mass", 1, 0, 0.75);
    figures_add(&f, "sink_position", 1, 0, 2);
    figures_add(&f, "kurtosis", 1, -1, 9);
    figures_add(&f, "mixing", 0, -1, 0.5);
    figures_add(&f, "mixing", 1, 0, 0.25);
    figures_add(&f, "odd", -1, -1, 1);
    figures_add(&f, "odd", 1, -1, 2);
    figures_add(&f, "odd", 1, 1, INFINITY);
    OK(store_step(s, c.run, &row, &e));
    OK(store_save_ms(s, c.run, 3, 5, &e));
    OK(store_step_head(s, c.run, 3, 2, 1, 2, mass, ratio, &e));
    OK(store_eval(s, c.run, 3, "main", &f, &e));
    OK(store_metric(s, c.run, 3, "extra", 0.1, &e));
    OK(store_event(s, c.run, 3, "note", "hello", &e));
    OK(store_status(s, c.run, "done", "here/3", &e));
    store_release(&c);
    figures_free(&f);
    ASK(s,
        "SELECT tokens || ' ' || loss || ' ' || grad_norm || ' ' || lr || ' ' || ms || ' ' || save_ms FROM "
        "step",
        "300 2.5 1.25 0.001 10.0 5.0");
    ASK(s, "SELECT probe_ms FROM step", "NULL");
    ASK(s,
        "SELECT group_concat(layer || head || ' ' || first_mass || ' ' || value_ratio, ';') FROM step_head",
        "00 0.1 1.0;01 0.2 2.0;10 0.3 3.0;11 0.4 4.0");
    ASK(s, "SELECT step || probe || val_loss || ' ' || T FROM eval", "3main3.5 64");
    ASK(s,
        "SELECT group_concat(layer || ' ' || coalesce(kurtosis, 'x') || ' ' || coalesce(mixing, 'x'), ';') "
        "FROM eval_layer",
        "0 x 0.5;1 9.0 x");
    ASK(s, "SELECT layer || head || ' ' || sink_mass || ' ' || sink_position || ' ' || mixing FROM eval_head",
        "10 0.75 2 0.25");
    ASK(s, "SELECT group_concat(name || '=' || value, ';') FROM (SELECT * FROM metric ORDER BY name)",
        "extra=0.1;main.layer.1.head.1.odd=Inf;main.layer.1.odd=2.0;main.odd=1.0");
    ASK(s, "SELECT kind || ' ' || detail FROM event", "note hello");
    ASK(s,
        "SELECT status || ' ' || checkpoint || ' ' || variant || seed || host || threads || parameters FROM "
        "run",
        "done here/3 baseline7here11000");
    ASK(s, "SELECT finished IS NOT NULL AND heartbeat IS NOT NULL AND started IS NOT NULL FROM run", "1");
    store_close(s);
    place_remove(&p);
}

/* A run begins by today's definitions of figures, and goes on by them though they may be old by then. */
static void a_run_keeps_the_versions_that_it_began_with(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    int64_t run;
    const char versions[] = "SELECT group_concat(figure || version) FROM figure_version";
    const char outdated[] = "SELECT group_concat(figure) FROM (SELECT figure FROM outdated ORDER BY figure)";
    OK(store_enqueue(s, &id, &run, &e));
    OK(store_rewind(s, run, -1, &e));
    ASK(s, versions, "tau_wo2");
    ASK(s, outdated, "NULL");
    run_sql(
        s, "DROP VIEW figure_now;"
           "CREATE VIEW figure_now AS SELECT 'mixing' AS figure, 2 AS version UNION ALL SELECT 'dormant', 3");
    ASK(s, outdated, "dormant,mixing");
    OK(store_rewind(s, run, 5, &e));
    ASK(s, versions, "tau_wo2");
    OK(store_rewind(s, run, -1, &e));
    ASK(s, versions, "dormant3,mixing2");
    ASK(s, outdated, "NULL");
    run_sql(s, "DROP VIEW figure_now; CREATE VIEW figure_now AS SELECT 'dormant' AS figure, 4 AS version");
    OK(store_rewind(s, run, 5, &e));
    ASK(s, outdated, "dormant");
    store_close(s);
    place_remove(&p);
}

static void a_second_evaluation_fills_what_the_first_left(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    Figures light = {0}, heavy = {0};
    figures_add(&light, "sink_mass", -1, -1, 0.5);
    figures_add(&heavy, "entropy_norm_min", -1, -1, 0.25);
    OK(store_eval(s, c.run, 1, "main", &light, &e));
    OK(store_flush(s, &e));
    OK(store_eval(s, c.run, 1, "main", &heavy, &e));
    OK(store_flush(s, &e));
    ASK(s, "SELECT sink_mass || ' ' || entropy_norm_min FROM eval", "0.5 0.25");
    figures_free(&light);
    figures_free(&heavy);
    store_release(&c);
    store_close(s);
    place_remove(&p);
}

static void nan_is_null_with_one_event(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    const double mass[] = {NAN, NAN}, ratio[] = {1, 1};
    Figures f = {0};
    figures_add(&f, "bound_ratio", 0, -1, NAN);
    figures_add(&f, "bound_ratio", 1, -1, NAN);
    OK(store_step(s, c.run, &(StepRow){.step = 1, .loss = NAN, .grad_norm = INFINITY}, &e));
    OK(store_step_head(s, c.run, 1, 1, 1, 2, mass, ratio, &e));
    OK(store_eval(s, c.run, 1, "main", &f, &e));
    OK(store_metric(s, c.run, 1, "m", NAN, &e));
    OK(store_flush(s, &e));
    OK(store_step(s, c.run, &(StepRow){.step = 1, .loss = NAN, .grad_norm = INFINITY}, &e));
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) FROM step WHERE loss IS NULL AND grad_norm > 1e308", "1");
    ASK(s, "SELECT count(*) FROM eval_layer WHERE bound_ratio IS NULL", "2");
    ASK(s, "SELECT group_concat(detail) FROM (SELECT detail FROM event WHERE kind = 'nan' ORDER BY detail)",
        "eval_layer.bound_ratio,metric.m,step.loss,step_head.first_mass");
    figures_free(&f);
    store_release(&c);
    store_close(s);
    place_remove(&p);
}

static void a_fraction_in_an_integer_column_is_refused(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Figures f = {0};
    Error e = {0};
    figures_add(&f, "massive_channel", 0, -1, 1.5);
    assert_false(store_eval(s, 1, 1, "main", &f, &e));
    assert_non_null(strstr(e.text, "eval_layer.massive_channel"));
    figures_free(&f);
    store_close(s);
    place_remove(&p);
}

static void batches_end_after_twenty_steps(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    for (int step = 1; step <= 45; step++) OK(store_step(s, c.run, &(StepRow){.step = step}, &e));
    ASK(s, "SELECT count(*) BETWEEN 25 AND 44 FROM step", "1"); /* 40, or as a second's end has it */
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) FROM step", "45");
    store_release(&c);
    store_close(s);
    place_remove(&p);
}

static void batches_end_after_a_second(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    OK(store_step(s, c.run, &(StepRow){.step = 1}, &e));
    usleep(1100000);
    OK(store_step(s, c.run, &(StepRow){.step = 2}, &e));
    ASK(s, "SELECT group_concat(step) FROM step", "1");
    store_release(&c);
    store_close(s); /* writes what waits */
    s = open_or_fail(p.db, STORE_READ);
    ASK(s, "SELECT group_concat(step) FROM step", "1,2");
    store_close(s);
    place_remove(&p);
}

static void rewind_deletes_what_lies_beyond(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG), other = identity(BB, "baseline", 1, CONFIG);
    Claim c = claim_or_fail(s, &id), d = claim_or_fail(s, &other);
    Figures f = {0};
    figures_add(&f, "val_loss", -1, -1, 1);
    figures_add(&f, "mixing", 0, -1, 1);
    figures_add(&f, "mixing", 0, 0, 1);
    figures_add(&f, "odd", -1, -1, 1);
    figures_add_bin(&f, "sequences", 0, 0, 7, 1);
    Figures layer = {0};
    figures_add(&layer, "gradient_sink", 0, -1, 1);
    for (int step = 0; step <= 10; step++)
        for (int i = 0; i < 2; i++) {
            int64_t run = i ? d.run : c.run;
            OK(store_step(s, run, &(StepRow){.step = step}, &e));
            OK(store_step_head(s, run, step, 1, 1, 1, (double[]){0}, (double[]){0}, &e));
            OK(store_step_layer(s, run, step, &layer, &e));
            OK(store_step_tensor(s, run, &(StepTensorRow){step, "t", 1, 1, 1}, &e));
            OK(store_eval(s, run, step, "main", &f, &e));
            OK(store_event(s, run, step, "note", "", &e));
        }
    OK(store_rewind(s, c.run, 6, &e));
    const char *tables[] = {"step",       "step_head", "step_layer", "step_tensor", "eval",
                            "eval_layer", "eval_head", "eval_mass",  "metric",      "event"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT sum(run_id = 1) || ' ' || sum(run_id = 2) FROM %s", tables[i]);
        ASK(s, sql, "7 11");
    }
    OK(store_rewind(s, c.run, -1, &e));
    ASK(s, "SELECT count(*) FROM eval_head", "11");
    figures_free(&f);
    figures_free(&layer);
    store_release(&c);
    store_release(&d);
    store_close(s);
    place_remove(&p);
}

/* ---- claims ---- */

static ClaimResult try_claim(Store *s, const RunIdentity *id, bool again, bool retry) {
    Claim c;
    OK(store_claim(s, id, again, retry, &c, &e));
    store_release(&c);
    return c.result;
}

static void claims_follow_the_status(void **state) {
    (void)state;
    static const struct {
        const char *status;
        ClaimResult plain, retry;
    } cases[] = {{"queued", CLAIM_TAKEN, CLAIM_TAKEN},       {"running", CLAIM_TAKEN, CLAIM_TAKEN},
                 {"interrupted", CLAIM_TAKEN, CLAIM_TAKEN},  {"done", CLAIM_DONE, CLAIM_DONE},
                 {"failed", CLAIM_NEEDS_RETRY, CLAIM_TAKEN}, {"diverged", CLAIM_NEEDS_RETRY, CLAIM_TAKEN}};
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    int64_t run;
    OK(store_enqueue(s, &id, &run, &e));
    ASK(s, "SELECT status FROM run", "queued");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        OK(store_status(s, run, cases[i].status, NULL, &e));
        assert_int_equal(try_claim(s, &id, false, false), cases[i].plain);
        OK(store_status(s, run, cases[i].status, NULL, &e));
        assert_int_equal(try_claim(s, &id, false, true), cases[i].retry);
    }
    store_close(s);
    place_remove(&p);
}

/* No part of its key; one that is not given leaves it. */
static void a_run_that_is_not_to_be_had_takes_a_label(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    int64_t run;
    OK(store_enqueue(s, &id, &run, &e));
    OK(store_status(s, run, "done", NULL, &e));
    for (int i = 0; i < 3; i++) {
        static const char *const labels[] = {"one", "two", ""};
        id.label = labels[i];
        if (i)
            assert_int_equal(try_claim(s, &id, false, false), CLAIM_DONE);
        else
            OK(store_enqueue(s, &id, &run, &e)); /* by a sweep */
        ASK(s, "SELECT status || label || (config ->> '$.run.label') FROM run",
            i ? "donetwotwo" : "doneoneone");
    }
    store_close(s);
    place_remove(&p);
}

/* A run that has begun; one that is over, or that begins anew, is of one kind of kernels either way. */
static void other_kernels_are_refused_where_asked(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG), other = id;
    other.blas_arch = "abacus";
    other.same_kernels = true;
    assert_int_equal(try_claim(s, &other, false, false), CLAIM_TAKEN); /* nobody has begun it */
    other.blas_arch = id.blas_arch, id.blas_arch = "abacus";
    assert_int_equal(try_claim(s, &other, false, false), CLAIM_REFUSED);
    ASK(s, "SELECT blas_arch || status FROM run", "abacusrunning"); /* it was not touched */
    Claim c;
    OK(store_claim(s, &other, false, false, &c, &e));
    assert_string_equal(c.kernels, "abacus");
    id.same_kernels = true;
    assert_int_equal(try_claim(s, &id, false, false), CLAIM_TAKEN);
    other.same_kernels = false;
    assert_int_equal(try_claim(s, &other, false, false), CLAIM_TAKEN);
    OK(store_status(s, c.run, "done", NULL, &e));
    id.blas_arch = "a third", id.same_kernels = true;
    assert_int_equal(try_claim(s, &id, false, false), CLAIM_DONE);
    assert_int_equal(try_claim(s, &id, true, false), CLAIM_TAKEN);
    store_close(s);
    place_remove(&p);
}

static void again_starts_over_and_only_then(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    char file[1100];
    snprintf(file, sizeof file, "%s/weights", c.folder);
    close(creat(file, 0666));
    OK(store_step(s, c.run, &(StepRow){.step = 1}, &e));
    OK(store_status(s, c.run, "interrupted", "weights", &e));
    store_release(&c);
    assert_int_equal(try_claim(s, &id, true, false), CLAIM_TAKEN);
    assert_int_equal(access(file, F_OK), 0);
    ASK(s, "SELECT count(*) FROM step", "1");
    OK(store_status(s, c.run, "done", NULL, &e));
    assert_int_equal(try_claim(s, &id, true, false), CLAIM_TAKEN);
    assert_int_equal(access(file, F_OK), -1);
    ASK(s, "SELECT count(*) FROM step", "0");
    ASK(s, "SELECT count(*) || status || coalesce(checkpoint, '') FROM run", "1running");
    store_close(s);
    place_remove(&p);
}

/* One makes the schema; none of the others may see it half made and take it for another program's. */
static void a_database_is_made_by_several_at_once(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        Place p = place_make();
        in_processes(8, open_and_close, p.db);
        Store *s = open_or_fail(p.db, STORE_READ);
        ASK(s, "PRAGMA integrity_check", "ok");
        store_close(s);
        place_remove(&p);
    }
}

enum { RACED_KEYS = 50 };

static void claim_all(const char *db, int i) {
    Store *s;
    Error e = {0};
    check(store_open(&s, db, STORE_WRITE, &e), &e);
    for (int k = 0; k < RACED_KEYS; k++) {
        char key[33];
        Claim c;
        snprintf(key, sizeof key, "%032x", k);
        RunIdentity id = identity(key, "baseline", k, CONFIG);
        check(store_claim(s, &id, false, false, &c, &e), &e);
        if (c.result != CLAIM_TAKEN) continue;
        check(store_metric(s, c.run, i, "taken", 1, &e), &e);
        check(store_status(s, c.run, "done", NULL, &e), &e);
        store_release(&c);
    }
    store_close(s);
}

static void exactly_one_of_racing_claims_wins(void **state) {
    (void)state;
    Place p = place_make();
    in_processes(8, claim_all, p.db);
    Store *s = open_or_fail(p.db, STORE_READ);
    ASK(s, "SELECT count(*) || ' ' || sum(status = 'done') FROM run", "50 50");
    ASK(s, "SELECT count(*) || ' ' || count(DISTINCT run_id) FROM metric", "50 50");
    store_close(s);
    place_remove(&p);
}

static void a_killed_process_leaves_its_run_free(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        Error e = {0};
        Store *own;
        Claim c;
        check(store_open(&own, p.db, STORE_WRITE, &e), &e);
        check(store_claim(own, &id, false, false, &c, &e), &e);
        if (write(ready[1], "x", 1) == 1) pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_true(store_alive(s, AA));
    assert_int_equal(try_claim(s, &id, false, false), CLAIM_BUSY);
    Error e = {0};
    assert_false(store_delete(s, AA, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    OK(store_reap(s, &e));
    ASK(s, "SELECT status FROM run", "running");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_false(store_alive(s, AA));
    OK(store_reap(s, &e));
    ASK(s, "SELECT status FROM run", "interrupted");
    assert_int_equal(try_claim(s, &id, false, false), CLAIM_TAKEN);
    close(ready[0]);
    close(ready[1]);
    store_close(s);
    place_remove(&p);
}

static void delete_takes_rows_and_files(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    int64_t sweep, same;
    OK(store_sweep(s, "first", "name: first", &sweep, &e));
    OK(store_sweep(s, "first", "name: first # edited", &same, &e));
    assert_int_equal(sweep, same);
    OK(store_sweep_run(s, sweep, 0, c.run, &e));
    OK(store_sweep_run(s, sweep, 0, c.run, &e));
    ASK(s, "SELECT file || count(*) FROM sweep JOIN sweep_run ON sweep = id", "name: first # edited1");
    OK(store_step(s, c.run, &(StepRow){.step = 1}, &e));
    OK(store_flush(s, &e));
    store_release(&c);
    OK(store_delete(s, AA, &e));
    ASK(s,
        "SELECT (SELECT count(*) FROM run) + (SELECT count(*) FROM step) + (SELECT count(*) FROM sweep_run)",
        "0");
    assert_int_equal(access(c.folder, F_OK), -1);
    store_close(s);
    place_remove(&p);
}

/* A database that cannot be written: the row stays, so its files must. */
static void what_cannot_be_deleted_keeps_its_files(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE), *other = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    char file[1100];
    snprintf(file, sizeof file, "%s/weights", c.folder);
    close(creat(file, 0666));
    OK(store_status(s, c.run, "done", file, &e));
    store_release(&c);
    sqlite3_busy_timeout(store_db(s), 0);
    run_sql(other, "BEGIN IMMEDIATE");
    Error e = {0};
    assert_false(store_delete(s, AA, &e));
    assert_non_null(strstr(e.text, "locked by another program"));
    run_sql(other, "COMMIT");
    assert_int_equal(access(file, F_OK), 0);
    run_sql(s, "CREATE TEMP TRIGGER full BEFORE UPDATE ON run BEGIN SELECT RAISE(ABORT, 'full'); END");
    assert_false(store_claim(s, &id, true, false, &c, &e));
    assert_int_equal(access(file, F_OK), 0);
    ASK(s, "SELECT status || (checkpoint IS NOT NULL) FROM run", "done1");
    OK(store_delete(s, AA, &e));
    assert_int_equal(access(c.folder, F_OK), -1);
    store_close(other);
    store_close(s);
    place_remove(&p);
}

/* Of a database that is gone: days of work, that only a new start that was asked for throws away. */
static void files_that_no_row_knows_are_kept(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    for (int queued = 0; queued < 2; queued++) {
        Claim c = claim_or_fail(s, &id);
        char file[1100];
        int64_t run;
        snprintf(file, sizeof file, "%s/weights", c.folder);
        close(creat(file, 0666));
        store_release(&c);
        run_sql(s, "DELETE FROM run");
        if (queued) OK(store_enqueue(s, &id, &run, &e));
        c = claim_or_fail(s, &id);
        store_release(&c);
        assert_int_equal(access(file, F_OK), 0);
        ASK(s, "SELECT status || (started IS NOT NULL) FROM run", "running1");
        run_sql(s, "DELETE FROM run");
        OK(store_claim(s, &id, true, false, &c, &e));
        store_release(&c);
        assert_int_equal(access(file, F_OK), -1);
        run_sql(s, "DELETE FROM run");
    }
    store_close(s);
    place_remove(&p);
}

/* ---- several writers ---- */

enum { WRITERS = 8, SHORT_RUNS = 200 };

static void write_short_runs(const char *db, int i) {
    Store *s;
    Error e = {0};
    check(store_open(&s, db, STORE_WRITE, &e), &e);
    for (int k = 0; k < SHORT_RUNS; k++) {
        char key[33];
        Claim c;
        snprintf(key, sizeof key, "%032x", i * SHORT_RUNS + k);
        RunIdentity id = identity(key, "baseline", k, CONFIG);
        check(store_claim(s, &id, false, false, &c, &e), &e);
        for (int step = 1; step <= 3; step++) {
            check(store_step(s, c.run, &(StepRow){.step = step, .loss = step}, &e), &e);
            check(store_step_head(s, c.run, step, 1, 1, 2, (double[]){0, 1}, (double[]){0, 1}, &e), &e);
        }
        check(store_status(s, c.run, "done", NULL, &e), &e);
        store_release(&c);
    }
    store_close(s);
}

static void many_writers_lose_and_double_nothing(void **state) {
    (void)state;
    Place p = place_make();
    in_processes(WRITERS, write_short_runs, p.db);
    Store *s = open_or_fail(p.db, STORE_READ);
    ASK(s, "SELECT count(*) || ' ' || count(DISTINCT key) || ' ' || sum(status = 'done') FROM run",
        "1600 1600 1600");
    ASK(s, "SELECT count(*) || ' ' || sum(loss) FROM step", "4800 9600.0");
    ASK(s, "SELECT count(*) FROM step_head", "9600");
    ASK(s, "PRAGMA integrity_check", "ok");
    store_close(s);
    place_remove(&p);
}

/* ---- refusals ---- */

typedef struct Image {
    size_t n;
    unsigned char at[1 << 17];
} Image;

static void read_image(const char *path, Image *b) {
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    b->n = fread(b->at, 1, sizeof b->at, f);
    fclose(f);
}

/* Opening must fail with that code and words, and leave the file as it was. */
static void refuses(const char *path, StoreMode mode, int code, const char *words) {
    Image *before = malloc(sizeof *before), *after = malloc(sizeof *after);
    Store *s;
    Error e = {0};
    read_image(path, before);
    assert_false(store_open(&s, path, mode, &e));
    assert_null(s);
    assert_int_equal(e.code, code);
    if (!strstr(e.text, words)) fail_msg("'%s' does not say '%s'", e.text, words);
    read_image(path, after);
    assert_int_equal(before->n, after->n);
    assert_memory_equal(before->at, after->at, before->n);
    free(before);
    free(after);
}

static void refusals_leave_files_as_they_were(void **state) {
    (void)state;
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"CREATE TABLE t (x); INSERT INTO t VALUES (1)", "another program's"},
        {"PRAGMA journal_mode = WAL; CREATE TABLE run (id)", "another program's"},
        {"PRAGMA application_id = 5; CREATE TABLE t (x)", "another program's"},
        {"PRAGMA application_id = 1936616300; PRAGMA user_version = 99; CREATE TABLE t (x)", "newer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Place p = place_make();
        make_database(p.db, cases[i].sql);
        refuses(p.db, STORE_WRITE, EXIT_USAGE, cases[i].words);
        refuses(p.db, STORE_READ, EXIT_USAGE, cases[i].words);
        place_remove(&p);
    }
    Place p = place_make();
    FILE *f = fopen(p.db, "w");
    fputs("This is a letter, and a rather long one at that: no database would begin so, and none does.\n", f);
    fclose(f);
    refuses(p.db, STORE_WRITE, EXIT_USAGE, "not a SQLite database");
    place_remove(&p);
    p = place_make();
    make_schema_1(p.db);
    refuses(p.db, STORE_READ, EXIT_USAGE, "(bring it up to date: sinklab merge ");
    place_remove(&p);
}

/* Ours by its marks, made by others: NULL where we have none, fewer columns, a view that never ends. */
static void a_schema_of_others_is_refused(void **state) {
    (void)state;
#define ENDLESS                                                                                              \
    "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n AS id, n AS key, n AS "       \
    "status FROM t"
    static const struct {
        const char *sql, *words;
    } cases[] = {
        {"DROP TABLE run; CREATE TABLE run (id INTEGER PRIMARY KEY, key TEXT UNIQUE, variant, status)",
         "its table run is"},
        {"DROP TABLE step; CREATE TABLE step (run_id INTEGER, step INTEGER, x, PRIMARY KEY (run_id, step))",
         "its table step is"},
        {"DROP TABLE run; CREATE VIEW run AS " ENDLESS, "its table run is"},
        {"DROP TABLE metric", "its table metric is"},
        {"ALTER TABLE eval RENAME COLUMN val_loss TO loss", "table eval is"},
        {"DROP VIEW sink; CREATE TABLE sink (key TEXT)", "its view sink is"},
        {"CREATE TRIGGER t AFTER UPDATE ON run BEGIN DELETE FROM step; END", "its trigger t is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Place p = place_make();
        store_close(open_or_fail(p.db, STORE_WRITE));
        char sql[600];
        snprintf(sql, sizeof sql, "PRAGMA legacy_alter_table = ON; %s", cases[i].sql);
        make_database(p.db, sql);
        refuses(p.db, STORE_READ, EXIT_USAGE, cases[i].words);
        if (!strstr(cases[i].words, "view")) refuses(p.db, STORE_WRITE, EXIT_USAGE, cases[i].words);
        place_remove(&p);
    }
}

/* Views hold nothing; what a person has added is a person's own. */
static void views_of_another_text_are_made_anew(void **state) {
    (void)state;
    Place p = place_make();
    store_close(open_or_fail(p.db, STORE_WRITE));
    make_database(p.db, "DROP VIEW final; CREATE VIEW final AS " ENDLESS ";"
                        "CREATE TABLE mine (x); CREATE VIEW my_runs AS SELECT * FROM run");
    refuses(p.db, STORE_READ, EXIT_USAGE,
            "its view final is not of this version (make it anew: sinklab merge ");
    Store *s = open_or_fail(p.db, STORE_WRITE);
    ASK(s, "SELECT count(*) FROM final", "0");
    ASK(s, "SELECT count(*) FROM mine JOIN my_runs", "0");
    store_close(s);
    store_close(open_or_fail(p.db, STORE_READ));
    place_remove(&p);
}

/* It would be a path. */
static void what_is_no_key_is_no_path(void **state) {
    (void)state;
    static const char *const keys[] = {"../../victim",
                                       "",
                                       "aa",
                                       AA "a",
                                       "AAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                       "aaaaaaaaaaaaaaaa/../victim/aaaaaa"};
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    char victim[160], folder[1024];
    snprintf(victim, sizeof victim, "%s/victim", p.folder);
    assert_int_equal(mkdir(victim, 0777), 0);
    for (size_t i = 0; i <= sizeof keys / sizeof *keys; i++) {
        const char *key = i < sizeof keys / sizeof *keys ? keys[i] : NULL;
        RunIdentity id = identity(key, "baseline", 0, CONFIG);
        Claim c;
        Error e = {0};
        assert_false(store_delete(s, key, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        assert_non_null(strstr(e.text, "not 32 hex digits"));
        assert_false(store_claim(s, &id, false, false, &c, &e));
        assert_false(store_folder(s, key, folder, &e));
        assert_false(store_alive(s, key));
    }
    assert_int_equal(access(victim, F_OK), 0);
    ASK(s, "SELECT count(*) FROM run", "0");
    OK(store_folder(s, AA, folder, &e));
    assert_string_equal(folder + strlen(p.db), ".d/" AA);
    store_close(s);
    place_remove(&p);
}

static void a_missing_database_is_named(void **state) {
    (void)state;
    Place p = place_make();
    Store *s;
    Error e = {0};
    assert_false(store_open(&s, p.db, STORE_READ, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, p.db));
    assert_int_equal(access(p.db, F_OK), -1);
    assert_false(store_open(&s, "/tmp/sinklab-no-such-folder/results.db", STORE_WRITE, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    place_remove(&p);
}

static void a_damaged_database_is_refused(void **state) {
    (void)state;
    Place p = place_make();
    store_close(open_or_fail(p.db, STORE_WRITE));
    FILE *f = fopen(p.db, "r+b");
    fseek(f, 100, SEEK_SET); /* the root page behind its header */
    for (int i = 0; i < 3000; i++) fputc(0xAB, f);
    fclose(f);
    refuses(p.db, STORE_WRITE, EXIT_FAILED, "damaged");
    place_remove(&p);
}

/* Root writes everything, so this is tried as nobody. */
static void open_as_nobody(const char *db, int i) {
    (void)i;
    Store *s;
    Error e = {0};
    if (!geteuid() && setuid(65534)) _exit(1);
    bool refused = !store_open(&s, db, STORE_WRITE, &e);
    _exit(refused && e.code == EXIT_USAGE && strstr(e.text, "read-only") ? 0 : 1);
}

static void read_only_is_refused_for_writing(void **state) {
    (void)state;
    Place p = place_make();
    Image *before = malloc(sizeof *before), *after = malloc(sizeof *after);
    store_close(open_or_fail(p.db, STORE_WRITE));
    read_image(p.db, before);
    assert_int_equal(chmod(p.db, 0444) | chmod(p.folder, 0777), 0);
    in_processes(1, open_as_nobody, p.db);
    read_image(p.db, after);
    assert_int_equal(before->n, after->n);
    assert_memory_equal(before->at, after->at, before->n);
    free(before);
    free(after);
    place_remove(&p);
}

static void read_as_nobody(const char *db, int i) {
    (void)i;
    Store *s;
    Error e = {0};
    char answer[256];
    if (!geteuid() && setuid(65534)) _exit(1);
    check(store_open(&s, db, STORE_READ, &e), &e);
    int wrong = strcmp(ask(s, "SELECT count(*) FROM run", answer), "1");
    store_close(s);
    _exit(wrong);
}

static void refused_as_nobody(const char *db, int i) {
    (void)i;
    Store *s;
    Error e = {0};
    if (!geteuid() && setuid(65534)) _exit(1);
    bool refused = !store_open(&s, db, STORE_READ, &e);
    _exit(refused && e.code == EXIT_USAGE && strstr(e.text, "results#1.db-wal") ? 0 : 1);
}

/* Somebody else's results, in a folder that is not ours; the name would be another in a URI. While a process
 * has them open they are read as always; with rows in a log that a dead one left they cannot be. */
static void a_folder_that_is_not_writable_is_read(void **state) {
    (void)state;
    Place p = place_make();
    char db[112], line[512];
    snprintf(db, sizeof db, "%s/results#1.db", p.folder);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    int64_t run;
    Store *s = open_or_fail(db, STORE_WRITE);
    OK(store_enqueue(s, &id, &run, &e));
    assert_int_equal(chmod(p.folder, 0755), 0);
    in_processes(1, read_as_nobody, db);
    snprintf(line, sizeof line, "cd %s && mkdir dead && cp 'results#1.db' 'results#1.db-wal' dead", p.folder);
    assert_int_equal(system(line), 0);
    store_close(s);
    in_processes(1, read_as_nobody, db);
    snprintf(db, sizeof db, "%s/dead/results#1.db", p.folder);
    in_processes(1, refused_as_nobody, db);
    place_remove(&p);
}

static void a_folder_is_no_database(void **state) {
    (void)state;
    Place p = place_make();
    refuses(p.folder, STORE_READ, EXIT_USAGE, "a folder");
    refuses(p.folder, STORE_WRITE, EXIT_USAGE, "a folder");
    place_remove(&p);
}

/* With nobody who writes to it: it must not be waited for. */
static void a_fifo_is_no_database(void **state) {
    (void)state;
    Place p = place_make();
    char fifo[600];
    snprintf(fifo, sizeof fifo, "%s/fifo", p.folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    for (StoreMode mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        Store *s;
        Error e = {0};
        assert_false(store_open(&s, fifo, mode, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        assert_non_null(strstr(e.text, "neither a file nor a folder"));
    }
    place_remove(&p);
}

static void a_locked_database_says_so(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE), *other = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    Error e = {0};
    run_sql(other, "BEGIN IMMEDIATE");
    sqlite3_busy_timeout(store_db(s), 20);
    OK(store_step(s, c.run, &(StepRow){.step = 1}, &e));
    assert_false(store_flush(s, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "locked"));
    run_sql(other, "COMMIT");
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) FROM step", "1");
    store_release(&c);
    store_close(other);
    store_close(s);
    place_remove(&p);
}

static void hold_lock(const char *db, int i) {
    (void)i;
    Store *s = open_or_fail(db, STORE_WRITE);
    run_sql(s, "BEGIN IMMEDIATE");
    char done[200];
    snprintf(done, sizeof done, "%s.locked", db);
    close(creat(done, 0666));
    sleep(4);
    run_sql(s, "COMMIT");
    _exit(0);
}

/* On standard error, once. */
static void a_lock_that_lasts_is_told_and_waited_for(void **state) {
    (void)state;
    Place p = place_make();
    char path[200], said[1000] = "";
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    pid_t child = fork();
    if (!child) hold_lock(p.db, 0);
    snprintf(path, sizeof path, "%s.locked", p.db);
    while (access(path, F_OK)) usleep(1000);
    snprintf(path, sizeof path, "%s/said", p.folder);
    int kept = dup(STDERR_FILENO), out = creat(path, 0666);
    dup2(out, STDERR_FILENO);
    OK(store_step(s, c.run, &(StepRow){.step = 1}, &e));
    OK(store_flush(s, &e));
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(out);
    waitpid(child, NULL, 0);
    FILE *f = fopen(path, "r");
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    fclose(f);
    char *words = strstr(said, "locked by another program: waiting for it");
    assert_non_null(words);
    assert_null(strstr(words + 1, "locked by"));
    ASK(s, "SELECT count(*) FROM step", "1");
    store_release(&c);
    store_close(s);
    place_remove(&p);
}

static void a_full_disk_loses_no_written_row(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    Error e = {0};
    OK(store_step(s, c.run, &(StepRow){.step = 1}, &e));
    OK(store_flush(s, &e));
    run_sql(s, "PRAGMA max_page_count = 1");
    for (int i = 0; i < 2000; i++) OK(store_metric(s, c.run, i, "some name that takes room", i, &e));
    assert_false(store_flush(s, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "full"));
    ASK(s, "SELECT (SELECT count(*) FROM step) || ' ' || (SELECT count(*) FROM metric)", "1 0");
    run_sql(s, "PRAGMA max_page_count = 1000000");
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) FROM metric", "2000");
    store_release(&c);
    store_close(s);
    place_remove(&p);
}

/* ---- its file ---- */

static void assert_synced(const Place *p, const char *name, bool yes) {
    char line[160];
    snprintf(line, sizeof line, "%s%s\n", p->folder, name);
    if ((strstr(synced, line) != NULL) != yes) fail_msg("%s%s is in %s", name, yes ? " not" : "", synced);
}

/* Before a checkpoint that relies on it. A commit alone is not: a run would wait for the disk each second. */
static void the_log_is_synced_when_asked(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(s, &id);
    for (int first = 1; first >= 0; first--) {
        synced[0] = 0;
        OK(store_step(s, c.run, &(StepRow){.step = 2 - first}, &e));
        OK(store_flush(s, &e));
        assert_synced(&p, "/results.db-wal", false);
        OK(store_sync(s, &e));
        assert_synced(&p, "/results.db-wal", true);
        assert_synced(&p, "", first);              /* the entries of the database and of its folder of runs */
        assert_synced(&p, "/results.db.d", first); /* and of the run's own */
    }
    store_release(&c);
    store_close(s);
    place_remove(&p);
}

/* Rows that the log holds are in the file by then. */
static void a_file_that_is_gone_is_noticed(void **state) {
    (void)state;
    static const char *const ways[] = {"mv results.db other.db",
                                       "cp results.db new && mv results.db other.db && mv new results.db",
                                       "ln results.db other.db && rm results.db"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        Place p = place_make();
        Store *s = open_or_fail(p.db, STORE_WRITE);
        RunIdentity id = identity(AA, "baseline", 0, CONFIG);
        Claim c = claim_or_fail(s, &id);
        char line[256];
        Error e = {0};
        OK(store_in_place(s, &e));
        snprintf(line, sizeof line, "cd %s && %s", p.folder, ways[i]);
        assert_int_equal(system(line), 0);
        OK(store_step(s, c.run, &(StepRow){.step = 7}, &e));
        OK(store_flush(s, &e));
        assert_false(store_in_place(s, &e));
        assert_int_equal(e.code, EXIT_FAILED);
        assert_non_null(strstr(e.text, "moved, removed or replaced"));
        store_release(&c);
        store_close(s);
        snprintf(line, sizeof line, "%s/other.db", p.folder);
        s = open_or_fail(line, STORE_READ);
        ASK(s, "SELECT max(step) FROM step", "7");
        store_close(s);
        place_remove(&p);
    }
}

/* Two processes see one lock and one log, and a link may be there before what it leads to. */
static void a_link_is_another_name_of_one_database(void **state) {
    (void)state;
    Place p = place_make();
    char link[160], line[256], twin[160];
    snprintf(link, sizeof link, "%s/link.db", p.folder);
    snprintf(twin, sizeof twin, "%s/twin.db", p.folder);
    assert_int_equal(symlink("results.db", link), 0);
    Store *b = open_or_fail(link, STORE_WRITE), *a = open_or_fail(p.db, STORE_WRITE);
    RunIdentity id = identity(AA, "baseline", 0, CONFIG);
    Claim c = claim_or_fail(a, &id);
    assert_string_equal(store_path(b), p.db);
    assert_int_equal(try_claim(b, &id, false, false), CLAIM_BUSY);
    store_release(&c);
    store_close(a);
    store_close(b);
    snprintf(line, sizeof line, "cd %s && [ ! -e link.db.d ] && [ -d results.db.d ]", p.folder);
    assert_int_equal(system(line), 0);
    assert_int_equal(linkat(AT_FDCWD, p.db, AT_FDCWD, twin, 0), 0);
    refuses(twin, STORE_WRITE, EXIT_USAGE, "a file of 2 names"); /* nothing tells which of them has the log */
    store_close(open_or_fail(twin, STORE_READ));
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_view_and_column_has_a_comment),
        cmocka_unit_test(schema_loads_twice),
        cmocka_unit_test(a_changed_schema_has_another_version),
        cmocka_unit_test(schema_1_is_migrated),
        cmocka_unit_test(the_tau_of_schema_1_gets_its_new_name),
        cmocka_unit_test(an_older_schema_is_migrated_by_one_of_several),
        cmocka_unit_test(journal_follows_the_file_system),
        cmocka_unit_test(figures_of_a_step_come_back),
        cmocka_unit_test(writes_come_back),
        cmocka_unit_test(a_run_keeps_the_versions_that_it_began_with),
        cmocka_unit_test(a_second_evaluation_fills_what_the_first_left),
        cmocka_unit_test(nan_is_null_with_one_event),
        cmocka_unit_test(a_fraction_in_an_integer_column_is_refused),
        cmocka_unit_test(batches_end_after_twenty_steps),
        cmocka_unit_test(batches_end_after_a_second),
        cmocka_unit_test(rewind_deletes_what_lies_beyond),
        cmocka_unit_test(claims_follow_the_status),
        cmocka_unit_test(a_run_that_is_not_to_be_had_takes_a_label),
        cmocka_unit_test(other_kernels_are_refused_where_asked),
        cmocka_unit_test(again_starts_over_and_only_then),
        cmocka_unit_test(a_database_is_made_by_several_at_once),
        cmocka_unit_test(exactly_one_of_racing_claims_wins),
        cmocka_unit_test(a_killed_process_leaves_its_run_free),
        cmocka_unit_test(delete_takes_rows_and_files),
        cmocka_unit_test(what_cannot_be_deleted_keeps_its_files),
        cmocka_unit_test(files_that_no_row_knows_are_kept),
        cmocka_unit_test(the_log_is_synced_when_asked),
        cmocka_unit_test(a_file_that_is_gone_is_noticed),
        cmocka_unit_test(a_link_is_another_name_of_one_database),
        cmocka_unit_test(many_writers_lose_and_double_nothing),
        cmocka_unit_test(refusals_leave_files_as_they_were),
        cmocka_unit_test(a_schema_of_others_is_refused),
        cmocka_unit_test(views_of_another_text_are_made_anew),
        cmocka_unit_test(what_is_no_key_is_no_path),
        cmocka_unit_test(a_missing_database_is_named),
        cmocka_unit_test(a_damaged_database_is_refused),
        cmocka_unit_test(read_only_is_refused_for_writing),
        cmocka_unit_test(a_folder_that_is_not_writable_is_read),
        cmocka_unit_test(a_folder_is_no_database),
        cmocka_unit_test(a_fifo_is_no_database),
        cmocka_unit_test(a_locked_database_says_so),
        cmocka_unit_test(a_lock_that_lasts_is_told_and_waited_for),
        cmocka_unit_test(a_full_disk_loses_no_written_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
