#include "ablations/page/head_map.h"

#include "ablations/page/report_runs.h"
#include "ablations/page/svg.h"
#include "ablations/text_table.h"
#include "train/store/column.h"

#include <math.h>
#include <string.h>

/* Pixels, of which a row shows COLUMNS * COLUMN; SHADES is how many colours there are. */
enum { WIDTH = 640, LEFT = 56, TOP = 40, ROW = 13, GAP = 30, FOOT = 94, COLUMN = 4, COLUMNS = 143 };
enum { BAR = 260, MOST_MODELS = 8, NAME = 160 };

typedef struct Model {
    char name[NAME];
    int64_t run;
    int layers, heads, T;
    double control; /* mass of the first key under uniform attention over T keys */
} Model;

typedef struct HeadMap {
    FILE *out;
    Model model[MOST_MODELS];
    int n, models; /* drawn, and in all */
    int64_t last;  /* the step at the right end */
} HeadMap;

/* ---- what is drawn ---- */

/* One run of each place, the one that came furthest and then of the lowest seed. */
static const char models_sql[] = REPORT_RUNS
    ", reached AS (SELECT run_id, max(step) AS last, max(layer) + 1 AS layers, max(head) + 1 AS heads"
    "  FROM step_head WHERE run_id IN (SELECT run FROM report_runs) GROUP BY run_id),"
    " ranked AS (SELECT h.place, h.label, r.id, r.seed, json_extract(r.config, '$.model.context') AS T,"
    "   p.last, p.layers, p.heads, row_number() OVER (PARTITION BY h.place ORDER BY p.last DESC, r.seed) AS "
    "turn"
    "  FROM report_runs AS h JOIN run AS r ON r.id = h.run JOIN reached AS p ON p.run_id = r.id)"
    " SELECT label, seed, id, layers, heads, coalesce(T, 0), last FROM ranked WHERE turn = 1 ORDER BY place";

static double uniform_mass(int T) {
    double sum = 0;
    for (int q = 0; q < T; q++) sum += 1.0 / (q + 1);
    return T > 0 ? sum / T : NAN;
}

static void add_model(HeadMap *h, sqlite3_stmt *q) {
    if (++h->models > MOST_MODELS) return;
    Model *m = &h->model[h->n++];
    snprintf(m->name, sizeof m->name, "%s, seed %d", column_text(q, 0), sqlite3_column_int(q, 1));
    m->run = sqlite3_column_int64(q, 2);
    m->layers = sqlite3_column_int(q, 3);
    m->heads = sqlite3_column_int(q, 4);
    m->T = sqlite3_column_int(q, 5);
    m->control = uniform_mass(m->T);
    int64_t last = sqlite3_column_int64(q, 6);
    if (last > h->last) h->last = last;
}

static bool read_models(HeadMap *h, Store *s, const char *sweep, Error *e) {
    sqlite3_stmt *q = table_query(s, models_sql, sweep, e);
    int result;
    if (!q) return false;
    while ((result = sqlite3_step(q)) == SQLITE_ROW) add_model(h, q);
    sqlite3_finalize(q);
    return result == SQLITE_DONE || store_failed(s, "report", e);
}

/* ---- colour ---- */

static int shade_of(double mass) {
    return (int)(fmin(fmax(mass, 0), 1) * (SVG_SHADES - 1) + 0.5);
}

static void rectangle(FILE *out, double x, double y, double w, int height, int shade) {
    svg_cell(out, x, y, w, height, (double)shade / (SVG_SHADES - 1));
}

/* ---- drawing ---- */

/* Neighbours of one shade are one rectangle. */
typedef struct Stretch {
    int layer, head, from, to, shade;
} Stretch;

static void draw_stretch(const HeadMap *h, const Model *m, double y, const Stretch *t) {
    if (t->to > t->from)
        rectangle(h->out, LEFT + t->from * COLUMN, y + (t->layer * m->heads + t->head) * ROW,
                  (t->to - t->from) * COLUMN, ROW - 1, t->shade);
}

/* Steps averaged over a column each. */
static bool draw_rows(const HeadMap *h, const Model *m, double y, Store *s, Error *e) {
    static const char sql[] =
        "SELECT layer, head, (step - 1) * ?2 / ?3 AS at, avg(first_mass), max(step) * ?2 / ?3 FROM step_head"
        " WHERE run_id = ?1 AND first_mass IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    sqlite3_stmt *q = table_query(s, sql, NULL, e);
    Stretch t = {0};
    int result;
    if (!q) return false;
    sqlite3_bind_int64(q, 1, m->run);
    sqlite3_bind_int(q, 2, COLUMNS);
    sqlite3_bind_int64(q, 3, h->last);
    while ((result = sqlite3_step(q)) == SQLITE_ROW) {
        int layer = sqlite3_column_int(q, 0), head = sqlite3_column_int(q, 1), at = sqlite3_column_int(q, 2);
        int to = sqlite3_column_int(q, 4) > at ? sqlite3_column_int(q, 4) : at + 1;
        int shade = shade_of(sqlite3_column_double(q, 3));
        if (layer != t.layer || head != t.head || shade != t.shade) {
            draw_stretch(h, m, y, &t);
            t = (Stretch){layer, head, at, to, shade};
        }
        t.to = to;
    }
    draw_stretch(h, m, y, &t);
    sqlite3_finalize(q);
    return result == SQLITE_DONE || store_failed(s, "report", e);
}

static bool draw_model(const HeadMap *h, const Model *m, double y, Store *s, Error *e) {
    char text[NAME + 64];
    int rows = m->layers * m->heads;
    bool all = rows <= 24; /* else one name a layer */
    snprintf(text, sizeof text, "%s (n = 1 run, T = %d, uniform control %.4f)", m->name, m->T, m->control);
    svg_label(h->out, LEFT, y - 5, "start", text);
    for (int i = 0; i < rows; i += all ? 1 : m->heads) {
        snprintf(text, sizeof text, all ? "L%d H%d" : "L%d", i / m->heads, i % m->heads);
        svg_label(h->out, LEFT - 5, y + i * ROW + ROW - 2, "end", text);
    }
    return draw_rows(h, m, y, s, e);
}

static void draw_time(const HeadMap *h, double y) {
    char text[32];
    for (int i = 0; i <= 4; i++) {
        snprintf(text, sizeof text, "%lld", (long long)(h->last * i / 4));
        svg_label(h->out, LEFT + COLUMNS * COLUMN * i / 4.0, y, i < 4 ? "middle" : "end", text);
    }
    svg_label(h->out, LEFT + COLUMNS * COLUMN / 2.0, y + 15, "middle", "step");
}

/* The colours, with a mark at the first model's control. */
static void draw_legend(const HeadMap *h, double y) {
    char text[96];
    double control = h->model[0].control;
    for (int i = 0; i < SVG_SHADES; i++)
        rectangle(h->out, LEFT + i * (double)BAR / SVG_SHADES, y, (double)BAR / SVG_SHADES + 0.2, 9, i);
    for (int i = 0; i <= 4; i++) {
        snprintf(text, sizeof text, "%g", i / 4.0);
        svg_label(h->out, LEFT + BAR * i / 4.0, y + 21, "middle", text);
    }
    if (!isnan(control)) {
        snprintf(text, sizeof text, "uniform control %.4f", control);
        fprintf(h->out, "<path stroke=\"currentColor\" d=\"M%.1f %gv14\"/>\n", LEFT + BAR * control, y - 2);
        svg_label(h->out, LEFT + BAR * control, y + 35, "start", text);
    }
    svg_label(h->out, LEFT + BAR + 14, y + 8, "start",
              "share of attention, mean over a training batch's rows;");
    svg_label(h->out, LEFT + BAR + 14, y + 22, "start",
              "the deeper, the more; uniform attention: at the mark");
}

bool head_map(FILE *out, Store *s, const char *sweep, Error *e) {
    HeadMap h = {.out = out};
    char title[96] = "Mass of the first key by head (L layer, H head)";
    int y = TOP, height = TOP + FOOT - GAP;
    if (!read_models(&h, s, sweep, e)) return false;
    if (!h.n) return true;
    for (int i = 0; i < h.n; i++) height += h.model[i].layers * h.model[i].heads * ROW + GAP;
    if (h.models > h.n)
        snprintf(title + strlen(title), sizeof title - strlen(title), ", %d models of %d", h.n, h.models);
    svg_begin(out, WIDTH, height, LEFT, title);
    svg_shades(out);
    for (int i = 0; i < h.n; i++) {
        if (!draw_model(&h, &h.model[i], y, s, e)) return false;
        y += h.model[i].layers * h.model[i].heads * ROW + GAP;
    }
    draw_time(&h, y - GAP + 14);
    draw_legend(&h, y - GAP + 46);
    fputs("</svg>\n", out);
    return true;
}
