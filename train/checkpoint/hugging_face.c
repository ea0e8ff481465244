#include "train/checkpoint/hugging_face.h"

#include "data/base/files.h"
#include "train/checkpoint/hugging_face_classes.h"
#include "train/config/conflicts.h"
#include "train/config/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- tensors under other names ---- */

/* A tensor of Hugging Face's class and the tensors of ours that make it up. */
typedef struct Fit {
    char name[128];
    const Tensor *part[HOUSE_PARTS];
    int parts;
    int64_t rows, cols; /* of our parts, one above the other */
    int dims;
    bool turned;
} Fit;

static bool find_parts(const Model *m, const HouseTensor *row, int layer, Fit *fit, Error *e) {
    *fit = (Fit){.turned = row->turned};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(fit->name, sizeof fit->name, row->theirs, layer);
    for (; fit->parts < HOUSE_PARTS && row->ours[fit->parts]; fit->parts++) {
        char name[128];
        snprintf(name, sizeof name, row->ours[fit->parts], layer);
        const Tensor *t = model_find(m, name);
        if (!t) return fail(e, EXIT_FAILED, "tensors: %s: this model has none", name);
        fit->part[fit->parts] = t;
        fit->rows += t->rows;
        fit->cols = t->cols;
        fit->dims = t->dims;
    }
#pragma GCC diagnostic pop
    return true;
}

/* Walks a class's tensors in every layer; `take` gets each. */
static bool each_fit(const HuggingFaceClass *h, const Model *m,
                     bool (*take)(void *self, const Fit *fit, Error *e), void *self, Error *e) {
    for (const HouseTensor *row = h->tensors; row->theirs; row++)
        for (int l = 0; l < (strchr(row->theirs, '%') ? (int)m->config.layers : 1); l++) {
            Fit fit;
            if (!find_parts(m, row, l, &fit, e) || !take(self, &fit, e)) return false;
        }
    return true;
}

/* Copies between our parts, rows one above the other, and Hugging Face's tensor, which may be transposed. */
static void copy_parts(const Fit *fit, float *params, float *theirs, bool to_theirs) {
    int64_t row = 0;
    for (int p = 0; p < fit->parts; p++) {
        const Tensor *t = fit->part[p];
        for (int64_t r = 0; r < t->rows; r++, row++)
            for (int64_t c = 0; c < t->cols; c++) {
                float *a = params + t->offset + r * t->cols + c;
                float *b = theirs + (fit->turned ? c * fit->rows + row : row * fit->cols + c);
                if (to_theirs)
                    *b = *a;
                else
                    *a = *b;
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
    if (fit->turned) t->shape[0] = fit->cols, t->shape[1] = fit->rows;
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

typedef struct Reading {
    const HuggingFaceClass *house;
    const StFile *file;
    const char *path;
    Model *m;
} Reading;

static bool read_fit(void *self, const Fit *fit, Error *e) {
    const Reading *r = self;
    const char *prefix = r->house->prefix;
    const StTensor *t = safetensors_find(r->file, fit->name);
    if (!t && prefix && !strncmp(fit->name, prefix, strlen(prefix)))
        t = safetensors_find(r->file, fit->name + strlen(prefix));
    if (!t) return fail(e, EXIT_USAGE, "import: %s: %s is missing", r->path, fit->name);
    int64_t rows = fit->turned ? fit->cols : fit->rows, cols = fit->turned ? fit->rows : fit->cols;
    if (t->dims != fit->dims || t->shape[0] != rows || (t->dims == 2 && t->shape[1] != cols))
        return fail(e, EXIT_USAGE, "import: %s: %s is not %lld x %lld, as its config.json says", r->path,
                    t->name, (long long)rows, (long long)cols);
    copy_parts(fit, r->m->params, t->data, false);
    return true;
}

/* ---- config.json ---- */

static void write_field(FILE *out, const HouseField *f, const Config *c) {
    char text[1024];
    if (strchr(f->name, '.')) return;
    const char *value = f->value;
    if (f->key) value = config_get(c, f->key, text, sizeof text) ? text : "null";
    bool word = !strchr("-0123456789", *value) && strcmp(value, "true") && strcmp(value, "false") &&
                strcmp(value, "null");
    fprintf(out, ",\n  \"%s\": %s%s%s", f->name, word ? "\"" : "", value, word ? "\"" : "");
}

static bool write_config(const HuggingFaceClass *h, const char *folder, const Config *c, const Model *m,
                         int32_t bos, Error *e) {
    Path path = path_of("%s/config.json", folder);
    FILE *out = fopen(path.s, "wb");
    if (!out) return fail(e, EXIT_FAILED, "export: %s: %s", path.s, strerror(errno));
    fprintf(out, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\"", h->name, h->type);
    for (int i = 0; i < HOUSE_LISTS; i++)
        for (const HouseField *f = h->fields[i]; f->name; f++) write_field(out, f, c);
    fprintf(out, ",\n  \"bos_token_id\": %d,\n  \"vocab_size\": %lld,\n  \"torch_dtype\": \"float32\"\n}\n",
            bos, (long long)m->config.vocab);
    if (!fclose(out)) return true;
    return fail(e, EXIT_FAILED, "export: %s: %s", path.s, strerror(errno));
}

bool hugging_face_export(const char *folder, const Config *c, const Model *m, int32_t bos, const Origin *from,
                         int64_t step, const char **class, Error *e) {
    const HuggingFaceClass *h = hugging_face_class_for(c, e);
    if (!h) return false;
    *class = h->name;
    bool ok = h->tensors ? write_renamed(h, folder, c, m, from, step, e)
                         : checkpoint_save_weights(folder, step, c, from, m, e);
    return ok && write_config(h, folder, c, m, bos, e);
}

/* The value of a dotted name, or NULL. */
static const Yaml *field_of(const Yaml *json, const char *name) {
    const char *dot = strchr(name, '.');
    if (!dot) return yaml_get(json, name);
    const Yaml *inner = yaml_get(json, path_of("%.*s", (int)(dot - name), name).s);
    return inner && inner->kind == YAML_MAP ? yaml_get(inner, dot + 1) : NULL;
}

static bool same_value(const char *a, const char *b) {
    char *end_a, *end_b;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    if (*a && *b && !*end_a && !*end_b) return x == y;
    return !strcmp(a, b);
}

static bool read_field(const HouseField *f, const Yaml *json, const char *path, Config *c, Error *e) {
    const Yaml *value = field_of(json, f->name);
    if (!value) return true;
    const char *text = value->kind == YAML_SCALAR ? value->text : "(not one value)";
    if (f->key) return !strcmp(text, "null") || config_set(c, f->key, text, path, e);
    return same_value(text, f->value) ||
           fail(e, EXIT_USAGE, "import: %s:%d: %s: %s cannot be computed here (%s can)", path, value->line,
                f->name, text, f->value);
}

static bool check_head(const Yaml *json, const char *path, const Config *c, Error *e) {
    const Yaml *dim = yaml_get(json, "head_dim");
    if (!dim || dim->kind != YAML_SCALAR || !strcmp(dim->text, "null")) return true;
    if (c->model.heads && atoll(dim->text) * c->model.heads == c->model.width) return true;
    return fail(e, EXIT_USAGE, "import: %s:%d: head_dim: %s: heads that do not divide the width among them",
                path, dim->line, dim->text);
}

/* Reads the keys of the model from config.json. A step is set to one row, lest the other defaults clash. */
static bool read_config(const HuggingFaceClass *h, const Yaml *json, const char *path, int64_t vocab,
                        Config *c, Error *e) {
    char text[32];
    config_defaults(c);
    for (const HouseKey *k = h->keys; k->key; k++)
        if (!config_set(c, k->key, k->value, path, e)) return false;
    for (int i = 0; i < HOUSE_LISTS; i++)
        for (const HouseField *f = h->fields[i]; f->name; f++)
            if (!read_field(f, json, path, c, e)) return false;
    if (!check_head(json, path, c, e)) return false;
    snprintf(text, sizeof text, "%lld", (long long)vocab);
    if (!config_set(c, "data.vocab", text, path, e)) return false;
    if (c->model.context && c->train.batch_tokens % c->model.context)
        c->train.batch_tokens = c->model.context;
    return config_check(c, e);
}

static const HuggingFaceClass *read_house(const Yaml *json, const char *path, Error *e) {
    const Yaml *list = yaml_get(json, "architectures");
    bool named = list && list->kind == YAML_LIST && list->n == 1 && list->value[0]->kind == YAML_SCALAR;
    const HuggingFaceClass *h = named ? hugging_face_class_named(list->value[0]->text) : NULL;
    if (!h)
        fail(e, EXIT_USAGE, "import: %s: architectures: %s is no class that this program knows", path,
             named ? list->value[0]->text : "(not one name)");
    return h;
}

static const StTensor *embedding_of(const HuggingFaceClass *h, const StFile *f) {
    const char *name = h->tensors ? h->tensors->theirs : "model.embed_tokens.weight";
    const StTensor *t = safetensors_find(f, name);
    return t || !h->prefix ? t : safetensors_find(f, name + strlen(h->prefix));
}

static bool import_open(const HuggingFaceClass *h, const Yaml *json, const char *config_path, const StFile *f,
                        const char *path, Config *c, Model **m, int64_t *step, Error *e) {
    const StTensor *embedding = embedding_of(h, f);
    if (!embedding) return fail(e, EXIT_USAGE, "import: %s: has no embedding", path);
    *step = 0;
    bool ok = safetensors_meta(f, "config") ? checkpoint_config(f, path, c, step, e)
                                            : read_config(h, json, config_path, embedding->shape[0], c, e);
    c->model.vocab = embedding->shape[0];
    if (!ok || !model_create(m, &c->model, true, e)) return false;
    Reading r = {h, f, path, *m};
    if (h->tensors ? each_fit(h, *m, read_fit, &r, e) : checkpoint_load_weights(path, *m, e)) return true;
    model_free(*m);
    *m = NULL;
    return false;
}

bool hugging_face_import(const char *folder, Config *c, Model **m, int64_t *step, Error *e) {
    Path config = path_of("%s/config.json", folder), weights = path_of("%s/model.safetensors", folder);
    StFile *f = NULL;
    Yaml *json = yaml_load(config.s, e);
    const HuggingFaceClass *h = json ? read_house(json, config.s, e) : NULL;
    bool ok = h && safetensors_open(&f, weights.s, e) &&
              import_open(h, json, config.s, f, weights.s, c, m, step, e);
    safetensors_close(f);
    yaml_free(json);
    return ok;
}
