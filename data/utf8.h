/* Owns: what is UTF-8 and what is not (RFC 3629).
 * Does not own: what is done about it. */
#ifndef SINKLAB_UTF8_H
#define SINKLAB_UTF8_H

#include <stdint.h>

/* Length of the well-formed character at s, 0 if there is none. `left` is at least 1. */
int utf8_length(const unsigned char *s, int64_t left);

/* How many bytes of a text belong to no character. */
int64_t utf8_invalid_bytes(const char *text, int64_t size);

#endif
