/* What is read as text: a file, gzip, zstd, a folder with its held-out part, a dictionary. */
#include "tests/fuzz/targets.h"

#include "data/base/gzip.h"
#include "data/base/zstd.h"
#include "data/json_lines.h"
#include "data/split.h"
#include "data/text_file.h"

#include <string.h>

void fuzz_text_file(const char *data, int64_t size) {
    Error e = {0};
    Bytes text = {0};
    Path path = path_of("%s/input", fuzz_folder().s);
    MUST(file_write(path.s, data, size, &e));
    if (text_file_read(path.s, &text, &e))
        MUST(packed_begins(data, size) || (text.size == size && !memcmp(text.data, data, (size_t)size)));
    else
        MUST(text.size == 0), fuzz_refused(&e);
    bytes_free(&text);
}

/* Refused with `out` as it was, or unpacked within its bound. */
static void fuzz_unpack(bool (*unpack)(const void *, int64_t, const char *, Bytes *, Error *),
                        const char *data, int64_t size) {
    Error e = {0};
    Bytes out = {0};
    MUST(bytes_append(&out, "before", 6, &e));
    bool ok = unpack(data, size, "input", &out, &e);
    if (!ok) fuzz_refused(&e);
    MUST(!memcmp(out.data, "before", 6) && (ok ? out.size >= 6 : out.size == 6));
    MUST(out.size - 6 <= GZIP_FREE + GZIP_RATIO * size);
    bytes_free(&out);
}

void fuzz_gzip(const char *data, int64_t size) {
    fuzz_unpack(gzip_unpack, data, size);
}

void fuzz_zstd(const char *data, int64_t size) {
    fuzz_unpack(zstd_unpack, data, size);
}

static void check_documents(const Corpus *c) {
    MUST(c->documents > 0 && c->start[0] == 0 && c->start[c->documents] == c->text.size);
    for (int64_t i = 0; i < c->documents; i++) {
        MUST(c->start[i] < c->start[i + 1]);
        MUST(c->text.data[c->start[i + 1] - 1] == '\n' || c->documents == 0);
    }
}

/* The two parts are the text, without overlap. */
static void check_split(const Corpus *c) {
    Split s;
    Error e = {0};
    char hash[HASH_HEX];
    if (!split_documents(&s, c, "input", &e)) {
        fuzz_refused(&e);
        return;
    }
    MUST(s.train.bytes > 0 && s.heldout.bytes > 0 && s.train.bytes + s.heldout.bytes == c->text.size);
    split_free(&s);
    split_hash(c, hash);
    MUST(strlen(hash) == HASH_HEX - 1);
}

void fuzz_corpus(const char *data, int64_t size) {
    Error e = {0};
    Corpus c;
    char digest[HASH_HEX];
    Path folder = fuzz_folder();
    fuzz_files(folder.s, data, size);
    MUST(corpus_stat(folder.s, folder.s, digest, &e));
    if (!corpus_read(&c, folder.s, folder.s, &e)) {
        fuzz_refused(&e);
        return;
    }
    check_documents(&c);
    check_split(&c);
    corpus_free(&c);
}

void fuzz_dictd(const char *data, int64_t size) {
    Error e = {0};
    Corpus c = {0};
    const char *cut = memmem(data, (size_t)size, "\n===\n", 5); /* the text, then its index */
    if (!cut) return;
    Bytes dict = {0}, index = {0};
    MUST(bytes_append(&dict, data, cut - data, &e) &&
         bytes_append(&index, cut + 5, data + size - cut - 5, &e));
    if (!corpus_add_dictd(&c, "input", &dict, &index, &e))
        fuzz_refused(&e);
    else if (c.documents)
        check_documents(&c);
    MUST(c.text.size <= 2 * dict.size + c.documents);
    bytes_free(&dict), bytes_free(&index), corpus_free(&c);
}

static bool add_text(void *self, const char *text, int64_t size, Error *e) {
    return bytes_append(self, text, size, e);
}

void fuzz_json_lines(const char *data, int64_t size) {
    Error e = {0};
    Bytes all = {0};
    if (!json_lines_parse(data, size, "input", "text", add_text, &all, &e)) fuzz_refused(&e);
    MUST(all.size <= size); /* an escape is never shorter than what it stands for */
    bytes_free(&all);
}
