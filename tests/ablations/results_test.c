/* Results files: ./sinklab sweep export --results and ./sinklab merge, on sweeps of runs of a fraction of a
 * second. */
#include "data/base/files.h"
#include "tests/ablations/small_sweep.h"

#define TWO_SIDES                                                                                            \
    "grid: {variant: [baseline, no_bos]}\nseeds: 3\ncompare: {axis: variant, baseline: baseline}\n"          \
    "expect:\n  - {metric: sink_mass, direction: lower}\n  - {metric: onset, direction: higher}\n"           \
    "  - {query: top.sql, at_least: 0.1}\n"                                                                  \
    "fits: [{query: points.sql, of: mass, on: [rows]}, {query: points.sql, of: mass, on: [rows, tokens]}]\n"

/* FOLDER stands for the place's folder in a line for the shell. */
static int line(const Place *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int line(const Place *p, const char *format, ...) {
    char words[1024], whole[1200];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "F=%s; %s", p->folder, words);
    return shell(whole);
}

/* One sweep, run once for all tests: two.yaml in whole.db, its results in results/. */
static int make_sweep(void **state) {
    Place *p = place_make("results");
    write_text(p);
    write_sweep(p, "two", TWO_SIDES);
    FILE *f = open_file(p, "top.sql", "w");
    fputs("SELECT seed, max(l.massive_top) FROM own JOIN eval_layer AS l USING (run_id)\n"
          "WHERE side = 'variant=baseline' AND l.probe = 'main' AND l.step = 60 GROUP BY seed;\n",
          f);
    fclose(f);
    f = open_file(p, "points.sql", "w");
    fputs("SELECT r.seed, round(e.sink_mass, 2) AS mass, e.step AS rows, 8 * e.step AS tokens FROM own\n"
          "JOIN run AS r ON r.id = own.run_id JOIN eval AS e ON e.run_id = r.id AND e.probe = 'main';\n",
          f);
    fclose(f);
    *state = p;
    if (sweep(p, "run", "two", "whole.db", two_jobs("--quiet"))) return -1;
    return line(p, "./sinklab sweep export $F/two.yaml --db $F/whole.db --results $F/results >$F/out");
}

static int remove_sweep(void **state) {
    return place_remove(*state);
}

static int merge(const Place *p, const char *into, const char *from) {
    return line(p, "./sinklab merge $F/%s $F/%s >$F/%s.out 2>&1", into, from, into);
}

static void an_empty_database_gives_the_same_verdict_and_the_same_bytes(void **state) {
    Place *p = *state;
    assert_file_says(p, "out", "6 runs of two");
    assert_int_equal(merge(p, "again.db", "results"), 0);
    assert_said(p, "again.db", "6 new, 0 taken further");
    assert_int_equal(line(p, "sqlite3 $F/again.db 'SELECT t FROM t_quantile WHERE share = 1 AND df = 2' | "
                             "grep -q '^4.30265'"), /* the page draws intervals of these runs */
                     0);
    /* with no text prepared and none to prepare */
    assert_int_equal(
        line(p, "for d in whole again; do mv $F/text.txt $F/gone; ./sinklab sweep verdict $F/two.yaml "
                "--db $F/$d.db >$F/$d.verdict; c=$?; mv $F/gone $F/text.txt; [ $c = 0 ] || exit; done"),
        0);
    assert_file_says(p, "whole.verdict", "3 judging seeds, 6 of 6 runs done");
    assert_file_says(p, "whole.verdict", "top.sql");
    assert_file_says(p, "whole.verdict", "mass on rows  ");
    assert_file_says(p, "whole.verdict",
                     "its terms cannot be told apart"); /* of rows and tokens of one length */
    assert_int_equal(line(p, "cmp $F/whole.verdict $F/again.verdict"), 0);
    assert_int_equal(line(p,
                          "./sinklab sweep export $F/two.yaml --db $F/again.db --results $F/again --quiet && "
                          "diff -r $F/results $F/again"),
                     0);
}

/* No sweep comes with them: what is typed to get it is told wherever it is missed. */
static void what_makes_a_sweep_of_them_is_told(void **state) {
    const Place *p = *state;
    assert_int_equal(line(p, "mkdir -p $F/tree/ablations/claims && cp -r $F/results $F/tree &&"
                             " cp $F/two.yaml $F/*.sql $F/tree/ablations/claims"),
                     0);
    assert_int_equal(line(p, "S=$PWD/sinklab && cd $F/tree && {"
                             " $S merge r.db results && ! $S runs list --sweep two --db r.db;"
                             " ! $S sweep verdict two --db r.db && ! $S runs list --sweep tow --db r.db &&"
                             " $S sweep verdict ablations/claims/two.yaml --db r.db >/dev/null &&"
                             " ! $S runs list --sweep tow --db r.db && $S runs list --sweep two --db r.db"
                             " >/dev/null && $S merge r.db results; } >$F/typed 2>&1"),
                     0);
    static const char *const told[] = {
        "results: 1 sweep is not recorded with results; for a verdict and the page, by its file:\n"
        "    sinklab sweep verdict ablations/claims/two.yaml --db r.db\n",
        "no sweep called two (sinklab sweep verdict ablations/claims/two.yaml makes it of runs that are "
        "there)",
        "file: two: No such file or directory (did you mean ablations/claims/two.yaml?)",
        "no sweep called tow (sinklab sweep run makes one; of merged runs sweep verdict FILE)",
        "no sweep called tow (did you mean two?)"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) assert_file_says(p, "typed", told[i]);
    assert_int_equal(line(p, "[ $(grep -c 'not recorded' $F/typed) = 1 ]"), 0); /* once it is, no more */
}

static void nothing_of_a_machine_is_in_the_files(void **state) {
    Place *p = *state;
    assert_int_equal(line(p, "ls $F/results | grep -qx two.eval.csv.gz && "
                             "for f in $F/results/*; do zcat $f | head -n 1; done > $F/names"),
                     0);
    assert_int_equal(
        line(p, "grep -qE 'host|cpu|threads|checkpoint|heartbeat|created|started|finished|note' $F/names"),
        1);
    assert_int_equal(line(p, "grep -qE '(^|[,_])ms(,|$)' $F/names"), 1);
    assert_int_equal(
        line(p, "touch -d @7 $F/results/*; ./sinklab sweep export $F/two.yaml --db $F/whole.db --results "
                "$F/results --quiet; find $F/results -name '*.gz' -newermt @8 | grep . >&2"),
        1); /* what is the same is not written again */
}

static void they_count_as_done_on_a_new_machine(void **state) {
    Place *p = *state;
    assert_int_equal(merge(p, "new.db", "results"), 0);
    assert_int_equal(sweep(p, "run", "two", "new.db", ""), 0);
    assert_answer(p, "new.db", "SELECT count(*), min(origin), max(origin) FROM run", "6|results|results|\n");
    assert_int_equal(sweep(p, "status", "two", "new.db", ""), 0);
    assert_said(p, "new.db", "6 runs, 6 done");
    assert_not_said(p, "new.db", "warning");
}

static void another_version_of_the_text_is_one_warning(void **state) {
    Place *p = *state;
    assert_int_equal(merge(p, "old.db", "results"), 0);
    assert_int_equal(line(p, "cp $F/text.txt $F/kept; echo more >> $F/text.txt"), 0);
    assert_int_equal(sweep(p, "run", "two", "old.db", ""), 0);
    assert_int_equal(line(p, "mv $F/kept $F/text.txt; grep -c warning $F/old.db.out | grep -qx 1"), 0);
    assert_said(p, "old.db", "6 of 6 runs are those of results files, of another version of their text");
    assert_answer(p, "old.db", "SELECT count(*) FROM run", "6|\n");
}

static void a_whole_run_takes_the_place_of_a_thinned_one(void **state) {
    Place *p = *state;
    assert_int_equal(merge(p, "both.db", "results"), 0);
    assert_int_equal(merge(p, "both.db", "results"), 0);
    assert_said(p, "both.db", "0 new, 0 taken further, 6 known already");
    assert_int_equal(merge(p, "both.db", "whole.db"), 0);
    assert_said(p, "both.db", "0 new, 6 taken further");
    assert_answer(p, "both.db", "SELECT count(*) FROM run WHERE origin IS NULL AND checkpoint IS NOT NULL",
                  "6|\n");
    assert_same_results(p, "both.db", "whole.db");
    assert_int_equal(merge(p, "both.db", "results"), 0);
    assert_said(p, "both.db", "0 new, 0 taken further, 6 known already, 0 left out, 0 in conflict");
    assert_same_results(p, "both.db", "whole.db");
    free(ask(p, "both.db", "UPDATE eval SET val_loss = val_loss + 1e-15 WHERE run_id = 1 AND step = 60"));
    assert_int_equal(merge(p, "both.db", "results"), 0);
    assert_said(p, "both.db", "1 run was measured here to other bits");
}

static void its_last_evaluation_comes_back_to_the_bit_and_curves_to_some_digits(void **state) {
    Place *p = *state;
    assert_int_equal(merge(p, "bits.db", "results"), 0);
    char *sql = "SELECT printf('%!.17g %!.17g', val_loss, sink_mass) FROM eval JOIN run ON run.id = run_id "
                "WHERE step = 60 AND probe = 'main' ORDER BY key";
    char *a = ask(p, "whole.db", sql), *b = ask(p, "bits.db", sql);
    assert_string_equal(a, b);
    free(a), free(b);
    sql = "SELECT printf('%.5g %.5g', val_loss_16k, sink_mass) FROM eval JOIN run ON run.id = run_id "
          "WHERE step = 20 AND probe = 'main' ORDER BY key";
    a = ask(p, "whole.db", sql), b = ask(p, "bits.db", sql);
    assert_string_equal(a, b);
    free(a), free(b);
    assert_answer(p, "bits.db",
                  "SELECT count(*) > 0, count(mixing), count(ms) FROM step JOIN eval USING (run_id) WHERE "
                  "eval.step = 20",
                  "1|0|0|\n");
}

static void a_probe_of_it_says_that_there_is_no_checkpoint(void **state) {
    Place *p = *state;
    assert_int_equal(merge(p, "probe.db", "results"), 0);
    char *key = ask(p, "probe.db", "SELECT key FROM run WHERE id = 1");
    key[32] = 0;
    assert_int_equal(line(p, "./sinklab probe %s --db $F/probe.db >$F/out 2>&1", key), 2);
    assert_file_says(p, "out", "has it from results files, without a checkpoint");
    assert_int_equal(line(p, "./sinklab sample %s --prompt x --db $F/probe.db >$F/out 2>&1", key), 2);
    assert_file_says(p, "out", "has it from results files, without a checkpoint");
    assert_int_equal(line(p, "./sinklab runs show %s --db $F/probe.db | grep -q 'origin *results'", key), 0);
    free(key);
}

static void runs_that_a_database_lacks_are_not_written_over(void **state) {
    Place *p = *state;
    assert_int_equal(line(p, "cp -r $F/results $F/full"), 0);
    assert_int_equal(sweep(p, "run", "two", "less.db", "--index 0 --quiet"), 0);
    assert_int_equal(
        line(p, "./sinklab sweep export $F/two.yaml --db $F/less.db --results $F/full >$F/out 2>&1"), 2);
    assert_file_says(p, "out", "two.run.csv.gz: has 5 runs that");
    assert_int_equal(line(p, "diff -r $F/results $F/full"), 0);
}

/* One seed less in the sweep's file is no reason to lose its runs. */
static void runs_of_an_earlier_text_stay(void **state) {
    Place *p = *state;
    assert_int_equal(
        line(p,
             "cp -r $F/results $F/stay; cp $F/whole.db $F/stay.db; sed 's/seeds: 3/seeds: 2/' $F/two.yaml > "
             "$F/fewer.yaml"),
        0);
    assert_int_equal(sweep(p, "run", "fewer", "stay.db", "--quiet"), 0);
    assert_int_equal(
        line(p, "./sinklab sweep export $F/fewer.yaml --db $F/stay.db --results $F/stay >$F/out 2>&1"), 0);
    assert_file_says(p, "out", "6 runs of two");
    assert_int_equal(line(p, "diff -r $F/results $F/stay"), 0);
}

static void a_file_that_is_none_is_refused_with_its_line(void **state) {
    Place *p = *state;
    static const char key[] = "00000000000000000000000000000000";
    static const struct {
        const char *name, *text, *words;
    } cases[] = {
        {"a.run.csv.gz", "key,variant\n%s,\"b\n", "a.run.csv.gz:2: a quotation mark is not closed"},
        {"a.run.csv.gz", "key,variant,colour\n", "a.run.csv.gz:1: no column colour in the table run"},
        {"a.run.csv.gz", "variant,key\n", "a.run.csv.gz:1: no column key comes first"},
        {"a.run.csv.gz", "", "a.run.csv.gz:1: no column key comes first"},
        {"a.run.csv.gz", "key,variant,seed,config,status\n%s,b,x,{},done\n",
         "a.run.csv.gz:2: \"x\" is no number"},
        {"a.run.csv.gz", "key,variant,seed,config,status\n%s,b,1,{},done,1\n",
         "a.run.csv.gz:2: not as many fields"},
        {"a.run.csv.gz", "key,variant,seed,config,status\n%s,b,1,{},merry\n",
         "a.run.csv.gz:2: CHECK constraint"},
        {"a.run.csv.gz", "key,variant,seed,config,status\n../x,b,1,{},done\n",
         "a.run.csv.gz:2: key: not 32 hex"},
        {"a.run.csv.gz", "key,variant,seed,config,status\r\n%s,b,\"1\"x,{},done\n",
         "a.run.csv.gz:2: a record does not"},
        {"a.eval.csv.gz", "key,step,probe,val_loss\n%s,1,main,2\n", "a.eval.csv.gz:2: NOT NULL constraint"},
        {"a.map.csv.gz", "key,step\n%s,1\n", "a.map.csv.gz:1: results have no table map"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        assert_int_equal(line(p, "rm -rf $F/bad $F/bad.db*; mkdir $F/bad"), 0);
        snprintf(name, sizeof name, "bad/%s", cases[i].name);
        FILE *f = open_file(p, name, "w");
        fprintf(f, cases[i].text, key);
        fclose(f);
        assert_int_equal(merge(p, "bad.db", "bad"), 2);
        assert_said(p, "bad.db", cases[i].words);
        assert_answer(p, "bad.db", "SELECT count(*) FROM run", "0|\n");
    }
}

static void two_files_that_say_different_things_of_a_run_are_refused(void **state) {
    Place *p = *state;
    assert_int_equal(line(p, "mkdir $F/twice; cp $F/results/* $F/twice; for t in run eval; do "
                             "cp $F/results/two.$t.csv.gz $F/twice/again.$t.csv.gz; done"),
                     0);
    assert_int_equal(merge(p, "twice.db", "twice"), 0);
    assert_said(p, "twice.db", "6 new");
    assert_int_equal(
        line(p, "zcat $F/results/two.eval.csv.gz | sed '7s/,16,5,/,16,6,/' > $F/twice/again.eval.csv.gz"), 0);
    assert_int_equal(merge(p, "other.db", "twice"), 2);
    assert_said(p, "other.db", "two.eval.csv.gz:7: another file says otherwise of this run");
}

/* Of three seeds of baseline two have the column. */
static void a_query_leaves_out_runs_that_lack_what_it_needs_and_says_so(void **state) {
    Place *p = *state;
    assert_int_equal(merge(p, "lack.db", "whole.db"), 0);
    free(ask(p, "lack.db",
             "UPDATE eval_layer SET massive_top = NULL WHERE run_id ="
             " (SELECT id FROM run WHERE variant = 'baseline' AND seed = 1)"));
    assert_int_equal(line(p, "sed '$aneeds: [eval_layer.massive_top]' $F/two.yaml > $F/needs.yaml"), 0);
    assert_int_equal(sweep(p, "verdict", "needs", "lack.db", ""), 0);
    assert_said(p, "lack.db", "queries leave out 1 run without eval_layer.massive_top");
    assert_answer(p, "lack.db", "SELECT group_concat(seed) FROM sweep_answer", "0,2|\n");
    assert_int_equal(sweep(p, "verdict", "needs", "whole.db", ""), 0);
    assert_not_said(p, "whole.db", "leave out");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_database_gives_the_same_verdict_and_the_same_bytes),
        cmocka_unit_test(what_makes_a_sweep_of_them_is_told),
        cmocka_unit_test(nothing_of_a_machine_is_in_the_files),
        cmocka_unit_test(they_count_as_done_on_a_new_machine),
        cmocka_unit_test(another_version_of_the_text_is_one_warning),
        cmocka_unit_test(a_whole_run_takes_the_place_of_a_thinned_one),
        cmocka_unit_test(its_last_evaluation_comes_back_to_the_bit_and_curves_to_some_digits),
        cmocka_unit_test(a_probe_of_it_says_that_there_is_no_checkpoint),
        cmocka_unit_test(runs_that_a_database_lacks_are_not_written_over),
        cmocka_unit_test(runs_of_an_earlier_text_stay),
        cmocka_unit_test(a_file_that_is_none_is_refused_with_its_line),
        cmocka_unit_test(a_query_leaves_out_runs_that_lack_what_it_needs_and_says_so),
        cmocka_unit_test(two_files_that_say_different_things_of_a_run_are_refused),
    };
    return cmocka_run_group_tests(tests, make_sweep, remove_sweep);
}
