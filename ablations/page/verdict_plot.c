#include "ablations/page/verdict_plot.h"

#include "ablations/page/figure_table.h"
#include "ablations/page/svg.h"
#include "ablations/text_table.h"
#include "data/base/bytes.h"
#include "train/store/column.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 760, LEFT = 300, RIGHT = 110, TOP = 30, ROW = 40, LINE = 40, PAIR_BYTES = 400 };

/* One comparison as it is drawn; numbers that there are not are NAN. */
typedef struct Row {
    char expected[200], side[200], word[24];
    char pair[PAIR_BYTES]; /* which points are its own */
    double mean, low, high, bound;
    double *point; /* differences, a seed each */
    int points;
} Row;

/* ---- reading ---- */

static const char rows_sql[] =
    "SELECT v.expected, trim(v.side || iif(v.stratum = 'all', '', ', ' || v.stratum)),"
    " v.verdict || iif(v.n, printf(' (%d)', v.n), ''), v.metric || '|' || v.stratum || '|' || v.side, v.mean,"
    " v.low, v.high, iif(v.direction = 'lower', -v.beyond, v.beyond) FROM verdict AS v WHERE v.sweep = ?1";
static const char points_sql[] = "SELECT p.metric || '|' || p.stratum || '|' || p.side, p.difference"
                                 " FROM verdict_pair AS p JOIN sweep AS w ON w.id = p.sweep"
                                 " WHERE w.name = ?1 AND p.difference IS NOT NULL ORDER BY p.seed";

static double number(sqlite3_stmt *q, int column) {
    return sqlite3_column_type(q, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q, column);
}

static void copy_text(sqlite3_stmt *q, int column, char *out, size_t room) {
    const char *text = column_text(q, column);
    snprintf(out, room, "%s", text ? text : "");
}

/* What does not fit on one line goes on where a side would stand: a query's bound, or the last words. */
static void wrap(Row *r) {
    char *bound = strstr(r->expected, ": at "), *cut = r->expected + LINE;
    if (*r->side || strlen(r->expected) <= LINE) return;
    if (bound && bound < cut) cut = bound + 1;
    while (cut > r->expected && *cut != ' ') cut--;
    if (cut == r->expected) return;
    snprintf(r->side, sizeof r->side, "%s", cut + 1);
    *cut = '\0';
}

static bool read_rows(Store *s, const char *sweep, Row **rows, int *n, Error *e) {
    sqlite3_stmt *q = table_query(s, rows_sql, sweep, e);
    int result = SQLITE_DONE;
    bool ok = q;
    while (ok && (result = sqlite3_step(q)) == SQLITE_ROW) {
        ok = memory_grow((void **)rows, *n + 1, sizeof **rows, e);
        if (!ok) break;
        Row *r = &(*rows)[(*n)++];
        *r = (Row){.mean = number(q, 4), .low = number(q, 5), .high = number(q, 6), .bound = number(q, 7)};
        copy_text(q, 0, r->expected, sizeof r->expected);
        copy_text(q, 1, r->side, sizeof r->side);
        copy_text(q, 2, r->word, sizeof r->word);
        copy_text(q, 3, r->pair, sizeof r->pair);
        wrap(r);
    }
    ok = ok && (result == SQLITE_DONE || store_failed(s, "report", e));
    sqlite3_finalize(q);
    return ok;
}

static bool add_point(Row *rows, int n, const char *pair, double value, Error *e) {
    for (int i = 0; i < n; i++)
        if (!strncmp(rows[i].pair, pair, PAIR_BYTES - 1)) {
            if (!memory_grow((void **)&rows[i].point, rows[i].points + 1, sizeof(double), e)) return false;
            rows[i].point[rows[i].points++] = value;
        }
    return true;
}

static bool read_points(Store *s, const char *sweep, Row *rows, int n, Error *e) {
    sqlite3_stmt *q = table_query(s, points_sql, sweep, e);
    int result = SQLITE_DONE;
    bool ok = q;
    while (ok && (result = sqlite3_step(q)) == SQLITE_ROW)
        ok = add_point(rows, n, column_text(q, 0), sqlite3_column_double(q, 1), e);
    ok = ok && (result == SQLITE_DONE || store_failed(s, "report", e));
    sqlite3_finalize(q);
    return ok;
}

/* ---- drawing ---- */

typedef struct Scale {
    double from, to;
} Scale;

static Scale scale_of(const Row *r) {
    Scale s = {fmin(0, r->bound), fmax(0, r->bound)};
    for (int i = 0; i < r->points; i++) s.from = fmin(s.from, r->point[i]), s.to = fmax(s.to, r->point[i]);
    s.from = fmin(s.from, r->low); /* fmin and fmax pass NAN over */
    s.to = fmax(s.to, r->high);
    if (s.to <= s.from) s.to = s.from + 1;
    return s;
}

static double place(const Scale *s, double x) {
    return LEFT + 8 + (x - s->from) / (s->to - s->from) * (WIDTH - LEFT - RIGHT - 16);
}

static void upright(FILE *out, double x, double y, double half, const char *attributes) {
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"currentColor\" %s/>\n", x,
            y - half, x, y + half, attributes);
}

static void draw_end(FILE *out, const Scale *s, double x, double y) {
    char text[32];
    snprintf(text, sizeof text, "%.3g", x);
    fputs("<g font-size=\"10\" fill-opacity=\".7\">", out);
    svg_label(out, place(s, x), y + 19, x == s->from ? "start" : "end", text);
    fputs("</g>\n", out);
}

/* A name left of its row; one that has no room there at 12 px is set smaller. A letter is .58 of that wide.
 */
static void draw_name(FILE *out, double y, double opacity, const char *text) {
    double size = fmin(12, (LEFT - 18) / (.58 * fmax(1, strlen(text))));
    fprintf(out, "<g font-size=\"%.3g\" fill-opacity=\"%g\">", size, opacity);
    svg_label(out, LEFT - 10, y, "end", text);
    fputs("</g>\n", out);
}

static void draw_row(FILE *out, const Row *r, double y) {
    Scale s = scale_of(r);
    draw_name(out, y - 2, 1, r->expected);
    draw_name(out, y + 11, .7, r->side);
    fprintf(out,
            "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"currentColor\" "
            "stroke-opacity=\".2\"/>\n",
            place(&s, s.from), y, place(&s, s.to), y);
    upright(out, place(&s, 0), y, 9, "stroke-opacity=\".5\"");
    if (r->bound != 0) upright(out, place(&s, r->bound), y, 9, "stroke-dasharray=\"3 2\"");
    if (!isnan(r->low))
        fprintf(out,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"4\" "
                "stroke-opacity=\".6\"/>\n",
                place(&s, r->low), y, place(&s, r->high), y, svg_colour(palette_of_verdict(r->word)));
    for (int i = 0; i < r->points; i++)
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill-opacity=\".6\"/>\n",
                place(&s, r->point[i]), y - 5);
    if (!isnan(r->mean)) upright(out, place(&s, r->mean), y, 6, "stroke-width=\"2\"");
    draw_end(out, &s, s.from, y);
    draw_end(out, &s, s.to, y);
    svg_label(out, WIDTH - RIGHT + 10, y + 4, "start", r->word);
}

static void draw(FILE *out, const char *sweep, const Row *rows, int n) {
    char title[160];
    snprintf(title, sizeof title, "%s: a dot a seed, mean and 95 %% interval; dashed: the bound expected",
             sweep);
    svg_begin(out, WIDTH, TOP + n * ROW + 8, 8, title);
    for (int i = 0; i < n; i++) draw_row(out, &rows[i], TOP + i * ROW + ROW / 2.0 - 2);
    fputs("</svg>\n", out);
}

bool verdict_plot(FILE *out, Store *s, const char *sweep, Error *e) {
    Row *rows = NULL;
    int n = 0;
    if (!sweep) return true;
    bool ok = read_rows(s, sweep, &rows, &n, e) && read_points(s, sweep, rows, n, e);
    if (ok && n) draw(out, sweep, rows, n);
    for (int i = 0; i < n; i++) free(rows[i].point);
    free(rows);
    return ok;
}
