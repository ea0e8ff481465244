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
enum { LINES = sizeof lines / sizeof *lines };

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

static void show(ProbedModel *s, const Measured *before, const Measured *after, const double *x) {
    static const char *const columns[] = {"before", "after", "random", "sd", "sds away"};
    char title[INTERVENTION_TEXT + 64], name[INTERVENTION_TEXT];
    intervention_text(&s->control.of, name);
    snprintf(title, sizeof title, "%s and %d others of its size", name, s->control.n);
    Sheet sheet = sheet_make("control", title, LINES, 5);
    for (int j = 0; j < 5; j++) strcpy(sheet.col[j], columns[j]);
    for (int i = 0; i < LINES; i++) {
        double mean, sd;
        strcpy(sheet.row[i].name, lines[i].name);
        spread(x + i, s->control.n, &mean, &sd);
        *sheet_cell(&sheet, i, 0) = figure(before, i);
        *sheet_cell(&sheet, i, 1) = figure(after, i);
        *sheet_cell(&sheet, i, 2) = mean;
        *sheet_cell(&sheet, i, 3) = sd;
        if (sd > 0) *sheet_cell(&sheet, i, 4) = (figure(after, i) - mean) / sd;
    }
    probed_model_show(s, &sheet, &s->main, s->main.rows);
}

bool control_show(ProbedModel *s, const Measured *before, const Measured *after, Error *e) {
    int n = s->control.n;
    if (!n) return true;
    Intervention *others = calloc((size_t)n, sizeof *others);
    double *x = calloc((size_t)n * LINES, sizeof *x);
    bool ok = (others && x && control_draw(&s->control, s->m, s->main.T, others)) ||
              fail(e, EXIT_FAILED, "probe: out of memory");
    for (int i = 0; ok && i < n; i++) ok = measure(s, &others[i], x + (size_t)i * LINES, e);
    if (ok) show(s, before, after, x);
    free(others);
    free(x);
    return ok;
}
