/* Owns: what a probe has before it: a model, whose weights may be those of one step after another, its data,
 * the rows that are put to it, what is done to it, and one pass of those rows under the instruments. Does not
 * own: what is asked of them (the other files here). */
#ifndef SINKLAB_PROBED_MODEL_H
#define SINKLAB_PROBED_MODEL_H

#include "ablations/probe/control_draw.h"
#include "ablations/probe/probe_source.h"
#include "ablations/probe/sheet.h"
#include "model/figures.h"
#include "model/model.h"
#include "train/config/config.h"
#include "train/evaluate.h"
#include "train/probe_rows.h"

/* What the command line asks for. */
typedef struct ProbeOptions {
    const char *text;        /* file of the user's text; NULL: held-out text */
    const char *sentence;    /* the user's text itself */
    const char *ids;         /* file of the user's tokens, as numbers */
    const char *db;          /* results */
    const char *steps;       /* all, log, or a list; NULL: the newest */
    const char *cache;       /* prepared tokens */
    const char *svg;         /* folder for figures */
    const char *quantize;    /* kind of number; NULL: not asked */
    const char *keep;        /* what is not rounded; NULL: all is */
    const char *against;     /* another model; NULL: none */
    const char *dump, *npy;  /* name of a tap and the file for its array; NULL: none */
    TextList changes;        /* --do */
    int64_t perturb, key;    /* positions; INT64_MIN: not asked */
    int64_t attack;          /* tokens to try; INT64_MIN: not asked */
    int64_t tokens_per_step; /* of a series; 0: not told */
    bool heads, json, list, jacobian, maps, stream, collapse, embedding, time, store, light, heavy, quiet,
        positions, prune;
} ProbeOptions;

typedef struct ProbedModel {
    const ProbeOptions *o;
    Config c;
    Model *m; /* its config.interventions are those it was trained under */
    ProbeSource from;
    const char *remark;             /* what is not as it was when it was trained; NULL: nothing */
    Dataset *data;                  /* NULL: the tokens are the user's, or of the model's own tokenizer */
    int set;                        /* of InstrumentCost: what is measured */
    ProbeRows main, other;          /* as trained; with BOS put in, or taken out */
    int64_t text_rows, text_tokens; /* of the user's text; 0: there is none */
    ProbeRows random, repeated;
    List changes;            /* of --do, one an item, without such as are of rows */
    Control control;         /* of one of --do */
    bool no_bos, of_batch;   /* of --do: rows begin without BOS; something averages over the rows of a pass */
    char done[CHANGES_TEXT]; /* the canonical text of all of --do, "": nothing, or too long for one name */
    Tape *tape[2];           /* of measuring, without --do and under it; NULL until then */
    int sheets;              /* and figures shown so far */
    int threads;
} ProbedModel;

/* What a checkpoint's model is; `set`: the instruments that measure it. */
bool probed_model_open(ProbedModel *s, const char *checkpoint, int set, const ProbeOptions *o, Error *e);
void probed_model_close(ProbedModel *s);
/* The weights of the i-th of several checkpoints; refuses one of another run, or of another step than its
 * folder says. */
bool probed_model_load(ProbedModel *s, const FoundModel *f, int i, Error *e);

/* Over which rows a figure is: the first `used` of p's, of so many. */
void probed_model_over(const ProbedModel *s, const ProbeRows *p, int used, char out[SHEET_OVER]);
/* Prints a sheet over the first `used` rows of p's, as the options want it, and frees it. */
void probed_model_show(ProbedModel *s, Sheet *sheet, const ProbeRows *p, int used);
/* Refuses what reads every block's tokens as whole rows, where some blocks compute a part of them. */
bool probed_model_whole(const ProbedModel *s, const char *option, Error *e);
/* Opens NAME.svg in the folder of --svg; closes it and says where it is. */
FILE *probed_model_figure(const ProbedModel *s, const char *name, Error *e);
bool probed_model_close_figure(ProbedModel *s, FILE *f, const char *name, Error *e);

typedef struct Measured {
    Figures main, random, repeated;
    double loss, loss_1; /* nats over the rows' scored targets; without the first of each row */
} Measured;

/* Every instrument of the set, without --do or under it; random tokens, all or one repeated, are put to the
 * heavy ones alone. */
bool probed_model_measure(ProbedModel *s, bool changed, Measured *out, Error *e);
void measured_free(Measured *m);

/* A tape for rows of the subject, all of them in flight, without --do or under it. */
bool probed_model_tape(const ProbedModel *s, const ProbeRows *rows, bool changed, bool train, Tape **t,
                       Error *e);
/* How many rows of which length pass at once where all of main or random do: a shape, without rows. */
ProbeRows probed_model_room(const ProbedModel *s);
/* The rows' losses: all targets, and without the first of each row. */
void probed_model_losses(const ProbedModel *s, Tape *t, const ProbeRows *rows, double *loss, double *loss_1);

#endif
