/* Owns: the text files that are part of the binary. Paths are relative to the root of the
 * repository, where the build runs. Does not own: what is in them. */
#ifndef SINKLAB_EMBEDDED_FILES_H
#define SINKLAB_EMBEDDED_FILES_H

#include <stdint.h>

/* Files as texts, each followed by a NUL that its length (bytes) does not count. */
extern const char variants_yaml[]; /* configs/variants.yaml */
extern const uint64_t variants_yaml_length;
extern const char schema_sql[]; /* train/schema.sql */
extern const uint64_t schema_sql_length;
extern const char schema_views_sql[]; /* train/schema_views.sql */
extern const uint64_t schema_views_sql_length;
extern const char modeling_sinklab_py[]; /* train/checkpoint/modeling_sinklab.py */
extern const uint64_t modeling_sinklab_py_length;
extern const char tokenization_sinklab_py[]; /* train/checkpoint/tokenization_sinklab.py */
extern const uint64_t tokenization_sinklab_py_length;

#endif
