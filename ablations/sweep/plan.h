/* Owns: a sweep made concrete on this machine: every run's configuration, key and size, what
 * results.db holds of it already, what it will cost.
 * Does not own: the expansion (ablations/sweep/sweep.h), running (ablations/sweep/runner.h). */
#ifndef SINKLAB_PLAN_H
#define SINKLAB_PLAN_H

#include "ablations/sweep/sweep.h"
#include "train/run.h"
#include "train/store/store.h"

typedef struct PlannedRun {
    Config config;
    char key[33];
    char key_without_variant[33]; /* equal for two runs that train the same under two names of a variant */
    RunSize size;
    char licence[128]; /* of its text */
    double tokens, rows_disk,
        checkpoints_disk; /* bytes on disk: of its rows, about; of what run.keep keeps */
    char status[16];      /* as in results.db; "new" when it is not there, "alive" while a process has it */
    int64_t step;         /* updates in results.db */
} PlannedRun;

/* A run that the sweep had by an earlier text of the file, other words or another base. */
typedef struct Orphan {
    char key[33], status[16], label[LABEL_TEXT];
    int64_t seed;
} Orphan;

typedef struct Plan {
    const Sweep *sweep;
    PlannedRun *run;
    int runs;
    Orphan *orphan;
    int orphans;
    bool edited;    /* the database has another text of the file, or other runs of the sweep */
    bool rewritten; /* another text of the file: else other words were on the line */
    int adopted;    /* runs of results files (run.origin) that count though their text is another version than
                       this plan's */
} Plan;

/* Opens (and prepares, if need be) each text once. Refuses two places that are one and the same run, if
 * under two names of a variant. */
bool plan_make(Plan *p, const Sweep *s, const char *cache, void (*say)(const char *line), Error *e);
/* The same without any text: no run has a key or a size before plan_look finds it among runs of results
 * files. */
bool plan_make_known(Plan *p, const Sweep *s, Error *e);
void plan_free(Plan *p);

/* The configuration that the run will have on this machine (config_settle). Its process is started with the
 * one asked for, settles it again and says so. */
Config plan_settled(const PlannedRun *r);

/* Reads what the database holds of the runs. NULL: nothing is there. A run that is not there by its own key
 * is the one of results files that has its configuration and another version of the text, if there is one. */
bool plan_look(Plan *p, Store *s, Error *e);
/* The same of one run alone. */
bool plan_look_at(Plan *p, int index, Store *s, Error *e);

/* Registers the sweep, all its places and expectations, and its runs, as queued where they are new, in one
 * transaction. only >= 0: of the new ones that run alone; p->runs: none. */
bool plan_register(const Plan *p, int only, Store *s, Error *e);

/* FLOP/s of training here: two seconds of the run, in a process and a database of their own. */
bool plan_measure(const Plan *p, int index, const char *cache, double *flops, Error *e);

#endif
