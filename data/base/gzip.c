#include "data/base/gzip.h"

#include <string.h>
#include <zlib.h>

enum { GZIP_ALONE = 16 }; /* neither zlib's own format nor bare deflate */

bool gzip_begins(const void *data, int64_t size) {
    return size >= 2 && memcmp(data, "\x1F\x8B", 2) == 0;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Unpacks from z->next_in up to the end of the member, or until `out` holds `most` bytes. Returns zlib's
 * word: Z_STREAM_END at the member's end, Z_OK where `most` was reached, else what is wrong. */
static int unpack_member(z_stream *z, const unsigned char *end, int64_t most, Bytes *out) {
    enum { CHUNK = 1 << 18, INPUT = 1 << 30 };
    int code = Z_OK;
    while (code == Z_OK && out->size < most) {
        int64_t room = smaller(CHUNK, most - out->size);
        if (!bytes_reserve(out, room, NULL)) return Z_MEM_ERROR;
        z->avail_in = (unsigned)smaller(INPUT, end - z->next_in);
        z->next_out = (unsigned char *)out->data + out->size;
        z->avail_out = (unsigned)room;
        code = inflate(z, Z_NO_FLUSH);
        out->size += room - z->avail_out;
    }
    return code;
}

static bool only_zeros(const unsigned char *at, const unsigned char *end) {
    while (at < end && !*at) at++;
    return at == end;
}

static bool fail_member(const z_stream *z, int code, const char *name, Error *e) {
    if (code == Z_MEM_ERROR) return fail(e, EXIT_FAILED, "memory: %s: none left to unpack it", name);
    if (code == Z_OK)
        return fail(e, EXIT_USAGE,
                    "file: %s: unpacks to more than %d times its size (a text is no such thing; unpack it "
                    "with gunzip if it is meant)",
                    name, GZIP_RATIO);
    if (code == Z_BUF_ERROR)
        return fail(e, EXIT_USAGE, "file: %s: broken gzip: it is cut short (get it again)", name);
    return fail(e, EXIT_USAGE, "file: %s: broken gzip: %s (get it again)", name,
                z->msg ? z->msg : "not understood");
}

bool gzip_unpack(const void *data, int64_t size, const char *name, Bytes *out, Error *e) {
    const unsigned char *end = (const unsigned char *)data + size;
    int64_t before = out->size, most = before + GZIP_FREE + GZIP_RATIO * size + 1;
    z_stream z = {.next_in = (unsigned char *)data};
    if (inflateInit2(&z, GZIP_ALONE + MAX_WBITS) != Z_OK) return fail_member(&z, Z_MEM_ERROR, name, e);
    bool ok = true;
    do {
        int code = unpack_member(&z, end, most, out);
        if (code != Z_STREAM_END)
            ok = fail_member(&z, code, name, e);
        else
            inflateReset(&z);
    } while (ok && gzip_begins(z.next_in, end - z.next_in));
    if (ok && !only_zeros(z.next_in, end))
        ok = fail(e, EXIT_USAGE, "file: %s: broken gzip: %lld bytes after its end are none (get it again)",
                  name, (long long)(end - z.next_in));
    inflateEnd(&z);
    if (!ok) out->size = before;
    return ok;
}
