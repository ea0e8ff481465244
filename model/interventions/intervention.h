/* Owns: what an intervention is: a change at one named place of the forward pass, at evaluation or for a
 * whole training run (model.interventions), whose backward goes through the change. Each kind has its
 * definition, paper, the change and its way back in one place (kinds.c, amplify.c). Does not own: where in
 * the pass the places are (model/block.c, model/attend.c), which rows a pass sees. */
#ifndef SINKLAB_INTERVENTION_H
#define SINKLAB_INTERVENTION_H

#include "model/model_config.h"
#include "model/tap.h"
#include "model/visible.h"

#include <stdio.h>

/* Arguments that a kind may have. All are numbers; of ARG_MU, ARG_TO and ARG_OF that of a word (read.c). */
typedef enum Arg {
    ARG_LAYER,
    ARG_HEAD,
    ARG_POS,
    ARG_TOKEN,
    ARG_UNIT,    /* of the MLP's hidden ones */
    ARG_CHANNEL, /* of the residual stream */
    ARG_ROW,     /* of the MLP's down-projection, (d, f) */
    ARG_COL,
    ARG_LAMBDA,
    ARG_B,
    ARG_MU,
    ARG_TO,
    ARG_OF,
    ARGS
} Arg;
enum { MU_BATCH, MU_POSITIONS, MU_ALL };
enum { TO_ZERO, TO_MEAN };

/* Biases of a block's linear layers, in the order of their words; BIAS_ALL is all of them. */
typedef enum BiasPart {
    BIAS_ALL,
    BIAS_Q,
    BIAS_K,
    BIAS_V,
    BIAS_O,
    BIAS_GATE,
    BIAS_UP,
    BIAS_DOWN,
    BIAS_PARTS
} BiasPart;

/* A weight of a layer's down-projection. */
typedef struct Entry {
    int row, col;
} Entry;
typedef struct Entries {
    int n;
    Entry at[LIST_ITEMS];
} Entries;

typedef struct Intervention Intervention;

typedef struct InterventionKind {
    const char *name;
    const char *definition; /* one line, with the paper */
    uint32_t must, may;     /* bit 1 << Arg: must be given, may be given */
    Arg order[ARGS];        /* of arguments without a name: its needs, then what it takes */
    /* Exactly one place: an array at a tap, the rows' tokens, what a query sees, a weight of the
     * down-projection, biases (bits 1 << BiasPart); none: the caller's rows. */
    TapPoint tap;
    void (*write)(const Intervention *i, const View *v); /* v->data in place, of that layer */
    void (*back)(const Intervention *i, const View *v);  /* the gradient after the change to that before */
    void (*tokens)(const Intervention *i, int32_t *x, int rows, int T);
    ScoreBias (*score_bias)(const Intervention *i);
    Entry (*entry)(const Intervention *i);
    uint32_t (*biases)(const Intervention *i);
} InterventionKind;

struct Intervention {
    const InterventionKind *kind;
    double arg[ARGS]; /* ARG_LAYER -1: all layers */
};

extern const InterventionKind *const interventions[]; /* the table, NULL-ended */

/* Reads an intervention from a text such as "amplify(pos=10, lambda=8)" or "head_off(0, 1)", for rows of T
 * tokens. Refuses what this model does not have: exit code 2; `where` begins the message. */
bool intervention_read(const char *text, const char *where, const ModelConfig *c, int T, Intervention *out,
                       Error *e);

/* The one text of what it does, which reads back as it: "drop_mlp(layer=0,pos=0)", what may be left out left
 * out. */
enum { INTERVENTION_TEXT = 192 };
void intervention_text(const Intervention *i, char out[INTERVENTION_TEXT]);

/* Every kind for people: NAME(ARGUMENTS) in their order, those that may be left out in brackets, and its
 * definition. */
void interventions_print(FILE *out);

/* Whether the intervention changes the rows that a caller passes in, and nothing inside the pass. */
bool intervention_of_rows(const Intervention *i);

/* Whether the intervention averages over the rows of the pass. */
bool intervention_of_batch(const Intervention *i);

/* The interventions of a model's pass: its configuration's list, read. */
typedef struct Changes {
    int n;
    Intervention at[LIST_ITEMS];
} Changes;

bool changes_read(const ModelConfig *c, int T, Changes *out, Error *e);
/* Whether an intervention writes at that tap of that layer. */
bool changes_at(const Changes *c, TapPoint tap, int layer);
void changes_write(const Changes *c, const View *v);
void changes_back(const Changes *c, const View *v);
bool changes_rewrite(const Changes *c); /* whether tokens are */
void changes_tokens(const Changes *c, int32_t *x, int rows, int T);
ScoreBiases changes_score_biases(const Changes *c, int layer);
Entries changes_entries(const Changes *c, int layer); /* weights that the layer lacks, each once */
uint32_t changes_biases(const Changes *c, int layer); /* biases that the layer lacks: bits 1 << BiasPart */

#endif
