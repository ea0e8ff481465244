/* Owns: our tokenizers written as a tokenizer.json, which transformers and other programs read: equal tokens
 * for any text, newlines and the first word included.
 * Does not own: the tokenizers (data/tokenizer.h), such files of others (data/own_tokenizer.h).
 *
 * The file is a byte-pair model whose pieces are spelled as their text: a space is a space and a newline a
 * newline, so that U+2581 and U+E000 in a text become bytes there as they do here. Nothing is put before a
 * text but BOS, where rows begin with it. A merge is ranked as the piece that it makes. */
#ifndef SINKLAB_TOKENIZER_JSON_H
#define SINKLAB_TOKENIZER_JSON_H

#include "data/tokenizer.h"

/* Writes folder/tokenizer.json. `bos`: a text begins with BOS. */
bool tokenizer_json_write(const Codec *c, bool bos, const char *folder, Error *e);

#endif
