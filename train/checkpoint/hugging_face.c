#include "train/checkpoint/hugging_face.h"

#include "data/base/files.h"
#include "train/checkpoint/hugging_face_config.h"
#include "train/checkpoint/weights_folder.h"
#include "train/config/conflicts.h"
#include "train/embedded_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors under other names ---- */

enum { NAME = 128 };

/* A tensor of Hugging Face's class and the tensors of ours that make it up. */
typedef struct Fit {
    char name[NAME];
    const Tensor *part[CLASS_PARTS];
    int parts;
    int64_t rows, cols; /* of our parts together */
    int dims;
    ClassLayout layout;
    int64_t heads; /* of LAY_HEADS */
} Fit;

typedef bool (*TakeFit)(void *self, const Fit *fit, Error *e);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void name_of(char name[NAME], const char *pattern, int layer) {
    snprintf(name, NAME, pattern, layer);
}
#pragma GCC diagnostic pop

static bool find_parts(const Model *m, const ClassTensor *row, int layer, Fit *fit, Error *e) {
    int wanted = 0;
    *fit = (Fit){.layout = row->layout, .heads = m->config.heads};
    name_of(fit->name, row->theirs, layer);
    for (; wanted < CLASS_PARTS && row->ours[wanted]; wanted++) {
        char name[NAME];
        name_of(name, row->ours[wanted], layer);
        const Tensor *t = model_find(m, name);
        if (!t) continue;
        fit->part[fit->parts++] = t;
        fit->rows += t->rows;
        fit->cols = t->cols;
        fit->dims = t->dims;
    }
    return !fit->parts || fit->parts == wanted ||
           fail(e, EXIT_FAILED, "tensors: %s: parts are missing", fit->name);
}

/* Walks a class's tensors, as far as the model has them, in every layer; `take` gets each. */
static bool each_fit(const HuggingFaceClass *h, const Model *m, TakeFit take, void *self, Error *e) {
    for (const ClassTensor *row = h->tensors; row && row->theirs; row++)
        for (int l = 0; l < (strchr(row->theirs, '%') ? (int)m->config.layers : 1); l++) {
            Fit fit;
            if (!find_parts(m, row, l, &fit, e) || (fit.parts && !take(self, &fit, e))) return false;
        }
    for (int i = 0; !h->tensors && i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        Fit fit = {.part = {t}, .parts = 1, .rows = t->rows, .cols = t->cols, .dims = t->dims};
        memcpy(fit.name, t->name, sizeof t->name);
        if (!take(self, &fit, e)) return false;
    }
    return true;
}

/* Where row r of part p lies in Hugging Face's tensor. */
static int64_t row_in(const Fit *fit, int p, int64_t r) {
    if (fit->layout == LAY_HEADS) {
        int64_t dh = fit->part[p]->rows / fit->heads;
        return (r / dh * fit->parts + p) * dh + r % dh;
    }
    for (int i = 0; i < p; i++) r += fit->part[i]->rows;
    return r;
}

static void copy_float(float *ours, float *theirs, bool to_theirs) {
    if (to_theirs)
        *theirs = *ours;
    else
        *ours = *theirs;
}

/* Copies between our parts and Hugging Face's tensor. */
static void copy_parts(const Fit *fit, float *params, float *theirs, bool to_theirs) {
    for (int p = 0; p < fit->parts; p++) {
        const Tensor *t = fit->part[p];
        for (int64_t r = 0; r < t->rows; r++) {
            int64_t row = row_in(fit, p, r);
            float *a = params + t->offset + r * t->cols, *b = theirs + row * fit->cols;
            size_t bytes = (size_t)t->cols * sizeof *a;
            if (fit->layout == LAY_TURNED)
                for (int64_t c = 0; c < t->cols; c++)
                    copy_float(a + c, theirs + c * fit->rows + row, to_theirs);
            else
                memcpy(to_theirs ? b : a, to_theirs ? a : b, bytes);
        }
    }
}

typedef struct Writing {
    const Model *m;
    StTensor *list;
    int n;
} Writing;

static bool write_fit(void *self, const Fit *fit, Error *e) {
    Writing *w = self;
    StTensor *t = &w->list[w->n];
    *t = (StTensor){.dims = fit->dims, .shape = {fit->rows, fit->cols}};
    if (fit->layout == LAY_TURNED) t->shape[0] = fit->cols, t->shape[1] = fit->rows;
    memcpy(t->name, fit->name, sizeof t->name);
    t->data = malloc((size_t)(fit->rows * fit->cols) * sizeof *t->data);
    if (!t->data) return fail(e, EXIT_FAILED, "export: out of memory");
    w->n++;
    copy_parts(fit, w->m->params, t->data, true);
    return true;
}

static bool write_renamed(const HuggingFaceClass *h, const char *folder, const Config *c, const Model *m,
                          const Origin *from, int64_t step, Error *e) {
    Writing w = {m, calloc((size_t)m->n_tensors, sizeof *w.list), 0};
    if (!w.list) return fail(e, EXIT_FAILED, "export: out of memory");
    CheckpointMeta meta;
    checkpoint_meta(&meta, c, from, step);
    bool ok = each_fit(h, m, write_fit, &w, e) && safetensors_write(path_of("%s/model.safetensors", folder).s,
                                                                    w.list, w.n, meta.at, CHECKPOINT_META, e);
    checkpoint_meta_free(&meta);
    for (int i = 0; i < w.n; i++) free(w.list[i].data);
    free(w.list);
    return ok;
}

bool hugging_face_export(const char *folder, const Config *c, const Model *m, int32_t bos, const Origin *from,
                         int64_t step, const char **class, Error *e) {
    const HuggingFaceClass *h = hugging_face_class_for(c, e);
    if (!h) return false;
    *class = h->name;
    if (!(h->tensors ? write_renamed(h, folder, c, m, from, step, e)
                     : checkpoint_save_weights(folder, step, c, from, m, e)))
        return false;
    if (h->ours && !file_write(path_of("%s/modeling_sinklab.py", folder).s, modeling_sinklab_py,
                               (int64_t)modeling_sinklab_py_length, e))
        return false;
    Path path = path_of("%s/config.json", folder);
    FILE *out = fopen(path.s, "wb");
    if (!out) return fail(e, EXIT_FAILED, "export: %s: %s", path.s, strerror(errno));
    hugging_face_config_write(out, h, c, m->config.vocab, bos);
    return !fclose(out) || fail(e, EXIT_FAILED, "export: %s: %s", path.s, strerror(errno));
}

/* ---- reading ---- */

typedef struct Reading {
    const HuggingFaceClass *class;
    WeightsFolder *weights;
    const char *folder;
    const Config *same; /* what the model must be, whose memory is there; NULL: any */
    Model *m;           /* else without memory of its own until shapes are checked */
} Reading;

/* A tensor of the class, whose prefix some files leave out. */
static const StTensor *find_stored(const Reading *r, const char *name, Shard **in) {
    const char *prefix = r->class->prefix;
    const StTensor *t = weights_find(r->weights, name, in);
    if (t || !prefix || strncmp(name, prefix, strlen(prefix))) return t;
    return weights_find(r->weights, name + strlen(prefix), in);
}

static bool check_fit(void *self, const Fit *fit, Error *e) {
    const Reading *r = self;
    Shard *in;
    const StTensor *t = find_stored(r, fit->name, &in);
    if (!t) return fail(e, EXIT_USAGE, "import: %s: %s is missing", r->folder, fit->name);
    bool turned = fit->layout == LAY_TURNED;
    int64_t rows = turned ? fit->cols : fit->rows, cols = turned ? fit->rows : fit->cols;
    if (t->dims == fit->dims && t->shape[0] == rows && (t->dims == 1 || t->shape[1] == cols)) return true;
    return fail(e, EXIT_USAGE, "import: %s: %s is not %lld x %lld, as its config.json says", in->path.s,
                t->name, (long long)rows, (long long)cols);
}

static bool read_fit(void *self, const Fit *fit, Error *e) {
    const Reading *r = self;
    Shard *in;
    const StTensor *t = find_stored(r, fit->name, &in);
    float *room = malloc((size_t)(fit->rows * fit->cols) * sizeof *room);
    bool ok = room ? weights_take(in, t, room, e) : fail(e, EXIT_FAILED, "import: out of memory");
    if (ok) copy_parts(fit, r->m->params, room, false);
    free(room);
    return ok;
}

/* A classifier that is stored although it shares the embedding's weights must be those. */
static bool check_tied_head(const Reading *r, Error *e) {
    Shard *in;
    const StTensor *t = r->m->config.tie ? find_stored(r, r->class->head, &in) : NULL;
    const Tensor *embedding = model_find(r->m, "model.embed_tokens.weight");
    if (!t) return true;
    size_t bytes = (size_t)(embedding->rows * embedding->cols) * sizeof(float);
    bool ok = t->dims == 2 && t->shape[0] == embedding->rows && t->shape[1] == embedding->cols;
    float *room = ok ? malloc(bytes) : NULL;
    if (ok && !room) return fail(e, EXIT_FAILED, "import: out of memory");
    bool read = !ok || weights_take(in, t, room, e);
    ok = ok && read && !memcmp(room, r->m->params + embedding->offset, bytes);
    free(room);
    return ok ||
           (read && fail(e, EXIT_USAGE,
                         "import: %s: %s is stored and is not the embedding, but its config.json ties them",
                         in->path.s, t->name));
}

static void leave_buffers(const Reading *r) {
    for (const char *const *b = r->class->buffers; *b; b++)
        for (int l = 0; l < r->m->config.layers; l++) {
            char name[NAME];
            Shard *in;
            name_of(name, *b, l);
            const StTensor *t = find_stored(r, name, &in);
            if (t) weights_leave(in, t);
        }
}

static bool check_left(const Reading *r, Error *e) {
    Shard *in;
    const StTensor *t = weights_left(r->weights, &in);
    return !t || fail(e, EXIT_USAGE, "import: %s: %s: is no tensor of the %s that config.json tells of",
                      in->path.s, t->name, r->class->name);
}

/* The weights, once all shapes are known to fit: a small file must not ask for much memory. */
static bool read_weights(Reading *r, const Config *c, Error *e) {
    const char *other = r->same ? config_differs(r->same, c, "model.") : NULL;
    if (other) return fail(e, EXIT_USAGE, "import: %s: is of another %s than the first", r->folder, other);
    if (!r->same && !model_create(&r->m, &c->model, false, e)) return false;
    bool ok = each_fit(r->class, r->m, check_fit, r, e) &&
              (r->m->params || (r->m->params = model_arena(r->m)) ||
               fail(e, EXIT_FAILED, "import: %s: out of memory", r->folder)) &&
              each_fit(r->class, r->m, read_fit, r, e) && check_tied_head(r, e);
    if (ok) leave_buffers(r);
    return ok && check_left(r, e);
}

/* Our own export: its configuration and checksum. */
static bool read_own(const char *path, Config *c, Imported *from, Error *e) {
    StFile *f;
    if (!safetensors_open(&f, path, e)) return false;
    const char *corpus = safetensors_meta(f, "corpus"), *tokenizer = safetensors_meta(f, "tokenizer");
    snprintf(from->corpus, sizeof from->corpus, "%s", corpus ? corpus : "");
    snprintf(from->tokenizer, sizeof from->tokenizer, "%s", tokenizer ? tokenizer : "");
    from->ours = true;
    bool ok = checkpoint_config(f, path, c, &from->step, e) && safetensors_verify(f, path, e);
    safetensors_close(f);
    return ok;
}

static bool import_open(Reading *r, const Yaml *json, const char *path, const TextList *ignored, Config *c,
                        Imported *from, Error *e) {
    Shard *in, *first = &r->weights->at[0];
    const StTensor *embedding = find_stored(r, r->class->embedding, &in);
    if (!embedding || embedding->dims != 2 || embedding->shape[0] < 2)
        return fail(e, EXIT_USAGE, "import: %s: has no embedding (%s)", r->folder, r->class->embedding);
    bool own = r->weights->n == 1 && safetensors_meta(first->file, "sinklab_version");
    bool ok = own ? read_own(first->path.s, c, from, e)
                  : hugging_face_config_read(r->class, json, path, embedding->shape[0], ignored, c, e);
    c->model.vocab = embedding->shape[0];
    return ok && read_weights(r, c, e);
}

/* By architectures; where the file does not name any, by model_type, which tells of the causal model. */
static const HuggingFaceClass *read_class(const Yaml *json, const char *path, Error *e) {
    const Yaml *list = yaml_get(json, "architectures"), *type = yaml_get(json, "model_type");
    const HuggingFaceClass *h = NULL;
    const char *name = "(not one name)";
    if (list && list->kind == YAML_LIST && list->n == 1 && list->value[0]->kind == YAML_SCALAR)
        h = hugging_face_class_named(name = list->value[0]->text);
    if (!list && type && type->kind == YAML_SCALAR) h = hugging_face_class_typed(name = type->text);
    if (!h)
        fail(e, EXIT_USAGE, "import: %s: architectures: %s is no class that this program knows", path, name);
    return h;
}

/* Into r->m. */
static bool read_folder(Reading *r, const TextList *ignored, Config *c, Imported *from, Error *e) {
    Path config = path_of("%s/config.json", r->folder);
    WeightsFolder weights = {0};
    *from = (Imported){0};
    r->weights = &weights;
    Yaml *json = yaml_load(config.s, e);
    bool ok = json && (r->class = read_class(json, config.s, e)) && weights_open(&weights, r->folder, e) &&
              import_open(r, json, config.s, ignored, c, from, e);
    weights_close(&weights);
    yaml_free(json);
    return ok;
}

bool hugging_face_import(const char *folder, const TextList *ignored, Config *c, Model **m, Imported *from,
                         Error *e) {
    Reading r = {.folder = folder};
    bool ok = read_folder(&r, ignored, c, from, e);
    if (!ok) model_free(r.m);
    *m = ok ? r.m : NULL;
    return ok;
}

bool hugging_face_load(const char *folder, const TextList *ignored, const Config *c, Model *m, Imported *from,
                       Error *e) {
    Config now;
    Reading r = {.folder = folder, .same = c, .m = m};
    return read_folder(&r, ignored, &now, from, e);
}
