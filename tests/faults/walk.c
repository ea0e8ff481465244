#include "tests/faults/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRAIN "$S train ../tiny.yaml --db r.db --cache cache"

const Scenario scenarios[] = {
    {"data", "true",
     "$S data ../tiny.yaml data.tokenizer=bpe data.vocab=300 --cache cache --shards shards --quiet", NULL},
    {"train", "true", TRAIN, "r.db"},
    {"go on",
     "$S data ../tiny.yaml --cache cache --quiet && { SINKLAB_FAULT=r,0,4,0,once SINKLAB_FAULT_DONE=../killed"
     " LD_PRELOAD=$SHIM " TRAIN "; [ $? = 137 ] && [ -d r.db.d/*/step-00000003 ]; }",
     TRAIN, "r.db"},
    {"sweep", "$S data ../tiny.yaml --cache cache --quiet",
     "$S sweep run ../sweep.yaml --db r.db --cache cache --quiet --yes --jobs 1", "r.db"},
    {"merge", TRAIN " && mv r.db other.db && mv r.db.d other.db.d && " TRAIN " seed=2",
     "$S merge r.db other.db --quiet", "r.db"},
    {"export", TRAIN, "$S export r.db.d/*/step-00000012 out --cache cache --quiet", "r.db"},
    {"import", TRAIN " && $S export r.db.d/*/step-00000012 out --cache cache --quiet",
     "$S import out again.safetensors --quiet", NULL},
    {"probe", TRAIN,
     "$S probe $(ls r.db.d) --db r.db --cache cache --store --do 'zero_column(pos=0)' >probe.txt", "r.db"},
    {"report", TRAIN, "$S report -o page.html --db r.db --quiet", "r.db"},
    {"delete", TRAIN " && ls r.db.d >key && " TRAIN " seed=2", "$S runs delete $(cat key) --db r.db", "r.db"},
};
const int n_scenarios = sizeof scenarios / sizeof *scenarios;

static const char tiny[] = "data: {source: %s/text.txt, tokenizer: bytes}\n"
                           "model: {layers: 1, width: 16, heads: 2, context: 16}\n"
                           "train: {steps: 12, batch_tokens: 64}\n"
                           "optim.warmup: 1\n"
                           "probe: {every: 6, sequences: 2}\n"
                           "run: {checkpoint_every: 3}\n";
static const char sweep[] = "name: small\nset:\n"
                            "  data: {source: %s/text.txt, tokenizer: bytes}\n"
                            "  model: {layers: 1, width: 16, heads: 2, context: 16}\n"
                            "  train: {steps: 4, batch_tokens: 64}\n"
                            "  optim.warmup: 1\n"
                            "  probe: {every: 4, sequences: 2}\n"
                            "grid: {model.head_out: [none, rmsnorm]}\n";

static void die(const char *what) {
    printf("walk: %s: %s\n", what, strerror(errno));
    exit(1);
}

int walk_shell(const Walk *w, const char *format, ...) {
    char given[2048], line[2600];
    va_list args;
    va_start(args, format);
    vsnprintf(given, sizeof given, format, args);
    va_end(args);
    snprintf(line, sizeof line, "cd %s && %s", w->folder, given);
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void write_text(const Walk *w, const char *name, const char *format) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    FILE *f = fopen(path, "w");
    if (!f) die(path);
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(f, format, w->folder);
    fclose(f);
}

/* A text of made-up words, the same on every machine. */
static void write_words(const Walk *w) {
    char path[160];
    snprintf(path, sizeof path, "%s/text.txt", w->folder);
    FILE *f = fopen(path, "w");
    if (!f) die(path);
    unsigned word = 1;
    for (int i = 0; i < 2000; i++) {
        word = word * 1664525u + 1013904223u;
        fprintf(f, "%c%c%u%s", 'a' + word % 23, 'b' + word / 64 % 19, word >> 27, i % 11 == 10 ? "\n" : " ");
    }
    fclose(f);
}

void walk_open(Walk *w, const Scenario *s) {
    char program[4096], shim[4096];
    if (!realpath("sinklab", program) || !realpath("build/tests/faults/shim.so", shim)) die("sinklab");
    if (setenv("S", program, 1) || setenv("SHIM", shim, 1) || setenv("OMP_NUM_THREADS", "1", 1))
        die("setenv");
    *w = (Walk){.of = s};
    snprintf(w->folder, sizeof w->folder, "%s/sinklab-walk-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(w->folder)) die(w->folder);
    write_words(w);
    write_text(w, "tiny.yaml", tiny);
    write_text(w, "sweep.yaml", sweep);
    if (walk_shell(w, "mkdir live && cd live && { %s; } >../out 2>&1 && cd .. && cp -a live base",
                   s->prepare))
        die(s->name);
    if (walk_run(w, "")) die(s->name);
    w->digest = s->db ? walk_ask(w, "live", "SELECT * FROM digest") : NULL;
    if (walk_shell(w, "mv live calm")) die("calm");
}

void walk_close(Walk *w) {
    walk_shell(w, "cd / && rm -rf %s", w->folder);
    free(w->digest);
}

void walk_reset(const Walk *w) {
    if (walk_shell(w, "rm -rf live err && cp -a base live")) die("live");
}

int walk_run(const Walk *w, const char *environment) {
    const char *preload = *environment ? "LD_PRELOAD=$SHIM" : "";
    return walk_shell(
        w, "{ cd live && S=\"timeout -k 5 300 env %s %s $S\" && { %s; } 2>../err >../out; } 2>/dev/null",
        preload, environment, w->of->command);
}

char *walk_text(const Walk *w, const char *name) {
    char path[160], *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    FILE *f = fopen(path, "r");
    if (!f || getdelim(&text, &size, 0, f) < 0) text = strdup("");
    if (f) fclose(f);
    return text;
}

char *walk_ask(const Walk *w, const char *where, const char *sql) {
    char path[160], *text = NULL;
    sqlite3 *db;
    sqlite3_stmt *q = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    snprintf(path, sizeof path, "%s/%s/%s", w->folder, where, w->of->db);
    int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK) code = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(q)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(q); i++)
            fprintf(out, "%s%s", i ? "|" : "",
                    sqlite3_column_text(q, i) ? (const char *)sqlite3_column_text(q, i) : "");
        fputc('\n', out);
        code = SQLITE_OK;
    }
    if (code != SQLITE_DONE) fprintf(out, "%s", sqlite3_errmsg(db));
    fclose(out);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return text;
}

char *walk_damage(const Walk *w) {
    char path[160];
    struct stat s;
    snprintf(path, sizeof path, "%s/live/%s", w->folder, w->of->db ? w->of->db : "none");
    if (stat(path, &s) || !s.st_size) return NULL;
    char *text = walk_ask(w, "live", "PRAGMA integrity_check");
    if (strcmp(text, "ok\n")) return text;
    free(text);
    return NULL;
}

char *walk_difference(const Walk *w, bool litter) {
    char *text = walk_damage(w);
    if (text) return text;
    /* Not by bytes: databases, whose figures are compared, and pages, which hold a database where the page's
     * libraries are installed; what is named after a file's times; what a sweep writes anew whenever it
     * starts a run; the list of a folder's files where there are more. */
    walk_shell(
        w,
        "{ diff -rq -x '*.db' -x '*.db-wal' -x '*.db-shm' -x '*.html' -x seen -x log.txt -x config.json "
        "%s calm live 2>&1 | grep -v %s; (cd calm; find . -name '*.html') | while read page; do "
        "tail -n 1 live/$page | grep -q '</html>' || echo $page is not whole; done; } >differs",
        litter ? "-x meta" : "", litter ? "'^Only in live'" : "'^$'");
    text = walk_text(w, "differs");
    if (*text) return text;
    free(text);
    if (!w->of->db) return NULL;
    text = walk_ask(w, "live", "SELECT * FROM digest");
    bool same = !strcmp(text, w->digest);
    free(text);
    return same ? NULL : strdup("the digest differs");
}

bool walk_is_possible(void) {
#ifdef __SANITIZE_ADDRESS__
    return false;
#else
    return !access("build/tests/faults/shim.so", R_OK);
#endif
}
