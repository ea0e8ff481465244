/* Owns: the tokenizer of a model that another program trained, as it lies in the folder of its weights:
 * tokenizer.model, read by SentencePiece's programs, or tokenizer.json, read by Node and npm's
 * @huggingface/tokenizers. Does not own: our own tokenizers (data/tokenizer.h), which model it belongs to. */
#ifndef SINKLAB_OWN_TOKENIZER_H
#define SINKLAB_OWN_TOKENIZER_H

#include "data/base/files.h"

/* The name of the folder's tokenizer, tokenizer.model before tokenizer.json; NULL: it has none. */
const char *own_tokenizer_file(const char *folder);
/* The hash of the file of a folder that has one. */
bool own_tokenizer_hash(const char *folder, char hash[HASH_HEX], Error *e);
/* Copies what such a tokenizer consists of, and tells the hash of its file; one that is not there is none:
 * hash "". */
bool own_tokenizer_copy(const char *from, const char *to, char hash[HASH_HEX], Error *e);

/* Text to numbers as the model's own program gives them, without what it puts around them; *bos: what it puts
 * before them, -1: nothing. `ids` is malloc'ed. A text that this program cannot hand to the tokenizer as it
 * is, a number that is not below `vocab`, and a missing program are refused by name. */
bool own_tokenizer_encode(const char *folder, int64_t vocab, const char *text, int64_t size, int32_t **ids,
                          int64_t *n, int32_t *bos, Error *e);
/* Numbers to text, as they go on a text before them; malloc'ed. Of tokenizer.model alone. */
bool own_tokenizer_decode(const char *folder, const int32_t *ids, int64_t n, char **text, Error *e);

#endif
