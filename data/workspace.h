/* Owns: folders of the cache that appear whole or not at all: filled under a temporary name,
 * synced, renamed. Those of processes that were cut are removed by whoever comes next.
 * Does not own: what is in them. */
#ifndef SINKLAB_WORKSPACE_H
#define SINKLAB_WORKSPACE_H

#include "data/base/files.h"

typedef struct Workspace {
    Path path; /* cache_dir/tmp-XXXXXX */
    int lock;  /* held while its owner lives */
} Workspace;

/* Makes an empty folder below cache_dir (made if need be), after removing those left over. */
bool workspace_open(Workspace *w, const char *cache_dir, Error *e);

/* Gives the folder `from` (the workspace itself, or one inside it) the name `to`. What is there already, of
 * another process that was first or a damaged one, makes room; who has its files open keeps them. */
bool workspace_publish(Workspace *w, const char *from, const char *to, Error *e);

/* Removes what is left of it. */
void workspace_close(Workspace *w);

#endif
