#include "data/base/bytes.h"

#include <stdlib.h>
#include <string.h>

bool bytes_reserve(Bytes *b, int64_t more, Error *e) {
    if (b->size + more <= b->capacity) return true;
    int64_t capacity = (b->size + more) * 3 / 2 + 64;
    if (!memory_grow((void **)&b->data, capacity, 1, e)) return false;
    b->capacity = capacity;
    return true;
}

bool bytes_append(Bytes *b, const void *data, int64_t size, Error *e) {
    if (!bytes_reserve(b, size, e)) return false;
    if (size) memcpy(b->data + b->size, data, (size_t)size);
    b->size += size;
    return true;
}

void bytes_free(Bytes *b) {
    free(b->data);
    *b = (Bytes){0};
}

bool memory_grow(void **pointer, int64_t count, size_t size, Error *e) {
    void *grown = reallocarray(*pointer, count > 0 ? (size_t)count : 1, size);
    if (!grown)
        return fail(e, EXIT_FAILED, "memory: %lld items of %zu bytes: none left", (long long)count, size);
    *pointer = grown;
    return true;
}
