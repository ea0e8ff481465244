/* Owns: the interactive page: ablations/page/page.html with styles, modules, libraries and the database put
 * in, one file that fetches nothing. Does not own: what it shows (ablations/page/), the copy of the
 * database (ablations/page/page_database.h). */
#ifndef SINKLAB_PAGE_H
#define SINKLAB_PAGE_H

#include "ablations/page/sentence_model.h"
#include "data/base/files.h"
#include "train/store/store.h"

#include <stdio.h>

/* The folder of the page's parts beside the program, or "" when it or its libraries are missing. */
Path page_folder(void);

/* sentence: NULL where the page has no place for a reader's own. */
bool page_write(FILE *out, const char *folder, Store *s, const char *sweep, const SentenceModel *sentence,
                Error *e);

#endif
