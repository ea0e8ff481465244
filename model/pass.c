/* Owns: a whole pass: embedding, blocks, final norm, the classifier with its loss a chunk of
 * tokens at a time, and the way back. */
#include "model/block.h"
#include "model/linear.h"
#include "model/ops/ops.h"
#include "model/penalty.h"
#include "model/route.h"

#include <string.h>

static void embed(const Pass *p) {
    Ctx table = stage_ctx(p, -1, STAGE_EMBED), c = stage_ctx(p, -1, STAGE_POSITION);
    float *x = p->t->acts[0].x;
    embed_forward(p->b->x, table.w[0], x, p->N, table.d);
    const PositionSlot *position = &position_slots[c.c->position];
    if (position->embed_forward) position->embed_forward(&c, x);
    phase_done(p, PHASE_EMBED, 0, 8 * table.d);
    tap(p, TAP_EMBED, -1, x, table.d, NULL);
}

static void tap_logits(const Pass *p, int64_t first, int64_t n) {
    int V = (int)p->m->config.vocab;
    if (!p->t->observers.n || !taps_want(&p->t->observers, TAP_LOGITS)) return;
    taps_see(&p->t->observers, &(View){TAP_LOGITS, -1, p->b->row0, p->b->rows, p->b->T, first, n, V,
                                       (int)logits_ld(V), p->t->logits, p->b->doc_start, NULL});
    phase_done(p, PHASE_INSTRUMENTS, 0, 0);
}

/* Logits of a chunk of h (N, d), their loss, and with gradients their way back while they are in
 * cache: dh = dlogits W into t->dh, dW += dlogits^T h. */
static void classify(const Pass *p, const float *h, float scale) {
    Tape *t = p->t;
    int64_t V = p->m->config.vocab, d = p->m->config.width, chunk = tape_chunk(t);
    Linear classifier = linear_of(p->m, LINEAR_HEAD, 0);
    for (int64_t n = 0; n < p->N; n += chunk) {
        int64_t k = p->N - n < chunk ? p->N - n : chunk;
        linear_forward(p, &classifier, k, h + n * d, t->logits);
        float cap = (float)p->m->config.final_logit_cap, *slope = p->grads ? t->cap_slope : NULL;
        if (cap > 0) cap_forward(t->logits, classifier.ld, k, (int)V, cap, slope);
        tap_logits(p, n, k);
        cross_entropy(t->logits, classifier.ld, p->b->y + n, t->losses + n, k, (int)V, scale);
        phase_end(t->phases, PHASE_LOSS, (Work){17.0 * (double)(k * V), 8.0 * (double)(k * V)});
        if (!p->grads) continue;
        if (cap > 0) cap_backward(t->logits, classifier.ld, k, (int)V, slope);
        linear_inputs(p, &classifier, k, t->logits, t->dh + n * d);
        linear_weights(p, &classifier, k, t->logits, h + n * d);
    }
}

/* The row of x* alone: a causal mask lets it see nothing else, so one token serves every row of the pass. */
static const Batch sink_row = {.rows = 1, .T = 1, .doc_start = &(const int32_t){0}};

/* A batch's pass, and beside it that of x* where the model has one. */
typedef struct Passes {
    Batch batch;
    Pass rows, sink;
} Passes;

/* The batch with the tokens that interventions leave it. */
static Batch changed(const Tape *t, const Batch *b) {
    Batch own = *b;
    if (!t->changes || !changes_rewrite(t->changes)) return own;
    memcpy(t->tokens, b->x, (size_t)b->rows * (size_t)b->T * sizeof *b->x);
    changes_tokens(t->changes, t->tokens, b->rows, b->T);
    own.x = t->tokens;
    return own;
}

/* grads NULL: forward only. */
static const Pass *open_passes(Passes *s, const Model *m, Tape *t, const Batch *b, float *grads) {
    s->batch = changed(t, b);
    s->sink = (Pass){.m = m, .t = t->sink, .b = &sink_row, .N = 1, .grads = grads};
    s->rows = (Pass){.m = m,
                     .t = t,
                     .b = &s->batch,
                     .N = (int64_t)b->rows * b->T,
                     .grads = grads,
                     .sink = t->sink ? &s->sink : NULL};
    return &s->rows;
}

/* Forward up to the classifier's input; returns that, h (N, d). */
static const float *run_stream(const Pass *p) {
    Tape *t = p->t;
    embed(p);
    if (p->sink) {
        Ctx x = stage_ctx(p, -1, STAGE_SINK);
        memcpy(p->sink->t->acts[0].x, x.w[0], (size_t)x.d * sizeof *x.w[0]);
    }
    for (int l = 0; l < p->m->config.layers; l++) {
        if (p->sink) block_forward(p->sink, l);
        (config_is_routed(&p->m->config, l) ? routed_forward : block_forward)(p, l);
    }
    const float *x = t->acts[p->m->config.layers].x;
    const float *h = norm_forward(p, -1, STAGE_NORM_FINAL, x, t->h, t->norm_final);
    tap(p, TAP_FINAL, -1, (float *)h, (int)p->m->config.width, NULL);
    return h;
}

static void run_forward(const Pass *p, float scale) {
    classify(p, run_stream(p), scale);
}

void model_forward(const Model *m, Tape *t, const Batch *b) {
    Passes s;
    run_forward(open_passes(&s, m, t, b, NULL), 0);
}

void model_stream(const Model *m, Tape *t, const Batch *b) {
    Passes s;
    run_stream(open_passes(&s, m, t, b, NULL));
}

static void sink_token_backward(const Pass *p) {
    if (!p->sink) return;
    Ctx x = stage_ctx(p, -1, STAGE_SINK);
    for (int i = 0; i < x.d; i++) x.dw[0][i] += p->sink->t->dx[i];
}

/* t->dx, the gradient of the final residual stream, to that of the first. */
static void blocks_backward(const Pass *p) {
    if (p->sink) memset(p->sink->t->dx, 0, (size_t)p->m->config.width * sizeof *p->sink->t->dx);
    for (int l = (int)p->m->config.layers; l-- > 0;) {
        (config_is_routed(&p->m->config, l) ? routed_backward : block_backward)(p, l);
        if (p->sink) block_backward(p->sink, l);
    }
    sink_token_backward(p);
    tap_gradient(p, TAP_EMBED_GRAD, -1, p->t->dx);
}

/* t->dh, the gradient of what the classifier read, to t->dx of the first stream. */
static void stream_backward(const Pass *p) {
    Tape *t = p->t;
    int64_t layers = p->m->config.layers;
    memset(t->dx, 0, (size_t)(p->N * p->m->config.width) * sizeof *t->dx);
    norm_backward(p, -1, STAGE_NORM_FINAL, t->acts[layers].x, t->norm_final, t->dh, t->dx);
    blocks_backward(p);
}

void model_train(const Model *m, Tape *t, const Batch *b, float scale, float *grads) {
    Passes s;
    const Pass *p = open_passes(&s, m, t, b, grads);
    run_forward(p, scale);
    if (t->masses) penalty_slopes(p);
    stream_backward(p);
    Ctx table = stage_ctx(p, -1, STAGE_EMBED), position = stage_ctx(p, -1, STAGE_POSITION);
    const PositionSlot *slot = &position_slots[position.c->position];
    if (slot->embed_backward) slot->embed_backward(&position, t->dx);
    embed_backward(p->b->x, t->dx, table.dw[0], p->N, table.d);
    phase_done(p, PHASE_EMBED, table.d, 12 * table.d);
}

void model_slopes(const Model *m, Tape *t, const Batch *b, float scale, float *scratch) {
    Passes s;
    const Pass *p = open_passes(&s, m, t, b, scratch);
    s.rows.taps_only = s.sink.taps_only = true;
    run_forward(p, scale);
    penalty_forget(p);
    stream_backward(p);
}

const float *model_pull(const Model *m, Tape *t, const Batch *b, const float *g, float *grads) {
    Passes s;
    const Pass *p = open_passes(&s, m, t, b, grads);
    run_stream(p);
    memcpy(t->dx, g, (size_t)(p->N * m->config.width) * sizeof *g);
    blocks_backward(p);
    return t->dx;
}
