/* Owns: sinklab report: the page of a sweep, or of every run, as one HTML file, and its figures as SVG. Where
 * the libraries of the interactive page are not installed the page is a static one: the figures and two
 * tables. Does not own: the interactive page (ablations/page/page.h), how curves are drawn
 * (ablations/page/svg.h), what figures mean (train/schema.sql). */
#ifndef SINKLAB_REPORT_H
#define SINKLAB_REPORT_H

#include "train/store/store.h"

/* Writes the page, and says when it is the static one unless `quiet`. sweep NULL: all runs. Refuses a sweep
 * that the database does not have. */
bool report_write(Store *s, const char *sweep, const char *path, bool quiet, Error *e);

#endif
