#include "ablations/page/sentence_model.h"

#include "ablations/page/report_runs.h"
#include "ablations/page/sentence/sizes.h"
#include "ablations/text_table.h"
#include "data/base/files.h"
#include "model/model.h"
#include "model/slots.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/find_model.h"
#include "train/store/column.h"

#include <string.h>
#include <unistd.h>

/* ---- whether it is a model that the program is for ---- */

/* The same model with what the program has fixed. Free are what it takes as told (a norm of head outputs,
 * sizes of a smaller vocabulary) and what weights are made by, or go into the classifier. */
static Config as_compiled(const Config *c) {
    Config want = *c, plain;
    config_defaults(&plain);
    want.model = plain.model;
    want.model.layers = SENTENCE_LAYERS;
    want.model.width = SENTENCE_WIDTH;
    want.model.heads = want.model.kv_heads = SENTENCE_HEADS;
    want.model.head_dim = c->model.head_dim == SENTENCE_WIDTH / SENTENCE_HEADS ? c->model.head_dim : 0;
    want.model.context = SENTENCE_TOKENS;
    want.model.mlp_width = SENTENCE_MLP;
    if (!strcmp(slot_row(SLOT_HEAD_OUT, c->model.head_out)->name, "rmsnorm"))
        want.model.head_out = c->model.head_out;
    want.model.head_out_scale = c->model.head_out_scale;
    want.model.embedding_std = c->model.embedding_std;
    want.model.init = c->model.init;
    want.model.tie = c->model.tie;
    want.data.tokenizer = TOKENIZER_BPE;
    want.data.fixed_token_at = -1;
    return want;
}

static bool check_shape(const Config *c, const char *path, Error *e) {
    char has[128], takes[128];
    Config want = as_compiled(c);
    const char *key = config_differs(c, &want, "model.");
    if (!key) key = config_differs(c, &want, "data.");
    if (!key) return true;
    if (!config_get(c, key, has, sizeof has) || !config_get(&want, key, takes, sizeof takes))
        *has = *takes = 0;
    return fail(e, EXIT_USAGE, "%s: %s is %s (the page's program is for %s, the demo's model)", path, key,
                has, takes);
}

/* ---- its weights ---- */

/* The tensors in the order of model/gpt.c's Weights, without the classifier: those of a row of this table
 * side by side, layer after layer. A norm of head outputs that the model lacks is ones. */
static const struct {
    const char *names[3];
    bool in_blocks;
} order[] = {{{"model.embed_tokens.weight"}, false},
             {{"self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"}, true},
             {{"self_attn.o_proj.weight"}, true},
             {{"mlp.gate_proj.weight", "mlp.up_proj.weight"}, true},
             {{"mlp.down_proj.weight"}, true},
             {{"input_layernorm.weight"}, true},
             {{"self_attn.head_norm.weight"}, true},
             {{"post_attention_layernorm.weight"}, true},
             {{"model.norm.weight"}, false}};

static const Tensor *tensor_named(const Model *m, const char *name, int layer) {
    char full[128];
    snprintf(full, sizeof full, layer < 0 ? "%s" : "model.layers.%2$d.%1$s", name, layer);
    for (int i = 0; i < m->n_tensors; i++)
        if (!strcmp(m->tensors[i].name, full)) return &m->tensors[i];
    return NULL;
}

/* To the nearest bfloat16, ties to even. */
static uint16_t bf16_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

typedef struct Packing {
    Bytes high, low;
    Error *e;
} Packing;

/* n floats; NULL: of one value. */
static bool pack(Packing *p, const float *from, int64_t n, float value) {
    for (int64_t i = 0; i < n; i++) {
        uint16_t x = bf16_of(from ? from[i] : value);
        char high = (char)(x >> 8), low = (char)x;
        if (!bytes_append(&p->high, &high, 1, p->e) || !bytes_append(&p->low, &low, 1, p->e)) return false;
    }
    return true;
}

static bool pack_tensor(Packing *p, const Model *m, const char *name, int layer) {
    const Tensor *t = tensor_named(m, name, layer);
    if (!t) return pack(p, NULL, SENTENCE_WIDTH / SENTENCE_HEADS, 1);
    bool embeds = layer < 0 && t->stage == STAGE_EMBED;
    int64_t n = t->rows * t->cols, missing = embeds ? SENTENCE_VOCAB * t->cols - n : 0;
    return pack(p, m->params + t->offset, n, 0) && pack(p, NULL, missing, 0);
}

bool sentence_weights_pack(Bytes *out, const Model *m, Error *e) {
    Packing p = {.e = e};
    bool ok = true;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        for (int layer = 0; layer < (order[i].in_blocks ? SENTENCE_LAYERS : 1); layer++)
            for (int j = 0; j < 3 && order[i].names[j]; j++)
                ok = ok && pack_tensor(&p, m, order[i].names[j], order[i].in_blocks ? layer : -1);
    ok = ok && bytes_append(out, p.high.data, p.high.size, e) && bytes_append(out, p.low.data, p.low.size, e);
    bytes_free(&p.high);
    bytes_free(&p.low);
    return ok;
}

/* ---- a checkpoint ---- */

static bool read_tokenizer(SentenceModel *out, const char *path, const Config *c, const char *cache,
                           Error *e) {
    Dataset *data = NULL;
    bool ok = checkpoint_takes_text(path, e) && dataset_open(&data, &c->data, cache, NULL, e) &&
              checkpoint_fits_data(path, dataset_info(data), e) &&
              file_read(path_of("%s/tokenizer.model", dataset_info(data)->path).s, &out->tokenizer, e);
    bool begins = c->data.bos == BOS_ROW || c->data.bos == BOS_DOCUMENT;
    if (ok) out->bos = begins ? dataset_info(data)->bos : -1;
    dataset_close(data);
    return ok;
}

static bool read_checkpoint(SentenceModel *out, const char *path, const char *cache, Error *e) {
    Config c;
    Model *m = NULL;
    if (!checkpoint_read_config(path, &c, e) || !check_shape(&c, path, e)) return false;
    bool ok = checkpoint_open(path, &c, &m, &out->step, e) && checkpoint_key(path, out->key, &out->step, e) &&
              (c.model.vocab <= SENTENCE_VOCAB ||
               fail(e, EXIT_USAGE, "%s: %lld tokens (the page's program is for %d)", path,
                    (long long)c.model.vocab, SENTENCE_VOCAB)) &&
              read_tokenizer(out, path, &c, cache, e) && sentence_weights_pack(&out->weights, m, e);
    if (ok) {
        out->head_norm = c.model.head_out != 0;
        snprintf(out->name, sizeof out->name, "%s", *c.label ? c.label : c.variant);
    }
    model_free(m);
    return ok;
}

static bool read_word(SentenceModel *out, Store *s, const char *word, const char *cache, Error *e) {
    FoundModel found = {0};
    bool ok = find_model(word, store_path(s), &found, e) && read_checkpoint(out, found.path, cache, e);
    found_model_free(&found);
    return ok;
}

/* The first that can be; else the error of the first tried. */
static bool read_any(SentenceModel *out, Store *s, const char *sweep, const char *cache, Error *e) {
    sqlite3_stmt *q =
        table_query(s,
                    REPORT_RUNS "SELECT r.key FROM placed AS h JOIN run AS r ON r.id = h.run"
                                " WHERE r.status = 'done' ORDER BY r.variant <> 'baseline', h.place, r.seed",
                    sweep, e);
    bool ok = false, first = true;
    while (q && !ok && sqlite3_step(q) == SQLITE_ROW) {
        Error why = {0};
        ok = read_word(out, s, column_text(q, 0), cache, &why);
        if (!ok && first) *e = why;
        first = false;
    }
    sqlite3_finalize(q);
    if (ok) *e = (Error){0};
    return ok || (!e->code && fail(e, EXIT_USAGE, "no run is done"));
}

bool sentence_model_read(SentenceModel *out, Store *s, const char *sweep, const SentenceSource *from,
                         const char *folder, Error *e) {
    Path program = path_of("%s/../../build/sentence.wasm", folder);
    *out = (SentenceModel){0};
    bool ok = (!access(program.s, R_OK) ||
               fail(e, EXIT_USAGE, "no program for the browser (.ci/packages-sentence.txt, make page)")) &&
              (from->word ? read_word(out, s, from->word, from->cache, e)
                          : read_any(out, s, sweep, from->cache, e)) &&
              file_read(program.s, &out->program, e);
    if (!ok) sentence_model_free(out);
    return ok;
}

void sentence_model_free(SentenceModel *m) {
    bytes_free(&m->program);
    bytes_free(&m->weights);
    bytes_free(&m->tokenizer);
}
