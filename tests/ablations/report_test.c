/* The static page: hostile texts stay text, the figures and both tables are there, curves are drawn. */
#include "ablations/page/axis_plot.h"
#include "ablations/page/baseline_side.h"
#include "ablations/page/page_database.h"
#include "ablations/page/report.h"
#include "ablations/page/svg.h"
#include "ablations/page/verdict_plot.h"
#include "ablations/sweep/student_t.h"
#include "data/base/files.h"
#include "tests/ablations/sweep_fixture.h"

#include <errno.h>
#include <unistd.h>

static char *page_of(Store *s, const Place *p, const char *sweep) {
    Path path = path_of("%s/page.html", p->folder);
    Bytes text = {0};
    Error e = {0};
    if (!report_write(s, sweep, path.s, NULL, true, &e) || !file_read(path.s, &text, &e) ||
        !bytes_append(&text, "", 1, &e))
        fail_msg("%s", e.text);
    return text.data;
}

static void hostile_texts_stay_text(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "page", 0, "lower");
    plant_run(s, &sweep, "<script>alert('&\"')</script>", 0, 0, true, 2);
    char *page = page_of(s, &p, "page");
    assert_null(strstr(page, "<script"));
    assert_non_null(strstr(page, ">&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;</text>"));
    assert_non_null(strstr(page, "<tr><td>&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;<td>"));
    free(page);
    store_close(s);
    place_remove(&p);
}

static void curves_and_their_conditions_are_there(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "page", 0, "lower");
    for (int seed = 0; seed < 2; seed++) {
        plant_run(s, &sweep, "none", 0, seed, true, 2);
        plant_run(s, &sweep, "other", 1, seed, true, 1 - seed * 0.125);
    }
    run_sql(s, "UPDATE eval SET sink_rate_03 = 0.4, sink_mass = 0.3, uniform_mass = 0.1268, sequences = 100;"
               "INSERT INTO eval (run_id, step, probe, T, sink_rate_03) VALUES (1, 0, 'main', 32, 0)");
    char *page = page_of(s, &p, "page");
    assert_non_null(strstr(page, "<tr><td>none<td>1<td>2<td>"));
    assert_non_null(strstr(page, "<tr><td>val_loss lower<td>other<td>all<td>2<td>-1.062<td>"));
    assert_non_null(strstr(page, "<th>T<th>sequences<th>key</tr>"));
    assert_non_null(strstr(page, "<td>32<td>100<td>"));
    assert_non_null(strstr(page, "<td>0.4<td>0.3<td>0.1268<td>"));
    assert_non_null(strstr(page, "the sink rate at eps 0.3"));
    assert_non_null(strstr(page, "<title>Sink rate: share of (sequence, layer, head), eps = 0.3</title>"));
    assert_non_null(strstr(page, "uniform attention</text>"));
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "http://www.w3.org/1999")); /* nothing from elsewhere but SVG's own name */
    free(page);
    store_close(s);
    place_remove(&p);
}

static int reads, failing; /* of this process, and which of them fails; 0: none */

static ssize_t read_or_fail(int fd, void *data, size_t size, off_t at) {
    if (++reads != failing) return pread(fd, data, size, at);
    errno = EIO;
    return -1;
}

/* What the database of a moving page is copied from; told as the system does, not as a damaged file. */
static void a_read_that_fails_is_told_while_the_database_is_copied(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "page", 0, "lower");
    for (int seed = 0; seed < 8; seed++) plant_run(s, &sweep, "none", 0, seed, true, 2);
    store_close(s);
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr theirs = vfs->xGetSystemCall(vfs, "pread64");
    vfs->xSetSystemCall(vfs, "pread64", (sqlite3_syscall_ptr)read_or_fail);
    int told = 0;
    bool more = true;
    for (int nth = 1; more; nth++) {
        Error e = {0};
        Bytes copy = {0};
        s = open_or_fail(p.db, STORE_READ);
        reads = 0;
        failing = nth;
        bool ok = extract(s, NULL, "ablations/queries", &copy, &e);
        failing = 0;
        more = reads >= nth;
        if (!ok && !strstr(e.text, "Input/output error") && !strstr(e.text, "does the disk answer?"))
            fail_msg("read %d: %s", nth, e.text);
        told += !ok;
        bytes_free(&copy);
        store_close(s);
    }
    vfs->xSetSystemCall(vfs, "pread64", theirs);
    assert_in_range(told, 5, 1000);
    place_remove(&p);
}

static void an_empty_database_gives_a_page(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    char *page = page_of(s, &p, NULL);
    assert_non_null(strstr(page, "<h1>all runs</h1>"));
    assert_null(strstr(page, "<svg"));
    assert_null(strstr(page, "<table"));
    free(page);
    Error e = {0};
    assert_false(report_write(s, "none", path_of("%s/other.html", p.folder).s, NULL, true, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "has no sweep called none (sinklab sweep run makes one; of merged runs "));
    assert_int_not_equal(access(path_of("%s/other.html", p.folder).s, F_OK), 0); /* whole or not at all */
    store_close(s);
    place_remove(&p);
}

static void a_chart_survives_what_cannot_be_drawn(void **state) {
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    double x[] = {0, 1, 2}, y[] = {0, NAN, -1};
    SvgSeries series = {.name = "a", .n = 3, .x = x, .y = y};
    svg_chart(out, &(SvgChart){
                       .title = "t", .x_label = "x", .log_y = true, .rule = NAN, .series = &series, .n = 1});
    svg_chart(out, &(SvgChart){.title = "t", .x_label = "x", .rule = INFINITY, .series = &series, .n = 1});
    fclose(out);
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    free(text);
}

/* Without a sweep: baselines first, the others as they came, the palette from its first colour on. */
static void models_have_the_colours_that_they_have_on_the_page(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "page", 0, "lower");
    static const char *const variants[] = {"zeta", "alpha", "baseline"};
    for (int i = 0; i < 3; i++) plant_run(s, &sweep, variants[i], i, 0, true, 2);
    run_sql(s,
            "UPDATE run SET variant = (SELECT c.label FROM sweep_run AS x JOIN sweep_cell AS c USING (sweep, "
            "\"index\") WHERE x.run = run.id), label = '';"
            "UPDATE eval SET sink_rate_03 = 0.4;"
            "INSERT INTO eval (run_id, step, probe, T, sink_rate_03) SELECT id, 0, 'main', 32, 0 FROM run");
    char *page = page_of(s, &p, NULL);
    const char *rates = strstr(page, "<title>Sink rate");
    assert_non_null(rates);
    static const char *const legend[][2] = {
        {"#0072b2", "baseline"}, {"#d55e00", "zeta"}, {"#009e73", "alpha"}};
    for (int i = 0; i < 3; i++) {
        char text[120];
        snprintf(text, sizeof text, "stroke=\"%s\" stroke-width=\"3\"/>\n", legend[i][0]);
        const char *line = strstr(rates, text);
        assert_non_null(line);
        line = strchr(line, '\n') + 1;
        snprintf(text, sizeof text, ">%s</text>", legend[i][1]);
        assert_true(strstr(line, text) && strstr(line, text) < strchr(line, '\n'));
    }
    free(page);
    store_close(s);
    place_remove(&p);
}

/* Two heads, one at the control and one above it: the page tells them apart and marks the control. */
static void heads_are_mapped_against_the_control(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "page", 0, "lower");
    plant_run(s, &sweep, "<b>none</b>", 0, 0, true, 2);
    run_sql(s, "UPDATE run SET config = json_set(config, '$.model.context', 32);"
               "WITH RECURSIVE s (step) AS (SELECT 1 UNION ALL SELECT step + 1 FROM s WHERE step < 40)"
               " INSERT INTO step_head SELECT id, step, 0, h.column1, 0.126828 + 0.5 * h.column1, 1"
               " FROM run, s, (VALUES (0), (1)) AS h");
    char *page = page_of(s, &p, NULL);
    assert_non_null(strstr(page, "<title>Mass of the first key by head"));
    assert_non_null(strstr(page, "n = 1 run, T = 32, uniform control 0.1268"));
    assert_non_null(strstr(page, ">L0 H1</text>"));
    assert_non_null(strstr(page, "fill=\"#fae6cc\" d=\"M56 40h572v12")); /* a row as pale as chance */
    assert_null(strstr(page, "fill=\"#fae6cc\" d=\"M56 53"));            /* the next is not */
    assert_null(strstr(page, "<b>"));
    free(page);
    store_close(s);
    place_remove(&p);
}

/* Differences -1, -1.1 and -0.9 where less than -0.5 is expected: mean -1, interval -1.2484 to -0.7516 (t of
 * two degrees of freedom), on a scale from there to 0. A sweep without runs has its rows, and no numbers; a
 * query is named by what it asks. */
static void a_verdict_is_drawn_with_its_seeds_interval_and_bound(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    static const double difference[] = {-1, -1.1, -0.9};
    Planted sweep = plant_sweep(s, "drawn", 0.5, "lower"), empty = plant_sweep(s, "empty", 0, "lower");
    for (int seed = 0; seed < 3; seed++) {
        plant_run(s, &sweep, "none", 0, seed, true, 2);
        plant_run(s, &sweep, "<norm>", 1, seed, true, 2 + difference[seed]);
    }
    plant_row(
        s,
        "INSERT INTO sweep_cell VALUES (?1, 0, 0, 'none', 'none', 'all', 1), (?1, 1, 1, 'b', 'b', 'all', 1)",
        "i", empty.id);
    run_sql(s, "INSERT INTO sweep_expect VALUES (2, 1, 'q.sql(do=scale(pos=10))', 'higher', 0.1, '',"
               " 'share of heads at position 10, scaled as a whole')");
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    OK(verdict_plot(out, s, "drawn", &e) && verdict_plot(out, s, "empty", &e) &&
       verdict_plot(out, s, NULL, &e));
    fclose(out);
    int circles = 0;
    for (const char *at = text; (at = strstr(at, "<circle")); at++) circles++;
    assert_int_equal(circles, 3);
    assert_non_null(strstr(text, ">val_loss lower by more than 0.5</text>"));
    assert_non_null(strstr(text, ">&lt;norm&gt;</text>"));
    assert_non_null(
        strstr(text, ">share of heads at position 10, scaled as</text>")); /* two lines of one name */
    assert_non_null(strstr(text, ">a whole: at least 0.1</text>"));
    assert_non_null(strstr(text, ">supported (3)</text>"));
    assert_non_null(
        strstr(text, "x1=\"308.0\" y1=\"48.0\" x2=\"440.9\" y2=\"48.0\" stroke=\"#009e73\"")); /* interval */
    assert_non_null(strstr(text, "x1=\"374.5\" y1=\"42.0\""));                                 /* mean */
    assert_non_null(strstr(text, "x1=\"508.2\" y1=\"39.0\""));                                 /* bound */
    assert_non_null(strstr(text, ">undecided</text>"));
    assert_null(strstr(text, "nan"));
    free(text);
    store_close(s);
    place_remove(&p);
}

/* The number behind the n-th `name` in the text. */
static double number_after(const char *text, const char *name, int n) {
    const char *at = text;
    for (int i = 0; i <= n; i++) {
        at = strstr(at, name);
        assert_non_null(at);
        at += strlen(name);
    }
    return strtod(at, NULL);
}

/* Three rates a decade apart, two seeds each, and one run without a figure: even distances, the mean halfway
 * between its seeds, an interval around it of t(1) standard errors, the other axis in the legend. A sweep
 * over names has no chart. */
static void a_sweep_over_rates_is_drawn_against_its_rate(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    static const char *const cells[] = {"lr=0.001 bos=row", "lr=0.01 bos=row", "lr=0.1 bos=row"};
    Planted rates = plant_sweep(s, "rates", 0, "higher"), names = plant_sweep(s, "names", 0, "higher");
    for (int i = 0; i < 6; i++) plant_run(s, &rates, cells[i / 2], i / 2, i % 2, true, 2);
    plant_run(s, &rates, "lr=0.1 bos=row", 2, 2, true, 2);
    for (int i = 0; i < 2; i++) plant_run(s, &names, i ? "norm=pre" : "norm=post", i, 0, true, 2);
    run_sql(s, "UPDATE eval SET sink_rate_03 = 0.2 + 0.02 * (run_id % 2) WHERE run_id <> 7");
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    OK(axis_plot(out, s, "names", &e) && axis_plot(out, s, NULL, &e));
    assert_int_equal(ftell(out), 0);
    OK(axis_plot(out, s, "rates", &e));
    fclose(out);
    int circles = 0;
    for (const char *at = text; (at = strstr(at, "<circle")); at++) circles++;
    assert_int_equal(circles, 6);
    double x[6], y[6];
    for (int i = 0; i < 6; i++) x[i] = number_after(text, "cx=\"", i), y[i] = number_after(text, "cy=\"", i);
    assert_true(x[0] == x[1] && fabs((x[2] - x[0]) - (x[4] - x[2])) < 0.2);
    const char *interval = strstr(text, "<polyline");
    assert_non_null(interval);
    double low = number_after(strstr(interval, "points"), ",", 0),
           high = number_after(strstr(interval, "points"), ",", 1);
    assert_true(fabs((low + high) / 2 - (y[0] + y[1]) / 2) < 0.2);
    /* half of it: 12.706 standard errors, each half of the seeds' distance */
    assert_true(fabs((low - high) / 2 - 12.706 * fabs(y[0] - y[1]) / 2) < 1);
    assert_non_null(strstr(text, ">bos=row</text>"));
    assert_non_null(strstr(text, ">lr</text>"));
    assert_non_null(strstr(text, ">0.01</text>"));
    free(text);
    store_close(s);
    place_remove(&p);
}

/* Of runs on two texts those of the text that most have are drawn, the others counted; beyond eight models of
 * one colour have lines of their own. */
static void what_may_not_be_compared_is_counted(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Planted sweep = plant_sweep(s, "page", 0, "lower");
    for (int i = 0; i < 12; i++) {
        char label[8];
        snprintf(label, sizeof label, "m%d", i);
        plant_run(s, &sweep, label, i, 0, true, 2);
    }
    run_sql(s, "UPDATE run SET corpus = iif(id > 9, 'other', 'text');"
               "INSERT INTO eval (run_id, step, probe, T, sink_rate_03) SELECT id, 0, 'main', 32, 0 FROM run;"
               "UPDATE eval SET sink_rate_03 = 0.4");
    char *page = page_of(s, &p, "page");
    assert_non_null(strstr(page, "neither shown nor compared: 3</p>"));
    const char *rates = strstr(page, "<title>Sink rate");
    assert_non_null(rates);
    assert_non_null(strstr(rates, ">m8</text>"));
    assert_null(strstr(rates, ">m9</text>"));
    assert_non_null(strstr(rates, "stroke=\"#0072b2\" stroke-width=\"3\"/>"));
    assert_non_null(strstr(rates, "stroke=\"#0072b2\" stroke-width=\"3\" stroke-dasharray=\"7 3\"/>"));
    free(page);
    store_close(s);
    place_remove(&p);
}

/* The file says which side is the baseline, in whatever way its number is written. */
static void a_sweeps_file_names_its_baseline(void **state) {
    (void)state;
    static const struct {
        const char *compare, *side;
        bool is;
    } cases[] = {
        {"{axis: optim.lr, baseline: 3e-4}", "lr=0.0003", true},
        {"{axis: optim.lr, baseline: 3e-4}", "lr=0.003", false},
        {"{axis: variant, baseline: base}", "variant=baseline", false},
        {"{axis: variant, baseline: baseline}", "variant=baseline steps=60", true},
        {"{axis: model.interventions, baseline: []}", "interventions=[]", true},
        {"{axis: model.interventions, baseline: []}", "interventions=[\"off(mlp 0)\"]", false},
        {"{axis: model.heads, baseline: 2}", "kv_heads=2", false},
        {"{axis: model.heads, baseline: 2}", "kv_heads=1 model.heads=2", true},
        {"[axis, baseline]", "axis=baseline", false},
        {"{axis: [a], baseline: 1}", "a=1", false},
        {"{axis: optim.lr", "lr=1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char file[120];
        snprintf(file, sizeof file, "name: x\ncompare: %s\n", cases[i].compare);
        assert_int_equal(baseline_side(file, cases[i].side), cases[i].is);
    }
    assert_false(baseline_side("", "all"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_not_be_compared_is_counted),
        cmocka_unit_test(a_sweeps_file_names_its_baseline),
        cmocka_unit_test(hostile_texts_stay_text),
        cmocka_unit_test(curves_and_their_conditions_are_there),
        cmocka_unit_test(a_read_that_fails_is_told_while_the_database_is_copied),
        cmocka_unit_test(an_empty_database_gives_a_page),
        cmocka_unit_test(heads_are_mapped_against_the_control),
        cmocka_unit_test(models_have_the_colours_that_they_have_on_the_page),
        cmocka_unit_test(a_chart_survives_what_cannot_be_drawn),
        cmocka_unit_test(a_verdict_is_drawn_with_its_seeds_interval_and_bound),
        cmocka_unit_test(a_sweep_over_rates_is_drawn_against_its_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
