#include "train/checkpoint/checkpoint.h"

#include "data/own_tokenizer.h"

#include "train/checkpoint/safetensors.h"
#include "train/config/conflicts.h"
#include "train/optim/schedule.h"
#include "train/when_due.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEEP = 2 }; /* checkpoints that a run keeps whole */

static void describe(const Model *m, const char *suffix, float *arena, StTensor *out) {
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        out[i] = (StTensor){.dims = t->dims, .shape = {t->rows, t->cols}, .data = arena + t->offset};
        snprintf(out[i].name, sizeof out[i].name, "%s%s%s", t->name, *suffix ? "." : "", suffix);
    }
}

static bool save_model(const char *folder, const Model *m, const StMeta *meta, int n_meta, Error *e) {
    char path[1100];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    StTensor *list = calloc((size_t)m->n_tensors, sizeof *list);
    if (!list) return fail(e, EXIT_FAILED, "checkpoint: out of memory");
    describe(m, "", m->params, list);
    bool ok = safetensors_write(path, list, m->n_tensors, meta, n_meta, e);
    free(list);
    return ok;
}

static bool save_optimiser(const char *folder, const Model *m, const OptimState *o, const StMeta *meta,
                           int n_meta, Error *e) {
    char path[1100];
    snprintf(path, sizeof path, "%s/optimizer.safetensors", folder);
    StTensor *list = calloc((size_t)m->n_tensors * OPTIM_STATES, sizeof *list);
    if (!list) return fail(e, EXIT_FAILED, "checkpoint: out of memory");
    int n = 0;
    for (int i = 0; i < OPTIM_STATES && o->arena[i]; i++, n += m->n_tensors)
        describe(m, o->kind->state[i], o->arena[i], list + n);
    bool ok = safetensors_write(path, list, n, meta, n_meta, e);
    free(list);
    return ok;
}

void checkpoint_meta(CheckpointMeta *out, const Config *c, const Origin *from, int64_t step) {
    out->config = config_json(c, false);
    snprintf(out->step, sizeof out->step, "%" PRId64, step);
    snprintf(out->version, sizeof out->version, "%d", CHECKPOINT_VERSION);
    snprintf(out->numerics, sizeof out->numerics, "%d", NUMERICS);
    const StMeta at[CHECKPOINT_META] = {{"config", out->config},
                                        {"format", "pt"},
                                        {"key", from->key},
                                        {"step", out->step},
                                        {"corpus", from->corpus},
                                        {"tokenizer", from->tokenizer},
                                        {"sinklab_version", out->version},
                                        {"numerics", out->numerics}};
    memcpy(out->at, at, sizeof at);
}

void checkpoint_meta_free(CheckpointMeta *meta) {
    free(meta->config);
}

bool checkpoint_save_weights(const char *folder, int64_t step, const Config *c, const Origin *from,
                             const Model *m, Error *e) {
    CheckpointMeta meta;
    checkpoint_meta(&meta, c, from, step);
    bool ok = save_model(folder, m, meta.at, CHECKPOINT_META, e);
    checkpoint_meta_free(&meta);
    return ok;
}

static const char *const files[] = {"model.safetensors", "optimizer.safetensors"};
enum { FILES = sizeof files / sizeof *files };

static void remove_folder(const char *folder) {
    char path[1200];
    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
        strcat(path, ".tmp");
        unlink(path);
    }
    rmdir(folder);
}

static int by_step(const void *a, const void *b) {
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool is_checkpoint(const char *name, int64_t *step) {
    int end = 0;
    return sscanf(name, "step-%" SCNd64 "%n", step, &end) == 1 && !name[end];
}

/* A folder that cannot be read is no folder without checkpoints: a run would begin anew. */
int checkpoint_steps(const char *folder, int64_t **steps, Error *e) {
    *steps = NULL;
    DIR *dir = opendir(folder);
    if (!dir && errno == ENOENT) return 0;
    if (!dir) return fail(e, EXIT_FAILED, "checkpoint: %s: %s", folder, strerror(errno)), -1;
    int n = 0;
    bool ok = true;
    errno = 0;
    for (struct dirent *entry; ok && (entry = readdir(dir)); errno = 0) {
        int64_t step;
        if (!is_checkpoint(entry->d_name, &step)) continue;
        ok = memory_grow((void **)steps, n + 1, sizeof **steps, e);
        if (ok) (*steps)[n++] = step;
    }
    if (ok && errno) ok = fail(e, EXIT_FAILED, "checkpoint: %s: %s", folder, strerror(errno));
    closedir(dir);
    if (ok && n > 1) qsort(*steps, (size_t)n, sizeof **steps, by_step);
    return ok ? n : -1;
}

void checkpoint_path(const char *folder, int64_t step, char *path) {
    snprintf(path, 1024, "%.980s/step-%08" PRId64, folder, step);
}

/* Whether the files of a checkpoint can be read: its weights and, unless deleted, its optimiser's state. */
static bool can_be_read(const char *folder, Error *e) {
    for (size_t i = 0; i < FILES; i++) {
        char file[1100];
        StFile *f;
        snprintf(file, sizeof file, "%s/%s", folder, files[i]);
        if (i && access(file, F_OK)) continue;
        if (!safetensors_open(&f, file, e)) return false;
        safetensors_close(f);
    }
    return true;
}

/* Renames a checkpoint's folder, so that no run takes the checkpoint for its own and nothing is lost. */
static bool set_aside(const char *folder, Error *e) {
    char aside[1060];
    for (int i = 1; i < 1000; i++) {
        snprintf(aside, sizeof aside, i > 1 ? "%s.aside-%d" : "%s.aside", folder, i);
        if (access(aside, F_OK)) break;
    }
    return !rename(folder, aside) ||
           fail(e, EXIT_FAILED, "checkpoint: %s: cannot be set aside: %s", folder, strerror(errno));
}

static bool has_state(const char *folder) {
    char file[1100];
    snprintf(file, sizeof file, "%s/optimizer.safetensors", folder);
    return !access(file, F_OK);
}

static void remove_state(const char *folder) {
    char file[1100];
    snprintf(file, sizeof file, "%s/optimizer.safetensors", folder);
    unlink(file);
}

/* Removes checkpoints that are neither the newest KEEP nor kept by run.keep, and leaves the latter as weights
 * alone, but for the one from which a longer run can go on. Those beyond step `newest` are from before the
 * run went back to an earlier step; the figures that belong to them are gone, so they are set aside. */
static void remove_old(const char *run_folder, int64_t newest, const Config *c) {
    int64_t *steps;
    int n = checkpoint_steps(run_folder, &steps, NULL), whole = 0;
    while (n-- > 0) {
        char path[1024];
        checkpoint_path(run_folder, steps[n], path);
        if (steps[n] > newest)
            set_aside(path, NULL);
        else if (whole++ < KEEP || !has_state(path) || steps[n] == schedule_branch(&c->optim, c->train.steps))
            continue;
        else if (when_due_kept(steps[n], c->train.steps, &c->run.keep))
            remove_state(path);
        else
            remove_folder(path);
    }
    free(steps);
}

static int64_t bytes_of(const char *folder) {
    int64_t bytes = 0;
    for (size_t i = 0; i < FILES; i++) {
        char file[1100];
        struct stat st;
        snprintf(file, sizeof file, "%s/%s", folder, files[i]);
        if (!stat(file, &st)) bytes += st.st_size;
    }
    return bytes;
}

/* *at: the newest whose files can be read, with the optimiser's state where `whole`; -1: none is. */
static bool newest_of(const char *run_folder, const int64_t *steps, int n, bool whole, int *at, Error *e) {
    char path[1024];
    for (*at = n - 1; *at >= 0; --*at) {
        Error why = {0};
        checkpoint_path(run_folder, steps[*at], path);
        if (can_be_read(path, &why) && (!whole || has_state(path))) return true;
        if (why.code == EXIT_FAILED) return fail(e, why.code, "%s", why.text);
    }
    return true;
}

bool checkpoint_newest(const char *run_folder, int64_t *step, char *path, Error *e) {
    int64_t *steps;
    int n = checkpoint_steps(run_folder, &steps, e), at = -1;
    bool ok = n >= 0 && newest_of(run_folder, steps, n, false, &at, e);
    *step = at < 0 ? 0 : steps[at];
    *path = 0;
    if (at >= 0) checkpoint_path(run_folder, *step, path);
    free(steps);
    return ok;
}

bool checkpoint_prune(const char *run_folder, int *removed, int64_t *bytes, Error *e) {
    int64_t *steps;
    int n = checkpoint_steps(run_folder, &steps, e), last = -1;
    bool ok = n >= 0 && newest_of(run_folder, steps, n, true, &last, e) &&
              (last >= 0 || newest_of(run_folder, steps, n, false, &last, e));
    for (*removed = 0, *bytes = 0; ok && *removed < last; (*removed)++) {
        char path[1024];
        checkpoint_path(run_folder, steps[*removed], path);
        *bytes += bytes_of(path);
        remove_folder(path);
    }
    free(steps);
    return ok;
}

static void sync_folder(const char *folder) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

bool checkpoint_save(const char *run_folder, int64_t step, const Config *c, const Origin *from,
                     const Model *m, const OptimState *o, char *path, Error *e) {
    char temporary[1040];
    CheckpointMeta meta;
    checkpoint_path(run_folder, step, path);
    snprintf(temporary, sizeof temporary, "%s.tmp", path);
    remove_folder(temporary);
    if (mkdir(temporary, 0777))
        return fail(e, EXIT_FAILED, "checkpoint: %s: %s (is the folder writable, the disk full?)", temporary,
                    strerror(errno));
    checkpoint_meta(&meta, c, from, step);
    bool ok = save_model(temporary, m, meta.at, CHECKPOINT_META, e) &&
              save_optimiser(temporary, m, o, meta.at, CHECKPOINT_META, e);
    checkpoint_meta_free(&meta);
    if (ok) remove_folder(path); /* of the same step, from before a rewind */
    if (ok && rename(temporary, path)) ok = fail(e, EXIT_FAILED, "checkpoint: %s: %s", path, strerror(errno));
    if (!ok) {
        remove_folder(temporary);
        return false;
    }
    sync_folder(run_folder);
    remove_old(run_folder, step, c);
    return true;
}

/* ---- reading ---- */

static void model_path(char *out, size_t room, const char *path) {
    struct stat st;
    bool folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    snprintf(out, room, "%s%s", path, folder ? "/model.safetensors" : "");
}

/* A number of the metadata; 0 where the key is missing, INT64_MAX where its value is no number (a later
 * form). */
static int64_t number_of(const StFile *f, const char *key) {
    const char *text = safetensors_meta(f, key);
    if (!text) return 0;
    return *text && strspn(text, "0123456789") == strlen(text) ? strtoll(text, NULL, 10) : INT64_MAX;
}

static const char *text_of(const StFile *f, const char *key) {
    const char *text = safetensors_meta(f, key);
    return text ? text : "";
}

static bool check_version(const StFile *f, const char *file, Error *e) {
    if (number_of(f, "sinklab_version") <= CHECKPOINT_VERSION && number_of(f, "numerics") <= NUMERICS)
        return true;
    return fail(
        e, EXIT_USAGE,
        "checkpoint: %s: of version %.20s with numerics %.20s, this program's are %d and %d (made by a "
        "newer sinklab)",
        file, text_of(f, "sinklab_version"), text_of(f, "numerics"), CHECKPOINT_VERSION, NUMERICS);
}

/* A checkpoint's model, if this program may read it. file: (1100) its path. */
static bool open_model(StFile **f, const char *path, char *file, Error *e) {
    model_path(file, 1100, path);
    if (!safetensors_open(f, file, e)) return false;
    if (check_version(*f, file, e)) return true;
    safetensors_close(*f);
    return false;
}

/* Copies every tensor of the model from the file, if there is an arena; each must be there in its shape. */
static bool copy_tensors(const StFile *f, const char *path, const Model *m, const char *suffix, float *arena,
                         Error *e) {
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        char name[160];
        snprintf(name, sizeof name, "%s%s%s", t->name, *suffix ? "." : "", suffix);
        const StTensor *s = safetensors_find(f, name);
        if (!s) return fail(e, EXIT_USAGE, "checkpoint: %s: %s is missing (another variant?)", path, name);
        int64_t rows = s->shape[0], cols = s->dims == 2 ? s->shape[1] : 1;
        if (s->dims != t->dims || rows != t->rows || cols != t->cols)
            return fail(e, EXIT_USAGE,
                        "checkpoint: %s: %s is %" PRId64 " x %" PRId64 ", this model's is %" PRId64
                        " x %" PRId64 " (another shape or vocabulary?)",
                        path, name, rows, cols, t->rows, t->cols);
        if (arena) memcpy(arena + t->offset, s->data, (size_t)(rows * cols) * sizeof(float));
    }
    return true;
}

/* Reads the weights into an arena, or with NULL only checks: each tensor of the model is there, and no other.
 */
static bool take_weights(const char *path, const Model *m, float *arena, Error *e) {
    char file[1100];
    StFile *f;
    if (!open_model(&f, path, file, e)) return false;
    bool ok = copy_tensors(f, file, m, "", arena, e) && (!arena || safetensors_verify(f, file, e));
    if (ok && safetensors_count(f) != m->n_tensors)
        ok = fail(e, EXIT_USAGE, "checkpoint: %s: has %d tensors, this model %d (another variant?)", file,
                  safetensors_count(f), m->n_tensors);
    safetensors_close(f);
    return ok;
}

bool checkpoint_load_weights(const char *path, Model *m, Error *e) {
    return take_weights(path, m, m->params, e);
}

bool checkpoint_fits_model(const char *path, const Model *m, Error *e) {
    return take_weights(path, m, NULL, e);
}

/* A folder that was copied into another run's place must not be trained on under its key. */
static bool check_identity(const StFile *f, const char *file, const char *key, int64_t step, Error *e) {
    if (!strcmp(text_of(f, "key"), key) && number_of(f, "step") == step) return true;
    return fail(e, EXIT_USAGE,
                "checkpoint: %s: of run %.32s after step %.20s, not of this run after step %" PRId64, file,
                text_of(f, "key"), text_of(f, "step"), step);
}

static bool check_weights(const char *folder, const char *key, int64_t step, Error *e) {
    char file[1100];
    StFile *f;
    if (!open_model(&f, folder, file, e)) return false;
    bool ok = check_identity(f, file, key, step, e);
    safetensors_close(f);
    return ok;
}

static bool load_optimiser(const char *folder, const char *key, int64_t step, const Model *m, OptimState *o,
                           Error *e) {
    char file[1100];
    StFile *f;
    snprintf(file, sizeof file, "%s/optimizer.safetensors", folder);
    if (!safetensors_open(&f, file, e)) return false;
    bool ok = check_identity(f, file, key, step, e) && safetensors_verify(f, file, e);
    for (int i = 0; ok && i < OPTIM_STATES && o->arena[i]; i++)
        ok = copy_tensors(f, file, m, o->kind->state[i], o->arena[i], e);
    safetensors_close(f);
    return ok;
}

bool checkpoint_load_whole(const char *path, const char *key, int64_t step, Model *m, OptimState *o,
                           Error *e) {
    return check_weights(path, key, step, e) && checkpoint_load_weights(path, m, e) &&
           load_optimiser(path, key, step, m, o, e);
}

int64_t checkpoint_whole(const char *run_folder, int64_t most, char *path, Error *e) {
    int64_t *steps, step;
    int n = checkpoint_steps(run_folder, &steps, e), at = -1;
    while (n > 0 && steps[n - 1] > most) n--;
    bool ok = n >= 0 && newest_of(run_folder, steps, n, true, &at, e);
    step = ok && at >= 0 ? steps[at] : 0;
    if (step) checkpoint_path(run_folder, step, path);
    free(steps);
    return step;
}

/* An older one gives the same bits, some steps later: every array is read again whole. */
bool checkpoint_resume(const char *run_folder, const char *key, int64_t logged, Model *m, OptimState *o,
                       Resumed *out, Error *e) {
    int64_t *steps;
    int n = checkpoint_steps(run_folder, &steps, e), unreadable = 0;
    bool found = false, ok = n >= 0;
    *out = (Resumed){0};
    for (int i = n; ok && !found && i-- > 0;) {
        Error why = {0};
        checkpoint_path(run_folder, steps[i], out->path);
        out->step = steps[i];
        if (steps[i] > logged) {
            fail(&why, EXIT_FAILED,
                 "checkpoint: %s: its database has figures up to step %" PRId64
                 " only (set aside as %s.aside)",
                 out->path, logged, strrchr(out->path, '/') + 1);
            ok = set_aside(out->path, e);
            out->aside++;
        } else if (n - i > KEEP && !has_state(out->path)) {
            continue; /* kept as weights alone */
        } else {
            found = checkpoint_load_whole(out->path, key, steps[i], m, o, &why);
            unreadable += !found;
        }
        if (!found && i == n - 1) out->passed = why;
    }
    free(steps);
    if (found || !ok) return ok;
    out->step = 0;
    out->path[0] = 0;
    return !unreadable ||
           fail(e, out->passed.code, "%s (and no older checkpoint that can be read: --again starts over)",
                out->passed.text);
}

/* Whether figures of a model cannot be told without this key. */
static bool shapes_figures(const char *key) {
    return !strncmp(key, "model.", 6) || !strncmp(key, "data.", 5);
}

static bool check_whole(const char *json, const char *file, Error *e) {
    const char *missing = config_missing(json, strlen(json), shapes_figures);
    return !missing ||
           fail(e, EXIT_USAGE, "checkpoint: %s: its configuration lacks %s (written by another program?)",
                file, missing);
}

bool checkpoint_config(const StFile *f, const char *file, Config *c, int64_t *step, Error *e) {
    const char *json = safetensors_meta(f, "config");
    if (!json || !safetensors_meta(f, "sinklab_version"))
        return fail(e, EXIT_USAGE, "checkpoint: %s: has no configuration of ours (made by another program?)",
                    file);
    *step = number_of(f, "step");
    return check_version(f, file, e) && config_parse(c, json, strlen(json), file, e) &&
           check_whole(json, file, e) && config_check(c, e);
}

bool checkpoint_read_config(const char *path, Config *c, Error *e) {
    char file[1100];
    StFile *f;
    int64_t step;
    if (!open_model(&f, path, file, e)) return false;
    bool ok = checkpoint_config(f, file, c, &step, e);
    safetensors_close(f);
    return ok;
}

static int64_t tokens_of(const StFile *f) {
    const StTensor *embedding = safetensors_find(f, "model.embed_tokens.weight");
    return embedding ? embedding->shape[0] : 0;
}

bool checkpoint_open(const char *path, Config *c, Model **m, int64_t *step, Error *e) {
    char file[1100];
    StFile *f;
    if (!open_model(&f, path, file, e)) return false;
    bool ok = checkpoint_config(f, file, c, step, e);
    c->model.vocab = tokens_of(f);
    if (ok && !c->model.vocab) ok = fail(e, EXIT_USAGE, "checkpoint: %s: has no embedding", file);
    safetensors_close(f);
    if (!ok || !model_create(m, &c->model, false, e)) return false;
    /* The file must have every tensor before memory is taken for them. */
    if (take_weights(file, *m, NULL, e) &&
        (((*m)->params = model_arena(*m)) || fail(e, EXIT_FAILED, "checkpoint: %s: out of memory", file)) &&
        checkpoint_load_weights(file, *m, e))
        return true;
    model_free(*m);
    *m = NULL;
    return false;
}

bool checkpoint_hash(const char *path, char hex[33], Error *e) {
    char file[1100];
    StFile *f;
    if (!open_model(&f, path, file, e)) return false;
    bool ok = safetensors_hash(f, hex, e);
    safetensors_close(f);
    return ok;
}

bool checkpoint_key(const char *path, char key[33], int64_t *step, Error *e) {
    char file[1100];
    StFile *f;
    if (!open_model(&f, path, file, e)) return false;
    snprintf(key, 33, "%s", text_of(f, "key"));
    *step = number_of(f, "step");
    safetensors_close(f);
    return true;
}

/* ---- its data and this one ---- */

/* Whether two hashes are both known (not "") and differ. */
static bool differ(const char *a, const char *b) {
    return *a && *b && strcmp(a, b);
}

bool checkpoint_refuse_text(const char *file, Error *e) {
    return fail(
        e, EXIT_USAGE,
        "checkpoint: %s: imported without its tokenizer: text has no tokens of this model's (probe --ids "
        "FILE takes numbers)",
        file);
}

bool checkpoint_takes_text(const char *path, Error *e) {
    char file[1100];
    StFile *f;
    if (!open_model(&f, path, file, e)) return false;
    bool ok = strcmp(text_of(f, "tokenizer"), CHECKPOINT_NO_TOKENIZER) || checkpoint_refuse_text(file, e);
    safetensors_close(f);
    return ok;
}

bool checkpoint_own_tokenizer(const char *path, char folder[1024], Error *e) {
    char file[1100], now[HASH_HEX];
    StFile *f;
    if (!open_model(&f, path, file, e)) return false;
    snprintf(folder, 1024, "%.1000s", file);
    *strrchr(folder, '/') = 0;
    const char *name = own_tokenizer_file(folder);
    bool ok = !name || own_tokenizer_hash(folder, now, e);
    if (ok && name && strcmp(text_of(f, "tokenizer"), now))
        ok = fail(e, EXIT_USAGE, "checkpoint: %s: %s is not the one it was imported with", folder, name);
    if (!name) *folder = 0;
    safetensors_close(f);
    return ok;
}

bool checkpoint_tokens_fit(const char *what, int64_t tokens, const char *tokenizer, const DatasetInfo *info,
                           Error *e) {
    if (!strcmp(tokenizer, CHECKPOINT_NO_TOKENIZER)) return checkpoint_refuse_text(what, e);
    if (tokens != info->vocab)
        return fail(e, EXIT_USAGE,
                    "checkpoint: %s: a model of %" PRId64 " tokens, but the data has %" PRId64
                    " (another text or tokenizer?)",
                    what, tokens, info->vocab);
    return !differ(tokenizer, info->tokenizer_hash) ||
           fail(e, EXIT_USAGE,
                "checkpoint: %s: trained with another tokenizer: its tokens mean something else here (is "
                "data.source what it was?)",
                what);
}

bool checkpoint_fits_data(const char *path, const DatasetInfo *info, Error *e) {
    char file[1100];
    StFile *f;
    if (!open_model(&f, path, file, e)) return false;
    bool ok = checkpoint_tokens_fit(file, tokens_of(f), text_of(f, "tokenizer"), info, e);
    safetensors_close(f);
    return ok;
}

bool checkpoint_remark(const char *path, const Config *c, const DatasetInfo *info, const char **remark,
                       Error *e) {
    char file[1100], now[33];
    StFile *f;
    *remark = NULL;
    if (!open_model(&f, path, file, e)) return false;
    config_key(c, info->corpus_hash, info->tokenizer_hash, now);
    if (differ(text_of(f, "corpus"), info->corpus_hash))
        *remark = "the text is not the one it was trained with: figures are of this one";
    else if (differ(text_of(f, "key"), now))
        *remark = "written by another version of the program: last digits may differ";
    safetensors_close(f);
    return true;
}
