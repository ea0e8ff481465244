/* Owns: the expensive questions of `probe`, one file each with its definition and paper. Each puts its rows
 * to the model, under --do where that is given, and shows its sheets and figures. What computes stands apart
 * from what shows, so that it can be held against a reference. Does not own: which of them are asked
 * (probe_command.c), what a training run measures too (model/instruments). */
#ifndef SINKLAB_PROBE_MODES_H
#define SINKLAB_PROBE_MODES_H

#include "ablations/probe/probed_model.h"
#include "model/instruments/instrument.h"

/* Inputs of linear layers that quantize leaves in fp32: none, first tokens', or these and the channel of the
 * largest |x| of the pass, in every token. */
typedef enum QuantizeKeep { KEEP_NONE, KEEP_FIRST, KEEP_CHANNEL, KEEPS } QuantizeKeep;

/* What can be refused before anything is measured. */
bool perturb_check(const ProbedModel *s, Error *e);
bool key_mass_check(const ProbedModel *s, Error *e);
bool stream_check(const ProbedModel *s, Error *e);
bool quantize_check(const ProbedModel *s, Error *e);
bool collapse_check(const ProbedModel *s, Error *e);
bool embedding_check(const ProbedModel *s, Error *e);
bool dump_check(const ProbedModel *s, Error *e);
bool attack_check(const ProbedModel *s, Error *e);
bool prune_check(const ProbedModel *s, Error *e);
bool maps_check(const ProbedModel *s, Error *e);
bool jacobian_check(const ProbedModel *s, Error *e);

bool perturb_show(ProbedModel *s, Error *e);
bool key_mass_show(ProbedModel *s, Error *e);
bool jacobian_show(ProbedModel *s, Error *e);
bool maps_show(ProbedModel *s, Error *e);
bool stream_show(ProbedModel *s, Error *e);
bool quantize_show(ProbedModel *s, Error *e);
bool collapse_show(ProbedModel *s, Error *e);
bool embedding_show(ProbedModel *s, Error *e);
bool time_show(ProbedModel *s, Error *e);
bool against_show(ProbedModel *s, Error *e);
bool dump_show(ProbedModel *s, Error *e);
bool positions_show(ProbedModel *s, Error *e);
bool prune_show(ProbedModel *s, Error *e);
bool attack_show(ProbedModel *s, Error *e);

/* spread (layers, T) += mean over the rows of |dx_t| / |x_t|, dx what the tokens `changed` (rows, T) do to
 * the stream of p's. */
bool perturb_measure(const ProbedModel *s, const ProbeRows *p, const int32_t *changed, double *spread,
                     Error *e);
/* Sink mass of a key in a layer: the mean over its heads, and the largest head's, each with its standard
 * error over the rows that are kept (kept_weights.h). */
typedef struct KeyMass {
    double mean, mean_error, most, most_error;
} KeyMass;
/* mass: (layers) */
bool key_mass_measure(const ProbedModel *s, const ProbeRows *p, bool changed, int key, KeyMass *mass,
                      Error *e);
/* sens (T): mean over the rows of |J_i|_F, estimated from so many draws of a normal; error (T): its standard
 * error over the rows, which has that of the draws in it. */
bool jacobian_sensitivity(const ProbedModel *s, const ProbeRows *p, int draws, double *sens, double *error,
                          Error *e);
/* bound (T): mean over the rows of the path bound; error (T): its standard error. */
bool jacobian_path_bound(const ProbedModel *s, const ProbeRows *p, double *bound, double *error, Error *e);
/* Losses by stretch of positions, the last of all beyond the context, under a window that keeps the first
 * `keep` keys and sees as many as the context in all (-1: no window). NAN where nothing is scored. */
enum { STREAM_STRETCHES = 16 };
bool stream_measure(ProbedModel *s, const ProbeRows *p, int keep, double loss[STREAM_STRETCHES + 1],
                    Error *e);
/* cka (layers of a, layers of b) of the streams on p's rows. */
bool against_measure(const Model *a, const Model *b, const ProbeRows *p, double *cka, Error *e);
/* Losses as trained and rounded, in the order of quantize.c's table; see QuantizeKeep. */
enum { QUANTIZE_KINDS = 6 };
bool quantize_measure(ProbedModel *s, const ProbeRows *p, QuantizeKeep keep, double loss[QUANTIZE_KINDS],
                      Error *e);
/* Sums of losses: by group of positions, 0, 1, 2-3, 4-7, ..., then by class of the input token. */
enum { POSITION_GROUPS = 32, POSITION_SUMS = POSITION_GROUPS + TOKEN_KINDS };
typedef struct LossSum {
    double sum, squares;
    int64_t n;
} LossSum;
/* Adds the losses (rows, T) of p's rows from `row` on. */
void positions_add(const ProbeRows *p, int row, const float *losses, int rows, LossSum *of);
/* of: (POSITION_SUMS) */
bool positions_measure(const ProbedModel *s, const ProbeRows *p, bool changed, LossSum *of, Error *e);
/* loss (n + 1): with the first 0 .. n heads of `order` gone, head h of layer l being l H + h. */
bool prune_measure(ProbedModel *s, const ProbeRows *p, const int *order, int n, double *loss, Error *e);
/* Means over the rows; see attack.c. */
typedef struct Attack {
    double before, random, random_worst, worst, random_spread, spread;
} Attack;
bool attack_measure(const ProbedModel *s, const ProbeRows *p, int pos, int n, Attack *out, Error *e);
/* distance (layers) += mean over the rows of that of a text of n tokens. */
void collapse_measure(const ProbedModel *s, Tape *t, const ProbeRows *p, int n, double *distance);

#endif
