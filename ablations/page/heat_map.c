#include "ablations/page/heat_map.h"

#include "ablations/page/svg.h"

#include <math.h>

enum { GAP = 34, TOP = 34, LEFT = 28, LEGEND = 40, STEPS = 64, TICK = 8 };

/* Half of the scale is where the eye tells most apart. */
static void cell(FILE *out, double x, double y, int w, int h, double share) {
    static const SvgStop stops[] = {
        {0, {255, 255, 255}}, {1.0 / 3, {166, 206, 227}}, {2.0 / 3, {31, 120, 180}}, {1, {8, 29, 88}}};
    svg_cell(out, x, y, w, h, stops, fmin(share, 1));
}

static void ticks(FILE *out, const HeatMap *m, double x, double y) {
    char number[16];
    for (int j = 0; j<m->cols; j += m->cols> 2 * TICK ? TICK : 1) {
        snprintf(number, sizeof number, "%d", j);
        svg_label(out, x + (j + 0.5) * m->cell, y + m->rows * m->cell + 10, "middle", number);
    }
    for (int i = 0; i<m->rows; i += m->rows> 2 * TICK ? TICK : 1) {
        snprintf(number, sizeof number, "%d", i);
        svg_label(out, x - 3, y + (i + 0.5) * m->cell + 3, "end", number);
    }
}

/* Draws a panel. Cells of the lightest step are left out: the background is white. */
static void panel(FILE *out, const HeatMap *m, const HeatPanel *p, double x, double y) {
    fprintf(out, "<rect x=\"%g\" y=\"%g\" width=\"%d\" height=\"%d\" fill=\"#fff\" stroke=\"#888\"/>\n", x, y,
            m->cols * m->cell, m->rows * m->cell);
    for (int i = 0; i < m->rows; i++)
        for (int j = 0; j < m->cols; j++) {
            double share = p->at[(long)i * m->cols + j] / m->most;
            if (share > 0.5 / STEPS) cell(out, x + j * m->cell, y + i * m->cell, m->cell, m->cell, share);
        }
    svg_label(out, x, y - 5, "start", p->title);
    ticks(out, m, x, y);
}

static void legend(FILE *out, const HeatMap *m, double x, double y) {
    char number[32];
    for (int i = 0; i < STEPS; i++) cell(out, x + 2 * i, y, 2, 8, (i + 0.5) / STEPS);
    svg_label(out, x - 4, y + 8, "end", "0");
    snprintf(number, sizeof number, "%.3g", m->most);
    svg_label(out, x + 2 * STEPS + 4, y + 8, "start", number);
}

void heat_map(FILE *out, const HeatMap *m) {
    int w = m->cols * m->cell + GAP, h = m->rows * m->cell + GAP, down = (m->n + m->across - 1) / m->across;
    int width = LEFT + (m->across * w > 320 ? m->across * w : 320), height = TOP + 14 + down * h + LEGEND;
    svg_begin(out, width, height, LEFT, m->title);
    for (int i = 0; i < m->n; i++)
        panel(out, m, &m->panel[i], LEFT + i % m->across * w, TOP + 14 + i / m->across * h);
    char axes[128];
    snprintf(axes, sizeof axes, "across: %s, down: %s", m->x_label, m->y_label);
    svg_label(out, LEFT, height - LEGEND + 14, "start", axes);
    legend(out, m, LEFT + 12, height - 16);
    fputs("</svg>\n", out);
}
