#include "model/tape.h"

#include "model/bf16_weights.h"
#include "model/kernels/gemm_bf16.h"
#include "model/ops/attention.h"
#include "model/ops/ops.h"
#include "model/ops/strips.h"

#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Hands out pieces of the tape's memory, or only counts their floats while there is none. */
typedef struct Cutter {
    float *base;
    size_t used;
} Cutter;

static float *cut(Cutter *c, size_t floats) {
    float *at = c->base ? c->base + c->used : NULL;
    c->used += (floats + 15) / 16 * 16;
    return at;
}

static NormActs cut_norm(Cutter *c, const ModelConfig *m, Stage s, size_t N) {
    if (!norm_stands(m, s)) return (NormActs){NULL, NULL};
    return (NormActs){cut(c, N * (size_t)m->width), cut(c, NORM_STATS * N)};
}

/* Floats of a token's keys, or values. */
static size_t kv_width(const ModelConfig *m) {
    return (size_t)(config_kv_heads(m) * config_head_dim(m));
}

/* Floats of a strip of a sum over tokens: a norm's gradients, or a layer's biases. */
static size_t partial_width(const ModelConfig *m) {
    size_t hidden = (size_t)(m->bias ? mlp_slots[m->mlp].parts * m->mlp_width : 0);
    size_t most = (size_t)config_heads_width(m) + 2 * kv_width(m), norm = (size_t)norm_weights(m);
    most = most > 3 * (size_t)m->width ? most : 3 * (size_t)m->width;
    most = hidden > most ? hidden : most;
    return norm > most ? norm : most;
}

static size_t table_width(const ModelConfig *m) {
    const PositionSlot *position = &position_slots[m->position];
    return position->table ? (size_t)position->table_width(m) : 0;
}

static size_t gates(const ModelConfig *m) {
    const HeadOutSlot *slot = &head_out_slots[m->head_out];
    if (!slot->gate) return 0;
    return (size_t)(slot->head.tensors[slot->gate_tensor].rows == SIZE_H ? m->heads : config_heads_width(m));
}

/* What routing keeps of a layer; without a backward any layer may be the routed one. */
static void cut_routed(Cutter *c, Acts *a, const ModelConfig *m, size_t N, size_t picked) {
    if (!config_routes(m)) return;
    a->scores = cut(c, N);
    a->place = (int32_t *)cut(c, picked);
    a->picked = cut(c, picked * (size_t)m->width);
    a->made = cut(c, picked * (size_t)m->width);
}

static void cut_acts(Cutter *c, Acts *a, const ModelConfig *m, size_t N) {
    size_t d = (size_t)m->width, heads = (size_t)config_heads_width(m), f = (size_t)m->mlp_width;
    const QkSlot *qk = &qk_slots[m->qk];
    a->norm_attn = cut(c, NORM_STATS * N);
    a->qkv = cut(c, N * (heads + 2 * kv_width(m)));
    a->stat = cut(c, N * (size_t)(m->heads * slot_maps(&attention_slots[m->attention])));
    a->o = cut(c, N * heads);
    a->plain = m->interventions.n ? cut(c, N * heads) : a->o;
    a->value = cut(c, m->value_scale ? N * kv_width(m) : 0);
    a->gate = cut(c, N * gates(m));
    a->mid = cut(c, N * d);
    a->norm_mlp = cut(c, NORM_STATS * N);
    a->hid = cut(c, N * (size_t)mlp_slots[m->mlp].parts * f);
    a->saved = qk->saved ? cut(c, N * (size_t)qk->saved(m)) : NULL;
    a->add_attn = cut_norm(c, m, STAGE_ADD_NORM_ATTN, N);
    a->sum_attn = cut_norm(c, m, STAGE_SUM_NORM_ATTN, N);
    a->add_mlp = cut_norm(c, m, STAGE_ADD_NORM_MLP, N);
    a->sum_mlp = cut_norm(c, m, STAGE_SUM_NORM_MLP, N);
}

/* Activations of every layer; without a backward all layers share one set, but for x, which alternates. */
static void cut_layers(Cutter *c, Tape *t, const ModelConfig *m, size_t N, size_t picked) {
    for (int l = 0; l <= m->layers; l++) {
        Acts *a = &t->acts[l];
        if (l && !t->train)
            *a = t->acts[0];
        else if (l < m->layers) {
            cut_acts(c, a, m, N);
            cut_routed(c, a, m, N, picked);
        }
        if (t->train || l < 2)
            a->x = cut(c, N * (size_t)m->width);
        else
            a->x = t->acts[l - 2].x;
    }
}

static void cut_all(Cutter *c, Tape *t, const Model *model) {
    const ModelConfig *m = &model->config;
    size_t N = (size_t)t->rows * (size_t)t->T, d = (size_t)m->width, f = (size_t)m->mlp_width;
    size_t heads = (size_t)config_heads_width(m);
    const AttentionSlot *slot = &attention_slots[m->attention];
    int dh = (int)config_head_dim(m);
    size_t picked = config_routes(m) ? (size_t)(t->rows * config_routed_tokens(m, t->T)) : 0;
    cut_layers(c, t, m, N, picked);
    t->no_documents = (int32_t *)cut(c, picked);
    t->norm_final = cut(c, NORM_STATS * N);
    t->h = cut(c, N * d);
    t->y = cut(c, N * heads);
    t->s = cut(c, N * f);
    t->add = cut(c, N * d);
    t->logits = cut(c, (size_t)(tape_chunk(t) * logits_ld(m->vocab)));
    t->losses = cut(c, N);
    t->partial = cut(c, (size_t)strips_count(t->rows, t->T) * partial_width(m));
    t->rotation = cut(c, (size_t)t->T * table_width(m));
    t->attention = cut(c, attention_scratch(slot, t->T, dh, t->train) * (size_t)omp_get_max_threads());
    t->first = cut(c, N * (size_t)m->heads);
    t->value = cut(c, m->value_residual > 0 ? N * kv_width(m) : 0);
    t->tokens = (int32_t *)cut(c, m->interventions.n ? N : 0);
    if (!t->train) return;
    t->cap_slope = cut(c, m->final_logit_cap > 0 ? (size_t)(tape_chunk(t) * logits_ld(m->vocab)) : 0);
    t->dx = cut(c, N * d);
    t->dh = cut(c, N * d);
    t->dadd = cut(c, N * d);
    t->dy = cut(c, N * heads);
    t->dqkv = cut(c, N * (heads + 2 * kv_width(m)));
    t->dvalue = cut(c, m->value_residual > 0 ? N * kv_width(m) : 0);
    t->parts = cut(c, (size_t)(t->rows * m->heads * attention_part_floats(dh)));
    t->dkv = cut(c, slot->token ? 2 * kv_width(m) : 0);
    t->ds = cut(c, N * f);
    t->dpicked = cut(c, picked * d);
    t->drouter = cut(c, picked);
}

int64_t tape_chunk(const Tape *t) {
    int rows = model_chunk_rows(t->T);
    return (int64_t)(rows < t->rows ? rows : t->rows) * t->T;
}

static size_t bytes_of(const Model *m, int rows, int T, bool train) {
    Acts *acts = calloc((size_t)m->config.layers + 1, sizeof *acts);
    if (!acts) return 0;
    Tape t = {.rows = rows, .T = T, .train = train, .acts = acts};
    Cutter count = {0};
    cut_all(&count, &t, m);
    free(acts);
    return count.used * sizeof(float);
}

static bool has_token(const Model *m) {
    return attention_slots[m->config.attention].token;
}

size_t tape_bytes(const Model *m, int rows, int T, bool train) {
    return bytes_of(m, rows, T, train) + (has_token(m) ? bytes_of(m, 1, 1, train) : 0);
}

static bool create(Tape **out, const Model *m, int rows, int T, bool train, Error *e) {
    Tape *t = calloc(1, sizeof *t);
    if (t) t->acts = calloc((size_t)m->config.layers + 1, sizeof *t->acts);
    size_t bytes = bytes_of(m, rows, T, train), page = (size_t)2 << 20;
    if (!t || !t->acts || posix_memalign((void **)&t->memory, page, bytes)) {
        tape_free(t);
        return fail(e, EXIT_FAILED, "model: no memory for %.1f MB of activations (lower train.micro_rows)",
                    (double)bytes * 1e-6);
    }
    madvise(t->memory, bytes, MADV_HUGEPAGE);
    t->rows = rows;
    t->T = T;
    t->train = train;
    Cutter c = {t->memory, 0};
    cut_all(&c, t, m);
    const PositionSlot *position = &position_slots[m->config.position];
    if (position->table) position->table(&m->config, T, t->rotation);
    *out = t;
    return true;
}

/* Reads the interventions of the rows' tape; the one of x* has none. */
static bool read_changes(Tape *t, const Model *m, Error *e) {
    if (!m->config.interventions.n) return true;
    t->changes = calloc(1, sizeof *t->changes);
    if (!t->changes) return fail(e, EXIT_FAILED, "model: out of memory");
    return changes_read(&m->config, t->T, t->changes, e);
}

/* The most that one product of a pass packs beside the weights: the inputs, for the gradient of weights. */
static size_t bf16_room(const Model *m, const Tape *t) {
    size_t most = 1;
    for (LinearKind kind = 0; kind < LINEARS; kind++) {
        Linear l = linear_of(m, kind, 0);
        size_t room = gemm_bf16_panels(l.in, kind == LINEAR_HEAD ? tape_chunk(t) : (int64_t)t->rows * t->T);
        most = room > most ? room : most;
    }
    return most;
}

size_t tape_bf16_bytes(const Model *m, int rows, int T, bool train) {
    return bf16_room(m, &(Tape){.rows = rows, .T = T, .train = train}) * sizeof(uint16_t) +
           bf16_weights_bytes(m, train);
}

bool tape_bf16(Tape *t, const Model *m, Error *e) {
    size_t bytes = bf16_room(m, t) * sizeof *t->bf16, page = (size_t)2 << 20;
    if (posix_memalign((void **)&t->bf16, page, bytes)) {
        t->bf16 = NULL;
        return fail(e, EXIT_FAILED, "model: no memory for %.1f MB of bf16 factors", (double)bytes * 1e-6);
    }
    madvise(t->bf16, bytes, MADV_HUGEPAGE);
    return bf16_weights_create(&t->bf16_weights, m, t->train, e);
}

void tape_pack(Tape *t, const Model *m, Phases *phases) {
    if (t->bf16_weights) phase_end(phases, PHASE_CAST, (Work){0, bf16_weights_pack(t->bf16_weights, m)});
}

bool tape_create(Tape **out, const Model *m, int rows, int T, bool train, Error *e) {
    Tape *t = NULL;
    bool ok = create(&t, m, rows, T, train, e) && read_changes(t, m, e) &&
              (!has_token(m) || create(&t->sink, m, 1, 1, train, e));
    if (ok)
        *out = t;
    else
        tape_free(t);
    return ok;
}

void tape_free(Tape *t) {
    if (!t) return;
    free(t->bf16);
    bf16_weights_free(t->bf16_weights);
    tape_free(t->sink);
    free(t->acts);
    free(t->masses);
    free(t->d_mass);
    free(t->changes);
    free(t->memory);
    free(t);
}

int tape_rows(const Tape *t) {
    return t->rows;
}
void tape_observe(Tape *t, Observers o) {
    t->observers = o;
}
void tape_time(Tape *t, Phases *phases) {
    t->phases = phases;
}
const float *tape_losses(const Tape *t) {
    return t->losses;
}
