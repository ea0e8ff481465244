#include "ablations/probe/control.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Figures of the whole model under every control. */
typedef struct Line {
    const char *name, *figure; /* NULL: the loss */
} Line;
static const Line lines[] = {{"loss", NULL},
                             {"sink rate 0.3", "sink_rate_03"},
                             {"sink mass", "sink_mass"},
                             {"largest head's mass", "max_mass"},
                             {"mixing score", "mixing"},
                             {"value drain", "value_drain"},
                             {"norm ratio", "norm_ratio"},
                             {"massive over median", "massive_ratio"}};
enum { LINES = sizeof lines / sizeof *lines, CONTROL_TITLE = INTERVENTION_TEXT + 64 };

static double figure(const Measured *m, int line) {
    return lines[line].figure ? figures_get(&m->main, lines[line].figure, -1, -1) : m->loss;
}

/* One measurement under another thing of the kind; the rest of --do as it is. */
static bool measure(ProbedModel *s, const Intervention *other, double x[LINES], Error *e) {
    char was[LIST_TEXT], text[INTERVENTION_TEXT], *item = s->changes.item[s->control.place];
    Measured m = {0};
    strcpy(was, item);
    intervention_text(other, text);
    if (snprintf(item, LIST_TEXT, "%s", text) >= LIST_TEXT) /* no kind that has controls is so long */
        return fail(e, EXIT_USAGE, "--do: %s: too long", text);
    tape_free(s->tape[1]);
    s->tape[1] = NULL;
    bool ok = probed_model_measure(s, true, &m, e);
    for (int i = 0; ok && i < LINES; i++) x[i] = figure(&m, i);
    measured_free(&m);
    strcpy(item, was);
    tape_free(s->tape[1]);
    s->tape[1] = NULL;
    return ok;
}

/* Mean and standard deviation of x[0], x[LINES], ..., of which equal ones have a deviation of exactly 0. */
static void spread(const double *x, int n, double *mean, double *sd) {
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += x[i * LINES] - x[0];
    *mean = x[0] + sum / n;
    for (int i = 0; i < n; i++) squares += (x[i * LINES] - *mean) * (x[i * LINES] - *mean);
    *sd = n > 1 ? sqrt(squares / (n - 1)) : NAN;
}

/* What one step has of a line. */
typedef struct Beside {
    double before, after, mean, sd; /* as they are, under the intervention, under its controls */
} Beside;

static double sds_away(const Beside *b) {
    return b->sd > 0 ? (b->after - b->mean) / b->sd : NAN;
}

static bool compare(ProbedModel *s, const Measured *before, const Measured *after, Beside out[LINES],
                    Error *e) {
    int n = s->control.n;
    Intervention *others = calloc((size_t)n, sizeof *others);
    double *x = calloc((size_t)n * LINES, sizeof *x);
    bool ok = (others && x && control_draw(&s->control, s->m, s->main.T, others)) ||
              fail(e, EXIT_FAILED, "probe: out of memory");
    for (int i = 0; ok && i < n; i++) ok = measure(s, &others[i], x + (size_t)i * LINES, e);
    for (int i = 0; ok && i < LINES; i++) {
        out[i] = (Beside){.before = figure(before, i), .after = figure(after, i)};
        spread(x + i, n, &out[i].mean, &out[i].sd);
    }
    free(others);
    free(x);
    return ok;
}

static Sheet sheet_of(const ProbedModel *s, const char *key, char title[CONTROL_TITLE], int rows, int cols) {
    char name[INTERVENTION_TEXT];
    intervention_text(&s->control.of, name);
    snprintf(title, CONTROL_TITLE, "%s and %d others of its size", name, s->control.n);
    return sheet_make(key, title, rows, cols);
}

bool control_show(ProbedModel *s, const Measured *before, const Measured *after, Error *e) {
    static const char *const columns[] = {"before", "after", "random", "sd", "sds away"};
    char title[CONTROL_TITLE];
    Beside of[LINES];
    if (!s->control.n) return true;
    if (!compare(s, before, after, of, e)) return false;
    Sheet sheet = sheet_of(s, "control", title, LINES, 5);
    for (int j = 0; j < 5; j++) strcpy(sheet.col[j], columns[j]);
    for (int i = 0; i < LINES; i++) {
        const double x[] = {of[i].before, of[i].after, of[i].mean, of[i].sd, sds_away(&of[i])};
        strcpy(sheet.row[i].name, lines[i].name);
        for (int j = 0; j < 5; j++) *sheet_cell(&sheet, i, j) = x[j];
    }
    probed_model_show(s, &sheet, &s->main, s->main.rows);
    return true;
}

/* ---- over training ---- */

/* metric 'main do INTERVENTION.control.FIGURE.STATISTIC', which the view control reads. */
static bool keep(const ProbedModel *s, Store *store, int64_t run, const Beside of[LINES], Error *e) {
    char text[INTERVENTION_TEXT], name[INTERVENTION_TEXT + 64];
    intervention_text(&s->control.of, text);
    for (int i = 0; i < LINES; i++) {
        const struct {
            const char *name;
            double x;
        } statistics[] = {{"untouched", of[i].before},
                          {"changed", of[i].after},
                          {"random", of[i].mean},
                          {"sd", of[i].sd},
                          {"n", s->control.n}};
        for (size_t k = 0; k < sizeof statistics / sizeof *statistics; k++) {
            snprintf(name, sizeof name, "main do %s.control.%s.%s", text,
                     lines[i].figure ? lines[i].figure : "loss", statistics[k].name);
            if (!isnan(statistics[k].x) && !store_metric(store, run, s->from.step, name, statistics[k].x, e))
                return false;
        }
    }
    return store_flush(store, e);
}

static bool one_step(ProbedModel *s, Beside of[LINES], Error *e) {
    Measured before = {0}, after = {0};
    bool ok = probed_model_measure(s, false, &before, e) && probed_model_measure(s, true, &after, e) &&
              compare(s, &before, &after, of, e);
    measured_free(&before);
    measured_free(&after);
    return ok;
}

bool control_steps(ProbedModel *s, const FoundModel *f, Store *store, int64_t run, Error *e) {
    static const int shown[] = {0, 2, 6}; /* loss, mass, norm ratio */
    enum { SHOWN = sizeof shown / sizeof *shown };
    static const char *const columns[] = {"", " after", " random", " sd"};
    char title[CONTROL_TITLE];
    Beside of[LINES];
    Sheet sheet = sheet_of(s, "control", title, f->n, 4 * SHOWN);
    bool ok = true;
    for (int j = 0; j < 4 * SHOWN; j++)
        snprintf(sheet.col[j], SHEET_NAME, "%s%s", lines[shown[j / 4]].name, columns[j % 4]);
    for (int i = 0; ok && i < f->n; i++) {
        ok = (!*f->folder || probed_model_load(s, f, i, e)) && one_step(s, of, e) &&
             (!store || keep(s, store, run, of, e));
        snprintf(sheet.row[i].name, SHEET_NAME, "step %lld", (long long)s->from.step);
        for (int k = 0; ok && k < SHOWN; k++) {
            const Beside *b = &of[shown[k]];
            const double x[] = {b->before, b->after, b->mean, b->sd};
            for (int j = 0; j < 4; j++) *sheet_cell(&sheet, i, 4 * k + j) = x[j];
        }
    }
    if (ok)
        probed_model_show(s, &sheet, &s->main, s->main.rows);
    else
        sheet_free(&sheet);
    return ok;
}
