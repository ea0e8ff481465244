/* Owns: a sweep's file: its grammar, and its expansion into runs as a pure function of the text,
 * so that run `index` is the same run on every machine.
 * Does not own: what a configuration's keys mean (train/config/config.c), running them, results.db.
 *
 * Grammar. Keys may be dotted, nested or both; paths are relative to the sweep's file:
 *   name: TEXT            letters, digits, - _ . (names the sweep in results.db, and its page)
 *   claim, source, note: TEXT  for people; note: on the scale at which the claim is put to the test
 *   base: FILE            configuration under all runs; without it the built-in defaults
 *   set: {KEY: VALUE}     of all runs
 *   grid: {KEY: [VALUE]}  every combination; in place of a list {log: [FROM, TO], n: N} or {linear: ...}
 *   zip: {KEY: [VALUE]}   advance together: lists of one length
 *   exclude: [{KEY: VALUE}]  combinations left out: those that have all values of an entry
 *   seeds: N or [SEED]    N is 0 .. N-1
 *   compare: {axis: KEY, baseline: VALUE}  the sides: each other value against the baseline
 *   tune: {axes: [KEY], seeds: N or [SEED]}  each side at its own best of these, chosen by val_loss
 *                         on seeds that do not judge; N is the N seeds after the largest of `seeds`
 *   expect: [{metric: NAME, direction: lower or higher, by: NUMBER}]  what the claim says of every side
 *                         against the baseline
 *           [{query: FILE.sql, with: {NAME: VALUE}, at_least: NUMBER}]  (or at_most) of numbers, one a
 *                         judging seed, that a query makes of the sweep's own runs (sweep_answers.h);
 *                         :NAME in its text is VALUE; asks: TEXT names the number in documents
 *   tables: [FILE.sql]    queries whose rows are shown beside the verdicts, with the comment that they
 *                         begin with
 *   fits: [{query: FILE.sql, of: COLUMN, on: [COLUMN]}]  least squares over the rows of such a query, one of
 *                         whose columns is the seed (fit.h); the first is what others are held against
 *   needs: [TABLE.COLUMN] what the queries read, of what results files keep (results.h): a run that lacks
 *                         one is left out of them and counted
 *
 * Order. Grid keys are axes in the order of the file, the first the slowest; zip is one axis after
 * them; then come the seeds, the fastest, those of tune after those that judge. Excluded
 * combinations are not counted. */
#ifndef SINKLAB_SWEEP_H
#define SINKLAB_SWEEP_H

#include "data/base/yaml.h"
#include "train/config/config.h"

enum { SWEEP_AXES = 16, SWEEP_RUNS = 100000, FIT_TERMS = 8 };

/* A key that varies. Keys of `zip` share one place. */
typedef struct Axis {
    const char *key;
    int n;
    Setting *value; /* texts in canonical form: 1e-3 is 0.001 */
    int place;      /* index into Sweep.place */
} Axis;

typedef enum PlaceRole { PLACE_STRATUM, PLACE_SIDE, PLACE_TUNED } PlaceRole;

/* A dimension of the expansion: an axis of the grid, or the whole of zip. */
typedef struct Dimension {
    int n;
    PlaceRole role;
} Dimension;

typedef struct Expectation {
    const char *metric; /* or the path of a query, and what it is asked with: FILE.sql(NAME=VALUE, ...) */
    const char *query;  /* its text; NULL: a metric's difference to the baseline */
    const Yaml *with;   /* a map of scalars; NULL: nothing */
    const char *asks;   /* a query's number in words and with its unit; NULL: its name serves */
    bool lower;
    double by; /* the effect must be more than this, in that direction: of at_most x, lower by more than -x */
} Expectation;

/* A query in a file of its own. */
typedef struct SqlFile {
    const char *name; /* as the sweep's file names it */
    const char *text;
} SqlFile;

/* COLUMN of the query's rows as a constant and a sum of others, each times a number. */
typedef struct Fit {
    SqlFile query;
    const char *of, *on[FIT_TERMS];
    int terms;
} Fit;

typedef struct Sweep {
    const char *path, *name, *claim, *source, *note;
    const char *text; /* of the file */
    const char *base; /* NULL: none */
    Setting *set, *word;
    int sets, words;
    Axis axis[SWEEP_AXES];
    Dimension place[SWEEP_AXES];
    int axes, places;
    int64_t shortened; /* steps of every run, for a first look (config_shorten); 0: as configured */
    int *combination;  /* those not excluded, as numbers in mixed radix */
    int combinations;
    int64_t *seed; /* judging ones first */
    int seeds, judging;
    bool seeded;        /* `seeds` was given */
    int side, baseline; /* axis of `compare` and the place of its baseline; -1: none */
    Expectation *expect;
    int expectations;
    const char **need; /* "eval.sink_mass" */
    int needs;
    SqlFile *table; /* shown beside the verdicts */
    int tables;
    Fit *fit;
    int fits;
    Yaml *tree; /* texts above point into it, */
    char **own; /* or here */
    int owned;
} Sweep;

/* Reads a sweep; `words` (key=value) come last in every run. Errors carry file, line, column and
 * the nearest known key, and have exit code 2. NULL on error. */
Sweep *sweep_load(const char *path, int words, char *const *word, Error *e);
void sweep_free(Sweep *s);

int sweep_runs(const Sweep *s);

/* The configuration of a run, checked. */
bool sweep_config(const Sweep *s, int index, Config *c, Error *e);

/* The axis's value in a run. */
const char *sweep_value(const Sweep *s, int index, int axis);

/* Which axes sweep_label names: all, or those of one role. */
enum { LABEL_ALL = -1, LABEL_TEXT = 512 };
/* "head_out=rmsnorm lr=0.001", without the seed; "all" where no axis of the role is. Keys lose
 * their group where that leaves them different. */
void sweep_label(const Sweep *s, int index, int role, char text[LABEL_TEXT]);

/* Whether sides are tuned before they are judged. */
bool sweep_is_tuned(const Sweep *s);

static inline int sweep_cell(const Sweep *s, int index) {
    return index / s->seeds;
}
static inline int64_t sweep_seed(const Sweep *s, int index) {
    return s->seed[index % s->seeds];
}
static inline bool sweep_judges(const Sweep *s, int index) {
    return index % s->seeds < s->judging;
}

#endif
