/* ./sinklab merge on planted databases: new, further, the same, alive, in conflict, foreign. */
#include "data/base/files.h"
#include "tests/train/store_fixture.h"
#include "train/checkpoint/safetensors.h"

#include <sys/wait.h>
#include <unistd.h>

/* Keys of runs. */
#define ONE     "00000000000000000000000000000000"
#define TWO     "11111111111111111111111111111111"
#define THREE   "22222222222222222222222222222222"
#define NEW     "33333333333333333333333333333333"
#define LATER   "44444444444444444444444444444444"
#define OURS    "55555555555555555555555555555555"
#define ALIVE   "66666666666666666666666666666666"
#define SAME    "77777777777777777777777777777777"
#define OTHER   "88888888888888888888888888888888"
#define FIRST   "99999999999999999999999999999999"
#define FURTHER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KNOWN   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* The weights of a checkpoint: one number. */
static void plant_weights(const char *folder) {
    float weight = 1;
    StTensor tensor = {"weight", 1, {1}, &weight};
    OK(folder_make(folder, &e));
    OK(safetensors_write(path_of("%s/model.safetensors", folder).s, &tensor, 1, NULL, 0, &e));
}

/* A run of that many steps whose losses begin at `loss`, with a checkpoint at its last one. */
static Claim plant(Store *s, const char *key, const char *status, int64_t steps, double loss) {
    RunIdentity id = identity(key, "baseline", 0, "{}");
    Claim c = claim_or_fail(s, &id);
    for (int64_t step = 1; step <= steps; step++) {
        StepRow row = {.step = step, .tokens = 10 * step, .loss = loss - 0.1 * (double)step};
        OK(store_step(s, c.run, &row, &e));
    }
    Path folder = path_of("%s/step-%08lld", c.folder, (long long)steps);
    plant_weights(folder.s);
    OK(store_status(s, c.run, status, folder.s, &e));
    return c;
}

static void plant_ended(Store *s, const char *key, const char *status, int64_t steps, double loss) {
    Claim c = plant(s, key, status, steps, loss);
    store_release(&c);
}

static void plant_place(Store *s, const char *file, int64_t place, const char *key) {
    int64_t sweep, run = 0;
    char answer[256], sql[128];
    OK(store_sweep(s, "sweep", file, &sweep, &e));
    snprintf(sql, sizeof sql, "SELECT id FROM run WHERE key = '%s'", key);
    run = atoll(ask(s, sql, answer));
    OK(store_sweep_run(s, sweep, place, run, &e));
    snprintf(sql, sizeof sql, "INSERT INTO sweep_cell VALUES (%lld, %lld, 0, 'all', 'all', 'all', 1)",
             (long long)sweep, (long long)place);
    run_sql(s, sql);
}

static int merge(const Place *p, const char *names) {
    char line[512];
    snprintf(line, sizeof line, "top=$PWD; cd %s && \"$top\"/sinklab merge %s >out 2>&1", p->folder, names);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_said(const Place *p, const char *words) {
    Bytes text = {0};
    OK(file_read(path_of("%s/out", p->folder).s, &text, &e));
    OK(bytes_append(&text, "", 1, &e));
    if (!strstr(text.data, words)) fail_msg("not said: %s in: %s", words, text.data);
    bytes_free(&text);
}

static Store *database(const Place *p, const char *name) {
    return open_or_fail(path_of("%s/%s", p->folder, name).s, STORE_WRITE);
}

static void runs_and_files_are_folded_in_once(void **state) {
    (void)state;
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    plant_ended(a, ONE, "done", 3, 2);
    plant_ended(a, TWO, "interrupted", 2, 3);
    run_sql(a, "UPDATE run SET note = 'ours' WHERE key = '" TWO "'");
    plant_ended(b, TWO, "done", 4, 3);
    plant_ended(b, THREE, "diverged", 1, 9);
    store_close(b);
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    assert_said(&p, "b.db: 1 new, 1 taken further, 0 known already, 0 left out, 0 in conflict");
    for (int again = 0; again < 2; again++) {
        ASK(a, "SELECT group_concat(key || status || (SELECT count(*) FROM step WHERE run_id = id)) FROM run",
            ONE "done3," TWO "done4," THREE "diverged1");
        ASK(a, "SELECT note || checkpoint FROM run WHERE key = '" TWO "'",
            "oursa.db.d/" TWO "/step-00000004");
        assert_int_equal(
            access(path_of("%s/a.db.d/" TWO "/step-00000004/model.safetensors", p.folder).s, R_OK), 0);
        assert_int_equal(merge(&p, "a.db b.db"), 0);
        assert_said(&p, "b.db: 0 new, 0 taken further, 2 known already, 0 left out, 0 in conflict");
    }
    folder_remove(
        path_of("%s/a.db.d/" TWO "/step-00000004", p.folder).s); /* as if it had died before the files */
    assert_int_equal(merge(&p, "a.db b.db --quiet"), 0);
    assert_int_equal(access(path_of("%s/a.db.d/" TWO "/step-00000004/model.safetensors", p.folder).s, R_OK),
                     0);
    store_close(a);
    place_remove(&p);
}

static bool is_there(const Place *p, const char *name) {
    return !access(path_of("%s/%s", p->folder, name).s, F_OK);
}

/* One file in a checkpoint's folder. */
static void plant_file(const Place *p, const char *folder, const char *name) {
    Path path = path_of("%s/%s", p->folder, folder);
    OK(folder_make(path.s, &e));
    OK(file_write(path_of("%s/%s", path.s, name).s, "text", 4, &e));
}

/* What was being written when a process was killed sorts after what is whole, but is no checkpoint; and the
 * names of many steps do not sort as the steps do. */
static void half_a_checkpoint_is_none(void **state) {
    (void)state;
    static const char *const halves[] = {"step-100000001.tmp", "step-100000001.part"};
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    plant_ended(b, ONE, "interrupted", 3, 2);
    store_close(b);
    plant_weights(path_of("%s/b.db.d/" ONE "/step-99999999", p.folder).s);
    plant_weights(path_of("%s/b.db.d/" ONE "/step-100000000", p.folder).s);
    for (int i = 0; i < 2; i++) plant_weights(path_of("%s/b.db.d/" ONE "/%s", p.folder, halves[i]).s);
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    ASK(a, "SELECT checkpoint FROM run", "a.db.d/" ONE "/step-100000000");
    assert_true(is_there(&p, "a.db.d/" ONE "/step-100000000/model.safetensors"));
    for (int i = 0; i < 2; i++) assert_false(is_there(&p, path_of("a.db.d/" ONE "/%s", halves[i]).s));
    store_close(a);
    place_remove(&p);
}

/* What a bad disk has left of the newest is not brought, and is replaced where it is ours. */
static void a_damaged_checkpoint_is_passed_over(void **state) {
    (void)state;
    static const char *const damaged[] = {"step-00000009", "step-00000008"};
    static const char *const file[] = {"model.safetensors", "optimizer.safetensors"};
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    plant_ended(b, ONE, "interrupted", 3, 2);
    store_close(b);
    plant_weights(path_of("%s/b.db.d/" ONE "/step-00000008", p.folder).s);
    for (int i = 0; i < 2; i++) plant_file(&p, path_of("b.db.d/" ONE "/%s", damaged[i]).s, file[i]);
    plant_file(&p, "a.db.d/" ONE "/step-00000003", "model.safetensors");
    for (int again = 0; again < 2; again++) {
        assert_int_equal(merge(&p, "a.db b.db"), 0);
        ASK(a, "SELECT checkpoint FROM run", "a.db.d/" ONE "/step-00000003");
        for (int i = 0; i < 2; i++) assert_false(is_there(&p, path_of("a.db.d/" ONE "/%s", damaged[i]).s));
    }
    StFile *whole;
    OK(safetensors_open(&whole, path_of("%s/a.db.d/" ONE "/step-00000003/model.safetensors", p.folder).s,
                        &e));
    safetensors_close(whole);
    store_close(a);
    place_remove(&p);
}

/* A file that cannot be written, as on a full disk: nothing of the copy stays, the next merge makes it. */
static void a_copy_that_failed_is_made_up_for(void **state) {
    (void)state;
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    plant_ended(b, ONE, "done", 3, 2);
    store_close(b);
    plant_file(&p, "b.db.d/" ONE "/step-00000003/sub", "file");
    assert_int_not_equal(merge(&p, "a.db b.db"), 0);
    assert_false(is_there(&p, "a.db.d/" ONE "/step-00000003.part"));
    folder_remove(path_of("%s/b.db.d/" ONE "/step-00000003/sub", p.folder).s);
    plant_file(&p, "a.db.d/" ONE "/step-00000003.part", "model.safetensors"); /* of a merge that was killed */
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    assert_said(&p, "0 new, 0 taken further, 1 known already");
    ASK(a, "SELECT checkpoint FROM run", "a.db.d/" ONE "/step-00000003");
    assert_true(is_there(&p, "a.db.d/" ONE "/step-00000003/model.safetensors"));
    run_sql(a, "UPDATE run SET checkpoint = NULL"); /* as if it had died before that */
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    ASK(a, "SELECT checkpoint FROM run", "a.db.d/" ONE "/step-00000003");
    store_close(a);
    place_remove(&p);
}

/* What a map's rows stand for hangs on no step and is in no digest. */
static void maps_keep_their_texts(void **state) {
    (void)state;
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    Claim c = plant(b, ONE, "done", 3, 2);
    store_release(&c);
    OK(store_map_token(b, c.run, "main", 0, 0, 256, "<bos>", &e));
    store_close(b);
    for (int known = 0; known < 2; known++) {
        assert_int_equal(merge(&p, "a.db b.db"), 0);
        assert_said(&p, known ? "1 known already" : "1 new");
        ASK(a, "SELECT group_concat(key || token || text) FROM map_token JOIN run ON id = run_id",
            ONE "256<bos>");
        run_sql(a, "DELETE FROM map_token");
    }
    store_close(a);
    place_remove(&p);
}

static void remarks_come_where_there_is_none(void **state) {
    (void)state;
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    plant_ended(b, NEW, "done", 1, 2);
    run_sql(b, "UPDATE run SET note = 'at once'");
    plant_ended(b, LATER, "done", 1, 2);
    plant_ended(b, OURS, "done", 1, 2);
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    run_sql(b, "UPDATE run SET note = 'theirs' WHERE key <> '" NEW "'");
    run_sql(a, "UPDATE run SET note = 'ours' WHERE key = '" OURS "'");
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    ASK(a, "SELECT group_concat(key || ' ' || note) FROM run", NEW " at once," LATER " theirs," OURS " ours");
    store_close(a);
    store_close(b);
    place_remove(&p);
}

/* Without a step either: what was tried is further than what waits. */
static void what_was_tried_replaces_what_waits(void **state) {
    (void)state;
    static const struct {
        const char *ours, *theirs, *then;
    } cases[] = {{"queued", "failed", "failed"},
                 {"queued", "interrupted", "interrupted"},
                 {"queued", "queued", "queued"},
                 {"failed", "queued", "failed"},
                 {"interrupted", "failed", "interrupted"}};
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char key[33], sql[96];
        snprintf(key, sizeof key, "%032zx", i);
        plant_ended(a, key, cases[i].ours, 0, 2);
        plant_ended(b, key, cases[i].theirs, 0, 2);
        assert_int_equal(merge(&p, "a.db b.db"), 0);
        snprintf(sql, sizeof sql, "SELECT status FROM run WHERE key = '%s'", key);
        ASK(a, sql, cases[i].then);
    }
    store_close(a);
    store_close(b);
    place_remove(&p);
}

static void places_of_one_sweep_come_together(void **state) {
    (void)state;
    Place p = place_make();
    static const char *const names[] = {"x.db", "y.db", "z.db", "words.db"}, *const keys[] = {ONE, TWO, THREE,
                                                                                              OTHER};
    for (int i = 0; i < 4; i++) {
        Store *s = database(&p, names[i]);
        plant_ended(s, keys[i], "done", 2, 2 + i);
        plant_place(s, i == 2 ? "another text" : "text", i % 3, keys[i]); /* the last is of other words */
        run_sql(s,
                "INSERT INTO sweep_cell VALUES (1, 9, 1, 'all', 'all', 'all', 0)"); /* its run never came */
        store_close(s);
    }
    assert_int_equal(merge(&p, "new.db x.db y.db z.db words.db"), 0);
    for (int i = 2; i < 4; i++)
        assert_said(
            &p, path_of("%s: runs of sweep were merged, its places not: here it is of another text, base or "
                        "corpus, of other words or of another version of the program",
                        names[i])
                    .s);
    Store *s = database(&p, "new.db");
    ASK(s, "SELECT group_concat(\"index\" || key) FROM sweep_run JOIN run ON id = run", "0" ONE ",1" TWO);
    ASK(s, "SELECT group_concat(\"index\") FROM sweep_cell", "0,1,9");
    ASK(s, "SELECT count(*) FROM run", "4");
    store_close(s);
    place_remove(&p);
}

static void living_runs_are_left_out(void **state) {
    (void)state;
    Place p = place_make();
    Store *b = database(&p, "b.db");
    Claim alive = plant(b, ALIVE, "running", 1, 2);
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    assert_said(&p, "b.db: run " ALIVE ": left out, a living process has it");
    store_release(&alive);
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    Store *a = database(&p, "a.db");
    ASK(a, "SELECT status FROM run", "interrupted"); /* its process is gone */
    store_close(a);
    store_close(b);
    place_remove(&p);
}

static void what_differs_is_an_error_and_ours_stays(void **state) {
    (void)state;
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    plant_ended(a, SAME, "done", 2, 2);
    plant_ended(b, SAME, "done", 2, 2.5);
    plant_ended(b, OTHER, "done", 2, 2);
    store_close(b);
    assert_int_equal(merge(&p, "a.db b.db"), 1);
    assert_said(&p, "sinklab: merge: b.db: run " SAME ": its figures differ from those in a.db, which stay");
    assert_said(&p, "sinklab: merge: a.db: 1 run in conflict");
    ASK(a, "SELECT loss FROM step WHERE run_id = (SELECT id FROM run WHERE key = '" SAME "') AND step = 1",
        "1.9");
    ASK(a, "SELECT count(*) FROM run", "2"); /* the others were merged */
    store_close(a);
    place_remove(&p);
}

/* Alone, a database that an older program wrote is brought up to date; only then it can be merged. */
static void an_older_database_is_migrated_first(void **state) {
    (void)state;
    Place p = place_make();
    char line[256];
    snprintf(line, sizeof line, "sed \"s/('aa'/('" ONE "'/\" tests/train/schema_1.sql | sqlite3 %s/old.db",
             p.folder);
    assert_int_equal(system(line), 0);
    assert_int_equal(merge(&p, "a.db old.db"), 2);
    assert_said(&p, "old.db: schema 1 is older than this program's");
    assert_said(&p, "(bring it up to date: sinklab merge old.db)");
    assert_false(is_there(&p, "a.db"));
    assert_int_equal(merge(&p, "old.db"), 0);
    assert_int_equal(merge(&p, "a.db old.db"), 0);
    assert_said(&p, "old.db: 1 new, 0 taken further");
    Store *a = database(&p, "a.db");
    ASK(a, "SELECT count(*) FROM digest", "10");
    store_close(a);
    place_remove(&p);
}

/* Rows of every table come along, of one that is new to the schema, too; so do versions of figures, with
 * them. */
static void every_table_of_a_run_is_copied(void **state) {
    (void)state;
    static const char tables[] =
        "CREATE TABLE step_part (run_id INTEGER NOT NULL, step INTEGER, part TEXT, norm REAL,"
        " PRIMARY KEY (run_id, step, part))";
    Place p = place_make();
    Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
    plant_ended(a, FIRST, "done", 1, 2);
    plant_ended(a, FURTHER, "interrupted", 1, 2);
    plant_ended(a, KNOWN, "done", 2, 2);
    plant_ended(b, KNOWN, "done", 2, 2);
    Claim c = plant(b, FURTHER, "done", 2, 2);
    OK(store_map(b, &(MapPlace){c.run, 0, "main", 0, 0, 0, 1}, (const uint8_t[]){255}, 1, &e));
    OK(store_map_token(b, c.run, "main", 0, 0, 256, "<bos>", &e));
    OK(store_flush(b, &e));
    store_release(&c);
    run_sql(a, tables);
    run_sql(b, tables);
    run_sql(a, "INSERT INTO step_part SELECT id, 1, 'old', 9 FROM run;"
               "INSERT INTO figure_version SELECT id, 'mixing', 2 FROM run");
    run_sql(b, "INSERT INTO step_part SELECT id, 1, 'q', 0.5 FROM run;"
               "INSERT INTO figure_version SELECT id, 'mixing', 3 FROM run");
    store_close(b);
    assert_int_equal(merge(&p, "a.db b.db"), 0);
    ASK(a,
        "SELECT group_concat(key || part || version) FROM run JOIN step_part AS s ON s.run_id = id"
        " JOIN figure_version AS v ON v.run_id = id",
        FIRST "old2," FURTHER "q3," KNOWN "old2");
    ASK(a, "SELECT group_concat(key || text) FROM map JOIN map_token USING (run_id) JOIN run ON id = run_id",
        FURTHER "<bos>");
    store_close(a);
    place_remove(&p);
}

/* Its key would be a path: nothing is merged, nothing is written beside the place of runs. */
static void a_key_that_leads_elsewhere_is_refused(void **state) {
    (void)state;
    static const char *const keys[] = {"../../victim", "", "00000000000000000000000000000000/.."};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        Place p = place_make();
        Store *a = database(&p, "a.db"), *b = database(&p, "b.db");
        plant_ended(b, ONE, "done", 1, 2);
        plant_ended(b, TWO, "done", 1, 2);
        run_sql(b, path_of("UPDATE run SET key = '%s' WHERE key = '" TWO "'", keys[i]).s);
        store_close(b);
        plant_weights(path_of("%s/victim/step-00000001", p.folder).s);
        assert_int_equal(merge(&p, "a.db b.db"), 2);
        assert_said(&p, "sinklab: results: b.db: a run's key is");
        ASK(a, "SELECT count(*) FROM run", "0");
        assert_false(is_there(&p, "a.db.d"));
        store_close(a);
        place_remove(&p);
    }
}

static void bad_databases_are_refused_before_anything(void **state) {
    (void)state;
    static const struct {
        const char *names, *why;
    } cases[] = {
        {"", "merge takes a database to merge into and others"},
        {"nowhere.db", "nowhere.db: No such file or directory"},
        {"a.db nowhere.db", "nowhere.db: there is none"},
        {"a.db a.db", "merge: a.db: into itself"},
        {"a.db b.db newer.db", "newer.db: schema 999 is newer than this program's"},
        {"a.db b.db foreign.db", "foreign.db: another program's database"},
        {"foreign.db b.db", "foreign.db: another program's database"},
        {"a.db b.db text", "text: not a SQLite database"},
    };
    Place p = place_make();
    char text[1000];
    memset(text, 'x', sizeof text);
    OK(file_write(path_of("%s/text", p.folder).s, text, sizeof text, &e));
    store_close(database(&p, "a.db"));
    Store *s = database(&p, "b.db");
    plant_ended(s, ONE, "done", 1, 2);
    store_close(s);
    s = database(&p, "newer.db");
    run_sql(s, "PRAGMA user_version = 999");
    store_close(s);
    s = database(&p, "foreign.db");
    run_sql(s, "PRAGMA application_id = 7");
    store_close(s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(merge(&p, cases[i].names), 2);
        assert_said(&p, cases[i].why);
    }
    s = database(&p, "a.db");
    ASK(s, "SELECT count(*) FROM run", "0");
    store_close(s);
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_files_are_folded_in_once),
        cmocka_unit_test(half_a_checkpoint_is_none),
        cmocka_unit_test(a_damaged_checkpoint_is_passed_over),
        cmocka_unit_test(a_copy_that_failed_is_made_up_for),
        cmocka_unit_test(maps_keep_their_texts),
        cmocka_unit_test(remarks_come_where_there_is_none),
        cmocka_unit_test(what_was_tried_replaces_what_waits),
        cmocka_unit_test(places_of_one_sweep_come_together),
        cmocka_unit_test(living_runs_are_left_out),
        cmocka_unit_test(what_differs_is_an_error_and_ours_stays),
        cmocka_unit_test(an_older_database_is_migrated_first),
        cmocka_unit_test(every_table_of_a_run_is_copied),
        cmocka_unit_test(a_key_that_leads_elsewhere_is_refused),
        cmocka_unit_test(bad_databases_are_refused_before_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
