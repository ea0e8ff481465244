/* Owns: sinklab report: the page of a sweep, or of every run, as one HTML file, and its figures as SVG. Where
 * the libraries of the interactive page are not installed the page is a static one: the figures and two
 * tables. Does not own: the interactive page (ablations/page/page.h), how curves are drawn
 * (ablations/page/svg.h), what figures mean (train/schema.sql). */
#ifndef SINKLAB_REPORT_H
#define SINKLAB_REPORT_H

#include "ablations/page/sentence_model.h"
#include "train/store/store.h"

/* Writes the page, and says when it is the static one, or why a reader's own sentence has no model, unless
 * `quiet`. sweep NULL: all runs. sentence NULL: none is asked for; one that is named and cannot be is
 * refused. Refuses a sweep that the database does not have. */
bool report_write(Store *s, const char *sweep, const char *path, const SentenceSource *sentence, bool quiet,
                  Error *e);

#endif
