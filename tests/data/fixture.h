/* Owns: what the tests of data/ share: a folder of their own, small texts, rows with memory.
 * Does not own: any check of the program's answers beyond "no error". */
#ifndef SINKLAB_TESTS_FIXTURE_H
#define SINKLAB_TESTS_FIXTURE_H

/* Before cmocka, whose macro fail() would take the name. */
#include "data/base/files.h"
#include "data/base/rng.h"
#include "data/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Passes when ok, else prints the error. */
static inline void check(bool ok, const Error *e) {
    if (!ok) fail_msg("%s", e->text);
}

static inline Path fresh_folder(void) {
    Path p = path_of("/tmp/sinklab-test-XXXXXX");
    assert_non_null(mkdtemp(p.s));
    return p;
}

static inline int setup_folder(void **state) {
    Path *p = malloc(sizeof *p);
    *p = fresh_folder();
    *state = p;
    return 0;
}

static inline int teardown_folder(void **state) {
    folder_remove(((Path *)*state)->s);
    free(*state);
    return 0;
}

static inline void write_text(const char *path, const char *text) {
    Error e = {0};
    check(file_write(path, text, (int64_t)strlen(text), &e), &e);
}

/* `words` words drawn from 200 made-up ones, a newline after every tenth: enough for a small bpe. */
static inline Bytes made_text(int64_t words, uint64_t seed) {
    Bytes b = {0};
    Error e = {0};
    for (int64_t i = 0; i < words; i++) {
        uint64_t word = rng_below(seed, RNG_TEST, 0, (uint64_t)i, 200);
        for (uint64_t k = 0; k < 2 + word % 5; k++) {
            char c = (char)('a' + rng_below(1, RNG_TEST, word, k, 26));
            check(bytes_append(&b, &c, 1, &e), &e);
        }
        check(bytes_append(&b, i % 10 == 9 ? "\n" : " ", 1, &e), &e);
    }
    return b;
}

static inline void write_made_text(const char *path, int64_t words) {
    Bytes b = made_text(words, 7);
    Error e = {0};
    check(file_write(path, b.data, b.size, &e), &e);
    bytes_free(&b);
}

static inline DataConfig config_of(const char *source, int tokenizer) {
    DataConfig c = {
        .tokenizer = tokenizer, .vocab = 400, .bos = BOS_ROW, .mask = MASK_CAUSAL, .fixed_token_at = -1};
    assert_true(strlen(source) < sizeof c.source);
    memcpy(c.source, source, strlen(source) + 1);
    return c;
}

static inline Dataset *open_ok(const DataConfig *c, const char *cache) {
    Error e = {0};
    Dataset *d;
    check(dataset_open(&d, c, cache, NULL, &e), &e);
    return d;
}

static inline Rows rows_new(int64_t n) {
    return (Rows){calloc((size_t)n, 4), calloc((size_t)n, 4), calloc((size_t)n, 4), calloc((size_t)n, 1)};
}

static inline void rows_free(Rows *r) {
    free(r->x);
    free(r->y);
    free(r->doc_start);
    free(r->kind);
}

#endif
