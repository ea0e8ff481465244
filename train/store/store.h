/* Owns: results.db: opening, migrating, claiming a run, writing what a run measures.
 * Does not own: what the figures mean (schema.sql says), sweeps' own tables' use.
 * Writes are gathered into one transaction a batch of steps; store_flush ends a batch. */
#ifndef SINKLAB_STORE_H
#define SINKLAB_STORE_H

#include "data/base/error.h"
#include "model/figures.h"

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Store Store;

typedef enum StoreMode { STORE_READ, STORE_WRITE } StoreMode; /* WRITE creates what is missing */

/* What tells our database from others: both as in schema.sql. Any change of the schema raises the version,
 * has a step of migrations[] (train/store/store.c), and its hash is held in tests/train/store_test.c. */
enum { STORE_APPLICATION = 1936616300, STORE_VERSION = 3 };

/* Refuses another program's database, a newer schema, tables that are not of this one, what is no database
 * (EXIT_USAGE), and leaves such a file as it was; views of another text are refused to a reader and made anew
 * for a writer; reads in a folder that cannot be written. An older schema is refused to a reader and migrated
 * for a writer; a migration drops every view, a person's own too, and makes ours. A store belongs to one
 * thread; a database to any number of processes. */
bool store_open(Store **out, const char *path, StoreMode mode, Error *e);
/* Flushes as far as it goes. NULL is let pass. */
void store_close(Store *s);
sqlite3 *store_db(Store *s);
const char *store_path(const Store *s);
/* The name under which a connection opened with SQLITE_OPEN_URI may ATTACH what this one reads. */
const char *store_uri(const Store *s);

/* Whether the file that was opened still stands at its path; else fails (EXIT_FAILED): what is written goes
 * into the one that was moved or removed. */
bool store_in_place(Store *s, Error *e);
/* Whether other connections have written since *version, which becomes today's; from 0: yes. */
bool store_changed(Store *s, int64_t *version, Error *e);
/* What was flushed is on the platter, as checkpoints are: before the one that relies on it. */
bool store_sync(Store *s, Error *e);

/* "WAL", or "TRUNCATE" on a network file system, where the memory that WAL shares between
 * processes is not shared. `type` is statfs's f_type. */
const char *store_journal(long type);

/* Fills e after a failed call of SQLite on this store; returns false. */
bool store_failed(Store *s, const char *what, Error *e);
/* Why a call on any connection failed, in words: the system's where it could not read, which SQLite calls a
 * damaged file. */
const char *store_reason(sqlite3 *db);
/* An error: for want of permission, or because the disk did not open it for writing. */
bool store_read_only(Store *s, Error *e);

/* Whether it is one, 32 lower-case hex digits, or fails (EXIT_USAGE): a database may say anything. */
bool store_key(const Store *s, const char *key, Error *e);
/* Where the files of that run lie, DB.d/KEY; fails where the key is none. */
bool store_folder(const Store *s, const char *key, char out[1024], Error *e);

/* Everything about a run that is known before its first step. */
typedef struct RunIdentity {
    const char *key; /* 32 hex digits */
    const char *variant, *label;
    int64_t seed;
    const char *config; /* canonical JSON with run.* */
    const char *host, *cpu, *blas_arch, *git, *corpus, *licence, *corpus_hash, *tokenizer_hash;
    int threads;
    int64_t steps;      /* train.steps */
    int64_t parameters; /* of the model */
    double flops_per_token;
    bool same_kernels; /* the run is not to be gone on with under another blas_arch */
} RunIdentity;

typedef enum ClaimResult {
    CLAIM_TAKEN,       /* yours: go on from the newest checkpoint in `folder`, if there is one */
    CLAIM_DONE,        /* it is done already */
    CLAIM_BUSY,        /* another living process has it */
    CLAIM_NEEDS_RETRY, /* it failed or diverged and `retry` was not given */
    CLAIM_REFUSED      /* it was begun under other kernels, and same_kernels was asked for */
} ClaimResult;

enum { CLAIM_KERNELS = 48 };
typedef struct Claim {
    ClaimResult result;
    int64_t run;                 /* run.id */
    char folder[1024];           /* DB.d/KEY, exists */
    int lock;                    /* file descriptor of the folder's lock, held until released */
    char kernels[CLAIM_KERNELS]; /* blas_arch of whoever had it last; "": nobody's rows are there */
} Claim;

/* Registers the run if it is new and takes the lock on its folder. `again` throws away what a
 * finished run left (rows and files) and starts over; `retry` allows failed and diverged ones.
 * CLAIM_TAKEN sets the status to running and leaves rows and files as they are (see store_rewind,
 * checkpoint_resume). Of processes that claim one key at once exactly one
 * gets it. Dying releases the lock. A run that is not to be had takes the label all the same, if one is
 * given.
 */
bool store_claim(Store *s, const RunIdentity *id, bool again, bool retry, Claim *out, Error *e);
void store_release(Claim *c);

/* Registers the run as queued if it is new, without claiming it; *run is its id either way. A label that is
 * not empty becomes that of a run that is there: no key and no figure depends on it. */
bool store_enqueue(Store *s, const RunIdentity *id, int64_t *run, Error *e);

/* Whether a living process has the run: looks at the lock, takes nothing. */
bool store_alive(Store *s, const char *key);

/* Marks runs as interrupted that are called running but have no living process. */
bool store_reap(Store *s, Error *e);

/* The one run whose key begins so. None, several or "" (a script's variable that was never set): EXIT_USAGE.
 */
typedef struct FoundRun {
    int64_t id;
    char key[64];
    bool results; /* from results files */
} FoundRun;
bool store_find(Store *s, const char *prefix, FoundRun *out, Error *e);
/* Takes the lock on a run's folder, to be given back with close. Refuses a run that is alive (EXIT_USAGE). */
bool store_hold(Store *s, const char *key, int *lock, Error *e);

/* Deletes a run with all its rows and files. Refuses one that is alive (EXIT_USAGE). */
bool store_delete(Store *s, const char *key, Error *e);

/* Registers a sweep by its name, or puts its file's text up to date. */
bool store_sweep(Store *s, const char *name, const char *file, int64_t *sweep, Error *e);
/* Says that place `index` (from 0) of a sweep is `run`. */
bool store_sweep_run(Store *s, int64_t sweep, int64_t index, int64_t run, Error *e);

/* A done run whose checkpoints may lie here. */
typedef struct DoneRun {
    int64_t id, steps;
    char key[64], kernels[CLAIM_KERNELS];
    char *config; /* canonical JSON */
} DoneRun;
/* Those of this text and tokenizer with fewer steps, the longest first, malloc'ed. */
bool store_done_runs(Store *s, const char *corpus, const char *tokenizer, int64_t steps, DoneRun **out,
                     int *n, Error *e);
void store_done_runs_free(DoneRun *runs, int n);
/* Gives run `to`, which has no rows, those that `from` has up to `step`, and the definitions of its figures;
 * of evaluations those before it, of events those that follow from figures. gradients: whether the rows of
 * step_layer and step_tensor at `step` itself are among them. */
bool store_take_rows(Store *s, int64_t from, int64_t to, int64_t step, bool gradients, Error *e);

/* Deletes every row of the run beyond `step`, in one transaction: before going on from a checkpoint. -1: all,
 * and the run's figures are measured from here on by today's definitions; otherwise they keep the version
 * they have. */
bool store_rewind(Store *s, int64_t run, int64_t step, Error *e);

/* Every figure of the run is about to be measured anew: those of an older definition (the view outdated)
 * become NULL, at steps that are not measured too, and stand under today's from here on. */
bool store_renew(Store *s, int64_t run, Error *e);

/* *steps: how many updates have their row, counted from the first one to where one lacks it. */
bool store_logged(Store *s, int64_t run, int64_t *steps, Error *e);

/* The writers below gather rows in memory. A batch is written in one short transaction by
 * store_flush, store_status, store_rewind, and by store_step when 20 steps are waiting or a
 * second has gone by. NAN is stored as NULL with an event of kind nan, once a run, step and
 * figure. Writing a place twice fills what was NULL and overwrites the rest. */
typedef struct StepRow {
    int64_t step, tokens; /* tokens seen after this step */
    double loss, grad_norm, lr;
    double ms, probe_ms; /* times: NAN is no event */
} StepRow;
bool store_step(Store *s, int64_t run, const StepRow *row, Error *e);
/* The tokens seen after a step of a run whose updates were made elsewhere. */
bool store_tokens(Store *s, int64_t run, int64_t step, int64_t tokens, Error *e);
/* What the checkpoint after a step took, once it is there: the step's row is written before it. */
bool store_save_ms(Store *s, int64_t run, int64_t step, double ms, Error *e);
/* first_mass, value_ratio: [layers][heads]; of layers 0, every, 2 every, ... */
bool store_step_head(Store *s, int64_t run, int64_t step, int layers, int every, int heads,
                     const double *first_mass, const double *value_ratio, Error *e);
/* Figures by layer, one layer after the other, each into the column of its name. */
bool store_step_layer(Store *s, int64_t run, int64_t step, const Figures *f, Error *e);
typedef struct StepTensorRow {
    int64_t step;
    const char *tensor;
    double gradient, weight, update;
} StepTensorRow;
bool store_step_tensor(Store *s, int64_t run, const StepTensorRow *row, Error *e);
/* Each figure goes to the column of its name in eval, eval_layer, eval_head or eval_mass by its chunk;
 * one without a column goes to metric, named probe.NAME, probe.layer.L.NAME or
 * probe.layer.L.head.H.NAME. An INTEGER column refuses a value that is not integral. */
bool store_eval(Store *s, int64_t run, int64_t step, const char *probe, const Figures *f, Error *e);
bool store_metric(Store *s, int64_t run, int64_t step, const char *name, double value, Error *e);

typedef struct MapPlace {
    int64_t run, step;
    const char *probe;
    int sequence, layer, head, T;
} MapPlace;
/* One attention map as the table says, and the text of one token of its sequence. */
bool store_map(Store *s, const MapPlace *p, const uint8_t *data, size_t bytes, Error *e);
bool store_map_token(Store *s, int64_t run, const char *probe, int sequence, int position, int token,
                     const char *text, Error *e);

/* Which checkpoint is a run's newest: written with the next row of a run. path: the caller keeps it. */
void store_checkpoint(Store *s, const char *path);
bool store_event(Store *s, int64_t run, int64_t step, const char *kind, const char *detail, Error *e);
bool store_flush(Store *s, Error *e);

/* status: queued, running, done, interrupted, failed, diverged. Sets heartbeat, and finished for
 * all but the first two; `checkpoint` (may be NULL) is the newest one's path. Flushes. */
bool store_status(Store *s, int64_t run, const char *status, const char *checkpoint, Error *e);

#endif
