/* Owns: what a probe has before it: a checkpoint's model, its data, the rows that are put to it, and one
 * pass of those rows under the instruments. Does not own: what is asked of them (the other files here). */
#ifndef SINKLAB_PROBED_MODEL_H
#define SINKLAB_PROBED_MODEL_H

#include "ablations/probe/sheet.h"
#include "model/figures.h"
#include "model/model.h"
#include "train/config/config.h"
#include "train/probe_rows.h"

/* What the command line asks for. */
typedef struct ProbeOptions {
    const char *text;     /* file of the user's text; NULL: held-out text */
    const char *cache;    /* prepared tokens */
    const char *svg;      /* folder for figures */
    const char *quantize; /* kind of number; NULL: not asked */
    TextList changes;     /* --do */
    int64_t perturb, key; /* positions; INT64_MIN: not asked */
    bool heads, json, list, jacobian, maps, stream, collapse, embedding, time;
} ProbeOptions;

typedef struct ProbedModel {
    const ProbeOptions *o;
    Config c;
    Model *m; /* its config.interventions are those it was trained under */
    int64_t step;
    Dataset *data;
    ProbeRows main, other; /* as trained; with BOS put in, or taken out */
    ProbeRows random;
    List changes; /* of --do, one an item, without such as are of rows */
    bool no_bos;  /* of --do */
    int sheets;   /* and figures shown so far */
} ProbedModel;

bool probed_model_open(ProbedModel *s, const char *checkpoint, const ProbeOptions *o, Error *e);
void probed_model_close(ProbedModel *s);

/* Prints a sheet, as the options want it, and frees it. */
void probed_model_show(ProbedModel *s, Sheet *sheet);
/* Opens NAME.svg in the folder of --svg; closes it and says where it is. */
FILE *probed_model_figure(const ProbedModel *s, const char *name, Error *e);
bool probed_model_close_figure(ProbedModel *s, FILE *f, const char *name, Error *e);

typedef struct Measured {
    Figures main, random;
    double loss, loss_1; /* nats over the rows' scored targets; without the first of each row */
} Measured;

/* Every instrument, without --do or under it. */
bool probed_model_measure(const ProbedModel *s, bool changed, Measured *out, Error *e);
void measured_free(Measured *m);

/* A tape for rows of the subject, all of them in flight, without --do or under it. */
bool probed_model_tape(const ProbedModel *s, const ProbeRows *rows, bool changed, bool train, Tape **t,
                       Error *e);
/* The rows' losses: all targets, and without the first of each row. */
void probed_model_losses(const ProbedModel *s, Tape *t, const ProbeRows *rows, double *loss, double *loss_1);

#endif
