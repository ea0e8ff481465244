#include "model/model.h"

#include "model/interventions/intervention.h"
#include "model/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- stages that are no slot still own tensors ---- */

static const SlotHead embed_stage = {
    "embedding", "a vector a token", {{"embed_tokens.weight", SIZE_V, SIZE_D, INIT_EMBEDDING}}};
static const SlotHead qkv_stage = {"qkv",
                                   "linear",
                                   {{"q_proj.weight", SIZE_HEADS, SIZE_D, INIT_NORMAL},
                                    {"k_proj.weight", SIZE_KV, SIZE_D, INIT_NORMAL},
                                    {"v_proj.weight", SIZE_KV, SIZE_D, INIT_NORMAL},
                                    {"q_proj.bias", SIZE_HEADS, SIZE_NONE, INIT_BIAS},
                                    {"k_proj.bias", SIZE_KV, SIZE_NONE, INIT_BIAS},
                                    {"v_proj.bias", SIZE_KV, SIZE_NONE, INIT_BIAS}}};
static const SlotHead out_stage = {
    "out",
    "linear",
    {{"o_proj.weight", SIZE_D, SIZE_HEADS, INIT_RESIDUAL}, {"o_proj.bias", SIZE_D, SIZE_NONE, INIT_BIAS}}};
static const SlotHead head_stage = {"head", "linear", {{"lm_head.weight", SIZE_V, SIZE_D, INIT_NORMAL}}};
static const SlotHead sink_stage = {
    "sink token", "x*", {{"sink_token.weight", SIZE_D, SIZE_NONE, INIT_EMBEDDING}}};
static const SlotHead value_stage = {
    "value scale", "v <- s v", {{"value_scale", SIZE_KVH, SIZE_NONE, INIT_ONE}}};
static const SlotHead router_stage = {
    "router", "r = w . x", {{"router.weight", SIZE_D, SIZE_NONE, INIT_SMALL}}};
static const SlotHead nothing = {
    "none", "no norm here, no sink token, no router, no value scale, or a head tied to the embedding", {{0}}};

bool norm_stands(const ModelConfig *c, Stage s) {
    bool shared = s == STAGE_NORM_MLP && c->parallel == PARALLEL_ONE_NORM; /* it reads attention's */
    return !shared && norm_places[c->norm].stages >> s & 1;
}

const char *head_out_gain_name(int i) {
    static const char *const names[HEAD_OUT_GAINS] = {[GAIN_SHARED] = "shared", [GAIN_HEAD] = "head"};
    return i >= 0 && i < HEAD_OUT_GAINS ? names[i] : NULL;
}

/* For each stage the prefix of its tensors in Hugging Face's LlamaForCausalLM (`block`: below
 * model.layers.L), and what fills the stage: a slot's row, or a row of its own. */
static const struct {
    bool block;
    const char *prefix;
    SlotKind slot;
    const SlotHead *own;
} places[STAGES] = {
    [STAGE_EMBED] = {false, "model.", .own = &embed_stage},
    [STAGE_POSITION] = {false, "model.", SLOT_POSITION},
    [STAGE_SINK] = {false, "model.", .own = &sink_stage},
    [STAGE_ROUTER] = {true, "", .own = &router_stage},
    [STAGE_NORM_ATTN] = {true, "input_layernorm.", SLOT_NORM_KIND},
    [STAGE_QKV] = {true, "self_attn.", .own = &qkv_stage},
    [STAGE_QK] = {true, "self_attn.", SLOT_QK},
    [STAGE_VALUE] = {true, "self_attn.", .own = &value_stage},
    [STAGE_ATTENTION] = {true, "self_attn.", SLOT_ATTENTION},
    [STAGE_HEAD_OUT] = {true, "self_attn.", SLOT_HEAD_OUT},
    [STAGE_OUT] = {true, "self_attn.", .own = &out_stage},
    [STAGE_ADD_NORM_ATTN] = {true, "attention_output_norm.", SLOT_NORM_KIND},
    [STAGE_SUM_NORM_ATTN] = {true, "attention_sum_norm.", SLOT_NORM_KIND},
    [STAGE_NORM_MLP] = {true, "post_attention_layernorm.", SLOT_NORM_KIND},
    [STAGE_MLP] = {true, "mlp.", SLOT_MLP},
    [STAGE_ADD_NORM_MLP] = {true, "mlp_output_norm.", SLOT_NORM_KIND},
    [STAGE_SUM_NORM_MLP] = {true, "mlp_sum_norm.", SLOT_NORM_KIND},
    [STAGE_NORM_FINAL] = {false, "model.norm.", SLOT_NORM_KIND},
    [STAGE_HEAD] = {false, "", .own = &head_stage},
};

/* Every row of every table begins with its SlotHead. */
#define TABLE(rows, field)                                                                                   \
    { rows, sizeof *rows, offsetof(ModelConfig, field) }
static const struct {
    const void *rows;
    size_t size, choice;
} tables[SLOT_KINDS] = {
    [SLOT_ATTENTION] = TABLE(attention_slots, attention),
    [SLOT_HEAD_OUT] = TABLE(head_out_slots, head_out),
    [SLOT_QK] = TABLE(qk_slots, qk),
    [SLOT_POSITION] = TABLE(position_slots, position),
    [SLOT_NORM] = TABLE(norm_places, norm),
    [SLOT_NORM_KIND] = TABLE(norm_kinds, norm_kind),
    [SLOT_MLP] = TABLE(mlp_slots, mlp),
};

const SlotHead *slot_row(SlotKind kind, int i) {
    return (const SlotHead *)((const char *)tables[kind].rows + (size_t)i * tables[kind].size);
}

int *slot_choice(ModelConfig *c, SlotKind kind) {
    return (int *)((char *)c + tables[kind].choice);
}

static const SlotHead *slot_head(const ModelConfig *c, Stage s, int layer) {
    SlotKind kind = places[s].slot;
    bool empty = (kind == SLOT_NORM_KIND && !norm_stands(c, s)) || (s == STAGE_HEAD && c->tie) ||
                 (s == STAGE_VALUE && !c->value_scale) ||
                 (s == STAGE_ROUTER && !config_is_routed(c, layer)) ||
                 (s == STAGE_SINK && !attention_slots[c->attention].token);
    if (empty) return &nothing;
    return kind ? slot_row(kind, *slot_choice((ModelConfig *)c, kind)) : places[s].own;
}

/* ---- configuration ---- */

bool model_config_check(ModelConfig *c, Error *e) {
    if (!changes_read(c, (int)c->context, &(Changes){0}, e)) return false;
    if (!c->kv_heads) c->kv_heads = c->heads;
    c->mlp_width = config_mlp_width(c);
    return true;
}

/* ---- layout ---- */

static void add_stage(Model *m, Stage s, int layer, int *n) {
    const SlotHead *slot = slot_head(&m->config, s, layer);
    m->arena = (m->arena + 15) / 16 * 16; /* a stage begins on a cache line; its tensors are adjacent */
    for (const TensorSpec *spec = slot->tensors; spec < slot->tensors + SLOT_TENSORS && spec->name; spec++) {
        if (spec->init == INIT_BIAS && !bias_stands(&m->config, s)) continue;
        int64_t rows = size_of(&m->config, spec->rows), cols = size_of(&m->config, spec->cols);
        if (m->tensors) {
            Tensor *t = &m->tensors[*n];
            *t = (Tensor){.spec = spec,
                          .layer = layer,
                          .stage = s,
                          .rows = rows,
                          .cols = cols,
                          .dims = spec->cols == SIZE_NONE ? 1 : 2,
                          .offset = m->arena};
            char block[32] = "";
            if (layer >= 0) snprintf(block, sizeof block, "model.layers.%d.", layer);
            snprintf(t->name, sizeof t->name, "%s%s%s", block, places[s].prefix, spec->name);
        }
        m->arena += (size_t)(rows * cols);
        m->parameters += rows * cols;
        ++*n;
    }
}

/* Walks every tensor in the order of the pass: once to count, once to fill the table. */
static int lay_out(Model *m) {
    int n = 0;
    m->arena = 0;
    m->parameters = 0;
    for (Stage s = 0; s < STAGE_ROUTER; s++) add_stage(m, s, -1, &n);
    for (int l = 0; l < m->config.layers; l++)
        for (Stage s = 0; s < STAGES; s++)
            if (places[s].block) add_stage(m, s, l, &n);
    for (Stage s = STAGE_NORM_FINAL; s < STAGES; s++) add_stage(m, s, -1, &n);
    m->arena = (m->arena + 15) / 16 * 16;
    return n;
}

/* Zeroes the arena in the parts in which the optimisers update each tensor: the first touch of a page decides
 * near which thread it lies. */
static void clear(const Model *m, float *p) {
    size_t end = 0;
    for (const Tensor *t = m->tensors; t < m->tensors + m->n_tensors; t++) {
        float *w = p + t->offset;
        int64_t n = t->rows * t->cols;
        memset(p + end, 0, (t->offset - end) * sizeof *p); /* padding */
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < n; i++) w[i] = 0;
        end = t->offset + (size_t)n;
    }
    memset(p + end, 0, (m->arena - end) * sizeof *p);
}

float *model_arena(const Model *m) {
    size_t bytes = m->arena * sizeof(float), page = (size_t)2 << 20;
    float *p = NULL;
    if (posix_memalign((void **)&p, bytes >= page ? page : 64, bytes + 64)) return NULL;
    if (bytes >= page) madvise(p, bytes, MADV_HUGEPAGE);
    clear(m, p);
    return p;
}

bool model_create(Model **out, const ModelConfig *c, bool with_params, Error *e) {
    if (c->vocab < 0 || c->vocab > INT32_MAX) /* no token has such a number, and sizes would overflow */
        return fail(e, EXIT_USAGE, "model: a vocabulary of %lld tokens (at most 2^31 - 1)",
                    (long long)c->vocab);
    Model *m = calloc(1, sizeof *m);
    if (!m) return fail(e, EXIT_FAILED, "model: out of memory");
    m->config = *c;
    m->n_tensors = lay_out(m);
    m->tensors = calloc((size_t)m->n_tensors, sizeof *m->tensors);
    if (m->tensors) lay_out(m);
    if (m->tensors && with_params) m->params = model_arena(m);
    if (!m->tensors || (with_params && !m->params)) {
        fail(e, EXIT_FAILED, "model: no memory for %.1f MB of weights", (double)m->arena * 4e-6);
        model_free(m);
        return false;
    }
    *out = m;
    return true;
}

void model_free(Model *m) {
    if (!m) return;
    free(m->tensors);
    free(m->params);
    free(m);
}

const Tensor *model_tensor(const Model *m, int layer, Stage s, int i) {
    for (int n = 0; n < m->n_tensors; n++)
        if (m->tensors[n].layer == layer && m->tensors[n].stage == s && i-- == 0) return &m->tensors[n];
    return NULL;
}

const Tensor *model_find(const Model *m, const char *name) {
    for (int n = 0; n < m->n_tensors; n++)
        if (!strcmp(m->tensors[n].name, name)) return &m->tensors[n];
    return NULL;
}

/* ---- sizes ---- */

double model_flops_per_token(const Model *m, int T) {
    const ModelConfig *c = &m->config;
    double weights = c->tie ? (double)(c->vocab * c->width) : 0,
           share = config_routed_tokens(c, T) / (double)T, layers = 0;
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        bool product = t->dims == 2 && t->stage != STAGE_EMBED && t->stage != STAGE_POSITION;
        if (product) weights += (double)(t->rows * t->cols) * (config_is_routed(c, t->layer) ? share : 1);
    }
    for (int l = 0; l < c->layers; l++) layers += config_is_routed(c, l) ? share * share : 1;
    return 6 * weights + 12.0 * layers * T * (double)config_heads_width(c);
}

int model_chunk_rows(int T) {
    return T >= 256 ? 1 : 256 / T;
}
