/* Owns: getting a named text into the cache: by apt and dpkg-deb, or by curl, whole or not at all.
 * Does not own: which texts there are (data/sources.h), how they are read (data/corpus.h). */
#ifndef SINKLAB_FETCH_H
#define SINKLAB_FETCH_H

#include "data/sources.h"

/* Makes cache_dir/NAME with text/, perhaps heldout/, and the file `licence`. Does nothing where it is there.
 * Of files from the web, what a fetch that was cut has got is gone on with, as long as the server says that
 * the file is the same (its ETag); they must be as cache_dir/sources/NAME has recorded them, if they were
 * fetched before. */
bool source_fetch(const NamedSource *s, const char *cache_dir, void (*say)(const char *line), Error *e);

#endif
