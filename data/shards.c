#include "data/shards.h"

#include "data/base/files.h"
#include "data/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

/* ---- reading ---- */

typedef struct Kind {
    int32_t magic, version;
    int bytes; /* of a token */
} Kind;

static const Kind kinds[] = {{SHARD_MAGIC, 1, 2}, {SHARD_MAGIC_32, 7, 4}};
enum { KINDS = sizeof kinds / sizeof *kinds, HEADER_BYTES = SHARD_HEADER * sizeof(int32_t) };

/* NULL: it has no header. */
static const Kind *kind_of(const int32_t *header, int64_t size) {
    for (int i = 0; size >= (int64_t)sizeof *header && i < KINDS; i++)
        if (header[0] == kinds[i].magic) return &kinds[i];
    return NULL;
}

static bool is_bin(const char *path) {
    return text_ends(path, ".bin");
}

bool shard_is(const char *path) {
    int32_t first = 0;
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(&first, sizeof first, 1, f) : 0;
    if (f) fclose(f);
    return kind_of(&first, (int64_t)(n * sizeof first)) || is_bin(path);
}

static bool check_size(const Kind *k, const int32_t *header, int64_t size, const char *path, Error *e) {
    if (!k) {
        return (is_bin(path) && size % 2 == 0) ||
               fail(e, EXIT_USAGE, "shards: %s: is no file of tokens (llm.c's, or nanoGPT's NAME.bin)", path);
    }
    bool known = size >= HEADER_BYTES && header[1] == k->version;
    if (!known) return fail(e, EXIT_USAGE, "shards: %s: a version that is not known", path);
    return size == HEADER_BYTES + (int64_t)header[2] * k->bytes ||
           fail(e, EXIT_USAGE,
                "shards: %s: %lld bytes, but its header counts %d tokens of %d (is it cut short?)", path,
                (long long)size, header[2], k->bytes);
}

static bool widen(const Kind *k, const char *data, int64_t size, int64_t **id, int64_t *n, Error *e) {
    int bytes = k ? k->bytes : 2;
    const char *at = data + (k ? HEADER_BYTES : 0);
    *n = (size - (at - data)) / bytes;
    if (!memory_grow((void **)id, *n, sizeof **id, e)) return false;
    for (int64_t i = 0; i < *n; i++) {
        uint32_t token = 0;
        memcpy(&token, at + i * bytes, (size_t)bytes);
        (*id)[i] = token;
    }
    return true;
}

bool shard_read(const char *path, int64_t **id, int64_t *n, Error *e) {
    const void *data = NULL;
    int64_t size = 0;
    *id = NULL;
    if (!file_map(path, &data, &size, e)) return false;
    const Kind *k = kind_of(data, size);
    bool ok = check_size(k, data, size, path, e) && widen(k, data, size, id, n, e);
    if (data) munmap((void *)data, (size_t)size);
    return ok;
}
