/* Owns: sweeps of runs of a fraction of a second, and ./sinklab sweep on them. Does not own: any expectation.
 */
#ifndef SINKLAB_SMALL_SWEEP_H
#define SINKLAB_SMALL_SWEEP_H

#include "data/base/rng.h"
#include "tests/train/command_fixture.h"
#include "train/host.h"

static inline void write_text(const Place *p) {
    FILE *f = open_file(p, "text.txt", "w");
    for (int i = 0; i < 9000; i++)
        fprintf(f, "word%d%c", (int)rng_below(1, RNG_TEST, 0, (uint64_t)i, 9), i % 11 == 10 ? '\n' : ' ');
    fclose(f);
}

/* "--jobs 2 MORE", or one on a machine, or in a mask, of one core. */
static inline const char *two_jobs(const char *more) {
    static char words[64];
    snprintf(words, sizeof words, "--jobs %d %s", host_cores() > 1 ? 2 : 1, more);
    return words;
}

/* NAME.yaml; `rest` is what varies. */
static inline void write_sweep(const Place *p, const char *name, const char *rest) {
    char file[64];
    snprintf(file, sizeof file, "%s.yaml", name);
    FILE *f = open_file(p, file, "w");
    fprintf(f,
            "name: %s\nset:\n  data: {source: %s/text.txt, tokenizer: bytes}\n"
            "  model: {layers: 1, width: 16, heads: 2, context: 16}\n"
            "  train: {steps: 60, batch_tokens: 128}\n  optim.warmup: 5\n"
            "  probe: {every: 20, sequences: 5}\n  run.checkpoint_every: 20\n%s",
            name, p->folder, rest);
    fclose(f);
}

/* ./sinklab sweep ACTION NAME.yaml on FOLDER/DB; what it says goes to FOLDER/DB.out, `db` cut at its folder.
 */
static inline void command_line(const Place *p, const char *action, const char *name, const char *db,
                                const char *more, char out[1024]) {
    const char *slash = strrchr(db, '/');
    snprintf(out, 1024, "exec ./sinklab sweep %s %s/%s.yaml --db %s/%s --cache %s/cache %s >%s/%s.out 2>&1",
             action, p->folder, name, p->folder, db, p->folder, more, p->folder, slash ? slash + 1 : db);
}

static inline int sweep(const Place *p, const char *action, const char *name, const char *db,
                        const char *more) {
    char line[1024];
    command_line(p, action, name, db, more, line);
    return shell(line);
}

static inline void assert_said(const Place *p, const char *db, const char *words) {
    char name[64];
    snprintf(name, sizeof name, "%s.out", db);
    assert_file_says(p, name, words);
}

static inline void assert_not_said(const Place *p, const char *db, const char *words) {
    char line[256];
    snprintf(line, sizeof line, "! grep -qF '%s' %s/%s.out", words, p->folder, db);
    assert_int_equal(shell(line), 0);
}

static inline void assert_file_size(const Place *p, const char *name, long size) {
    FILE *f = open_file(p, name, "r");
    fseek(f, 0, SEEK_END);
    assert_int_equal(ftell(f), size);
    fclose(f);
}

#endif
