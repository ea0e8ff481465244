/* Owns: a folder of checkpoints that no run here wrote, as one run of results.db: its key, its row, its axis
 * of tokens. Does not own: which folder (train/checkpoint/find_model.h), what is measured
 * (ablations/probe/probe_store.h). */
#ifndef SINKLAB_SERIES_H
#define SINKLAB_SERIES_H

#include "ablations/probe/probed_model.h"
#include "train/checkpoint/find_model.h"

/* Whether the checkpoints are of no run of ours. */
bool is_series(const ProbedModel *s, const FoundModel *f);

/* Registers the run, or finds it, and holds it: variant imported, seed 0. Its key is a hash of the weights of
 * every checkpoint in the folder, of the rows that are put to them, and of their tokenizer: another text is
 * another run. Of the chosen steps it writes the tokens, by --tokens-per-step or as our own export tells.
 * c->train.steps: of the whole run, which of another program's is the folder's last step. */
bool series_claim(const ProbedModel *s, const FoundModel *f, Store *store, Config *c, FoundRun *run,
                  Claim *claim, Error *e);
/* After measuring: done. */
bool series_end(Store *store, Claim *claim, const FoundModel *f, bool ok, Error *e);

#endif
