#include "ablations/page/heat_map.h"

#include "ablations/page/svg.h"

#include <math.h>

enum { GAP = 34, TOP = 34, LEFT = 28, LEGEND = 40, STEPS = 64, TICK = 8 };

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

/* Draws a panel. Cells of the quietest shade are left out: the panel has it for ground. */
static void panel(FILE *out, const HeatMap *m, const HeatPanel *p, double x, double y) {
    svg_cell(out, x, y, m->cols * m->cell, m->rows * m->cell, 0);
    fprintf(out, "<rect x=\"%g\" y=\"%g\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", x, y,
            m->cols * m->cell, m->rows * m->cell);
    for (int i = 0; i < m->rows; i++)
        for (int j = 0; j < m->cols; j++) {
            double share = p->at[(long)i * m->cols + j] / m->most;
            if (share > 0.5 / (SVG_SHADES - 1))
                svg_cell(out, x + j * m->cell, y + i * m->cell, m->cell, m->cell, fmin(share, 1));
        }
    svg_label(out, x, y - 5, "start", p->title);
    ticks(out, m, x, y);
}

static void legend(FILE *out, const HeatMap *m, double x, double y) {
    char number[32];
    for (int i = 0; i < STEPS; i++) svg_cell(out, x + 2 * i, y, 2, 8, i / (STEPS - 1.0));
    svg_label(out, x - 4, y + 8, "end", "0");
    snprintf(number, sizeof number, "%.3g", m->most);
    svg_label(out, x + 2 * STEPS + 4, y + 8, "start", number);
}

void heat_map(FILE *out, const HeatMap *m) {
    int w = m->cols * m->cell + GAP, h = m->rows * m->cell + GAP, down = (m->n + m->across - 1) / m->across;
    int width = LEFT + (m->across * w > 320 ? m->across * w : 320), height = TOP + 14 + down * h + LEGEND;
    svg_begin(out, width, height, LEFT, m->title);
    svg_shades(out);
    for (int i = 0; i < m->n; i++)
        panel(out, m, &m->panel[i], LEFT + i % m->across * w, TOP + 14 + i / m->across * h);
    char axes[128];
    snprintf(axes, sizeof axes, "across: %s, down: %s", m->x_label, m->y_label);
    svg_label(out, LEFT, height - LEGEND + 14, "start", axes);
    legend(out, m, LEFT + 12, height - 16);
    fputs("</svg>\n", out);
}
