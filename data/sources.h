/* Owns: the texts that have names, as data/sources.yaml tells of them.
 * Does not own: getting them (data/fetch.h), reading them (data/corpus.h). */
#ifndef SINKLAB_SOURCES_H
#define SINKLAB_SOURCES_H

#include "data/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { SOURCE_LIST = 8, SOURCE_TEXT = 192 };

typedef struct SourceList {
    int n;
    char at[SOURCE_LIST][SOURCE_TEXT];
} SourceList;

/* A row of the file; "" and lists of none where it says nothing. */
typedef struct NamedSource {
    char name[SOURCE_TEXT], package[SOURCE_TEXT], folder[SOURCE_TEXT], archive[SOURCE_TEXT];
    char read[SOURCE_TEXT], separator[SOURCE_TEXT], licence[SOURCE_TEXT];
    SourceList address, heldout, files;
    int64_t at_least;
} NamedSource;

/* The row of that name; false: there is none. */
bool named_source(const char *name, NamedSource *out);
/* Writes all names, with commas between; returns text. */
const char *named_sources(char *text, size_t room);

/* The row of that name in another text of the file's form: true with out->name "" where it has none, an error
 * (EXIT_USAGE) where the text is none. */
bool named_source_in(const char *yaml, size_t size, const char *name, NamedSource *out, Error *e);

/* Whether a file of a source is one that is read. */
bool named_source_reads(const NamedSource *s, const char *path);

#endif
