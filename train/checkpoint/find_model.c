#include "train/checkpoint/find_model.h"

#include "train/checkpoint/checkpoint.h"
#include "train/store/store.h"

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

/* `what`: whose folder it is, for people. */
static bool find_steps(const char *what, FoundModel *out, Error *e) {
    int64_t newest;
    out->n = checkpoint_steps(out->folder, &out->steps, e);
    if (out->n < 0) return false;
    if (!out->n)
        return fail(e, EXIT_USAGE,
                    "checkpoint: %s: holds none (no model.safetensors, no folder step-NNNNNNNN)", what);
    if (!checkpoint_newest(out->folder, &newest, out->path, e)) return false;
    return *out->path ||
           fail(e, EXIT_USAGE, "checkpoint: %s: none of the %d there can be read", what, out->n);
}

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

bool find_model(const char *word, const char *db, FoundModel *out, Error *e) {
    char file[1100];
    *out = (FoundModel){0};
    if (strlen(word) >= sizeof out->path - 64)
        return fail(e, EXIT_USAGE, "checkpoint: %.40s...: the path is too long", word);
    snprintf(file, sizeof file, "%s/model.safetensors", word);
    if (is_folder(word) && access(file, F_OK)) {
        strcpy(out->folder, word);
        return find_steps(word, out, e);
    }
    if (access(word, F_OK) && begins_a_key(word)) return find_run(word, db, out, e);
    strcpy(out->path, word);
    return true;
}

void found_model_free(FoundModel *f) {
    free(f->steps);
    *f = (FoundModel){0};
}
