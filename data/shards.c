#include "data/shards.h"

#include "data/base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the format is little-endian, and so is every array that is written as it lies in memory"
#endif

/* The stream's tokens in their order, `length` of them. Returns how many were put at `out`. */
static int64_t gather(const Stream *s, uint16_t *out) {
    int64_t n = 0;
    for (int64_t i = 0; i < s->documents && n < s->length; i++) {
        if (s->bos == BOS_DOCUMENT) out[n++] = (uint16_t)s->bos_id;
        int64_t tokens = s->start[i + 1] - s->start[i], left = s->length - n;
        if (tokens > left) tokens = left;
        memcpy(out + n, s->token + s->start[i], (size_t)tokens * sizeof *out);
        n += tokens;
    }
    return n;
}

static bool write_shard(const char *path, const uint16_t *token, int64_t n, Error *e) {
    const int32_t header[SHARD_HEADER] = {SHARD_MAGIC, 1, (int32_t)n};
    Path beside = path_of("%s.tmp", path);
    FILE *out = fopen(beside.s, "wb");
    if (!out) return fail(e, EXIT_FAILED, "shards: %s: %s", path, strerror(errno));
    bool ok = fwrite(header, sizeof header, 1, out) == 1 &&
              fwrite(token, sizeof *token, (size_t)n, out) == (size_t)n;
    ok = !fclose(out) && ok && !rename(beside.s, path);
    if (ok) return true;
    fail(e, EXIT_FAILED, "shards: %s: cannot write: %s (is the disk full?)", path, strerror(errno));
    remove(beside.s);
    return false;
}

bool shards_write(const Stream *s, const char *folder, const char *split, int64_t most, Error *e) {
    uint16_t *token = malloc((size_t)(s->length + 1) * sizeof *token);
    if (!token) return fail(e, EXIT_FAILED, "shards: %s: out of memory", folder);
    int64_t n = gather(s, token);
    bool ok = folder_make(folder, e);
    for (int64_t i = 0; ok && i * most < n; i++) {
        int64_t left = n - i * most;
        Path path = path_of("%s/data_%s_%06lld.bin", folder, split, (long long)i);
        ok = write_shard(path.s, token + i * most, left < most ? left : most, e);
    }
    free(token);
    return ok;
}
