#include "ablations/page/report.h"

#include "ablations/page/axis_plot.h"
#include "ablations/page/figure_table.h"
#include "ablations/page/head_map.h"
#include "ablations/page/page.h"
#include "ablations/page/report_runs.h"
#include "ablations/page/svg.h"
#include "ablations/page/verdict_plot.h"
#include "ablations/sweep/known_sweep.h"
#include "ablations/text_table.h"
#include "data/base/files.h"
#include "data/base/text.h"
#include "train/commands/command.h"
#include "train/signals.h"
#include "train/store/column.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Page {
    Store *s;
    const char *sweep; /* NULL: all runs */
    FILE *out;
    Error *e;
} Page;

static sqlite3_stmt *prepare(const Page *p, const char *sql) {
    return table_query(p->s, sql, p->sweep, p->e);
}

/* ---- curves ---- */

typedef struct Curves {
    SvgSeries *series; /* their names are owned here */
    double *x, *y;     /* of all series, one after the other */
    int n;
    int64_t points;
} Curves;

static void curves_free(Curves *c) {
    for (int i = 0; i < c->n; i++) free((char *)c->series[i].name);
    free(c->series);
    free(c->x);
    free(c->y);
}

/* Begins a series; only the first of a cell is named. */
static bool begin_series(Curves *c, int place, const char *label, Error *e) {
    bool named = !c->n || c->series[c->n - 1].colour != place;
    if (!memory_grow((void **)&c->series, c->n + 1, sizeof *c->series, e)) return false;
    c->series[c->n++] = (SvgSeries){.name = named ? text_copy(label) : NULL, .colour = place};
    return true;
}

static bool add_point(Curves *c, double x, double y, Error *e) {
    int64_t room = 2 * c->points + 1;
    if ((c->points & (c->points + 1)) == 0 && (!memory_grow((void **)&c->x, room, sizeof *c->x, e) ||
                                               !memory_grow((void **)&c->y, room, sizeof *c->y, e)))
        return false;
    c->x[c->points] = x;
    c->y[c->points++] = y;
    c->series[c->n - 1].n++;
    return true;
}

/* Rows of a query: place, label, run, step, value, a run's together. */
static bool read_curves(const Page *p, const char *sql, Curves *c) {
    sqlite3_stmt *q = prepare(p, sql);
    int64_t run = -1;
    int result = SQLITE_DONE;
    bool ok = q;
    while (ok && (result = sqlite3_step(q)) == SQLITE_ROW) {
        if (sqlite3_column_int64(q, 2) != run)
            ok = begin_series(c, sqlite3_column_int(q, 0), column_text(q, 1), p->e);
        run = sqlite3_column_int64(q, 2);
        ok = ok && add_point(c, sqlite3_column_double(q, 3), sqlite3_column_double(q, 4), p->e);
    }
    if (ok && result != SQLITE_DONE) ok = store_failed(p->s, "report", p->e);
    sqlite3_finalize(q);
    for (int64_t i = 0, at = 0; i < c->n; at += c->series[i++].n)
        c->series[i].x = c->x + at, c->series[i].y = c->y + at;
    return ok;
}

/* A column of eval on probe main, by step. */
#define EVALUATIONS(column)                                                                                  \
    REPORT_RUNS "SELECT h.place, h.label, h.run, e.step, e." column " FROM report_runs AS h JOIN eval AS e"  \
                " ON e.run_id = h.run AND e.probe = 'main' WHERE e." column " IS NOT NULL ORDER BY 1, 3, 4"

static const struct Chart {
    const char *name, *column, *sql;                                /* column: of figure_table, for curves */
    bool (*draw)(FILE *out, Store *s, const char *sweep, Error *e); /* in place of curves */
} charts[] = {
    /* Averaged over 1/200 of the run: single steps are noise. */
    {"training_loss", "loss",
     REPORT_RUNS "SELECT h.place, h.label, h.run, avg(s.step), avg(s.loss) FROM report_runs AS h"
                 " JOIN run AS r ON r.id = h.run JOIN step AS s ON s.run_id = h.run WHERE s.loss IS NOT NULL"
                 " GROUP BY h.place, h.label, h.run, (s.step - 1) * 200 / max(r.steps, 200) ORDER BY 1, 3, 4",
     NULL},
    {"val_loss", "val_loss_16k", EVALUATIONS("val_loss_16k"), NULL},
    {"sink_rate", "sink_rate_03", EVALUATIONS("sink_rate_03"), NULL},
    {"sink_mass", "sink_mass", EVALUATIONS("sink_mass"), NULL},
    {"norm_ratio", "norm_ratio", EVALUATIONS("norm_ratio"), NULL},
    {"value_drain", "value_drain", EVALUATIONS("value_drain"), NULL},
    {.name = "first_mass_by_head", .draw = head_map},
    {.name = "axis", .draw = axis_plot},
    {.name = "verdicts", .draw = verdict_plot},
};

/* *mass: that of the first key under uniform attention, where all runs share one T; else NAN. */
static bool uniform_control(const Page *p, double *mass) {
    *mass = NAN;
    sqlite3_stmt *q =
        prepare(p, REPORT_RUNS "SELECT min(uniform_mass), max(uniform_mass) FROM report_runs AS h"
                               " JOIN eval AS e ON e.run_id = h.run AND e.probe = 'main'");
    if (q && sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL &&
        sqlite3_column_double(q, 0) == sqlite3_column_double(q, 1))
        *mass = sqlite3_column_double(q, 0);
    return q && (sqlite3_finalize(q) == SQLITE_OK || store_failed(p->s, "report", p->e));
}

static void draw_curves(const Page *p, const DrawnFigure *f, const Curves *curves, double rule) {
    char title[160];
    snprintf(title, sizeof title, "%s: %s", f->name, f->unit);
    SvgChart svg = {.title = title,
                    .x_label = "step",
                    .log_y = f->log,
                    .from_zero = !f->log,
                    .rule = rule,
                    .rule_label = f->control ? "uniform attention" : "threshold",
                    .series = curves->series,
                    .n = curves->n};
    svg_chart(p->out, &svg);
}

static bool draw_chart(const Page *p, const struct Chart *chart) {
    if (chart->draw) return chart->draw(p->out, p->s, p->sweep, p->e);
    const DrawnFigure *f = figure_of(chart->column);
    Curves curves = {0};
    double rule = f->rule;
    bool ok = read_curves(p, chart->sql, &curves) && (!f->control || uniform_control(p, &rule));
    if (ok && curves.n) draw_curves(p, f, &curves, rule);
    curves_free(&curves);
    return ok;
}

/* ---- the static page: figures and two tables ---- */

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<style>\n"
    ":root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:1360px;margin:2rem auto;"
    "padding:0 1rem}\n"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:1rem}\n"
    "figure{margin:0;overflow-x:auto}figure:empty{display:none}svg{width:100%;min-width:32rem;height:auto}\n"
    "table{display:block;overflow-x:auto;border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "td,th{padding:.2rem .7rem;border-bottom:1px solid #8886;text-align:left}\n</style>\n<title>sinklab: ";

static void write_heading(const Page *p) {
    const char *name = p->sweep ? p->sweep : "all runs";
    fputs(head, p->out);
    svg_text(p->out, name);
    fputs("</title></head><body>\n<h1>", p->out);
    svg_text(p->out, name);
    fputs("</h1>\n", p->out);
}

static bool write_charts(const Page *p) {
    bool ok = true;
    fputs("<div class=\"charts\">\n", p->out);
    for (size_t i = 0; ok && i < sizeof charts / sizeof *charts; i++) {
        fputs("<figure>", p->out);
        ok = draw_chart(p, &charts[i]);
        fputs("</figure>\n", p->out);
    }
    fputs("</div>\n", p->out);
    return ok;
}

/* Writes a query's rows as a table; writes nothing where there are none. */
static bool write_table(const Page *p, const char *title, const char *sql) {
    sqlite3_stmt *q = prepare(p, sql);
    bool some = q && sqlite3_step(q) == SQLITE_ROW;
    bool ok = q && (sqlite3_finalize(q) == SQLITE_OK || store_failed(p->s, "report", p->e));
    some = some && ok;
    if (some) fprintf(p->out, "<h2>%s</h2>\n", title);
    return some ? table_of(p->out, p->s, sql, p->sweep, TABLE_HTML, p->e) : ok;
}

/* In a line, between these, how many runs are not in the figures. */
static bool write_apart(const Page *p, const char *before, const char *after) {
    sqlite3_stmt *q = prepare(p, REPORT_RUNS "SELECT count(*) FROM report_apart");
    int runs = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int(q, 0) : 0;
    if (runs)
        fprintf(p->out,
                "%sruns on another text, in other tokens or of another length, neither shown nor compared: "
                "%d%s\n",
                before, runs, after);
    return q && (sqlite3_finalize(q) == SQLITE_OK || store_failed(p->s, "report", p->e));
}

static bool write_page(const Page *p) {
    static const char finals[] = REPORT_RUNS
        ", tokens AS (SELECT run_id, max(T) AS T, max(sequences) AS sequences FROM eval WHERE probe = 'main'"
        " GROUP BY run_id) SELECT h.label AS model, f.seed, f.val_loss_late, f.sink_rate_03, f.sink_mass,"
        " f.uniform_mass, f.onset, f.value_drain, f.norm_ratio, t.T, t.sequences, substr(f.key, 1, 8) AS key"
        " FROM report_runs AS h JOIN final AS f ON f.run_id = h.run JOIN tokens AS t USING (run_id)"
        " ORDER BY h.place, f.seed";
    static const char verdicts[] =
        "SELECT expected, side, stratum, n, mean, low, high, effect_sd, verdict, more_seeds"
        " FROM verdict WHERE sweep = ?1";
    if (!sweep_is_known(p->s, p->sweep, "report", p->e)) return false;
    write_heading(p);
    bool ok =
        write_apart(p, "<p>Left out: ", "</p>") && write_charts(p) &&
        write_table(p, "Final figures (probe main; the sink rate at eps 0.3)", finals) &&
        write_table(p, "Verdicts (paired differences, 95 % t intervals, words corrected by Holm)", verdicts);
    fputs("</body></html>\n", p->out);
    return ok;
}

/* The page that moves. *why: there is no model for a reader's own sentence. */
static bool write_moving(const Page *p, const char *parts, const SentenceSource *sentence, Error *why) {
    SentenceModel model = {0};
    bool some = sentence && sentence_model_read(&model, p->s, p->sweep, sentence, parts, why);
    if (why->code && sentence->word) return fail(p->e, why->code, "report: --sentence-model: %s", why->text);
    bool ok = page_write(p->out, parts, p->s, p->sweep, some ? &model : NULL, p->e);
    sentence_model_free(&model);
    return ok;
}

bool report_write(Store *s, const char *sweep, const char *path, const SentenceSource *sentence, bool quiet,
                  Error *e) {
    char *text = NULL;
    size_t size = 0;
    Page p = {s, sweep, text_open(&text, &size), e};
    Path parts = page_folder();
    Error why = {0};
    bool ok = *parts.s
                  ? sweep_is_known(p.s, p.sweep, "report", p.e) && write_moving(&p, parts.s, sentence, &why)
                  : write_page(&p);
    fclose(p.out);
    ok = ok && file_replace(path, text, (int64_t)size, e);
    free(text);
    if (ok && !*parts.s && !quiet)
        fprintf(stderr, "%s: the static page (`make page`, which needs npm once, adds the one that moves)\n",
                path);
    if (ok && why.code && !quiet)
        fprintf(stderr, "%s: without a sentence of the reader's own: %s\n", path, why.text);
    return ok;
}

/* ---- figures for papers and READMEs ---- */

static bool save_chart(const Page *page, const struct Chart *chart, const char *folder) {
    char *text = NULL;
    size_t size = 0;
    Page p = *page;
    Path path = path_of("%s/%s.svg", folder, chart->name);
    p.out = text_open(&text, &size);
    bool ok = draw_chart(&p, chart);
    fclose(p.out);
    ok = ok && (!size || file_replace(path.s, text, (int64_t)size, p.e));
    free(text);
    return ok;
}

/* Every chart of the static page that has curves, a file each. */
static bool save_charts(Store *s, const char *sweep, const char *folder, bool quiet, Error *e) {
    Page p = {s, sweep, stderr, e};
    bool ok = sweep_is_known(p.s, p.sweep, "report", p.e) && folder_make(folder, e);
    for (size_t i = 0; ok && i < sizeof charts / sizeof *charts; i++) ok = save_chart(&p, &charts[i], folder);
    return ok && (quiet || write_apart(&p, "report: --svg: left out: ", ""));
}

static bool write_all(Store *s, const char *sweep, const char *path, const char *svg,
                      const SentenceSource *sentence, bool quiet, Error *e) {
    return (!path || report_write(s, sweep, path, sentence, quiet, e)) &&
           (!svg || save_charts(s, sweep, svg, quiet, e));
}

/* Sleeps so many seconds, and on until the database has changed; false: a signal came, or the database is
 * gone. */
static bool await_change(Store *s, int64_t seconds, int64_t *version, Error *e) {
    do
        for (int64_t i = 0; i < seconds && !signals_stopped(); i++) sleep(1);
    while (!signals_stopped() && store_in_place(s, e) && !store_changed(s, version, e) && !e->code);
    return !signals_stopped() && !e->code;
}

static int report_main(int argc, char **argv, Error *e) {
    const char *db = "results.db", *sweep = NULL, *path = NULL, *svg = NULL;
    bool quiet = false;
    int64_t every = 0, version = 0;
    SentenceSource sentence = {NULL, "data/cache"};
    const Flag flags[] = {{"-o", FLAG_TEXT, &path},
                          {"--db", FLAG_TEXT, &db},
                          {"--every", FLAG_INT, &every},
                          {"--sweep", FLAG_TEXT, &sweep},
                          {"--svg", FLAG_TEXT, &svg},
                          {"--quiet", FLAG_BOOL, &quiet},
                          {"--sentence-model", FLAG_TEXT, &sentence.word},
                          {"--cache", FLAG_TEXT, &sentence.cache},
                          {NULL, FLAG_BOOL, NULL}};
    int words;
    Store *s;
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (words) {
        fail(e, EXIT_USAGE, "command line: report: %s: a file's name stands after -o (sinklab report -o %s)",
             argv[0], argv[0]);
        return e->code;
    }
    if ((!path && !svg) || every < 0) {
        fail(e, EXIT_USAGE, "command line: report takes -o FILE.html or --svg DIR, and --every SECONDS");
        return e->code;
    }
    if (!store_open(&s, db, STORE_READ, e)) return e->code;
    if (every) signals_watch();
    bool ok;
    do {
        store_changed(s, &version, e);
        ok = !e->code && write_all(s, sweep, path, svg, &sentence, quiet, e);
    } while (ok && every && await_change(s, every, &version, e));
    store_close(s);
    return e->code ? e->code : signals_stopped() ? 128 + signals_stopped() : EXIT_DONE;
}

const Command report_command = {
    .name = "report",
    .usage = "-o FILE.html | --svg DIR",
    .summary = "one self-contained page that shows what was measured",
    .options =
        "  -o FILE.html  where it goes\n"
        "  --svg DIR     the main figures, an SVG file each\n"
        "  --every N     again every N seconds in which anything has changed, until Ctrl-C\n"
        "  --db PATH     results (default results.db)\n"
        "  --sweep NAME  the runs of one sweep (default: all)\n"
        "  --sentence-model RUN  whose model a reader's own sentence is shown by: the start of a run's key,\n"
        "                or a checkpoint, of the demo's sizes (default: a baseline that has one)\n"
        "  --cache DIR   prepared tokens, for its tokenizer (default data/cache)\n"
        "  --quiet       no word of what the page or its figures leave out\n",
    .run = report_main,
};
