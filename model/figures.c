#include "model/figures.h"

#include "data/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void figures_add_bin(Figures *f, const char *name, int layer, int head, int bin, double value) {
    if (f->n == f->room) {
        f->room = f->room ? 2 * f->room : 256;
        f->at = realloc(f->at, (size_t)f->room * sizeof *f->at);
        if (!f->at) out_of_memory();
    }
    f->at[f->n++] = (Figure){name, layer, head, bin, value};
}

void figures_add(Figures *f, const char *name, int layer, int head, double value) {
    figures_add_bin(f, name, layer, head, -1, value);
}

double figures_get(const Figures *f, const char *name, int layer, int head) {
    for (int i = 0; i < f->n; i++)
        if (f->at[i].layer == layer && f->at[i].head == head && !strcmp(f->at[i].name, name))
            return f->at[i].value;
    return NAN;
}

void figures_free(Figures *f) {
    free(f->at);
    *f = (Figures){0};
}
