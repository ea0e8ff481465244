#include "train/checkpoint/safetensors.h"

#include "data/base/files.h"
#include "data/base/text.h"
#include "data/base/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the format is little-endian, and so is every array that is written as it lies in memory"
#endif

enum { LENGTH_BYTES = 8, ALIGNMENT = 8, LARGEST_HEADER = 100 << 20 };

typedef struct Dtype Dtype;

/* Where a tensor's numbers stand in the mapped file, and how. */
typedef struct Stored {
    const char *at;
    const Dtype *type;
} Stored;

struct StFile {
    const void *map;
    int64_t size;
    Yaml *header; /* owns the names' and the metadata's text */
    StTensor *at;
    Stored *stored; /* (n) */
    int n;
    bool any; /* another program's: see safetensors_open_any */
};

/* Bytes of the data at so many a number, or -1 when the shape is none. */
static int64_t tensor_bytes(const StTensor *t, int64_t number) {
    int64_t bytes = number;
    if (t->dims < 0 || t->dims > ST_DIMS) return -1;
    for (int i = 0; i < t->dims; i++)
        if (t->shape[i] < 0 || __builtin_mul_overflow(bytes, t->shape[i], &bytes)) return -1;
    return bytes;
}

/* ---- Checksum ---- */

enum { HEX = 33 };
static const char checksum_key[] = "checksum";

static void add_text(XXH3_state_t *sum, const char *text) {
    XXH3_128bits_update(sum, text, strlen(text) + 1);
}

static void add_tensor(XXH3_state_t *sum, const StTensor *t) {
    add_text(sum, t->name);
    XXH3_128bits_update(sum, t->shape, (size_t)t->dims * sizeof *t->shape);
    XXH3_128bits_update(sum, t->data, (size_t)tensor_bytes(t, sizeof(float)));
}

static void end_sum(XXH3_state_t *sum, char hex[HEX]) {
    XXH128_hash_t hash = XXH3_128bits_digest(sum);
    snprintf(hex, HEX, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    XXH3_freeState(sum);
}

static bool begin_sum(XXH3_state_t **sum) {
    *sum = XXH3_createState();
    return *sum && XXH3_128bits_reset(*sum) == XXH_OK;
}

static bool sum_written(const StTensor *t, int n, const StMeta *meta, int n_meta, char hex[HEX]) {
    XXH3_state_t *sum;
    if (!begin_sum(&sum)) return false;
    for (int i = 0; i < n_meta; i++) {
        add_text(sum, meta[i].key);
        add_text(sum, meta[i].value);
    }
    for (int i = 0; i < n; i++) add_tensor(sum, &t[i]);
    end_sum(sum, hex);
    return true;
}

/* ---- Writing ---- */

static void write_meta(FILE *out, const StMeta *meta, int n, const char *checksum) {
    fputs("\"__metadata__\":{", out);
    for (int i = 0; i < n; i++) {
        json_string(out, meta[i].key);
        fputc(':', out);
        json_string(out, meta[i].value);
        fputc(',', out);
    }
    fprintf(out, "\"%s\":\"%s\"}", checksum_key, checksum);
}

static void write_entry(FILE *out, const StTensor *t, int64_t begin) {
    json_string(out, t->name);
    fprintf(out, ":{\"dtype\":\"F32\",\"shape\":[%lld", (long long)t->shape[0]);
    for (int i = 1; i < t->dims; i++) fprintf(out, ",%lld", (long long)t->shape[i]);
    fprintf(out, "],\"data_offsets\":[%lld,%lld]}", (long long)begin,
            (long long)(begin + tensor_bytes(t, sizeof(float))));
}

/* Header length and header, padded with spaces so that the data is aligned; malloc'ed. */
static char *make_header(const StTensor *t, int n, const StMeta *meta, int n_meta, size_t *length) {
    char *text = NULL, checksum[HEX];
    if (!sum_written(t, n, meta, n_meta, checksum)) return NULL;
    FILE *out = text_open(&text, length);
    const uint64_t unknown = 0;
    fwrite(&unknown, 1, LENGTH_BYTES, out);
    fputc('{', out);
    write_meta(out, meta, n_meta, checksum);
    int64_t begin = 0;
    for (int i = 0; i < n; i++) {
        fputc(',', out);
        write_entry(out, &t[i], begin);
        begin += tensor_bytes(&t[i], sizeof(float));
    }
    fputc('}', out);
    while (ftell(out) % ALIGNMENT) fputc(' ', out);
    fclose(out);
    const uint64_t header = *length - LENGTH_BYTES;
    memcpy(text, &header, LENGTH_BYTES);
    return text;
}

static bool check_tensors(const char *path, const StTensor *t, int n, Error *e) {
    for (int i = 0; i < n; i++) {
        if (t[i].dims < 1 || tensor_bytes(&t[i], sizeof(float)) < 0)
            return fail(e, EXIT_FAILED, "%s: tensor %s: not a shape of 1 to 4 dimensions", path, t[i].name);
        for (int j = 0; j < i; j++)
            if (!strcmp(t[i].name, t[j].name))
                return fail(e, EXIT_FAILED, "%s: tensor %s: given twice", path, t[i].name);
    }
    return true;
}

static bool write_parts(FILE *out, const char *header, size_t length, const StTensor *t, int n) {
    if (fwrite(header, 1, length, out) != length) return false;
    for (int i = 0; i < n; i++) {
        size_t bytes = (size_t)tensor_bytes(&t[i], sizeof(float));
        if (bytes && fwrite(t[i].data, 1, bytes, out) != bytes) return false;
    }
    return !fflush(out) && !fsync(fileno(out));
}

/* The rename is only safe on the platter once the folder is. */
static bool sync_folder_of(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = !slash ? 0 : slash == path ? 1 : (int)(slash - path);
    snprintf(folder, sizeof folder, "%.*s", length ? length : 1, length ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return false;
    bool ok = !fsync(fd);
    close(fd);
    return ok;
}

static bool write_file(const char *path, const char *header, size_t length, const StTensor *t, int n) {
    char temporary[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    FILE *out = fopen(temporary, "wb");
    if (!out) return false;
    bool ok = write_parts(out, header, length, t, n);
    ok = !fclose(out) && ok;
    ok = ok && !rename(temporary, path);
    if (ok) return sync_folder_of(path);
    int why = errno;
    unlink(temporary);
    errno = why;
    return false;
}

bool safetensors_write(const char *path, const StTensor *t, int n, const StMeta *meta, int n_meta, Error *e) {
    if (!check_tensors(path, t, n, e)) return false;
    size_t length = 0;
    char *header = make_header(t, n, meta, n_meta, &length);
    if (!header) return fail(e, EXIT_FAILED, "%s: out of memory", path);
    bool ok = write_file(path, header, length, t, n) ||
              fail(e, EXIT_FAILED, "%s: cannot write: %s", path, strerror(errno));
    free(header);
    return ok;
}

/* ---- Reading ---- */

/* The bytes that a tensor takes of the data. */
typedef struct Span {
    int64_t begin, end;
    const char *name;
} Span;

static bool bad(const char *path, const char *tensor, const char *why, Error *e) {
    return fail(e, EXIT_USAGE, "%s: tensor %s: %s", path, tensor, why);
}

/* A list of `least` to `most` integers, none below 0. Returns how many, or -1. */
static int read_integers(const Yaml *list, int least, int most, int64_t *out) {
    if (!list || list->kind != YAML_LIST || list->n < least || list->n > most) return -1;
    for (int i = 0; i < list->n; i++) {
        const Yaml *item = list->value[i];
        if (item->kind != YAML_SCALAR || item->quoted || !*item->text) return -1;
        if (strspn(item->text, "0123456789") != strlen(item->text)) return -1;
        errno = 0;
        out[i] = strtoll(item->text, NULL, 10);
        if (errno) return -1;
    }
    return list->n;
}

/* How numbers may be stored, and as floats. */
static void from_f32(const char *in, float *out, int64_t n) {
    memcpy(out, in, (size_t)n * sizeof *out);
}
/* A half's bits, read as those of a float, are its value times 2^-112; its largest exponent is infinity's. */
static float float_of_half(uint16_t half) {
    uint32_t bits = (uint32_t)(half & 0x7FFF) << 13;
    bool finite = bits < 0x7C00u << 13;
    if (!finite) bits |= 0x7F800000u;
    float x;
    memcpy(&x, &bits, sizeof x);
    if (finite) x *= 0x1p112f;
    return half >> 15 ? -x : x;
}
static void from_f16(const char *in, float *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint16_t half;
        memcpy(&half, in + 2 * i, sizeof half);
        out[i] = float_of_half(half);
    }
}
static void from_bf16(const char *in, float *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint16_t high;
        memcpy(&high, in + 2 * i, sizeof high);
        uint32_t bits = (uint32_t)high << 16;
        memcpy(&out[i], &bits, sizeof bits);
    }
}
struct Dtype {
    const char *name;
    int bytes;
    void (*read)(const char *in, float *out, int64_t n); /* NULL: no weights are stored so */
};
static const Dtype dtypes[] = {
    {"F32", 4, from_f32}, {"F16", 2, from_f16}, {"BF16", 2, from_bf16}, {"F64", 8, NULL},
    {"I64", 8, NULL},     {"U64", 8, NULL},     {"I32", 4, NULL},       {"U32", 4, NULL},
    {"I16", 2, NULL},     {"U16", 2, NULL},     {"I8", 1, NULL},        {"U8", 1, NULL},
    {"BOOL", 1, NULL},    {"F8_E4M3", 1, NULL}, {"F8_E5M2", 1, NULL},   {0}};

/* A tensor's numbers as fp32: where the file is mapped, or a copy where they are of another type or not
 * aligned. */
static float *place(const Dtype *dtype, const char *in, int64_t bytes) {
    if (dtype->bytes == sizeof(float) && (uintptr_t)in % sizeof(float) == 0) return (float *)in;
    int64_t n = bytes / dtype->bytes;
    float *out = malloc((size_t)(n + 1) * sizeof *out);
    if (out) dtype->read(in, out, n);
    return out;
}

static bool is_mapped(const StFile *f, const float *data) {
    const char *map = f->map, *at = (const char *)data;
    return at >= map && at <= map + f->size;
}

static const Dtype *dtype_of(const Yaml *entry) {
    const Yaml *type = yaml_get(entry, "dtype");
    const Dtype *dtype = dtypes;
    while (type && type->kind == YAML_SCALAR && dtype->name && strcmp(dtype->name, type->text)) dtype++;
    return type && type->kind == YAML_SCALAR ? dtype : NULL;
}

/* Reads the entry of tensor f->n. */
static bool read_entry(const StFile *f, const char *path, const char *name, const Yaml *entry,
                       const char *data, int64_t room, Span *span, Error *e) {
    int64_t offsets[2];
    StTensor *t = &f->at[f->n];
    if (strlen(name) >= sizeof t->name) return bad(path, name, "a name too long", e);
    if (entry->kind != YAML_MAP || entry->n != 3)
        return bad(path, name, "not dtype, shape and data_offsets", e);
    const Dtype *dtype = dtype_of(entry);
    if (!dtype) return bad(path, name, "no dtype", e);
    if (!dtype->name || !(dtype->read || f->any))
        return fail(e, EXIT_USAGE, "%s: tensor %s: dtype %s is not supported (F32, F16 and BF16 are)", path,
                    name, yaml_get(entry, "dtype")->text);
    strcpy(t->name, name);
    t->dims = read_integers(yaml_get(entry, "shape"), f->any ? 0 : 1, ST_DIMS, t->shape);
    int64_t bytes = tensor_bytes(t, dtype->bytes);
    if (bytes < 0) return bad(path, name, "not a shape of 1 to 4 dimensions", e);
    if (read_integers(yaml_get(entry, "data_offsets"), 2, 2, offsets) < 0)
        return bad(path, name, "data_offsets are not two integers", e);
    if (offsets[0] > offsets[1] || offsets[1] > room)
        return bad(path, name, "data_offsets beyond the end of the file (cut off?)", e);
    if (offsets[1] - offsets[0] != bytes) return bad(path, name, "data_offsets do not fit the shape", e);
    *span = (Span){offsets[0], offsets[1], t->name};
    f->stored[f->n] = (Stored){data + offsets[0], dtype};
    if (f->any) return true;
    t->data = place(dtype, data + offsets[0], bytes);
    return t->data || fail(e, EXIT_FAILED, "%s: out of memory", path);
}

static int by_offset(const void *a, const void *b) {
    const Span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The tensors cover the data exactly once. */
static bool check_cover(const char *path, Span *span, int n, int64_t room, Error *e) {
    qsort(span, (size_t)n, sizeof *span, by_offset);
    int64_t end = 0;
    for (int i = 0; i < n; i++) {
        if (span[i].begin < end) return bad(path, span[i].name, "overlaps another in the file", e);
        if (span[i].begin > end) return bad(path, span[i].name, "follows a gap in the file", e);
        end = span[i].end;
    }
    if (end < room)
        return fail(e, EXIT_USAGE, "%s: %lld bytes after the last tensor", path, (long long)(room - end));
    return true;
}

static bool check_meta(const char *path, const Yaml *meta, Error *e) {
    bool ok = meta->kind == YAML_MAP;
    for (int i = 0; ok && i < meta->n; i++) ok = meta->value[i]->kind == YAML_SCALAR;
    return ok || fail(e, EXIT_USAGE, "%s: __metadata__ is not a map of texts", path);
}

static bool read_entries(StFile *f, const char *path, const char *data, int64_t room, Span *span, Error *e) {
    for (int i = 0; i < f->header->n; i++) {
        const char *name = f->header->key[i]->text;
        const Yaml *entry = f->header->value[i];
        if (!strcmp(name, "__metadata__")) {
            if (!check_meta(path, entry, e)) return false;
        } else {
            if (!read_entry(f, path, name, entry, data, room, &span[f->n], e)) return false;
            f->n++;
        }
    }
    return check_cover(path, span, f->n, room, e);
}

/* The length of the header in bytes; 0 when the file is too short for the one it states. */
static int64_t header_length(const char *bytes, int64_t size) {
    uint64_t length;
    if (size < LENGTH_BYTES) return 0;
    memcpy(&length, bytes, LENGTH_BYTES);
    if (length > LARGEST_HEADER || (int64_t)length > size - LENGTH_BYTES) return 0;
    return (int64_t)length;
}

static bool read_header(StFile *f, const char *path, Error *e) {
    const char *bytes = f->map;
    int64_t length = header_length(bytes, f->size);
    if (length < 2 || bytes[LENGTH_BYTES] != '{')
        return fail(e, EXIT_USAGE, "%s: not a safetensors file, or cut off", path);
    if (!f->any && length % (int64_t)sizeof(float))
        return fail(e, EXIT_USAGE, "%s: a header of %lld bytes leaves the data unaligned", path,
                    (long long)length);
    f->header = yaml_parse(bytes + LENGTH_BYTES, (size_t)length, path, e);
    if (!f->header) return false;
    size_t room = (size_t)f->header->n + 1;
    f->at = calloc(room, sizeof *f->at);
    f->stored = calloc(room, sizeof *f->stored);
    Span *span = calloc(room, sizeof *span);
    int64_t start = LENGTH_BYTES + length;
    bool ok = f->at && f->stored && span ? read_entries(f, path, bytes + start, f->size - start, span, e)
                                         : fail(e, EXIT_FAILED, "%s: out of memory", path);
    free(span);
    return ok;
}

static bool open_file(StFile **out, const char *path, bool any, Error *e) {
    StFile *f = calloc(1, sizeof *f);
    if (!f) return fail(e, EXIT_FAILED, "%s: out of memory", path);
    f->any = any;
    if (file_map(path, &f->map, &f->size, e) && read_header(f, path, e)) {
        *out = f;
        return true;
    }
    safetensors_close(f);
    return false;
}

bool safetensors_open(StFile **out, const char *path, Error *e) {
    return open_file(out, path, false, e);
}
bool safetensors_open_any(StFile **out, const char *path, Error *e) {
    return open_file(out, path, true, e);
}

void safetensors_close(StFile *f) {
    if (!f) return;
    for (int i = 0; i < f->n; i++)
        if (f->at[i].data && !is_mapped(f, f->at[i].data)) free(f->at[i].data);
    if (f->map) munmap((void *)f->map, (size_t)f->size);
    yaml_free(f->header);
    free(f->at);
    free(f->stored);
    free(f);
}

int safetensors_count(const StFile *f) {
    return f->n;
}

const StTensor *safetensors_at(const StFile *f, int i) {
    return &f->at[i];
}

bool safetensors_read(const StFile *f, const char *path, const StTensor *t, float *out, Error *e) {
    const Stored *s = &f->stored[t - f->at];
    int64_t n = tensor_bytes(t, 1);
    if (!s->type->read)
        return fail(e, EXIT_USAGE, "%s: tensor %s: dtype %s is not supported (F32, F16 and BF16 are)", path,
                    t->name, s->type->name);
    s->type->read(s->at, out, n);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(out[i])) return bad(path, t->name, "holds a NaN or an infinity", e);
    return true;
}

const StTensor *safetensors_find(const StFile *f, const char *name) {
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->at[i].name, name)) return &f->at[i];
    return NULL;
}

const char *safetensors_meta(const StFile *f, const char *key) {
    const Yaml *value = yaml_get(yaml_get(f->header, "__metadata__"), key);
    return value ? value->text : NULL;
}

bool safetensors_hash(const StFile *f, char hex[HEX], Error *e) {
    XXH3_state_t *sum;
    if (!begin_sum(&sum)) return fail(e, EXIT_FAILED, "safetensors: out of memory");
    for (int i = 0; i < f->n; i++) add_tensor(sum, &f->at[i]);
    end_sum(sum, hex);
    return true;
}

bool safetensors_verify(const StFile *f, const char *path, Error *e) {
    const Yaml *meta = yaml_get(f->header, "__metadata__");
    const char *stored = safetensors_meta(f, checksum_key);
    char now[HEX];
    XXH3_state_t *sum;
    if (!stored) return true;
    if (!begin_sum(&sum)) return fail(e, EXIT_FAILED, "%s: out of memory", path);
    for (int i = 0; i < meta->n; i++) {
        if (!strcmp(meta->key[i]->text, checksum_key)) continue;
        add_text(sum, meta->key[i]->text);
        add_text(sum, meta->value[i]->text);
    }
    for (int i = 0; i < f->n; i++) add_tensor(sum, &f->at[i]);
    end_sum(sum, now);
    return !strcmp(stored, now) ||
           fail(e, EXIT_USAGE, "%s: its checksum is not that of its contents (damaged, or changed by hand)",
                path);
}
