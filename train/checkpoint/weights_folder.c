#include "train/checkpoint/weights_folder.h"

#include "data/base/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHARDS = 1024 };

static bool add_shard(WeightsFolder *w, Path path, Error *e) {
    if (w->n == SHARDS) return fail(e, EXIT_USAGE, "%s: more than %d shards", path.s, SHARDS);
    if (!memory_grow((void **)&w->at, w->n + 1, sizeof *w->at, e)) return false;
    Shard *s = &w->at[w->n++];
    *s = (Shard){.path = path};
    if (!safetensors_open_any(&s->file, path.s, e)) return false;
    s->taken = calloc((size_t)safetensors_count(s->file) + 1, sizeof *s->taken);
    return s->taken || fail(e, EXIT_FAILED, "%s: out of memory", path.s);
}

static Shard *shard_at(WeightsFolder *w, const char *path) {
    for (int i = 0; i < w->n; i++)
        if (!strcmp(w->at[i].path.s, path)) return &w->at[i];
    return NULL;
}

/* Opens the shard that the index names for a tensor, if it is not open, and looks for the tensor there. */
static bool open_entry(WeightsFolder *w, const char *folder, const char *index, const char *tensor,
                       const Yaml *file, Error *e) {
    bool plain = file->kind == YAML_SCALAR && *file->text && *file->text != '.' && !strchr(file->text, '/');
    if (!plain)
        return fail(e, EXIT_USAGE, "%s:%d: %s: a shard is a file of the same folder", index, file->line,
                    tensor);
    Path path = path_of("%s/%s", folder, file->text);
    if (!shard_at(w, path.s) && !add_shard(w, path, e)) return false;
    return safetensors_find(shard_at(w, path.s)->file, tensor) ||
           fail(e, EXIT_USAGE, "%s:%d: %s: is not in %s", index, file->line, tensor, path.s);
}

static bool open_index(WeightsFolder *w, const char *folder, const char *index, Error *e) {
    Yaml *y = yaml_load(index, e);
    const Yaml *map = yaml_get(y, "weight_map");
    bool ok = y && ((map && map->kind == YAML_MAP && map->n) ||
                    fail(e, EXIT_USAGE, "%s: weight_map: names no shard", index));
    for (int i = 0; ok && i < map->n; i++)
        ok = open_entry(w, folder, index, map->key[i]->text, map->value[i], e);
    int64_t stored = 0;
    for (int i = 0; i < w->n; i++) stored += w->at[i].file ? safetensors_count(w->at[i].file) : 0;
    if (ok && stored != map->n)
        ok = fail(e, EXIT_USAGE, "%s: names %d tensors, but its shards have %lld", index, map->n,
                  (long long)stored);
    yaml_free(y);
    return ok;
}

bool weights_open(WeightsFolder *w, const char *folder, Error *e) {
    Path one = path_of("%s/model.safetensors", folder);
    Path index = path_of("%s/model.safetensors.index.json", folder);
    *w = (WeightsFolder){0};
    if (!access(one.s, F_OK)) return add_shard(w, one, e);
    if (!access(index.s, F_OK)) return open_index(w, folder, index.s, e);
    bool pickled = !access(path_of("%s/pytorch_model.bin", folder).s, F_OK);
    return fail(e, EXIT_USAGE, "import: %s: has no model.safetensors and no model.safetensors.index.json%s",
                folder,
                pickled ? " (pytorch_model.bin is a pickle, which is not read: save as safetensors)" : "");
}

void weights_close(WeightsFolder *w) {
    for (int i = 0; i < w->n; i++) {
        safetensors_close(w->at[i].file);
        free(w->at[i].taken);
    }
    free(w->at);
    *w = (WeightsFolder){0};
}

bool weights_hash(const char *folder, char hex[HASH_HEX], Error *e) {
    WeightsFolder w;
    Bytes all = {0};
    bool ok = weights_open(&w, folder, e);
    for (int i = 0; ok && i < w.n; i++)
        ok = file_hash(w.at[i].path.s, hex, e) && bytes_append(&all, hex, HASH_HEX, e);
    if (ok) hash_hex(all.data, all.size, hex);
    weights_close(&w);
    bytes_free(&all);
    return ok;
}

const StTensor *weights_find(const WeightsFolder *w, const char *name, Shard **in) {
    for (int i = 0; i < w->n; i++) {
        const StTensor *t = safetensors_find(w->at[i].file, name);
        *in = &w->at[i];
        if (t) return t;
    }
    return NULL;
}

bool weights_take(Shard *in, const StTensor *t, float *out, Error *e) {
    weights_leave(in, t);
    return safetensors_read(in->file, in->path.s, t, out, e);
}

void weights_leave(Shard *in, const StTensor *t) {
    in->taken[t - safetensors_at(in->file, 0)] = true;
}

const StTensor *weights_left(const WeightsFolder *w, Shard **in) {
    for (int i = 0; i < w->n; i++)
        for (int k = 0; k < safetensors_count(w->at[i].file); k++)
            if (!w->at[i].taken[k]) return *in = &w->at[i], safetensors_at(w->at[i].file, k);
    return NULL;
}
