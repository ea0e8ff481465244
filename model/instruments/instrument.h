/* Owns: what an instrument is, and the one call that takes a probe's rows through the model
 * under a set of them. Each instrument is one file of this folder: definition, paper, what it
 * reads at the taps, the figures it hands over. Does not own: which rows a probe holds (data/),
 * when it is due (train/), where figures are kept (train/store/store.c). */
#ifndef SINKLAB_INSTRUMENT_H
#define SINKLAB_INSTRUMENT_H

#include "model/figures.h"
#include "model/model.h"
#include "model/tap.h"

/* Bits: a set of instruments. During training light ones are taken often and heavy ones seldom; those that
 * must be asked for have a place in `sinklab probe` alone. */
typedef enum InstrumentCost { LIGHT = 1, HEAVY = 2, ASKED = 4 } InstrumentCost;

/* Classes of a task's tokens, as data/data.h numbers them. */
enum { TOKEN_OTHER, TOKEN_TRIGGER, TOKEN_NOOP, TOKEN_KINDS };

/* The rows an instrument will see in a pass. */
typedef struct Probe {
    const Model *m;
    int rows, T;
    bool random;            /* the probes `random` and `repeated`: uniformly random tokens */
    const int8_t *kind;     /* (rows, T) class of each token where the task has classes, else NULL */
    const int32_t *x, *y;   /* (rows, T) tokens and targets; set by instruments_measure */
    const int32_t *section; /* (rows) which of `sections` parts of the text a row is from; NULL: not told */
    int sections;
    float
        *scratch; /* room of an arena (model_arena) for what the backward leaves; NULL: no backward is made */
} Probe;

typedef struct Instrument {
    const char *name;       /* "sink_mass" */
    const char *definition; /* one line */
    const char *paper;
    const char *columns; /* "eval_head.sink_mass, eval_layer.sink_mass, ..."; those with a definition of their
 own stand in ablations/probe/probe_list.c */
    InstrumentCost cost;
    /* State for the rows of one probe; NULL: does not apply here (not an error). Opened by instrument_open.
     */
    void *(*open)(const Probe *p);
    const struct Means *means; /* instead of `open`: means.h */
    uint32_t
        taps; /* Observer.taps; with one of the backward's the instrument is left out where none is made */
    void (*see)(void *self, const View *v);
    void (*weights)(void *self, const Weights *w);
    /* Hands over the figures and frees the state. */
    void (*close)(void *self, Figures *out);
} Instrument;

void *instrument_open(const Instrument *i, const Probe *p);

extern const Instrument *const instruments[]; /* the table, NULL-ended */

/* Takes the probe's rows (x, y, doc_start: (rows, T)) through the model, tape's rows at a time, under every
 * instrument whose cost is in `set`. losses (rows, T) may be NULL. Where one of them reads a gradient, their
 * mean loss over all scored targets goes back, too: a training tape and Probe.scratch are wanted then, and
 * rows that have a target. */
void instruments_measure(const Probe *p, Tape *t, const int32_t *x, const int32_t *y,
                         const int32_t *doc_start, int set, Figures *out, float *losses);

#endif
