#include "ablations/probe/id_rows.h"

#include "ablations/probe/text_rows.h"
#include "data/base/files.h"
#include "data/shards.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 1 << 30 };

/* Rows one behind the other, as long as the first. */
typedef struct Ids {
    const char *path;
    int32_t *id;
    int64_t n, rows, length, vocab, most;
} Ids;

static bool check_length(const Ids *s, int64_t length, Error *e) {
    if (length < 2)
        return fail(e, EXIT_USAGE, "--ids: %s: row %lld: %lld numbers (at least 2)", s->path,
                    (long long)s->rows, (long long)length);
    if (length > s->most + 1)
        return fail(
            e, EXIT_USAGE,
            "--ids: %s: row %lld: %lld numbers are more than the model's context and a last target, %lld",
            s->path, (long long)s->rows, (long long)length, (long long)s->most + 1);
    if (s->rows && length != s->length)
        return fail(e, EXIT_USAGE,
                    "--ids: %s: row %lld has %lld numbers, row 0 has %lld (rows are of one length)", s->path,
                    (long long)s->rows, (long long)length, (long long)s->length);
    return true;
}

static bool add_row(Ids *s, const json_t *list, Error *e) {
    int64_t length = (int64_t)json_array_size(list);
    if (!check_length(s, length, e) || !memory_grow((void **)&s->id, s->n + length, sizeof *s->id, e))
        return false;
    for (int64_t i = 0; i < length; i++) {
        const json_t *item = json_array_get(list, (size_t)i);
        int64_t id = json_is_integer(item) ? json_integer_value(item) : -1;
        if (id < 0 || id >= s->vocab)
            return fail(e, EXIT_USAGE,
                        "--ids: %s: row %lld, place %lld: not a token of this model, 0 to %lld", s->path,
                        (long long)s->rows, (long long)i, (long long)s->vocab - 1);
        s->id[s->n++] = (int32_t)id;
    }
    s->length = length;
    s->rows++;
    return true;
}

/* A row, or a list of rows. */
static bool add_value(Ids *s, const json_t *value, Error *e) {
    if (!json_is_array(value)) return fail(e, EXIT_USAGE, "--ids: %s: not a list of numbers", s->path);
    if (!json_is_array(json_array_get(value, 0))) return add_row(s, value, e);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *row = json_array_get(value, i);
        if (!json_is_array(row)) return fail(e, EXIT_USAGE, "--ids: %s: a number among rows", s->path);
        if (!add_row(s, row, e)) return false;
    }
    return true;
}

static bool read_values(Ids *s, const char *text, int64_t size, Error *e) {
    for (const char *at = text, *end = text + size;;) {
        while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
        if (at == end) return s->rows > 0 || fail(e, EXIT_USAGE, "--ids: %s: holds no row", s->path);
        json_error_t why;
        json_t *value = json_loadb(at, (size_t)(end - at), JSON_DISABLE_EOF_CHECK, &why);
        if (!value)
            return fail(e, EXIT_USAGE, "--ids: %s: row %lld: no JSON: %s", s->path, (long long)s->rows,
                        why.text);
        at += why.position;
        bool ok = add_value(s, value, e);
        json_decref(value);
        if (!ok) return false;
    }
}

bool id_rows_read(ProbeRows *p, const char *path, int64_t vocab, int64_t most, Error *e) {
    Bytes text = {0};
    Ids s = {.path = path, .vocab = vocab, .most = most};
    bool ok = file_read_raw(path, BYTES_MAX, &text, e) && read_values(&s, text.data, text.size, e) &&
              probe_rows_create(p, s.rows, s.length - 1, e);
    for (int64_t row = 0; ok && row < s.rows; row++)
        for (int64_t t = 0; t < s.length - 1; t++) {
            p->at.x[row * (s.length - 1) + t] = s.id[row * s.length + t];
            p->at.y[row * (s.length - 1) + t] = s.id[row * s.length + t + 1];
        }
    bytes_free(&text);
    free(s.id);
    return ok;
}

/* Only as many tokens as the rows take are looked at. */
bool id_rows_of_shard(ProbeRows *p, const char *path, int64_t vocab, int64_t rows, int64_t T, Error *e) {
    int64_t *id = NULL, n = 0;
    int32_t *token = NULL;
    TextRows cut = {0};
    bool ok = shard_read(path, &id, &n, e);
    if (ok && n > rows * T + 1) n = rows * T + 1;
    ok = ok && memory_grow((void **)&token, n, sizeof *token, e);
    for (int64_t i = 0; ok && i < n; i++) {
        if (id[i] >= vocab)
            ok = fail(e, EXIT_USAGE, "--ids: %s: place %lld: %lld is not a token of this model, 0 to %lld",
                      path, (long long)i, (long long)id[i], (long long)vocab - 1);
        token[i] = (int32_t)id[i];
    }
    ok = ok && text_rows_cut(&cut, token, n, -1, T, rows, false, "--ids", e);
    if (ok) *p = cut.as_trained;
    free(id);
    free(token);
    return ok;
}
