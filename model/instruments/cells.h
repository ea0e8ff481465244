/* Owns: what instruments keep while rows pass: a few doubles for each (sequence, layer, head),
 * written only by whoever measures that cell and reduced in the order of sequences, layers and heads
 * at the end, so that a figure's bits do not depend on threads or on batches. NAN means undefined and
 * is left out of every mean. Quantities of a layer use one head. Does not own: any definition. */
#ifndef SINKLAB_CELLS_H
#define SINKLAB_CELLS_H

#include "model/instruments/instrument.h"

#include <stddef.h>

typedef struct Cells {
    int rows, layers, heads, width;
    double *at; /* (rows, layers, heads, width), zero at first */
} Cells;

/* The names under which one quantity is handed over; NULL: not at this chunk. */
typedef struct Names {
    const char *head, *layer, *whole;
    double (*over)(double *x, int64_t n); /* all layers and heads to the whole model; see stats.h */
} Names;

/* Zeroed memory; the program ends when there is none, as it does in figures_add. */
void *instrument_memory(size_t n, size_t size);

/* Targets that are scored; random tokens have none. */
int64_t probe_scored(const Probe *p);
/* Whether a token is of that class. */
bool probe_has_kind(const Probe *p, int kind);

/* Those of routed layers begin as NAN: what looks within their blocks is never shown them. */
Cells cells_make(const Probe *p, int heads, int width);
void cells_free(Cells *c);
double *cell(const Cells *c, int64_t row, int layer, int head);

/* Mean over the sequences. */
double cells_mean(const Cells *c, int layer, int head, int i);
/* The most frequent value over the sequences (the smallest of such), for indices. */
double cells_mode(const Cells *c, int layer, int head, int i);
/* Share of the cells whose value is strictly above eps; layer -1: of all layers, head -1: all heads. */
double cells_share_above(const Cells *c, int layer, int head, int i, double eps);
/* Hands over the means of value i by head, by layer (mean of heads) and of the whole. */
void cells_report(const Cells *c, int i, const Names *names, Figures *out);

/* Takes out of `out`, from a place on, what is of routed layers: there it is not measured. */
void figures_drop_routed(Figures *out, int from, const ModelConfig *c);

#endif
