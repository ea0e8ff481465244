#include "ablations/page/svg.h"

#include "ablations/page/figure_table.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 640, HEIGHT = 300, LEFT = 56, RIGHT = 12, TOP = 28, BOTTOM = 40, TICKS = 6, LEGEND_ROW = 15 };

/* What an axis shows, in log10 where it is logarithmic. */
typedef struct Axis {
    double from, to;
    bool log;
} Axis;

typedef struct View {
    Axis x, y;
} View;

const char *svg_colour(int index) {
    return palette_light[index % PALETTE];
}

/* What tells lines of one colour apart, of 40 places. */
static const char *dash_of(int index) {
    static const char *const dash[] = {"", " stroke-dasharray=\"7 3\"", " stroke-dasharray=\"2 3\"",
                                       " stroke-dasharray=\"9 3 2 3\"", " stroke-dasharray=\"1 5\""};
    return dash[index / PALETTE % (sizeof dash / sizeof *dash)];
}

void svg_text(FILE *out, const char *text) {
    static const struct {
        char c;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (; *text; text++) {
        const char *entity = NULL;
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            if (entities[i].c == *text) entity = entities[i].entity;
        if (entity)
            fputs(entity, out);
        else
            fputc((unsigned char)*text < ' ' || *text == 0x7F ? ' ' : *text, out);
    }
}

void svg_label(FILE *out, double x, double y, const char *anchor, const char *text) {
    fprintf(out, "<text x=\"%g\" y=\"%g\" text-anchor=\"%s\">", x, y, anchor);
    svg_text(out, text);
    fputs("</text>\n", out);
}

/* What is drawn in a light colour has its dark one where the screen is dark. */
static void write_dark(FILE *out, const char *attribute, const char *light, const char *dark) {
    fprintf(out, "[%s=\"%s\"]{%s:%s}", attribute, light, attribute, dark);
}

void svg_begin(FILE *out, int width, int height, int left, const char *title) {
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
            "font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"currentColor\">\n"
            /* A file of its own has no page to take its colour from. */
            "<style>svg:root{color:#24292f}@media(prefers-color-scheme:dark){svg:root{color:#d8dee4}",
            width, height);
    for (int i = 0; i < PALETTE; i++) write_dark(out, "stroke", palette_light[i], palette_dark[i]);
    fputs("}</style>\n<title>", out);
    svg_text(out, title);
    fprintf(out, "</title>\n<g font-size=\"13\" font-weight=\"600\">");
    svg_label(out, left, 16, "start", title);
    fputs("</g>\n", out);
}

void svg_shades(FILE *out) {
    fputs("<style>@media(prefers-color-scheme:dark){", out);
    for (int i = 0; i < SVG_SHADES; i++) {
        char light[8], dark[8];
        ramp_colour(i / (SVG_SHADES - 1.0), false, light);
        ramp_colour(i / (SVG_SHADES - 1.0), true, dark);
        write_dark(out, "fill", light, dark);
    }
    fputs("}</style>\n", out);
}

void svg_cell(FILE *out, double x, double y, double w, double h, double place) {
    char colour[8];
    ramp_colour(round(place * (SVG_SHADES - 1)) / (SVG_SHADES - 1), false, colour);
    fprintf(out, "<path shape-rendering=\"crispEdges\" fill=\"%s\" d=\"M%g %gh%gv%gh%gz\"/>\n", colour, x, y,
            w, h, -w);
}

/* ---- the plane ---- */

static bool to_axis(const Axis *a, double value, double *out) {
    *out = a->log ? log10(value) : value;
    return isfinite(*out);
}

static bool to_plane(const View *v, double x, double y, double *px, double *py) {
    return to_axis(&v->x, x, px) && to_axis(&v->y, y, py);
}

static void widen(Axis *a, double value) {
    a->from = fmin(a->from, value);
    a->to = fmax(a->to, value);
}

/* An axis of something, whatever there is to draw. */
static void settle_axis(Axis *a, double alone) {
    if (!isfinite(a->from)) a->from = 0, a->to = 1;
    if (a->to <= a->from) a->to = a->from + alone;
}

static View view_of(const SvgChart *c) {
    View v = {{INFINITY, -INFINITY, c->log_x}, {INFINITY, -INFINITY, c->log_y}};
    double x, y;
    for (int i = 0; i < c->n; i++)
        for (int k = 0; k < c->series[i].n; k++)
            if (to_plane(&v, c->series[i].x[k], c->series[i].y[k], &x, &y)) widen(&v.x, x), widen(&v.y, y);
    if (!isnan(c->rule) && to_axis(&v.y, c->rule, &y)) widen(&v.y, y);
    if (c->from_zero && !c->log_y) v.y.from = fmin(v.y.from, 0);
    settle_axis(&v.x, 1);
    settle_axis(&v.y, isfinite(v.y.from) && v.y.from != 0 ? fabs(v.y.from) * 0.1 : 1);
    v.y.to += 0.04 * (v.y.to - v.y.from);
    double inset = 0; /* points do not stand on the frame */
    for (int i = 0; i < c->n; i++)
        if (c->series[i].dots) inset = 0.04 * (v.x.to - v.x.from);
    v.x.from -= inset;
    v.x.to += inset;
    return v;
}

static double place_x(const View *v, double x) {
    return LEFT + (x - v->x.from) / (v->x.to - v->x.from) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const View *v, double y) {
    return HEIGHT - BOTTOM - (y - v->y.from) / (v->y.to - v->y.from) * (HEIGHT - TOP - BOTTOM);
}

/* The step of 1, 2 or 5 times a power of ten that makes at most TICKS ticks. */
static double round_step(double range) {
    double rough = range / TICKS, power = pow(10, floor(log10(rough))), share = rough / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static double clean(double tick, double step) {
    return fabs(tick) < step * 1e-6 ? 0 : tick;
}

/* ---- drawing ---- */

static void draw_line(FILE *out, double x0, double y0, double x1, double y1, const char *attributes) {
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"currentColor\" %s/>\n", x0,
            y0, x1, y1, attributes);
}

/* `at` is of the axis, `text` what stands there. */
static void draw_x_tick(FILE *out, const View *v, double at, const char *text) {
    double x = place_x(v, at);
    bool at_edge = x > WIDTH - RIGHT - 10; /* where a label in the middle would be cut */
    svg_label(out, at_edge ? WIDTH - 2 : x, HEIGHT - BOTTOM + 16, at_edge ? "end" : "middle", text);
}

static void draw_y_tick(FILE *out, const View *v, double at, const char *text) {
    svg_label(out, LEFT - 6, place_y(v, at) + 4, "end", text);
    draw_line(out, LEFT, place_y(v, at), WIDTH - RIGHT, place_y(v, at), "stroke-opacity=\".15\"");
}

typedef void Tick(FILE *out, const View *v, double at, const char *text);

/* `value` in the data's unit. */
static void draw_tick(FILE *out, const View *v, const Axis *a, Tick *tick, double value) {
    char text[32];
    double at;
    if (!to_axis(a, value, &at) || at < a->from - 1e-9 || at > a->to + 1e-9) return;
    snprintf(text, sizeof text, "%g", value);
    tick(out, v, at, text);
}

/* Round numbers: every one within a decade, 1, 2 and 5 over two, else powers of ten. */
static void draw_log_ticks(FILE *out, const View *v, const Axis *a, Tick *tick) {
    double decades = a->to - a->from;
    for (double power = floor(a->from); power <= a->to; power++)
        for (int digit = 1; digit < 10; digit++)
            if (digit == 1 || decades < 1 || (decades < 2.5 && (digit == 2 || digit == 5)))
                draw_tick(out, v, a, tick, digit * pow(10, power));
}

static void draw_ticks(FILE *out, const View *v, const Axis *a, Tick *tick) {
    if (a->log) {
        draw_log_ticks(out, v, a, tick);
        return;
    }
    double step = round_step(a->to - a->from);
    for (double t = ceil(a->from / step) * step; t <= a->to; t += step)
        draw_tick(out, v, a, tick, clean(t, step));
}

static void draw_dots(FILE *out, const View *v, const SvgSeries *s) {
    double x, y;
    for (int k = 0; k < s->n; k++)
        if (to_plane(v, s->x[k], s->y[k], &x, &y))
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"none\" stroke=\"%s\"/>\n",
                    place_x(v, x), place_y(v, y), svg_colour(s->colour));
}

static void draw_series(FILE *out, const View *v, const SvgSeries *s) {
    double x, y;
    if (s->dots) {
        draw_dots(out, v, s);
        return;
    }
    fprintf(out,
            "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" stroke-opacity=\".85\" "
            "stroke-linejoin=\"round\"%s points=\"",
            svg_colour(s->colour), dash_of(s->colour));
    for (int k = 0; k < s->n; k++)
        if (to_plane(v, s->x[k], s->y[k], &x, &y)) fprintf(out, "%.1f,%.1f ", place_x(v, x), place_y(v, y));
    fputs("\"/>\n", out);
}

static void draw_legend(FILE *out, const SvgChart *c) {
    double y = HEIGHT + 10;
    for (int i = 0; i < c->n; i++) {
        if (!c->series[i].name) continue;
        fprintf(out,
                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"3\"%s/>\n",
                LEFT, y - 4, LEFT + 20, y - 4, svg_colour(c->series[i].colour), dash_of(c->series[i].colour));
        svg_label(out, LEFT + 26, y, "start", c->series[i].name);
        y += LEGEND_ROW;
    }
}

static void draw_rule(FILE *out, const SvgChart *c, const View *v) {
    double y;
    if (isnan(c->rule) || !to_axis(&v->y, c->rule, &y)) return;
    draw_line(out, LEFT, place_y(v, y), WIDTH - RIGHT, place_y(v, y), "stroke-dasharray=\"5 4\"");
    if (c->rule_label) svg_label(out, WIDTH - RIGHT, place_y(v, y) - 5, "end", c->rule_label);
}

void svg_chart(FILE *out, const SvgChart *c) {
    View v = view_of(c);
    int named = 0;
    for (int i = 0; i < c->n; i++) named += c->series[i].name != NULL;
    svg_begin(out, WIDTH, HEIGHT + (named ? named * LEGEND_ROW + 4 : 0), LEFT, c->title);
    draw_ticks(out, &v, &v.x, draw_x_tick);
    draw_ticks(out, &v, &v.y, draw_y_tick);
    draw_line(out, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, "");
    draw_line(out, LEFT, TOP, LEFT, HEIGHT - BOTTOM, "");
    svg_label(out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - BOTTOM + 31, "middle", c->x_label);
    for (int i = 0; i < c->n; i++) draw_series(out, &v, &c->series[i]);
    draw_rule(out, c, &v);
    draw_legend(out, c);
    fputs("</svg>\n", out);
}
