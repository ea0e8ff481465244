#include "ablations/bench/roofline.h"

#include "ablations/page/svg.h"

#include <math.h>
#include <stdlib.h>

/* One panel a configuration, one below the other; to the right of each its numbered phases. */
enum { WIDTH = 900, PANEL = 430, LEFT = 62, RIGHT = 300, TOP = 40, BOTTOM = 48, ROW = 15 };

/* What the frame shows, in log10. */
typedef struct View {
    double x0, x1, y0, y1, top; /* top: of the panel, in the picture */
} View;

typedef struct Point {
    int phase, number;
    double x, y; /* FLOPs a byte, GF/s */
} Point;

static double place_x(const View *v, double x) {
    return LEFT + (log10(x) - v->x0) / (v->x1 - v->x0) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const View *v, double y) {
    return v->top + PANEL - BOTTOM - (log10(y) - v->y0) / (v->y1 - v->y0) * (PANEL - TOP - BOTTOM);
}

static int points_of(const BenchResult *r, Point points[PHASES]) {
    int n = 0;
    for (int p = 0; p < PHASES; p++) {
        Work w = r->phase_work[p];
        if (r->phase_ms[p] < 1e-3 || w.flops <= 0 || w.bytes <= 0) continue;
        points[n] = (Point){p, n + 1, w.flops / w.bytes, w.flops / r->phase_ms[p] * 1e-6};
        n++;
    }
    return n;
}

/* Whole powers of ten round all points and roofs. */
static View view_of(const BenchMachine *m, const Point *points, int n, double top) {
    double high = m->bf16 > m->fp32 ? m->bf16 : m->fp32, ridge = high / m->bytes;
    View v = {log10(ridge), log10(ridge), log10(high * 1e-9), log10(high * 1e-9), top};
    for (int i = 0; i < n; i++) {
        v.x0 = fmin(v.x0, log10(points[i].x));
        v.x1 = fmax(v.x1, log10(points[i].x));
        v.y0 = fmin(v.y0, log10(points[i].y));
        v.y1 = fmax(v.y1, log10(points[i].y));
    }
    return (View){floor(v.x0 - 0.1), ceil(v.x1 + 0.1), floor(v.y0 - 0.1), ceil(v.y1 + 0.05), top};
}

static void label(FILE *out, double x, double y, const char *attributes, const char *text) {
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
    svg_text(out, text);
    fputs("</text>\n", out);
}

static void line(FILE *out, double x0, double y0, double x1, double y1, const char *attributes) {
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x0, y0, x1, y1, attributes);
}

static void draw_axes(FILE *out, const View *v) {
    char text[32];
    for (double x = v->x0; x <= v->x1; x++) {
        double at = place_x(v, pow(10, x));
        snprintf(text, sizeof text, "%g", pow(10, x));
        line(out, at, v->top + TOP, at, v->top + PANEL - BOTTOM,
             "stroke=\"currentColor\" stroke-opacity=\".15\"");
        label(out, at, v->top + PANEL - BOTTOM + 15, "text-anchor=\"middle\"", text);
    }
    for (double y = v->y0; y <= v->y1; y++) {
        double at = place_y(v, pow(10, y));
        snprintf(text, sizeof text, "%g", pow(10, y));
        line(out, LEFT, at, WIDTH - RIGHT, at, "stroke=\"currentColor\" stroke-opacity=\".15\"");
        label(out, LEFT - 6, at + 4, "text-anchor=\"end\"", text);
    }
    label(out, (LEFT + WIDTH - RIGHT) / 2.0, v->top + PANEL - BOTTOM + 33, "text-anchor=\"middle\"",
          "FLOPs a byte, were every array read and written once");
    label(out, LEFT - 6, v->top + TOP - 8, "text-anchor=\"end\"", "GF/s");
}

/* The slope of memory up to a peak, and the peak from there on. */
static void draw_roof(FILE *out, const View *v, const BenchMachine *m, double peak, const char *name) {
    char text[64];
    double low = pow(10, v->y0) * 1e9 / m->bytes, left = pow(10, v->x0), ridge = peak / m->bytes;
    const char *stroke = "stroke=\"currentColor\" stroke-width=\"1.5\"";
    if (low < left) low = left;
    line(out, place_x(v, low), place_y(v, low * m->bytes * 1e-9), place_x(v, ridge), place_y(v, peak * 1e-9),
         stroke);
    line(out, place_x(v, ridge), place_y(v, peak * 1e-9), WIDTH - RIGHT, place_y(v, peak * 1e-9), stroke);
    snprintf(text, sizeof text, "%s %.0f GF/s", name, peak * 1e-9);
    label(out, WIDTH - RIGHT - 4, place_y(v, peak * 1e-9) - 5, "text-anchor=\"end\"", text);
}

static void draw_memory_label(FILE *out, const View *v, const BenchMachine *m) {
    char text[64], attributes[128];
    double x = pow(10, v->x0) * 1.3, y = x * m->bytes * 1e-9;
    if (log10(y) < v->y0) y = pow(10, v->y0) * 1.3, x = y * 1e9 / m->bytes;
    double slope = (place_y(v, 10 * y) - place_y(v, y)) / (place_x(v, 10 * x) - place_x(v, x));
    snprintf(text, sizeof text, "memory %.1f GB/s", m->bytes * 1e-9);
    snprintf(attributes, sizeof attributes, "transform=\"rotate(%.1f %.1f %.1f)\"", atan(slope) * 180 / M_PI,
             place_x(v, x), place_y(v, y) - 6);
    label(out, place_x(v, x), place_y(v, y) - 6, attributes, text);
}

static int by_height(const void *a, const void *b) {
    double x = ((const Point *)a)->y, y = ((const Point *)b)->y;
    return (x < y) - (x > y);
}

/* A point and its number, which stands a little further off where another's would lie under it. */
static void draw_points(FILE *out, const View *v, const Point *points, int n) {
    double at[PHASES][2];
    for (int i = 0; i < n; i++) {
        double x = place_x(v, points[i].x), y = place_y(v, points[i].y);
        char number[8];
        at[i][0] = x + 6, at[i][1] = y + 4;
        for (int turns = 0, k = 0; k < i && turns < 200; k++) {
            if (fabs(at[k][0] - at[i][0]) > 14 || fabs(at[k][1] - at[i][1]) > 11) continue;
            at[i][1] = at[k][1] + 11.5;
            k = -1;
            turns++;
        }
        if (at[i][1] - y > 12)
            line(out, x, y, at[i][0] - 1, at[i][1] - 4, "stroke=\"currentColor\" stroke-opacity=\".35\"");
        snprintf(number, sizeof number, "%d", points[i].number);
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x, y,
                svg_colour(phase_unit(points[i].phase) == WORK_BYTES));
        label(out, at[i][0], at[i][1], "font-size=\"10\"", number);
    }
}

static double limit_of(const BenchMachine *m, const BenchResult *r, const Point *p) {
    bool product = phase_unit(p->phase) == WORK_FLOPS;
    double peak = product && r->bf16 ? m->bf16 : m->fp32, memory = p->x * m->bytes;
    return !product && memory < peak ? memory : peak;
}

static void draw_legend(FILE *out, const View *v, const Entry *x, const Point *points, int n) {
    char text[128];
    double y = v->top + TOP + 4;
    label(out, WIDTH - RIGHT + 16, y, "font-weight=\"600\"", "phase: GF/s, of its limit, of the step");
    for (int k = 0; k < n; k++) {
        const BenchResult *r = &x->result;
        snprintf(text, sizeof text, "%d  %s: %.3g, %.0f %%, %.1f %%", points[k].number,
                 phase_name(points[k].phase), points[k].y,
                 100e9 * points[k].y / limit_of(&x->machine, r, &points[k]),
                 100 * r->phase_ms[points[k].phase] / r->ms);
        label(out, WIDTH - RIGHT + 16, y += ROW, "", text);
    }
}

static void draw_panel(FILE *out, const Entry *x, double top) {
    const BenchMachine *m = &x->machine;
    Point points[PHASES], sorted[PHASES];
    char title[640];
    int n = points_of(&x->result, points);
    View v = view_of(m, points, n, top);
    snprintf(title, sizeof title, "%s, %s: %.0f tokens/s", x->name, entry_precision(x), x->speed.median);
    label(out, LEFT, v.top + 20, "font-size=\"13\" font-weight=\"600\"", title);
    draw_axes(out, &v);
    draw_roof(out, &v, m, m->fp32, "fp32");
    if (m->bf16 > 0) draw_roof(out, &v, m, m->bf16, "bf16");
    draw_memory_label(out, &v, m);
    for (int k = 0; k < n; k++) sorted[k] = points[k];
    qsort(sorted, (size_t)n, sizeof *sorted, by_height);
    draw_points(out, &v, sorted, n);
    draw_legend(out, &v, x, points, n);
}

void roofline_draw(FILE *out, const Bench *b) {
    fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
        "font-family=\"system-ui,sans-serif\" font-size=\"11\" fill=\"currentColor\">\n<title>Roofline of ",
        WIDTH, PANEL * b->n);
    svg_text(out, b->machine.cpu);
    fputs("</title>\n", out);
    for (int i = 0; i < b->n; i++) draw_panel(out, &b->of[i], (double)i * PANEL);
    fputs("</svg>\n", out);
}
