#include "ablations/probe/probe_source.h"

#include "data/own_tokenizer.h"
#include "train/checkpoint/checkpoint.h"

#include <string.h>

bool probe_source_open(ProbeSource *s, const char *path, Config *c, Model **m, Error *e) {
    *s = (ProbeSource){.path = path, .raw = is_hugging_face(path)};
    if (s->raw) return hugging_face_import(path, NULL, c, m, &s->from, e) && (s->step = s->from.step, true);
    return checkpoint_open(path, c, m, &s->step, e) && checkpoint_key(path, s->key, &s->step, e);
}

/* An export of ours comes with the hash of the data's tokenizer. */
static bool has_data(const Imported *from) {
    return from->ours && *from->tokenizer && strcmp(from->tokenizer, CHECKPOINT_NO_TOKENIZER);
}

bool probe_source_tokens(ProbeSource *s, Config *c, Error *e) {
    if (!s->raw) {
        if (!checkpoint_own_tokenizer(s->path, s->own, e)) return false;
    } else if (!has_data(&s->from)) {
        c->data.bos = BOS_NONE;
        if (own_tokenizer_file(s->path)) snprintf(s->own, sizeof s->own, "%s", s->path);
        if (!*s->own) return checkpoint_refuse_text(s->path, e);
    }
    if (*s->own) return own_tokenizer_hash(s->own, s->tokenizer, e);
    return s->raw || checkpoint_takes_text(s->path, e);
}

bool probe_source_fits(const ProbeSource *s, const Config *c, const DatasetInfo *info, const char **remark,
                       Error *e) {
    *remark = NULL;
    if (!s->raw)
        return checkpoint_fits_data(s->path, info, e) && checkpoint_remark(s->path, c, info, remark, e);
    if (*s->from.corpus && strcmp(s->from.corpus, info->corpus_hash))
        *remark = "the text is not the one it was trained with: figures are of this one";
    return checkpoint_tokens_fit(s->path, c->model.vocab, s->from.tokenizer, info, e);
}

/* ---- a series ---- */

/* Of a series without a run each one's model is held against the first's: no key tells that it is one. */
static bool load_checkpoint(const char *path, const ProbeSource *s, int64_t step, const Config *c, Model *m,
                            Error *e) {
    char key[33];
    int64_t said;
    Config now;
    if (!checkpoint_key(path, key, &said, e)) return false;
    if (strcmp(key, s->key) || (said != step && (*key || said)))
        return fail(e, EXIT_USAGE,
                    "checkpoint: %s: of run %.8s after step %lld, not of run %.8s after step %lld", path, key,
                    (long long)said, s->key, (long long)step);
    const char *other = NULL;
    if (!*key && !checkpoint_read_config(path, &now, e)) return false;
    if (!*key) other = config_differs(c, &now, "model.");
    if (other) return fail(e, EXIT_USAGE, "checkpoint: %s: is of another %s than the first", path, other);
    return checkpoint_load_weights(path, m, e);
}

static bool load_folder(const char *path, int64_t step, const Config *c, Model *m, Error *e) {
    Imported from;
    if (!hugging_face_load(path, NULL, c, m, &from, e)) return false;
    return !from.step || from.step == step ||
           fail(e, EXIT_USAGE, "checkpoint: %s: is of step %lld", path, (long long)from.step);
}

/* A tokenizer may lie in one folder of a series alone. */
static bool same_tokenizer(const ProbeSource *s, const char *path, Error *e) {
    char hash[HASH_HEX];
    if (!*s->own || !own_tokenizer_file(path)) return true;
    return own_tokenizer_hash(path, hash, e) &&
           (!strcmp(hash, s->tokenizer) || fail(e, EXIT_USAGE, "checkpoint: %s: its %s is not that of %s",
                                                path, own_tokenizer_file(path), s->own));
}

bool probe_source_load(ProbeSource *s, const FoundModel *f, int i, const Config *c, Model *m, Error *e) {
    char path[1024];
    found_model_path(f, i, path);
    s->step = f->at[i].step;
    if (is_hugging_face(path) != s->raw)
        return fail(
            e, EXIT_USAGE,
            "checkpoint: %s: one in Hugging Face's form among checkpoints, or one of these among those",
            path);
    return same_tokenizer(s, path, e) &&
           (s->raw ? load_folder(path, s->step, c, m, e) : load_checkpoint(path, s, s->step, c, m, e));
}
