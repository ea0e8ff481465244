/* The run key: which keys enter, and how one that is born later leaves done runs done. Runs in the root of
 * the repository. */
#include "data/base/files.h"
#include "tests/train/store_fixture.h"
#include "train/config/config_private.h"
#include "train/config/conflicts.h"

/* A value of the key that is another than the one it has, as text. */
static void another_value(const char *key, const char *now, char *text, size_t room) {
    static const char *const others[] = {"17",        "0.25",     "true",    "none",   "rmsnorm",  "learned",
                                         "layernorm", "gelu",     "sigmoid", "bytes",  "document", "all",
                                         "bf16",      "constant", "sgd",     "no_bos", "text"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        Config c;
        config_defaults(&c);
        snprintf(text, room, "%s", others[i]);
        if (strcmp(now, text) && config_set(&c, key, text, "here", NULL)) return;
    }
    text[0] = 0; /* a slot with one row: there is no other value */
}

static const char GCIDE[] = "374215607c8e62f7d3e03c7f987e0ce5", BPE[] = "5a66de90eb80d0af4ef5f5d2a1c4eb64";

/* Runs of the demo that are done somewhere: a key that joins the table must say `.since`, and config_check
 * may not move its default. Only a new NUMERICS changes these. */
static const struct Done {
    const char *variant, *key;
} demo[] = {{"baseline", "72f3f58a7722b6b2591964cf7a897bbe"},
            {"no_bos", "cf9d8e2958488e9c4342ea6d35d5385a"},
            {"head_rmsnorm", "44f2ebdfa76d1ad33a00682a7e5d1a0c"}};
enum { DEMO = sizeof demo / sizeof *demo };

static Config demo_config(const char *variant) {
    Config c;
    OK(config_compose(&c, "configs/demo.yaml", &(Setting){"variant", variant, "grid"}, 1, &e));
    OK(config_check(&c, &e));
    return c;
}

static void the_demo_keeps_its_run_keys(void **state) {
    (void)state;
    for (int i = 0; i < DEMO; i++) {
        Config c = demo_config(demo[i].variant);
        char key[33];
        config_key(&c, GCIDE, BPE, key);
        assert_string_equal(key, demo[i].key);
    }
}

/* The row that is taken for the only one with `.since`; -1: what the table says. The program is linked with
 * --wrap=config_row_since. */
static int young = -1;
int __real_config_row_since(int row);
int __wrap_config_row_since(int row);
int __wrap_config_row_since(int row) {
    return young < 0 ? __real_config_row_since(row) : row == young ? NUMERICS : 0;
}

/* The run key of a program whose table has no such key: by its definition, from a JSON that the key is cut
 * out of. */
static void key_without(const Config *c, const char *name, char key[33]) {
    char *json = config_json(c, false), value[1024], part[1200], text[8192];
    const char *dot = strchr(name, '.');
    assert_true(config_get(c, name, value, sizeof value));
    snprintf(part, sizeof part, "\"%s\":", dot ? dot + 1 : name);
    char *group = json;
    if (dot) {
        char opening[64];
        snprintf(opening, sizeof opening, "\"%.*s\":{", (int)(dot - name), name);
        group = strstr(json, opening) + strlen(opening);
    }
    char *from = strstr(group, part), *end = from + strlen(part);
    for (int depth = 0; depth || !strchr(",}", *end); end++) depth += (*end == '[') - (*end == ']');
    if (*end == ',')
        end++;
    else
        from--; /* the last of its group: the comma before it */
    snprintf(text, sizeof text, "%.*s%s\n%s\n%s\n%d\n", (int)(from - json), json, end, GCIDE, BPE, NUMERICS);
    hash_hex(text, (int64_t)strlen(text), key);
    free(json);
}

static void a_key_born_since_leaves_done_runs_done(void **state) {
    (void)state;
    Config c = demo_config("baseline"), defaults;
    char old[33], now[33], other[64], value[1024];
    int tried = 0;
    config_defaults(&defaults);
    for (int i = 0; config_key_name(i); i++) {
        const char *name = config_key_name(i);
        if (!strncmp(name, "run.", 4) || !strcmp(name, "data.source")) continue; /* "gcide" in more places */
        Config at_default = c;
        assert_true(config_get(&defaults, name, value, sizeof value));
        assert_true(config_set(&at_default, name, value, "here", NULL));
        key_without(&at_default, name, old);
        young = i;
        config_key(&at_default, GCIDE, BPE, now);
        if (strcmp(old, now)) fail_msg("%s: at its default, runs of before it are done no more", name);
        char *json = config_json(&at_default, false), *all = config_json(&at_default, true);
        const char *dot = strchr(name, '.');
        if (!strstr(json, dot ? dot + 1 : name) || !strstr(all, dot ? dot + 1 : name))
            fail_msg("%s is not in the JSON", name);
        free(json);
        free(all);
        another_value(name, value, other, sizeof other);
        if (other[0]) {
            assert_true(config_set(&at_default, name, other, "here", NULL));
            config_key(&at_default, GCIDE, BPE, now);
            if (!strcmp(old, now)) fail_msg("%s: at another value it has the same run key", name);
            tried++;
        }
        young = -1;
    }
    assert_true(tried > 35);
}

static bool is_model_layers(const char *key) {
    return !strcmp(key, "model.layers");
}

/* Of what was written before the key was born: it did what the default says. */
static void a_key_born_since_may_be_missing(void **state) {
    (void)state;
    const char *missing = config_missing("model.width: 8", 14, is_model_layers);
    assert_string_equal(missing, "model.layers");
    young = config_row("model.layers");
    missing = config_missing("model.width: 8", 14, is_model_layers);
    young = -1;
    assert_null(missing);
}

/* Runs of the demo in a database, done before the program knew of a key. */
static void done_runs_stay_done_in_a_database(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    young = config_row("model.prefix");
    for (int i = 0; i < DEMO; i++) {
        Config c = demo_config(demo[i].variant);
        char key[33];
        int64_t run;
        Claim claim;
        key_without(&c, "model.prefix", key);
        RunIdentity id = identity(key, demo[i].variant, 0, "{}");
        OK(store_enqueue(s, &id, &run, &e));
        OK(store_status(s, run, "done", NULL, &e));
        char now[33];
        config_key(&c, GCIDE, BPE, now);
        id.key = now;
        OK(store_claim(s, &id, false, false, &claim, &e));
        assert_int_equal(claim.result, CLAIM_DONE);
        assert_true(config_set(&c, "model.prefix", "2", "here", NULL));
        config_key(&c, GCIDE, BPE, now);
        OK(store_claim(s, &id, false, false, &claim, &e));
        assert_int_equal(claim.result, CLAIM_TAKEN);
        store_release(&claim);
    }
    young = -1;
    store_close(s);
    place_remove(&p);
}

static void every_key_outside_run_enters(void **state) {
    (void)state;
    Config base;
    config_defaults(&base);
    char key[33], now[1024], other[64], changed[33];
    int moved = 0;
    config_key(&base, "corpus", "tokenizer", key);
    assert_int_equal(strlen(key), 32);
    for (int i = 0; config_key_name(i); i++) {
        const char *name = config_key_name(i);
        assert_true(config_get(&base, name, now, sizeof now));
        another_value(name, now, other, sizeof other);
        if (!other[0]) continue;
        Config c = base;
        assert_true(config_set(&c, name, other, "here", NULL));
        config_key(&c, "corpus", "tokenizer", changed);
        if ((strcmp(key, changed) == 0) != (strncmp(name, "run.", 4) == 0)) fail_msg("%s: wrong key", name);
        moved++;
    }
    assert_true(moved > 35);
    config_key(&base, "another corpus", "tokenizer", changed);
    assert_string_not_equal(key, changed);
    Config here = base, there = base; /* the same weights in two places */
    strcpy(here.train.init_from, "here"), strcpy(there.train.init_from, "there");
    strcpy(here.train.init_hash, "00ff"), strcpy(there.train.init_hash, "00ff");
    config_key(&here, "corpus", "tokenizer", now);
    config_key(&there, "corpus", "tokenizer", changed);
    assert_string_equal(now, changed);
    config_key(&base, "corpus", "another tokenizer", changed);
    assert_string_not_equal(key, changed);
}

/* A run of before a key was born is compared as one that has it at its default. */
static void a_key_born_since_is_known_to_the_views(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Config defaults;
    char sql[8192], answer[256];
    int keys = 0;
    config_defaults(&defaults);
    char *json = config_json(&defaults, false);
    for (int i = 0; config_key_name(i); i++) {
        const char *name = config_key_name(i);
        if (config_row_since(i) != NUMERICS || !strncmp(name, "run.", 4)) continue;
        snprintf(sql, sizeof sql, "SELECT '%s' ->> '$.%s' IS '[]'", json, name); /* no row of param */
        if (!strcmp(ask(s, sql, answer), "1")) continue;
        snprintf(sql, sizeof sql,
                 "SELECT value ->> '$.%s' IS (SELECT value FROM young_key WHERE key = '%s')"
                 " FROM (SELECT '%s' AS value)",
                 name, name, json);
        if (strcmp(ask(s, sql, answer), "1")) fail_msg("%s is not in the view young_key", name);
        keys += atoi(ask(s, path_of("SELECT count(*) FROM young_key WHERE key = '%s'", name).s, answer));
    }
    assert_true(keys > 0);
    ASK(s, path_of("SELECT count(*) - %d FROM young_key", keys).s, "0");
    free(json);
    store_close(s);
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_born_since_is_known_to_the_views),
        cmocka_unit_test(every_key_outside_run_enters),
        cmocka_unit_test(the_demo_keeps_its_run_keys),
        cmocka_unit_test(a_key_born_since_leaves_done_runs_done),
        cmocka_unit_test(a_key_born_since_may_be_missing),
        cmocka_unit_test(done_runs_stay_done_in_a_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
