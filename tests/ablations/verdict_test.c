/* The views `verdict`, `sweep_choice` and `summary`, and the t quantiles, on planted results whose answers
 * are known. */
#include "ablations/sweep/student_t.h"
#include "ablations/sweep/verdict.h"
#include "data/base/rng.h"
#include "tests/ablations/sweep_fixture.h"

#include <math.h>

/* ---- quantiles ---- */

static void quantiles_are_those_of_the_tables(void **state) {
    (void)state;
    static const struct {
        double p;
        int df;
        double t;
    } known[] = {{0.05, 1, 12.7062},  {0.05, 2, 4.30265},  {0.05, 5, 2.57058},
                 {0.05, 60, 2.00030}, {0.01, 10, 3.16927}, {0.5, 3, 0.764892}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(fabs(student_t_two_sided(known[i].p, known[i].df) / known[i].t - 1) < 1e-5);
}

/* ---- one sweep ---- */

static void words_follow_the_interval(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double beyond, difference[3]; /* to the baseline, lower expected */
        const char *word;
    } cases[] = {
        {"clear", 0, {-1.0, -1.1, -0.9}, "supported"},
        {"not_by_enough", 2, {-1.0, -1.1, -0.9}, "refuted"},
        {"wrong_way", 0, {1.0, 1.1, 0.9}, "refuted"},
        {"noise", 0, {-1.0, 1.1, -0.9}, "undecided"},
        {"tie", 0, {0, 0, 0}, "undecided"},
        {"no_spread", 0.25, {-0.5, -0.5, -0.5}, "undecided"}, /* zero variance is no certainty */
        {"exactly_by", 0.5, {-0.5, -0.5, -0.5}, "undecided"},
    };
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Planted sweep = plant_sweep(s, cases[i].name, cases[i].beyond, "lower");
        for (int seed = 0; seed < 3; seed++) {
            plant_run(s, &sweep, "none", 0, seed, true, 2);
            plant_run(s, &sweep, "norm", 1, seed, true, 2 + cases[i].difference[seed]);
        }
        char sql[128], answer[256];
        snprintf(sql, sizeof sql, "SELECT verdict FROM verdict WHERE sweep = '%s'", cases[i].name);
        if (strcmp(ask(s, sql, answer), cases[i].word)) fail_msg("%s: %s", cases[i].name, answer);
    }
    /* mean -1, sd 0.1, n 3: half width 4.30265 x 0.1 / sqrt(3) */
    ASK(s,
        "SELECT printf('%.4f %.4f %.4f %.2f', mean, low, high, effect_sd) FROM verdict WHERE sweep = 'clear'",
        "-1.0000 -1.2484 -0.7516 -10.00");
    ASK(s, "SELECT more_seeds FROM verdict WHERE sweep = 'clear'", "0");
    store_close(s);
    place_remove(&p);
}

/* Two models without a sink are equal at the resolution of the rate: nothing was seen. A rate that falls
 * alike in every seed is judged with the resolution for its spread: 1 / (10 sequences x 2 layers x 5 heads).
 */
static void equal_rates_are_no_certainty(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double side[2], baseline[2];
        const char *answer;
    } cases[] = {
        {"no_sink",
         {0, 0},
         {0, 0},
         "undecided 0.0 0.0 nothing was seen: both sides have the same figures throughout"},
        {"fell", {0.1, 0.1}, {0.5, 0.5}, "supported -0.4 0.01 -"},
    };
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    for (size_t i = 0; i < 2; i++) {
        Planted sweep = plant_sweep(s, cases[i].name, 0.1, "lower");
        for (int seed = 0; seed < 2; seed++) {
            plant_run(s, &sweep, "none", 0, seed, true, 2);
            plant_run(s, &sweep, "norm", 1, seed, true, 2);
        }
        char sql[700], answer[256];
        snprintf(sql, sizeof sql,
                 "UPDATE sweep_expect SET metric = 'sink_rate_03' WHERE sweep = %d;"
                 "UPDATE run SET config = '{\"model\":{\"layers\":2,\"heads\":5}}';"
                 "UPDATE eval SET sequences = 10, sink_rate_03 = iif((SELECT variant FROM run WHERE id = "
                 "run_id) = 'none',"
                 " %g, %g) WHERE run_id IN (SELECT run FROM sweep_run WHERE sweep = %d)",
                 (int)sweep.id, cases[i].baseline[0], cases[i].side[0], (int)sweep.id);
        run_sql(s, sql);
        snprintf(sql, sizeof sql,
                 "SELECT verdict || ' ' || round(mean, 4) || ' ' || coalesce(round(mean / effect_sd, 4), "
                 "0.0) || ' ' ||"
                 " coalesce(note, '-') FROM verdict WHERE sweep = '%s'",
                 cases[i].name);
        if (strcmp(ask(s, sql, answer), cases[i].answer)) fail_msg("%s: %s", cases[i].name, answer);
    }
    store_close(s);
    place_remove(&p);
}

/* A query has no sides: the same number of every seed, 0 or another, is no spread; and one that finds nothing
 * says so. */
static void one_answer_of_every_seed_is_no_certainty(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    static const char *const values[] = {"0", "0.25"};
    for (int i = 0; i < 2; i++) {
        char sql[400], answer[256], name[16];
        snprintf(name, sizeof name, "asked%d", i);
        Planted sweep = plant_sweep(s, name, 0.5, "lower");
        snprintf(sql, sizeof sql, "UPDATE sweep_expect SET metric = 'q.sql', baseline = '' WHERE sweep = %d",
                 (int)sweep.id);
        run_sql(s, sql);
        static const char verdict[] =
            "SELECT n || verdict || ' ' || note FROM verdict WHERE sweep = 'asked%d'";
        snprintf(sql, sizeof sql, verdict, i);
        assert_string_equal(
            ask(s, sql, answer),
            "0undecided no number: no run is over, or the query finds nothing in those that are");
        snprintf(sql, sizeof sql,
                 "INSERT INTO sweep_answer (sweep, place, seed, value) SELECT x.sweep, x.place, v.column1, %s"
                 " FROM sweep_expect AS x, (VALUES (1), (2), (3)) AS v WHERE x.sweep = %d",
                 values[i], (int)sweep.id);
        run_sql(s, sql);
        snprintf(sql, sizeof sql, verdict, i);
        assert_string_equal(ask(s, sql, answer),
                            "3undecided no spread: the same number of every seed is no certainty");
    }
    store_close(s);
    place_remove(&p);
}

/* An onset that came in neither run of a pair tells nothing of the pair. */
static void two_onsets_that_never_came_are_no_difference(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted sweep = plant_sweep(s, "onsets", 0, "lower");
    for (int seed = 0; seed < 2; seed++) {
        plant_run(s, &sweep, "none", 0, seed, true, 2);
        plant_run(s, &sweep, "norm", 1, seed, true, 2);
    }
    run_sql(s, "UPDATE sweep_expect SET metric = 'onset'; UPDATE eval SET sink_rate_03 = 0");
    ASK(s, "SELECT n || verdict || coalesce(more_seeds, '-') || note FROM verdict",
        "0undecided-2 pairs apart: neither onset came");
    store_close(s);
    place_remove(&p);
}

/* Rows that begin with BOS and rows that do not predict other targets: val_loss says nothing, val_loss_late
 * does. */
static void losses_of_two_packings_are_compared_over_the_late_targets(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 2, &e));
    Planted sweep = plant_sweep(s, "packings", 0, "lower");
    plant_row(s, "INSERT INTO sweep_expect VALUES (?1, 1, 'val_loss_late', 'higher', 0, 'none', NULL)", "i",
              sweep.id);
    for (int seed = 0; seed < 3; seed++) {
        plant_run(s, &sweep, "none", 0, seed, true, 3 + 0.01 * seed);
        plant_run(s, &sweep, "norm", 1, seed, true, 2.9 + 0.02 * seed);
    }
    run_sql(s, "UPDATE run SET config = json_object('data', json_object('bos', iif(variant = 'none', 'row', "
               "'none')));"
               "UPDATE eval SET val_loss_late = 4 - val_loss");
    ASK(s,
        "SELECT group_concat(metric || ' ' || n || ' ' || verdict || ' ' || coalesce(note, '-'), '; ') FROM "
        "verdict",
        "val_loss 0 undecided 3 pairs apart: their losses are not over the same targets after the same text; "
        "val_loss_late 3 supported -");
    run_sql(s, "UPDATE run SET config = json_object('data', json_object('bos', iif(variant = 'none', 'row', "
               "'document')))");
    ASK(s, "SELECT group_concat(n || verdict) FROM verdict", "0undecided,0undecided");
    store_close(s);
    place_remove(&p);
}

/* p values .01, .2 and .6 in either order of the file: Holm's divisors are 3, 2, 1 in the order of p. */
static void holm_goes_by_p_and_not_by_the_file(void **state) {
    (void)state;
    static const char *const metrics[2][3] = {{"val_loss", "val_loss_1", "val_loss_late"},
                                              {"val_loss_late", "val_loss", "val_loss_1"}};
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 3, &e));
    char answer[2][256];
    for (int order = 0; order < 2; order++) {
        Planted sweep = plant_sweep(s, order ? "other" : "one", 0, "lower");
        plant_row(s, "DELETE FROM sweep_expect WHERE sweep = ?1", "i", sweep.id);
        for (int i = 0; i < 3; i++)
            plant_row(s, "INSERT INTO sweep_expect VALUES (?1, ?2, ?3, 'lower', 0, 'none', NULL)", "iit",
                      sweep.id, (int64_t)i, metrics[order][i]);
        for (int seed = 0; seed < 4; seed++) {
            plant_run(s, &sweep, "none", 0, seed, true, 0);
            plant_run(s, &sweep, "norm", 1, seed, true, -1 - 0.3 * seed);
        }
        run_sql(s, "UPDATE eval SET val_loss_1 = val_loss * iif(run_id % 4 = 0, -1.6, 1),"
                   " val_loss_late = val_loss * iif(run_id % 4 < 2, -0.6, 1)");
        char sql[256];
        snprintf(
            sql, sizeof sql,
            "SELECT group_concat(metric || ' ' || share || ' ' || verdict || ' ' || more_seeds, '; ') FROM"
            " (SELECT * FROM verdict WHERE sweep = '%s' ORDER BY metric)",
            sweep.name);
        ask(s, sql, answer[order]);
    }
    assert_string_equal(answer[0], answer[1]);
    assert_non_null(strstr(answer[0], "val_loss 3 supported"));
    assert_non_null(strstr(answer[0], "val_loss_1 2 undecided"));
    assert_non_null(strstr(answer[0], "val_loss_late 1 undecided"));
    store_close(s);
    place_remove(&p);
}

static void more_seeds_are_counted_from_the_table(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted sweep = plant_sweep(s, "few", 0, "lower");
    static const double difference[] = {-0.5, -1.5}; /* mean -1, sd 0.7071 */
    for (int seed = 0; seed < 2; seed++) {
        plant_run(s, &sweep, "none", 0, seed, true, 2);
        plant_run(s, &sweep, "norm", 1, seed, true, 2 + difference[seed]);
    }
    /* t(3) x sd / 2 = 1.125, t(4) x sd / sqrt(5) = 0.878 < 1: five seeds */
    ASK(s, "SELECT verdict || ' ' || more_seeds FROM verdict", "undecided 3");
    store_close(s);
    place_remove(&p);
}

static void unpaired_seeds_do_not_count(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted sweep = plant_sweep(s, "gaps", 0, "lower");
    ASK(s, "SELECT count(*) FROM verdict", "0");
    plant_run(s, &sweep, "none", 0, 0, true, 2);
    plant_run(s, &sweep, "norm", 1, 0, true, 1);
    plant_run(s, &sweep, "none", 0, 1, true, 2);
    plant_run(s, &sweep, "norm", 1, 2, true, 1);
    ASK(s, "SELECT n || verdict || coalesce(low, '-') FROM verdict", "1undecided-");
    store_close(s);
    place_remove(&p);
}

/* Seeds 0 .. n - 1 of both sides; NAN: diverged, HUGE_VAL: not there. */
static void plant_sides(Store *s, Planted *sweep, int n, const double *none, const double *norm) {
    for (int seed = 0; seed < n; seed++) {
        if (!isinf(none[seed])) plant_run(s, sweep, "none", 0, seed, true, none[seed]);
        if (!isinf(norm[seed])) plant_run(s, sweep, "norm", 1, seed, true, norm[seed]);
    }
}

/* Baselines are unequal: the worst figure of the side, 2.8, would be a gain against the baseline of seed 0.
 */
static void a_diverged_run_is_the_worst_difference_of_its_side(void **state) {
    (void)state;
    static const struct {
        const char *direction, *differences;
    } cases[] = {{"lower", "-0.20 -0.50 -0.20"}, {"higher", "-0.50 -0.50 -0.20"}};
    static const double none[] = {5, 2, 3}, norm[] = {NAN, 1.5, 2.8};
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[256];
        Planted sweep = plant_sweep(s, cases[i].direction, 0, cases[i].direction);
        plant_sides(s, &sweep, 3, none, norm);
        snprintf(sql, sizeof sql,
                 "SELECT group_concat(printf('%%.2f', difference), ' ') FROM (SELECT * FROM verdict_pair"
                 " WHERE sweep = %d ORDER BY seed)",
                 (int)sweep.id);
        ASK(s, sql, cases[i].differences);
    }
    ASK(s, "SELECT figure IS NULL AND baseline_figure = 5 FROM verdict_pair WHERE seed = 0", "1");
    ASK(s, "SELECT n || ' ' || diverged FROM verdict", "3 1");
    store_close(s);
    place_remove(&p);
}

/* What is put in place of a divergence lies at the edge of what was measured: taken for measured, many of
 * them would narrow the interval. Nothing that the measured pairs do not say may come of it. */
static void divergence_never_supports(void **state) {
    (void)state;
    enum { MEASURED = 3, LOST = 12, SEEDS_IN_ALL = MEASURED + LOST };
    static const double gain[MEASURED] = {0.5, 0.6, 5};
    double none[SEEDS_IN_ALL], norm[SEEDS_IN_ALL];
    for (int i = 0; i < SEEDS_IN_ALL; i++) {
        none[i] = 9 + i;
        norm[i] = i < MEASURED ? none[i] - gain[i] : NAN;
    }
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted few = plant_sweep(s, "few", 0, "lower"), many = plant_sweep(s, "many", 0, "lower");
    plant_sides(s, &few, MEASURED, none, norm);
    plant_sides(s, &many, SEEDS_IN_ALL, none, norm);
    ASK(s, "SELECT group_concat(n || verdict || diverged) FROM verdict", "3undecided0,15undecided12");
    ASK(s, "SELECT abs(max(high - low) - min(high - low)) < 1e-9 FROM verdict", "1");
    ASK(s, "SELECT printf('%.4f', mean) FROM verdict WHERE sweep = 'many'", "-0.8067");
    store_close(s);
    place_remove(&p);
}

static void sides_that_diverged_are_named(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double none[3], norm[3];
        const char *row; /* n, diverged, verdict, more_seeds */
    } cases[] = {
        {"side", {2, 2, 2}, {NAN, NAN, NAN}, "0 3 refuted 0"},
        {"baseline", {NAN, NAN, NAN}, {1, 1, 1.1}, "0 3 undecided -"},
        {"both", {NAN, NAN, NAN}, {NAN, NAN, NAN}, "0 6 undecided -"},
        {"too_early", {2, 2, 2}, {NAN, NAN, HUGE_VAL}, "0 2 undecided -"},
        {"no_baseline_yet", {HUGE_VAL, HUGE_VAL, HUGE_VAL}, {NAN, NAN, NAN}, "0 3 undecided -"},
        {"some_baselines", {NAN, 2, 2}, {1, 1, 1.1}, "2 1 supported 0"},
    };
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[256], answer[256];
        Planted sweep = plant_sweep(s, cases[i].name, 0, "lower");
        plant_sides(s, &sweep, 3, cases[i].none, cases[i].norm);
        if (isinf(cases[i].norm[2])) /* planned all the same */
            plant_row(s, "INSERT INTO sweep_cell VALUES (?1, 99, 1, 'norm', 'norm', 'all', 1)", "i",
                      sweep.id);
        if (isinf(cases[i].none[2]))
            plant_row(s, "INSERT INTO sweep_cell VALUES (?1, 99, 0, 'none', 'none', 'all', 1)", "i",
                      sweep.id);
        snprintf(sql, sizeof sql,
                 "SELECT n || ' ' || diverged || ' ' || verdict || ' ' || coalesce(more_seeds, '-')"
                 " FROM verdict WHERE sweep = '%s'",
                 cases[i].name);
        if (strcmp(ask(s, sql, answer), cases[i].row)) fail_msg("%s: %s", cases[i].name, answer);
    }
    store_close(s);
    place_remove(&p);
}

/* Runs of 100 steps, evaluated every 10; onset at the step given, 0: never. */
static void plant_onset(Store *s, Planted *sweep, const char *side, int cell, int seed, int onset) {
    plant_run(s, sweep, side, cell, seed, true, 2);
    plant_row(
        s,
        "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 10 FROM n WHERE i < 100)"
        " INSERT INTO eval (run_id, step, probe, sink_rate_03)"
        " SELECT (SELECT max(id) FROM run), i, 'main', iif(?1 > 0 AND i >= ?1, 0.5, 0) FROM n WHERE true"
        " ON CONFLICT DO UPDATE SET sink_rate_03 = excluded.sink_rate_03",
        "i", (int64_t)onset);
}

static void an_onset_that_never_came_is_later_than_any(void **state) {
    (void)state;
    static const int none[] = {20, 30, 40, 30}, norm[] = {0, 0, 90, 0};
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted sweep = plant_sweep(s, "onset", 0, "higher");
    run_sql(s, "UPDATE sweep_expect SET metric = 'onset'");
    for (int seed = 0; seed < 4; seed++) {
        plant_onset(s, &sweep, "none", 0, seed, none[seed]);
        plant_onset(s, &sweep, "norm", 1, seed, norm[seed]);
    }
    ASK(s,
        "SELECT group_concat(printf('%d-%d', figure, baseline_figure)) FROM (SELECT * FROM verdict_pair "
        "ORDER BY "
        "seed)",
        "100-20,100-30,90-40,100-30");
    ASK(s, "SELECT n || ' ' || mean || ' ' || verdict FROM verdict", "4 67.5 supported");
    ASK(s, "SELECT onset FROM summary WHERE cell = 'norm'", "90.0"); /* that of those that have one */
    store_close(s);
    place_remove(&p);
}

/* Three sides against one baseline: with divisors 3, 2, 1 in the order of their evidence. */
static void holm_corrects_several_sides(void **state) {
    (void)state;
    static const struct {
        const char *side;
        double mean, half; /* differences mean - half, mean, mean + half: |t| = mean sqrt(3) / half */
        const char *verdict;
    } sides[] = {
        {"a", -1.0, 0.10, "3 supported"}, /* t = 17.3 > t(2, .05/3) = 7.65 */
        {"b", -1.0, 0.30, "2 undecided"}, /* t = 5.77 < t(2, .05/2) = 6.21: alone it would do */
        {"c", -1.0, 0.35, "1 undecided"}, /* t = 4.95 > 4.30, but comes after one that failed */
    };
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 3, &e));
    Planted sweep = plant_sweep(s, "holm", 0, "lower");
    for (int seed = 0; seed < 3; seed++) {
        plant_run(s, &sweep, "none", 0, seed, true, 2);
        for (int i = 0; i < 3; i++)
            plant_run(s, &sweep, sides[i].side, i + 1, seed, true,
                      2 + sides[i].mean + (seed - 1) * sides[i].half);
    }
    for (int i = 0; i < 3; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "SELECT share || ' ' || verdict FROM verdict WHERE side = '%s'",
                 sides[i].side);
        ASK(s, sql, sides[i].verdict);
    }
    ASK(s, "SELECT high < 0 FROM verdict WHERE side = 'c'", "1"); /* its own interval leaves 0 out */
    store_close(s);
    place_remove(&p);
}

static void sides_are_tuned_on_seeds_that_do_not_judge(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted sweep = plant_sweep(s, "tuned", 0, "lower");
    /* side, cell, tuning figure, judging figure */
    static const struct {
        const char *side;
        double tuning, judging;
    } cells[] = {{"none", 2.0, 3.0}, {"none", 2.5, 1.0}, {"norm", 2.2, 2.0}, {"norm", NAN, 0.5}};
    for (int cell = 0; cell < 4; cell++) {
        plant_run(s, &sweep, cells[cell].side, cell, 9, false, cells[cell].tuning);
        for (int seed = 0; seed < 3; seed++)
            plant_run(s, &sweep, cells[cell].side, cell, seed, true,
                      cells[cell].judging + 1e-3 * seed * cell);
    }
    ASK(s, "SELECT group_concat(side || cell) FROM (SELECT * FROM sweep_choice ORDER BY side)",
        "none0,norm2");
    ASK(s, "SELECT printf('%.3f ', mean) || verdict FROM verdict", "-0.998 supported");
    run_sql(s, "UPDATE run SET status = 'interrupted' WHERE seed = 9 AND key LIKE '%.1.9'");
    ASK(s, "SELECT open FROM sweep_choice WHERE side = 'none'", "1");
    ASK(s, "SELECT n || verdict FROM verdict", "0undecided"); /* no choice, no verdict */
    /* A run that is planned and not in this database is still to come. */
    run_sql(s, "DELETE FROM run WHERE seed = 9 AND key LIKE '%.1.9'");
    ASK(s, "SELECT open FROM sweep_choice WHERE side = 'none'", "1");
    ASK(s, "SELECT n || verdict FROM verdict", "0undecided");
    ASK(s, "SELECT done || ' of ' || runs FROM summary LIMIT 1 OFFSET 1", "3 of 4");
    store_close(s);
    place_remove(&p);
}

static void summary_gives_medians(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "medians", 0, "lower");
    static const double figure[] = {4, 1, 2, 9};
    for (int seed = 0; seed < 4; seed++) plant_run(s, &sweep, "none", 0, seed, true, figure[seed]);
    plant_run(s, &sweep, "none", 0, 4, true, NAN);
    ASK(s, "SELECT val_loss || ' ' || done || ' ' || runs || ' ' || diverged FROM summary", "3.0 4 5 1");
    store_close(s);
    place_remove(&p);
}

/* ---- what is left out ---- */

/* What `sweep verdict` says of a sweep with that expectation, in one of its forms; free it. */
static char *say(Store *s, const Planted *sweep, VerdictForm form) {
    char *text = NULL;
    size_t length;
    Expectation lower = {.metric = "val_loss", .lower = true};
    Sweep file = {.name = sweep->name,
                  .path = "planted.yaml",
                  .text = "",
                  .claim = "",
                  .source = "",
                  .note = "",
                  .side = -1,
                  .baseline = -1,
                  .expect = &lower,
                  .expectations = 1};
    FILE *out = open_memstream(&text, &length);
    OK(verdict_print(out, &file, s, form, &e));
    fclose(out);
    return text;
}

/* line NULL: nothing is left out. */
static void assert_left_out(Store *s, const Planted *sweep, const char *line) {
    static const VerdictForm forms[] = {VERDICT_TEXT, VERDICT_MARKDOWN};
    for (int i = 0; i < 2; i++) {
        char *text = say(s, sweep, forms[i]);
        if (line ? !strstr(text, line) : strstr(text, "left out") != NULL) fail_msg("%s", text);
        free(text);
    }
}

/* Seed 2 of one side was measured by an older definition, seed 3 of the other not at all: two pairs remain.
 */
static void figures_of_older_versions_are_left_out_and_counted(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted sweep = plant_sweep(s, "versions", 0, "lower");
    for (int seed = 0; seed < 4; seed++) {
        plant_run(s, &sweep, "none", 0, seed, true, 2);
        plant_run(s, &sweep, "norm", 1, seed, true, seed < 2 ? 1 : 9);
    }
    ASK(s, "SELECT n || ' ' || mean FROM verdict", "4 3.0");
    assert_left_out(s, &sweep, NULL);
    run_sql(s,
            "DROP VIEW figure_now; CREATE VIEW figure_now AS SELECT 'val_loss' AS figure, 2 AS version;"
            "INSERT INTO figure_version SELECT id, 'val_loss', 2 FROM run WHERE key <> 'versions.1.2';"
            "UPDATE eval SET val_loss = NULL WHERE run_id = (SELECT id FROM run WHERE key = 'versions.0.3')");
    ASK(s, "SELECT n || ' ' || mean FROM verdict", "2 -1.0");
    ASK(s, "SELECT sum(done) FROM summary", "8"); /* no run is stale */
    assert_left_out(s, &sweep, "left out: val_loss of 2 runs (not measured, or by an older definition");
    store_close(s);
    place_remove(&p);
}

/* By an older definition nothing is chosen: the choice waits until the figures are measured anew. */
static void outdated_figures_choose_nothing(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "tuned", 0, "lower");
    for (int cell = 0; cell < 2; cell++) plant_run(s, &sweep, "none", cell, 9, false, 2 + cell);
    ASK(s, "SELECT open || ' ' || cell FROM sweep_choice", "0 0");
    run_sql(s, "DROP VIEW figure_now; CREATE VIEW figure_now AS SELECT 'val_loss' AS figure, 2 AS version;"
               "INSERT INTO figure_version VALUES (2, 'val_loss', 2)");
    ASK(s, "SELECT open FROM sweep_choice", "1");
    run_sql(s, "INSERT INTO figure_version VALUES (1, 'val_loss', 2)");
    ASK(s, "SELECT open || ' ' || cell FROM sweep_choice", "0 0");
    store_close(s);
    place_remove(&p);
}

/* Without a rate there is no onset; one that never came is a figure all the same. */
static void an_outdated_onset_is_none(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    Planted sweep = plant_sweep(s, "onset", 0, "higher");
    run_sql(s, "UPDATE sweep_expect SET metric = 'onset'");
    plant_run(s, &sweep, "none", 0, 0, true, 2);
    plant_run(s, &sweep, "norm", 1, 0, true, 2);
    run_sql(s, "UPDATE eval SET sink_rate_03 = 0");
    ASK(s, "SELECT n || ' ' || note FROM verdict", "0 1 pairs apart: neither onset came");
    assert_left_out(s, &sweep, NULL);
    run_sql(s,
            "DROP VIEW figure_now; CREATE VIEW figure_now AS SELECT 'sink_rate_03' AS figure, 2 AS version;"
            "INSERT INTO figure_version VALUES (1, 'sink_rate_03', 2)");
    ASK(s, "SELECT n FROM verdict", "0");
    assert_left_out(s, &sweep, "left out: onset of 1 run (");
    store_close(s);
    place_remove(&p);
}

/* ---- many sweeps ---- */

enum { FEW_SWEEPS = 8, MANY_SWEEPS = 32, EVALUATIONS = 40 };

/* Virtual machine steps of all verdicts among so many sweeps of ten runs, each evaluated many times. */
static int64_t verdict_work(int sweeps) {
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    sqlite3_stmt *q;
    OK(t_quantile_fill(s, 1, &e));
    run_sql(s, "BEGIN");
    for (int i = 0; i < sweeps; i++) {
        char name[32];
        snprintf(name, sizeof name, "sweep%d", i);
        Planted sweep = plant_sweep(s, name, 0, "lower");
        for (int seed = 0; seed < 5; seed++) {
            plant_run(s, &sweep, "none", 0, seed, true, 2 + 0.01 * seed);
            plant_run(s, &sweep, "norm", 1, seed, true, 1 + 0.02 * seed);
        }
    }
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO eval (run_id, step, probe, val_loss, sink_rate_03)"
             " SELECT id, i, probe, 9, 0 FROM run, n, (SELECT 'main' AS probe UNION SELECT 'context')",
             EVALUATIONS);
    run_sql(s, sql);
    run_sql(s, "COMMIT");
    assert_int_equal(sqlite3_prepare_v2(store_db(s), "SELECT verdict FROM verdict", -1, &q, NULL), SQLITE_OK);
    for (int i = 0; i < sweeps; i++) {
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        assert_string_equal(sqlite3_column_text(q, 0), "supported");
    }
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    int64_t work = sqlite3_stmt_status(q, SQLITE_STMTSTATUS_VM_STEP, 0);
    sqlite3_finalize(q);
    store_close(s);
    place_remove(&p);
    return work;
}

static void verdicts_cost_what_their_runs_do(void **state) {
    (void)state;
    int64_t few = verdict_work(FEW_SWEEPS), many = verdict_work(MANY_SWEEPS);
    int times = MANY_SWEEPS / FEW_SWEEPS;
    if (many > (times + 1) * few)
        fail_msg("%d times the sweeps: %lld against %lld", times, (long long)many, (long long)few);
}

/* ---- coverage ---- */

enum { BATCH = 500, DRAW_SEEDS = 5, CELLS = 6, SMALL_GRID = 2 };

/* Sweeps that are drawn; the first argument of the program says another number, in whole batches. */
static int draws = 3000;

/* Many sweeps at a time: their runs are gathered in one table, then spread over those of the store. */
static const char gather_sql[] = "CREATE TEMP TABLE draw (id INTEGER PRIMARY KEY, sweep INTEGER, side TEXT, "
                                 "cell INTEGER, seed INTEGER, judges INTEGER, loss REAL)";
static const char spread_sql[] =
    "DELETE FROM sweep_run; DELETE FROM sweep_cell; DELETE FROM sweep_expect; DELETE FROM eval;"
    "DELETE FROM run; DELETE FROM sweep;" /* without foreign keys: whole tables at once */
    "INSERT INTO sweep (id, name, file) SELECT DISTINCT sweep, 'draw' || sweep, '' FROM draw;"
    "INSERT INTO sweep_expect SELECT id, 0, 'val_loss', 'lower', 0, 'none', NULL FROM sweep;"
    "INSERT INTO run (id, key, variant, seed, config, status) SELECT id, id, side, seed, '{}', 'done' FROM "
    "draw;"
    "INSERT INTO sweep_run SELECT sweep, id, id FROM draw;"
    "INSERT INTO sweep_cell SELECT sweep, id, cell, side, side, 'all', judges FROM draw;"
    "INSERT INTO eval (run_id, step, probe, val_loss) SELECT id, 100, 'main', loss FROM draw;"
    "DELETE FROM draw;";

static void draw_run(sqlite3_stmt *add, int draw, const char *side, int cell, int seed, bool judges,
                     double loss) {
    const int numbers[] = {draw + 1, 0, cell, seed, judges};
    for (int i = 0; i < 5; i++) sqlite3_bind_int(add, i + 1, numbers[i]);
    sqlite3_bind_text(add, 2, side, -1, SQLITE_STATIC);
    sqlite3_bind_double(add, 6, loss);
    assert_int_equal(sqlite3_step(add), SQLITE_DONE);
    sqlite3_reset(add);
}

/* One effect, -0.1, and a text that both sides of a seed share. */
static void draw_effect(sqlite3_stmt *add, int draw) {
    for (int seed = 0; seed < DRAW_SEEDS; seed++) {
        double text = rng_normal(1, RNG_TEST, (uint64_t)draw, 2 * (uint64_t)seed);
        double noise = rng_normal(1, RNG_TEST, (uint64_t)draw, 2 * (uint64_t)seed + 1);
        draw_run(add, draw, "none", 0, seed, true, 2 + text);
        draw_run(add, draw, "norm", 1, seed, true, 2 + text - 0.1 + 0.3 * noise);
    }
}

/* No effect, and four cells to choose from against two. The last seed tunes; as in a sweep that is run, the
 * others judge the best cell of each side alone. */
static void draw_noise(sqlite3_stmt *add, int draw) {
    enum { TUNER = DRAW_SEEDS - 1 };
    double loss[CELLS][DRAW_SEEDS];
    for (int cell = 0; cell < CELLS; cell++)
        for (int seed = 0; seed < DRAW_SEEDS; seed++)
            loss[cell][seed] =
                2 + rng_normal(2, RNG_TEST, (uint64_t)draw, (uint64_t)(cell * DRAW_SEEDS + seed));
    int best[] = {0, SMALL_GRID};
    for (int cell = 0; cell < CELLS; cell++) {
        int *side = &best[cell >= SMALL_GRID];
        if (loss[cell][TUNER] < loss[*side][TUNER]) *side = cell;
        draw_run(add, draw, cell < SMALL_GRID ? "none" : "norm", cell, TUNER, false, loss[cell][TUNER]);
    }
    for (int side = 0; side < 2; side++)
        for (int seed = 0; seed < TUNER; seed++)
            draw_run(add, draw, side ? "norm" : "none", best[side], seed, true, loss[best[side]][seed]);
}

/* Adds up over many sweeps what `sql` answers of each batch of them: integers. */
static void sum_over_draws(void (*draw)(sqlite3_stmt *, int), const char *sql, int *sum) {
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    sqlite3_stmt *add, *answer;
    OK(t_quantile_fill(s, 1, &e));
    run_sql(s, "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY");
    run_sql(s, gather_sql);
    sqlite3_prepare_v2(
        store_db(s),
        "INSERT INTO draw (sweep, side, cell, seed, judges, loss) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", -1, &add,
        NULL);
    sqlite3_prepare_v2(store_db(s), sql, -1, &answer, NULL);
    for (int first = 0; first < draws; first += BATCH) {
        run_sql(s, "BEGIN");
        for (int i = first; i < first + BATCH; i++) draw(add, i);
        run_sql(s, spread_sql);
        run_sql(s, "COMMIT");
        assert_int_equal(sqlite3_step(answer), SQLITE_ROW);
        for (int i = 0; i < sqlite3_column_count(answer); i++) sum[i] += sqlite3_column_int(answer, i);
        sqlite3_reset(answer);
    }
    sqlite3_finalize(add);
    sqlite3_finalize(answer);
    store_close(s);
    place_remove(&p);
}

static void intervals_cover_as_advertised(void **state) {
    (void)state;
    int sum[2] = {0, 0}; /* covered, judged */
    sum_over_draws(draw_effect, "SELECT sum(low <= -0.1 AND high >= -0.1), count(*) FROM verdict", sum);
    assert_int_equal(sum[1], draws);
    if (sum[0] < 0.94 * draws || sum[0] > 0.96 * draws) fail_msg("%d of %d", sum[0], draws);
}

/* Choosing the best of more cells must not be rewarded: 95 of 100 intervals cover nothing, the effect there
 * is. */
static void tuning_over_unequal_grids_finds_nothing_in_noise(void **state) {
    (void)state;
    int sum[3] = {0, 0, 0}; /* covered; any word, and of those the one that favours the larger grid */
    sum_over_draws(
        draw_noise,
        "SELECT sum(low <= 0 AND high >= 0), sum(verdict <> 'undecided'), sum(verdict = 'supported')"
        " FROM verdict WHERE n = 4",
        sum);
    if (sum[0] < 0.94 * draws || sum[0] > 0.96 * draws) fail_msg("%d of %d", sum[0], draws);
    assert_int_equal(sum[1], draws - sum[0]);
    if (sum[2] < 0.4 * sum[1] || sum[2] > 0.6 * sum[1]) fail_msg("%d of %d", sum[2], sum[1]);
}

int main(int argc, char **argv) {
    if (argc > 1) draws = atoi(argv[1]) / BATCH * BATCH;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_the_tables),
        cmocka_unit_test(words_follow_the_interval),
        cmocka_unit_test(equal_rates_are_no_certainty),
        cmocka_unit_test(one_answer_of_every_seed_is_no_certainty),
        cmocka_unit_test(two_onsets_that_never_came_are_no_difference),
        cmocka_unit_test(losses_of_two_packings_are_compared_over_the_late_targets),
        cmocka_unit_test(holm_goes_by_p_and_not_by_the_file),
        cmocka_unit_test(more_seeds_are_counted_from_the_table),
        cmocka_unit_test(unpaired_seeds_do_not_count),
        cmocka_unit_test(a_diverged_run_is_the_worst_difference_of_its_side),
        cmocka_unit_test(divergence_never_supports),
        cmocka_unit_test(sides_that_diverged_are_named),
        cmocka_unit_test(an_onset_that_never_came_is_later_than_any),
        cmocka_unit_test(holm_corrects_several_sides),
        cmocka_unit_test(sides_are_tuned_on_seeds_that_do_not_judge),
        cmocka_unit_test(summary_gives_medians),
        cmocka_unit_test(figures_of_older_versions_are_left_out_and_counted),
        cmocka_unit_test(outdated_figures_choose_nothing),
        cmocka_unit_test(an_outdated_onset_is_none),
        cmocka_unit_test(verdicts_cost_what_their_runs_do),
        cmocka_unit_test(intervals_cover_as_advertised),
        cmocka_unit_test(tuning_over_unequal_grids_finds_nothing_in_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
