/* Owns: which tokens stand in which row: packing, BOS policies, masks, the shuffled order of
 * blocks. Pure arithmetic on a stream of tokens.
 * Does not own: where the tokens come from. */
#ifndef SINKLAB_ROWS_H
#define SINKLAB_ROWS_H

#include "data/data.h"

/* Concatenated documents. Under BOS_DOCUMENT the stream is one position longer for every
 * document, which begins with BOS. */
typedef struct Stream {
    const uint16_t *token; /* [tokens] */
    const int64_t *start;  /* [documents + 1] first token of each document, ascending; the last is `tokens` */
    int64_t documents;
    int64_t length; /* positions in use: stream_length, or fewer under data.limit */
    int32_t bos_id;
    int bos;      /* BosPolicy */
    int mask;     /* MaskPolicy */
    int64_t deal; /* blocks whose rows are dealt out together; below 2: none */
} Stream;

int64_t stream_length(const Stream *s);            /* of the whole text */
int64_t stream_documents(const Stream *s);         /* that begin before `length` */
int64_t stream_blocks(const Stream *s, int T);     /* whole blocks with a token after them */
int64_t stream_block_size(int T);                  /* smallest multiple of DATA_BLOCK >= T */
int64_t stream_epoch_rows(const Stream *s, int T); /* training rows of one pass */
int64_t stream_rows(const Stream *s, int T);       /* rows in stream order, without blocks */

/* Writes T positions from `first` on to row `row` of out. x[0] is BOS when `bos_first`. */
void stream_row(const Stream *s, int64_t first, int T, bool bos_first, int row, Rows *out);

/* First position of training row i. Blocks come in the order rng_permute(seed, RNG_SHUFFLE, epoch,
 * ...); then the rows of every `deal` blocks in that order are shuffled among themselves, so that
 * the rows of a small batch are not neighbours in the text. */
int64_t stream_shuffled(const Stream *s, uint64_t seed, int64_t i, int T);

#endif
