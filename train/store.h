/* Owns: results.db: opening, migrating, claiming a run, writing what a run measures.
 * Does not own: what the figures mean (schema.sql says), sweeps' own tables' use.
 * Writes are gathered into one transaction a batch of steps; store_flush ends a batch. */
#ifndef SINKLAB_STORE_H
#define SINKLAB_STORE_H

#include "data/base/error.h"
#include "model/figures.h"

#include <sqlite3.h>
#include <stdint.h>

typedef struct Store Store;

typedef enum StoreMode { STORE_READ, STORE_WRITE } StoreMode; /* WRITE creates what is missing */

/* Refuses another program's database, a newer schema; migrates an older one. */
bool store_open(Store **out, const char *path, StoreMode mode, Error *e);
void store_close(Store *s);
sqlite3 *store_db(Store *s);
const char *store_path(const Store *s);

/* Everything about a run that is known before its first step. */
typedef struct RunIdentity {
    const char *key;      /* 32 hex digits */
    const char *variant, *label;
    int64_t seed;
    const char *config;   /* canonical JSON with run.* */
    const char *host, *cpu, *blas_arch, *git, *corpus, *licence;
    int threads;
    int64_t steps;        /* train.steps */
    int64_t parameters;   /* of the model */
    double flops_per_token;
} RunIdentity;

typedef enum ClaimResult {
    CLAIM_TAKEN,      /* yours: go on from the newest checkpoint in `folder`, if there is one */
    CLAIM_DONE,       /* it is done already */
    CLAIM_BUSY,       /* another living process has it */
    CLAIM_NEEDS_RETRY /* it failed or diverged and `retry` was not given */
} ClaimResult;

typedef struct Claim {
    ClaimResult result;
    int64_t run;          /* run.id */
    char folder[1024];    /* DB.d/KEY, exists */
    int lock;             /* file descriptor of the folder's lock, held until released */
} Claim;

/* Registers the run if it is new and takes the lock on its folder. `again` throws away what a
 * finished run left (rows and files) and starts over; `retry` allows failed and diverged ones. */
bool store_claim(Store *s, const RunIdentity *id, bool again, bool retry, Claim *out, Error *e);
void store_release(Claim *c);

/* Deletes every row of the run beyond `step` (-1: all), in one transaction: before going on
 * from a checkpoint. */
bool store_rewind(Store *s, int64_t run, int64_t step, Error *e);

typedef struct StepRow {
    int64_t step, tokens;          /* tokens seen after this step */
    double loss, grad_norm, lr;    /* NAN is stored as NULL */
    double ms, probe_ms, save_ms;
} StepRow;
bool store_step(Store *s, int64_t run, const StepRow *row, Error *e);
/* first_mass, value_ratio: [layers][heads] */
bool store_step_head(Store *s, int64_t run, int64_t step, int layers, int heads,
                     const double *first_mass, const double *value_ratio, Error *e);
/* Each figure goes to the column of its name in eval, eval_layer or eval_head by its grain;
 * one without a column goes to metric, named probe.NAME, probe.layer.L.NAME or
 * probe.layer.L.head.H.NAME. */
bool store_eval(Store *s, int64_t run, int64_t step, const char *probe, const Figures *f, Error *e);
bool store_metric(Store *s, int64_t run, int64_t step, const char *name, double value, Error *e);
bool store_event(Store *s, int64_t run, int64_t step, const char *kind, const char *detail, Error *e);
bool store_flush(Store *s, Error *e);

/* status: running, done, interrupted, failed, diverged. Sets heartbeat, and finished for the
 * last four; `checkpoint` (may be NULL) is the newest one's path. Flushes. */
bool store_status(Store *s, int64_t run, const char *status, const char *checkpoint, Error *e);

#endif
