#include "data/base/zstd.h"

#include "data/base/gzip.h"

#include <string.h>
#include <zstd.h>

bool zstd_begins(const void *data, int64_t size) {
    return size >= 4 && memcmp(data, "\x28\xB5\x2F\xFD", 4) == 0;
}

/* Unpacks until the input ends, or `out` holds `most` bytes. Returns what the library wants next: 0 at the
 * end of a frame. */
static size_t unpack_frames(ZSTD_DStream *z, ZSTD_inBuffer *in, int64_t most, Bytes *out) {
    size_t next = 0, chunk = ZSTD_DStreamOutSize();
    do {
        int64_t room = most - out->size < (int64_t)chunk ? most - out->size : (int64_t)chunk;
        if (!bytes_reserve(out, room, NULL)) return (size_t)-64; /* ZSTD_error_memory_allocation */
        ZSTD_outBuffer to = {out->data + out->size, (size_t)room, 0};
        next = ZSTD_decompressStream(z, &to, in);
        out->size += (int64_t)to.pos;
        if (ZSTD_isError(next) || (in->pos == in->size && to.pos < to.size)) return next;
    } while (out->size < most);
    return next;
}

bool zstd_unpack(const void *data, int64_t size, const char *name, Bytes *out, Error *e) {
    int64_t before = out->size, most = before + GZIP_FREE + GZIP_RATIO * size + 1;
    ZSTD_inBuffer in = {data, (size_t)size, 0};
    ZSTD_DStream *z = ZSTD_createDStream();
    size_t next = z ? unpack_frames(z, &in, most, out) : (size_t)-64;
    ZSTD_freeDStream(z);
    bool ok = false;
    if (next == (size_t)-64)
        fail(e, EXIT_FAILED, "memory: %s: none left to unpack it", name);
    else if (ZSTD_isError(next))
        fail(e, EXIT_USAGE, "file: %s: broken zstd: %s (get it again)", name, ZSTD_getErrorName(next));
    else if (out->size >= most)
        fail(e, EXIT_USAGE,
             "file: %s: unpacks to more than %d times its size (a text is no such thing; unpack it with "
             "unzstd "
             "if it is meant)",
             name, GZIP_RATIO);
    else
        ok = !next || fail(e, EXIT_USAGE, "file: %s: broken zstd: it is cut short (get it again)", name);
    if (!ok) out->size = before;
    return ok;
}
