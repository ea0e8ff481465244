#include "ablations/probe/series.h"

#include "data/base/text.h"
#include "model/kernels/gemm.h"
#include "train/checkpoint/weights_folder.h"
#include "train/host.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 64 };

bool is_series(const ProbedModel *s, const FoundModel *f) {
    return !*s->from.key && *f->folder;
}

/* ---- the key ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

/* A line a checkpoint, in the order of steps, whichever of them are chosen. */
static bool hash_weights(const FoundModel *f, char hex[HASH_HEX], Error *e) {
    char(*line)[LINE] = NULL;
    bool ok = memory_grow((void **)&line, f->there, sizeof *line, e);
    for (int i = 0; ok && i < f->there; i++) {
        char path[1024];
        found_model_path(f, i, path);
        ok = weights_hash(path, hex, e);
        memset(line[i], 0, LINE);
        if (ok) snprintf(line[i], LINE, "%016lld %s", (long long)f->at[i].step, hex);
    }
    if (ok) qsort(line, (size_t)f->there, LINE, by_text);
    if (ok) hash_hex(line, f->there * LINE, hex);
    free(line);
    return ok;
}

/* Of the rows themselves where they are the user's. */
static void hash_rows(const ProbedModel *s, char hex[HASH_HEX]) {
    char part[3][HASH_HEX];
    int64_t bytes = (int64_t)s->main.rows * s->main.T * (int64_t)sizeof(int32_t);
    memset(part, 0, sizeof part);
    hash_hex(s->main.at.x, bytes, part[0]);
    hash_hex(s->main.at.y, bytes, part[1]);
    snprintf(part[2], HASH_HEX, "%d", s->main.T);
    hash_hex(part, sizeof part, hex);
}

/* ---- the row ---- */

typedef struct Series {
    Config c; /* as far as known */
    char key[HASH_HEX], corpus[HASH_HEX], tokenizer[HASH_HEX];
    char *json;
    const char *label, *licence;
} Series;

static void name_text(Series *r, const ProbeOptions *o) {
    const char *name = o->text ? o->text : o->ids ? o->ids : "(a sentence)";
    snprintf(r->c.data.source, sizeof r->c.data.source, "%s", name);
}

static void describe_rows(Series *r, const ProbedModel *s) {
    const DatasetInfo *info = s->data ? dataset_info(s->data) : NULL;
    bool own_text = info && !s->text_rows;
    hash_rows(s, r->corpus);
    if (own_text) strcpy(r->corpus, info->corpus_hash);
    strcpy(r->tokenizer, info ? info->tokenizer_hash : s->from.tokenizer);
    r->licence = own_text ? info->licence : NULL;
    config_key(&r->c, r->corpus, r->tokenizer, r->key);
    if (!own_text) name_text(r, s->o);
}

static int64_t last_step(const FoundModel *f) {
    int64_t last = 0;
    for (int i = 0; i < f->there; i++)
        if (f->at[i].step > last) last = f->at[i].step;
    return last;
}

static bool series_describe(Series *r, const ProbedModel *s, const FoundModel *f, Error *e) {
    char weights[HASH_HEX], both[2 * HASH_HEX] = "";
    bool ours = s->from.raw ? s->from.from.ours : s->data != NULL;
    *r = (Series){.c = s->c};
    strcpy(r->c.variant, "imported");
    describe_rows(r, s);
    if (!hash_weights(f, weights, e)) return false;
    snprintf(both, sizeof both, "%s %s", r->key, weights);
    hash_hex(both, sizeof both, r->key);
    if (!ours) r->c.train.steps = last_step(f);
    if (s->o->tokens_per_step || !ours) r->c.train.batch_tokens = s->o->tokens_per_step;
    r->json = ours ? config_json(&r->c, true) : config_json_imported(&r->c);
    const char *slash = strrchr(f->folder, '/');
    r->label = slash && slash[1] ? slash + 1 : f->folder;
    return true;
}

static RunIdentity identity(const Series *r, const ProbedModel *s, const char *host, const char *cpu) {
    return (RunIdentity){.key = r->key,
                         .variant = r->c.variant,
                         .label = r->label,
                         .config = r->json,
                         .host = host,
                         .cpu = cpu,
                         .blas_arch = gemm_start(),
                         .git = host_git(),
                         .corpus = r->c.data.source,
                         .licence = r->licence,
                         .corpus_hash = r->corpus,
                         .tokenizer_hash = r->tokenizer,
                         .threads = s->threads,
                         .steps = r->c.train.steps,
                         .parameters = s->m->parameters,
                         .flops_per_token = model_flops_per_token(s->m, (int)s->c.model.context)};
}

/* A run that is done is held, and gains what is measured now. */
static bool claim_or_hold(Store *store, const RunIdentity *id, Claim *claim, Error *e) {
    if (!store_claim(store, id, false, true, claim, e)) return false;
    if (claim->result == CLAIM_DONE) return store_hold(store, id->key, &claim->lock, e);
    if (claim->result != CLAIM_TAKEN)
        return fail(e, EXIT_FAILED, "run %.8s: another process is measuring it", id->key);
    return *claim->kernels || store_rewind(store, claim->run, -1, e);
}

static bool write_tokens(const Series *r, const FoundModel *f, Store *store, int64_t run, Error *e) {
    for (int i = 0; i < f->n && r->c.train.batch_tokens; i++)
        if (!store_tokens(store, run, f->at[i].step, f->at[i].step * r->c.train.batch_tokens, e))
            return false;
    return true;
}

bool series_claim(const ProbedModel *s, const FoundModel *f, Store *store, Config *c, FoundRun *run,
                  Claim *claim, Error *e) {
    Series r;
    char host[128], cpu[128];
    host_name(host, sizeof host);
    host_cpu(cpu, sizeof cpu);
    bool ok = series_describe(&r, s, f, e);
    if (ok) {
        RunIdentity id = identity(&r, s, host, cpu);
        ok = claim_or_hold(store, &id, claim, e) && write_tokens(&r, f, store, claim->run, e);
        c->train.steps = r.c.train.steps;
        *run = (FoundRun){.id = claim->run};
        snprintf(run->key, sizeof run->key, "%s", r.key);
    }
    free(r.json);
    return ok;
}

bool series_end(Store *store, Claim *claim, const FoundModel *f, bool ok, Error *e) {
    Error ignored = {0};
    if (claim->lock < 0) return ok;
    bool was_done = claim->result == CLAIM_DONE;
    if (ok || !was_done)
        ok = store_status(store, claim->run, ok ? "done" : "interrupted", f->path, ok ? e : &ignored) && ok;
    store_release(claim);
    return ok;
}
