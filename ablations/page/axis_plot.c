#include "ablations/page/axis_plot.h"

#include "ablations/page/figure_table.h"
#include "ablations/page/report_runs.h"
#include "ablations/page/svg.h"
#include "ablations/sweep/student_t.h"
#include "ablations/text_table.h"
#include "data/base/bytes.h"
#include "train/store/column.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 512 };

/* A finished run. */
typedef struct Point {
    char label[NAME], rest[NAME]; /* its cell's label, whole and without the axis */
    double x, y;
    int colour; /* number of its rest, in order of the cells */
} Point;

typedef struct AxisPlot {
    Point *point;
    int n, colours;
    char axis[NAME];
} AxisPlot;

/* ---- labels: "lr=0.001 bos=none" ---- */

/* The value behind `name` in a label, and the character behind the value in *end; NULL: no such axis. */
static const char *value_of(const char *label, const char *name, const char **end) {
    size_t length = strlen(name);
    for (const char *at = label; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL) {
        if (strncmp(at, name, length) || at[length] != '=') continue;
        *end = at + strcspn(at, " ");
        return at + length + 1;
    }
    return NULL;
}

/* Takes the number under `name` out of a label: x, and what is left. */
static bool take_number(Point *p, const char *name) {
    const char *end = NULL, *value = value_of(p->label, name, &end);
    char *stop = NULL;
    if (!value) return false;
    p->x = strtod(value, &stop);
    if (stop == value || stop != end || !isfinite(p->x)) return false;
    const char *from = value - strlen(name) - 1;
    if (*end)
        end++;
    else if (from > p->label)
        from--;
    snprintf(p->rest, sizeof p->rest, "%.*s%s", (int)(from - p->label), p->label, end);
    return true;
}

/* Whether all labels have a number under that name, and not the same one. */
static bool take_axis(AxisPlot *p, const char *name) {
    bool several = false;
    for (int i = 0; i < p->n; i++) {
        if (!take_number(&p->point[i], name)) return false;
        several = several || p->point[i].x != p->point[0].x;
    }
    return several;
}

/* The first axis of numbers. */
static bool find_axis(AxisPlot *p) {
    for (const char *at = p->n ? p->point[0].label : NULL; at;
         at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL) {
        snprintf(p->axis, sizeof p->axis, "%.*s", (int)strcspn(at, "= "), at);
        if (take_axis(p, p->axis)) return true;
    }
    return false;
}

/* A colour for each rest, in order of the cells. */
static void colour_rests(AxisPlot *p) {
    for (int i = 0; i < p->n; i++) {
        Point *a = &p->point[i];
        a->colour = p->colours;
        for (int k = 0; k < i; k++)
            if (!strcmp(p->point[k].rest, a->rest)) a->colour = p->point[k].colour;
        if (a->colour == p->colours) p->colours++;
    }
}

static int by_colour_and_x(const void *a, const void *b) {
    const Point *p = a, *q = b;
    if (p->colour != q->colour) return p->colour - q->colour;
    return (p->x > q->x) - (p->x < q->x);
}

static bool read_points(AxisPlot *p, Store *s, const char *sweep, Error *e) {
    sqlite3_stmt *q = table_query(
        s,
        REPORT_RUNS
        "SELECT h.label, m.value FROM report_runs AS h JOIN sweep_metrics AS m ON m.run_id = h.run"
        " WHERE m.metric = 'sink_rate_03' AND m.value IS NOT NULL ORDER BY h.place, h.run",
        sweep, e);
    int result = SQLITE_DONE;
    bool ok = q;
    while (ok && (result = sqlite3_step(q)) == SQLITE_ROW) {
        ok = memory_grow((void **)&p->point, p->n + 1, sizeof *p->point, e);
        if (!ok) break;
        Point *a = &p->point[p->n++];
        *a = (Point){.y = sqlite3_column_double(q, 1)};
        snprintf(a->label, sizeof a->label, "%s", column_text(q, 0));
    }
    ok = ok && (result == SQLITE_DONE || store_failed(s, "report", e));
    sqlite3_finalize(q);
    return ok;
}

/* ---- drawing ---- */

/* What the series draw, in order of colour and x: n points, a mean a group of them, two ends an interval. */
typedef struct Drawing {
    SvgSeries *series;
    double *x, *y, *mean_x, *mean_y, *end_x, *end_y;
    int drawn, groups;
} Drawing;

static bool drawing_make(Drawing *d, int n, Error *e) {
    return memory_grow((void **)&d->series, 3 * n, sizeof *d->series, e) &&
           memory_grow((void **)&d->x, n, sizeof(double), e) &&
           memory_grow((void **)&d->y, n, sizeof(double), e) &&
           memory_grow((void **)&d->mean_x, n, sizeof(double), e) &&
           memory_grow((void **)&d->mean_y, n, sizeof(double), e) &&
           memory_grow((void **)&d->end_x, 2 * n, sizeof(double), e) &&
           memory_grow((void **)&d->end_y, 2 * n, sizeof(double), e);
}

static void drawing_free(Drawing *d) {
    double *const arrays[] = {d->x, d->y, d->mean_x, d->mean_y, d->end_x, d->end_y};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    free(d->series);
}

/* The points that share colour and x with the one at `at`: their mean and 95 % interval. Returns their
 * number. */
static int add_group(Drawing *d, const AxisPlot *p, int at) {
    int n = 0, g = d->groups++;
    double sum = 0, squares = 0;
    for (; at + n < p->n && !by_colour_and_x(&p->point[at], &p->point[at + n]); n++)
        sum += p->point[at + n].y;
    d->mean_x[g] = p->point[at].x;
    d->mean_y[g] = sum / n;
    for (int i = 0; i < n; i++) squares += pow(p->point[at + i].y - d->mean_y[g], 2);
    double half = n > 1 ? student_t_two_sided(0.05, n - 1) * sqrt(squares / (n - 1) / n) : 0;
    for (int i = 0; i < 2; i++) {
        d->end_x[2 * g + i] = d->mean_x[g];
        d->end_y[2 * g + i] = d->mean_y[g] + (i ? half : -half);
    }
    if (n > 1)
        d->series[d->drawn++] =
            (SvgSeries){.colour = p->point[at].colour, .n = 2, .x = d->end_x + 2 * g, .y = d->end_y + 2 * g};
    return n;
}

/* One colour's points, means and intervals, from the point at `at`. Returns how many points it has. */
static int add_colour(Drawing *d, const AxisPlot *p, int at) {
    int n = 0, first = d->groups;
    const Point *a = &p->point[at];
    while (at + n < p->n && a[n].colour == a->colour) n += add_group(d, p, at + n);
    d->series[d->drawn++] =
        (SvgSeries){.colour = a->colour, .n = n, .x = d->x + at, .y = d->y + at, .dots = true};
    d->series[d->drawn++] = (SvgSeries){.name = *a->rest ? a->rest : NULL,
                                        .colour = a->colour,
                                        .n = d->groups - first,
                                        .x = d->mean_x + first,
                                        .y = d->mean_y + first};
    return n;
}

static void draw(FILE *out, const AxisPlot *p, Drawing *d) {
    const DrawnFigure *f = figure_of("sink_rate_03");
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < p->n; i++) {
        d->x[i] = p->point[i].x;
        d->y[i] = p->point[i].y;
        low = fmin(low, d->x[i]);
        high = fmax(high, d->x[i]);
    }
    for (int at = 0; at < p->n;) at += add_colour(d, p, at);
    svg_chart(out,
              &(SvgChart){.title = "Sink rate at the end: a dot a seed, means, 95 % intervals (eps = 0.3)",
                          .x_label = p->axis,
                          .log_x = low > 0 && high >= 8 * low, /* rates and sizes are varied by factors */
                          .from_zero = true,
                          .rule = f->rule,
                          .rule_label = "threshold",
                          .series = d->series,
                          .n = d->drawn});
}

bool axis_plot(FILE *out, Store *s, const char *sweep, Error *e) {
    AxisPlot p = {0};
    Drawing d = {0};
    bool ok = !sweep || read_points(&p, s, sweep, e);
    if (ok && p.n && find_axis(&p)) {
        colour_rests(&p);
        qsort(p.point, (size_t)p.n, sizeof *p.point, by_colour_and_x);
        ok = drawing_make(&d, p.n, e);
        if (ok) draw(out, &p, &d);
    }
    drawing_free(&d);
    free(p.point);
    return ok;
}
