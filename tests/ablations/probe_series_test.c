/* A folder of checkpoints that no run here wrote, as one run of results.db. Of a series that ./sinklab export
 * made its figures are those of the run itself, to the bit; another program's has its steps from its folders'
 * names, its tokens from its user, its key from what it holds. Runs in the root of the repository. */
#include "data/base/files.h"
#include "train/checkpoint/hugging_face.h"
#include "train/checkpoint/safetensors.h"
#include "train/config/conflicts.h"

#include "tests/train/command_fixture.h"

static int run(const Place *p, const char *format, ...) {
    char line[2048], whole[2400];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "F=%s; export F; { %s; } >$F/out 2>&1", p->folder, line);
    return shell(whole);
}

/* ---- a series of one's own ---- */

static int train_and_export(const Place *p) {
    return run(
        p, "for i in $(seq 9000); do echo \"w$((i %% 97)) x$((i %% 31)) y$((i %% 13))\"; done >$F/text.txt;"
           "./sinklab train configs/demo.yaml --quiet --db $F/a.db --cache $F/cache data.source=$F/text.txt "
           "data.tokenizer=bytes model.layers=2 model.width=32 model.context=16 train.steps=8 seed=3 "
           "train.batch_tokens=256 optim.warmup=1 probe.every=2 probe.sequences=20 run.checkpoint_every=2 "
           "run.keep=all run.threads=1 &&"
           "for s in 2 4 6 8; do ./sinklab export $F/a.db.d/*/step-0000000$s $F/own/step$s --cache $F/cache "
           "|| exit 1; done");
}

#define SHARED                                                                                               \
    "T, sequences, sink_rate_03, sink_mass, value_drain, norm_ratio, massive_ratio, mixing, "                \
    "entropy_norm_min"

static void a_series_of_exports_is_measured_as_its_run_was(void **state) {
    (void)state;
    Place *p = place_make("series");
    assert_int_equal(run(p, "mkdir $F/own"), 0);
    assert_int_equal(train_and_export(p), 0);
    assert_int_equal(run(p, "./sinklab probe $F/own --steps all --store --db $F/s.db --cache $F/cache"), 0);
    assert_file_says(p, "out", "4 steps: main stored");
    assert_answer(p, "s.db", "SELECT variant, seed, status, label, steps, corpus LIKE '%/text.txt' FROM run",
                  "imported|0|done|own|8|1|\n");
    assert_answer(p, "s.db", "SELECT group_concat(step || ':' || tokens, ' ') FROM step",
                  "2:512 4:1024 6:1536 8:2048|\n");
    assert_int_equal(
        run(p, "sqlite3 $F/s.db \"ATTACH '$F/a.db' AS own; SELECT count(*) FROM (SELECT step, probe, " SHARED
               " FROM main.eval WHERE step < 8 INTERSECT SELECT step, probe, " SHARED " FROM own.eval)\""),
        0);
    assert_file_says(p, "out", "3\n"); /* the last was measured with everything, in passes of another kind */
    assert_int_equal(run(p, "./sinklab probe $F/own --steps 8 --heavy --store --db $F/s.db --cache $F/cache"),
                     0);
    assert_int_equal(run(p,
                         "sqlite3 $F/s.db \"ATTACH '$F/a.db' AS own; SELECT count(*), count(DISTINCT probe) "
                         "FROM (SELECT * FROM main.eval WHERE step = 8 INTERSECT SELECT * FROM own.eval)\""),
                     0);
    assert_file_says(p, "out", "4|4\n");
    assert_answer(p, "s.db", "SELECT count(*) FROM run", "1|\n");
    /* beside it on one axis */
    assert_int_equal(
        run(p, "./sinklab merge $F/a.db $F/s.db && sqlite3 $F/a.db <ablations/queries/along_tokens.sql"), 0);
    assert_file_says(p, "out", "own|0|2048|8|16|");
    assert_file_says(p, "out", "|3|2048|8|16|");
    assert_int_equal(
        run(p, "./sinklab report -o $F/page.html --db $F/a.db && ./sinklab runs list --db $F/a.db"), 0);
    place_remove(p);
}

/* ---- another program's ---- */

enum { VOCAB = 60 };

/* The same weights without a word of ours in their file. */
static void disown(const char *file) {
    StFile *f;
    Error e = {0};
    StTensor list[64];
    assert_true(safetensors_open(&f, file, &e));
    int n = safetensors_count(f);
    for (int i = 0; i < n; i++) list[i] = *safetensors_at(f, i);
    assert_true(safetensors_write(path_of("%s.new", file).s, list, n, NULL, 0, &e));
    safetensors_close(f);
    assert_int_equal(rename(path_of("%s.new", file).s, file), 0);
}

/* PLACE/NAME in Hugging Face's form, of weights by a seed. */
static void make_model(const Place *p, const char *name, uint64_t seed, const char *theta) {
    const char *const keys[][2] = {{"model.width", "16"},       {"model.heads", "2"},
                                   {"model.layers", "2"},       {"model.context", "32"},
                                   {"model.rope_theta", theta}, {"data.bos", "none"}};
    Config c;
    Model *m;
    Error e = {0};
    const char *class;
    Path folder = path_of("%s/%s", p->folder, name);
    config_defaults(&c);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_true(config_set(&c, keys[i][0], keys[i][1], "test", &e));
    assert_true(config_check(&c, &e));
    c.model.vocab = VOCAB;
    assert_true(model_create(&m, &c.model, true, &e));
    model_init(m, seed);
    assert_true(folder_make(folder.s, &e));
    assert_true(hugging_face_export(folder.s, &c, m, -1, &(Origin){"", "", ""}, 0, &class, &e));
    model_free(m);
    disown(path_of("%s/model.safetensors", folder.s).s);
}

#define PROBE "./sinklab probe $F/rev --ids $F/ids --db $F/s.db --store --steps "

static void a_published_series_is_a_run(void **state) {
    (void)state;
    Place *p = place_make("series");
    make_model(p, "rev/step1000", 1, "500000");
    make_model(p, "rev/step512", 2, "500000");
    make_model(p, "rev/step2000-tokens4M", 3, "500000");
    make_model(p, "rev/main", 3, "500000");
    assert_int_equal(run(p, "echo '[[1, 5, 7, 30, 2, 9], [3, 5, 4, 59, 2, 0]]' >$F/ids; " PROBE "512"), 0);
    assert_file_says(p, "out", "rev: 1 folder whose name tells no step is left out");
    assert_answer(p, "s.db", "SELECT count(*), (SELECT count(*) FROM step) FROM run", "1|0|\n");
    assert_int_equal(run(p, PROBE "all --tokens-per-step 2048"), 0);
    assert_int_equal(run(p, PROBE "all --heavy --tokens-per-step 2048 --do 'drop_mlp(layer=0,pos=0)'"), 0);
    assert_answer(p, "s.db",
                  "SELECT variant, seed, status, steps, config ->> '$.model.rope_theta', "
                  "config ->> '$.optim.lr', parameters > 0 FROM run",
                  "imported|0|done|2000|500000||1|\n");
    assert_answer(p, "s.db", "SELECT group_concat(step || ':' || tokens, ' ') FROM step",
                  "512:1048576 1000:2048000 2000:4096000|\n");
    assert_answer(p, "s.db",
                  "SELECT probe, group_concat(step, ' '), min(val_loss) > 3, min(sequences), min(T), "
                  "count(DISTINCT sink_mass) FROM eval GROUP BY probe ORDER BY probe",
                  "main|512 1000 2000|1|2|5|3|\nmain do drop_mlp(layer=0,pos=0)|512 1000 2000|1|2|5|3|\n"
                  "random|512 1000 2000||2|5|3|\nrandom do drop_mlp(layer=0,pos=0)|512 1000 2000||2|5|3|\n");
    assert_answer(p, "s.db", "SELECT count(DISTINCT step) FROM effect WHERE figure = 'val_loss'", "3|\n");
    /* what is said of one checkpoint is stored of the series */
    assert_int_equal(
        run(p, "./sinklab probe $F/rev --ids $F/ids --steps 1000 --json >$F/said 2>/dev/null; sqlite3 "
               "$F/s.db \"SELECT abs(val_loss - json_extract(readfile('$F/said'), '$.loss')) < "
               "1e-12 FROM eval WHERE step = 1000 AND probe = 'main'\""),
        0);
    assert_file_says(p, "out", "1\n");
    place_remove(p);
}

/* By its contents: other rows or other weights are another run, another name of the folder is not. */
static void the_key_is_of_what_the_folders_hold(void **state) {
    (void)state;
    Place *p = place_make("series");
    make_model(p, "rev/step1", 1, "10000");
    make_model(p, "rev/step2", 2, "10000");
    assert_int_equal(run(p, "echo '[1, 5, 7, 30]' >$F/ids; " PROBE "all"), 0);
    assert_int_equal(run(p,
                         "cp $F/ids $F/ids2; mv $F/rev $F/rev2; ./sinklab probe $F/rev2 --ids $F/ids2 --db "
                         "$F/s.db --store --steps 1"),
                     0);
    assert_answer(p, "s.db", "SELECT count(*) FROM run", "1|\n");
    assert_int_equal(run(p, "mv $F/rev2 $F/rev; echo '[1, 5, 7, 31]' >$F/ids; " PROBE "all"), 0);
    assert_answer(p, "s.db", "SELECT count(*) FROM run", "2|\n");
    make_model(p, "rev/step2", 3, "10000");
    assert_int_equal(run(p, PROBE "1"), 0);
    assert_answer(p, "s.db", "SELECT count(*) FROM run", "3|\n");
    /* imported, the same models have the same figures */
    assert_int_equal(
        run(p, "mkdir $F/ck && for s in 1 2; do ./sinklab import $F/rev/step$s $F/ck/step$s; done; "
               "./sinklab probe $F/ck --ids $F/ids --db $F/c.db --store --steps all && " PROBE "all"),
        0);
    assert_int_equal(
        run(p, "sqlite3 $F/s.db \"ATTACH '$F/c.db' AS c; SELECT count(*) FROM (SELECT step, val_loss, "
               "sink_mass, norm_ratio FROM c.eval INTERSECT SELECT step, val_loss, sink_mass, norm_ratio "
               "FROM main.eval)\""),
        0);
    assert_file_says(p, "out", "2\n");
    place_remove(p);
}

static void what_is_no_series_is_refused(void **state) {
    (void)state;
    Place *p = place_make("series");
    make_model(p, "rev/step1", 1, "10000");
    make_model(p, "rev/step-2", 2, "10000");
    assert_int_equal(run(p, "echo '[1, 5, 7, 30]' >$F/ids; cp -r $F/rev/step1 $F/rev/stage2-step1"), 0);
    const struct {
        const char *line, *says;
    } bad[] = {
        {PROBE "all", "stage2-step1 and step1 are of one step"},
        {"rm -r $F/rev/stage2-step1; ./sinklab probe $F/rev --ids $F/ids --steps all --tokens-per-step 9",
         "is of a series of checkpoints under --store"},
        {"./sinklab probe $F/rev --steps all --store --db $F/s.db", "imported without its tokenizer"},
        {"./sinklab probe $F/rev --ids $F/ids --store --db $F/s.db", "give its folder and --steps"},
        {"./sinklab import $F/rev/step1 $F/rev/step3; " PROBE "all", "among checkpoints"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(run(p, "%s", bad[i].line), 2);
        assert_file_says(p, "out", bad[i].says);
    }
    assert_int_equal(run(p, "rm -r $F/rev/step3"), 0);
    make_model(p, "rev/step3", 1, "20000");
    assert_int_equal(run(p, PROBE "all"), 2);
    assert_file_says(p, "out", "is of another model.rope_theta than the first");
    assert_answer(p, "s.db", "SELECT DISTINCT status FROM run", "interrupted|\n");
    place_remove(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_series_of_exports_is_measured_as_its_run_was),
                                       cmocka_unit_test(a_published_series_is_a_run),
                                       cmocka_unit_test(the_key_is_of_what_the_folders_hold),
                                       cmocka_unit_test(what_is_no_series_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
