#include "model/instruments/cells.h"

#include "data/base/error.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>

void *instrument_memory(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (!p) out_of_memory();
    return p;
}

int64_t probe_scored(const Probe *p) {
    int64_t scored = 0;
    for (int64_t n = 0; p->y && n < (int64_t)p->rows * p->T; n++) scored += p->y[n] >= 0;
    return scored;
}

bool probe_has_kind(const Probe *p, int kind) {
    for (int64_t n = 0; p->kind && n < (int64_t)p->rows * p->T; n++)
        if (p->kind[n] == kind) return true;
    return false;
}

Cells cells_make(const Probe *p, int heads, int width) {
    Cells c = {p->rows, (int)p->m->config.layers, heads, width, NULL};
    size_t n = (size_t)c.rows * c.layers * heads * width, layer = (size_t)heads * width;
    c.at = instrument_memory(n, sizeof *c.at);
    for (size_t i = 0; i < n; i++)
        if (config_is_routed(&p->m->config, (int)(i / layer % (size_t)c.layers))) c.at[i] = NAN;
    return c;
}

void cells_free(Cells *c) {
    free(c->at);
    *c = (Cells){0};
}

void figures_drop_routed(Figures *out, int from, const ModelConfig *c) {
    int n = from;
    for (int i = from; i < out->n; i++)
        if (!config_is_routed(c, out->at[i].layer)) out->at[n++] = out->at[i];
    out->n = n;
}

double *cell(const Cells *c, int64_t row, int layer, int head) {
    return c->at + ((row * c->layers + layer) * c->heads + head) * c->width;
}

double cells_mean(const Cells *c, int layer, int head, int i) {
    double sum = 0;
    int n = 0;
    for (int row = 0; row < c->rows; row++) {
        double x = cell(c, row, layer, head)[i];
        if (isnan(x)) continue;
        sum += x;
        n++;
    }
    return n ? sum / n : NAN;
}

double cells_mode(const Cells *c, int layer, int head, int i) {
    double best = NAN;
    int most = 0;
    for (int row = 0; row < c->rows; row++) {
        double x = cell(c, row, layer, head)[i];
        int n = 0;
        for (int other = 0; other < c->rows; other++) n += cell(c, other, layer, head)[i] == x;
        if (n > most || (n == most && x < best)) {
            most = n;
            best = x;
        }
    }
    return best;
}

double cells_share_above(const Cells *c, int layer, int head, int i, double eps) {
    int64_t above = 0, defined = 0;
    for (int row = 0; row < c->rows; row++)
        for (int l = 0; l < c->layers; l++)
            for (int h = 0; h < c->heads; h++) {
                if ((layer >= 0 && l != layer) || (head >= 0 && h != head)) continue;
                double x = cell(c, row, l, h)[i];
                above += x > eps;
                defined += !isnan(x);
            }
    return defined ? (double)above / (double)defined : NAN;
}

void cells_report(const Cells *c, int i, const Names *names, Figures *out) {
    double *means = instrument_memory((size_t)c->layers * c->heads, sizeof *means);
    for (int l = 0; l < c->layers; l++) {
        double *of_layer = means + (int64_t)l * c->heads;
        for (int h = 0; h < c->heads; h++) {
            of_layer[h] = cells_mean(c, l, h, i);
            if (names->head) figures_add(out, names->head, l, h, of_layer[h]);
        }
        if (names->layer) figures_add(out, names->layer, l, -1, mean_of(of_layer, c->heads));
    }
    if (names->whole) figures_add(out, names->whole, -1, -1, names->over(means, c->layers * c->heads));
    free(means);
}
