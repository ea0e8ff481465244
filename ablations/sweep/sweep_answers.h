/* Owns: the queries that a sweep's expectations ask of its own finished runs, and the numbers that they give,
 * one a judging seed (table sweep_answer). Does not own: what is made of the numbers (the view verdict). */
#ifndef SINKLAB_SWEEP_ANSWERS_H
#define SINKLAB_SWEEP_ANSWERS_H

#include "ablations/sweep/sweep.h"
#include "train/store/store.h"

/* Of expectations, of tables or of fits. */
bool sweep_has_queries(const Sweep *s);

/* Whether the database has the sweep. */
bool sweep_known(const Sweep *s, Store *store, bool *known, Error *e);

/* The condition, in SQL on r (run), that a run has a column of Sweep.need, by today's definition. To be freed
 * by sqlite3_free. */
char *sweep_need_sql(const char *need);

/* Asks every query anew, in one transaction; nothing where the database does not know the sweep. A number
 * goes to the expectation of its query's name that the sweep was registered with, wherever the file has it by
 * now. A query is one SELECT of two columns, (seed, number), which reads; it finds the runs in the view `own`
 * (run_id, seed, side, stratum, label): those that are done, judge, and have what the sweep needs. Fails with
 * EXIT_USAGE where a query is none of this or has a seed twice. */
bool sweep_ask(const Sweep *s, Store *store, Error *e);

#endif
