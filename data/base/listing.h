/* Owns: which files stand below a path: regular ones, sorted, hidden ones left out, links followed or not,
 * and how many were left out for what reason.
 * Does not own: what the files hold. */
#ifndef SINKLAB_LISTING_H
#define SINKLAB_LISTING_H

#include "data/base/files.h"

typedef struct FileList {
    char **path; /* [files], sorted by their bytes */
    int64_t files;
    int64_t hidden;  /* left out: names that begin with a dot, a folder as one */
    int64_t links;   /* left out: links that are not followed, lead nowhere, or to what is there already */
    int64_t special; /* left out: FIFOs, sockets, devices */
} FileList;

/* The regular files below a folder. `wanted` may be NULL; what it declines is not counted. A path that is a
 * file gives that file alone. Links below the folder are left out; the path itself may be one. */
bool files_list(FileList *out, const char *path, bool (*wanted)(const char *path), Error *e);

/* The same, links followed: a file is listed once, under its own name if it has one below the folder, else
 * under that of the first link; a folder is read once; a link to the folder itself or to one that holds it is
 * left out. */
bool files_list_linked(FileList *out, const char *path, bool (*wanted)(const char *path), Error *e);
void files_free(FileList *list);

#endif
