#include "train/checkpoint/find_model.h"

#include "data/base/files.h"
#include "train/checkpoint/checkpoint.h"
#include "train/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Whether it can be the start of a run's key. */
static bool begins_a_key(const char *word) {
    return *word && strlen(word) <= 32 && strspn(word, "0123456789abcdef") == strlen(word);
}

bool is_hugging_face(const char *path) {
    return !access(path_of("%s/config.json", path).s, F_OK);
}

void found_model_path(const FoundModel *f, int i, char path[1024]) {
    snprintf(path, 1024, "%.890s/%s", f->folder, f->at[i].name);
}

/* ---- a folder of checkpoints ---- */

/* Whether a name tells a step: a word, - or _ or nothing, digits, and behind them nothing or more words. */
static bool step_of_name(const char *name, int64_t *step) {
    static const char *const words[] = {"step", "checkpoint"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (const char *at = name; (at = strstr(at, words[i]));) {
            at += strlen(words[i]);
            const char *digits = at + (*at == '-' || *at == '_');
            size_t n = strspn(digits, "0123456789");
            if (!n || n > 15 || (digits[n] && digits[n] != '-' && digits[n] != '_')) continue;
            *step = strtoll(digits, NULL, 10);
            return true;
        }
    return false;
}

static int by_step(const void *a, const void *b) {
    const FoundStep *x = a, *y = b;
    return x->step != y->step ? (x->step > y->step) - (x->step < y->step) : strcmp(x->name, y->name);
}

/* left: how many folders have no step in their names. */
static bool list_steps(const char *what, FoundModel *out, int *left, Error *e) {
    DIR *dir = opendir(out->folder);
    if (!dir) return fail(e, EXIT_FAILED, "checkpoint: %s: %s", out->folder, strerror(errno));
    bool ok = true;
    errno = 0;
    for (struct dirent *entry; ok && (entry = readdir(dir)); errno = 0) {
        FoundStep found;
        if (*entry->d_name == '.' || !is_folder(path_of("%s/%s", out->folder, entry->d_name).s)) continue;
        bool named = strlen(entry->d_name) < sizeof found.name && step_of_name(entry->d_name, &found.step);
        *left += !named;
        if (!named) continue;
        strcpy(found.name, entry->d_name);
        ok = memory_grow((void **)&out->at, out->n + 1, sizeof *out->at, e);
        if (ok) out->at[out->n++] = found;
    }
    if (ok && errno) ok = fail(e, EXIT_FAILED, "checkpoint: %s: %s", out->folder, strerror(errno));
    closedir(dir);
    out->there = out->n;
    if (ok && out->n > 1) qsort(out->at, (size_t)out->n, sizeof *out->at, by_step);
    for (int i = 1; ok && i < out->n; i++)
        if (out->at[i].step == out->at[i - 1].step)
            ok = fail(e, EXIT_USAGE, "checkpoint: %s: %s and %s are of one step", what, out->at[i - 1].name,
                      out->at[i].name);
    return ok;
}

/* Whether it is no folder of a run of ours, which names its checkpoints step-NNNNNNNN. */
static bool is_of_others(const FoundModel *f) {
    bool others = false;
    for (int i = 0; i < f->n && !others; i++) {
        char path[1024], name[32];
        found_model_path(f, i, path);
        snprintf(name, sizeof name, "step-%08" PRId64, f->at[i].step);
        others = strcmp(name, f->at[i].name) || is_hugging_face(path);
    }
    return others;
}

/* `what`: whose folder it is, for people. */
static bool find_steps(const char *what, FoundModel *out, Error *e) {
    int64_t newest;
    int left = 0;
    if (!list_steps(what, out, &left, e)) return false;
    if (!out->n)
        return fail(e, EXIT_USAGE,
                    "checkpoint: %s: holds none (no model.safetensors, no folder step-NNNNNNNN)", what);
    if (is_of_others(out)) {
        if (left)
            fprintf(stderr, "sinklab: %s: %d folder%s whose name tells no step %s left out\n", what, left,
                    left > 1 ? "s" : "", left > 1 ? "are" : "is");
        found_model_path(out, out->n - 1, out->path);
        return true;
    }
    if (!checkpoint_newest(out->folder, &newest, out->path, e)) return false;
    return *out->path ||
           fail(e, EXIT_USAGE, "checkpoint: %s: none of the %d there can be read", what, out->n);
}

/* ---- what a word names ---- */

static bool find_run(const char *word, const char *db, FoundModel *out, Error *e) {
    Store *s;
    FoundRun run;
    char what[1200];
    if (access(db, F_OK))
        return fail(e, EXIT_USAGE,
                    "checkpoint: %s: no such file or folder, and no %s to look for a run's key in", word, db);
    if (!store_open(&s, db, STORE_READ, e)) return false;
    bool ok = store_find(s, word, &run, e) && store_folder(s, run.key, out->folder, e);
    store_close(s);
    int64_t newest;
    if (!ok || !checkpoint_newest(out->folder, &newest, out->path, e)) return false;
    if (run.results && !*out->path)
        return fail(
            e, EXIT_USAGE,
            "checkpoint: run %.8s: %s has it from results files, without a checkpoint (sinklab train --again "
            "makes one)",
            run.key, db);
    snprintf(what, sizeof what, "run %.8s: %s", run.key, out->folder);
    return find_steps(what, out, e);
}

/* The folder of a run that a sweep began has the run's configuration beside its checkpoints. */
static bool is_folder_of_run(const char *path) {
    char newest[1024] = "";
    int64_t step;
    return checkpoint_newest(path, &step, newest, &(Error){0}) && *newest;
}

bool find_model(const char *word, const char *db, FoundModel *out, Error *e) {
    char file[1100];
    *out = (FoundModel){0};
    if (strlen(word) >= sizeof out->path - 64)
        return fail(e, EXIT_USAGE, "checkpoint: %.40s...: the path is too long", word);
    snprintf(file, sizeof file, "%s/model.safetensors", word);
    if (is_folder(word) && access(file, F_OK) && (!is_hugging_face(word) || is_folder_of_run(word))) {
        strcpy(out->folder, word);
        return find_steps(word, out, e);
    }
    if (access(word, F_OK) && begins_a_key(word)) return find_run(word, db, out, e);
    if (access(word, F_OK) && !strchr(word, '/'))
        return fail(e, EXIT_USAGE, "%s: no such file, nor the start of a run's key (see `sinklab runs list`)",
                    word);
    strcpy(out->path, word);
    return true;
}

void found_model_free(FoundModel *f) {
    free(f->at);
    *f = (FoundModel){0};
}
