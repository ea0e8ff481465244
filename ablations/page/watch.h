/* Owns: sinklab watch: the page of a database while its runs go on, served on the loopback address: the page
 * as `report` writes it, made when it is asked for, and the newest figures, asked for every second by
 * ablations/page/watch.js. Does not own: the page (ablations/page/report.h), HTTP (ablations/page/http.h).
 * The database is only read. */
#ifndef SINKLAB_WATCH_H
#define SINKLAB_WATCH_H

#include "train/store/store.h"

/* The newest figures as JSON, {"evaluations", "done", "all", "runs": [...]}: of all, and the runs that go and
 * those that ended last, eight in all, each with its loss and sink rate by step, thinned. malloc'ed. sweep
 * NULL: of all runs. */
char *watch_figures(Store *s, const char *sweep, Error *e);

#endif
