/* Owns: a user's text as rows: of the model's own tokens, one behind the other. Does not own: held-out rows
 * (train/probe_rows.h), what is measured on them. */
#ifndef SINKLAB_TEXT_ROWS_H
#define SINKLAB_TEXT_ROWS_H

#include "train/probe_rows.h"

typedef struct TextRows {
    ProbeRows as_trained, other; /* with BOS, or without; the other way round */
    int64_t rows, tokens;        /* of the whole text, which may have more rows than were taken */
} TextRows;

/* Without a BOS, bos_token -1, there are no other rows. The first `most` rows of T tokens of a text of n; BOS
 * stands in place of a row's first token. A text that fills no row is one shorter row: of all its tokens, the
 * last one unscored, or of BOS and all but the last. `where` names it in errors. */
bool text_rows_cut(TextRows *out, const int32_t *tokens, int64_t n, int32_t bos_token, int64_t T,
                   int64_t most, bool bos, const char *where, Error *e);

#endif
