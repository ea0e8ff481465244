/* Owns: the logit lens (arXiv 2510.06477): the loss, in nats, of the model's own final norm and head
 * applied after each layer, averaged over all scored targets of the probe. After the last layer it is
 * the model's loss. */
#include "model/instruments/cells.h"
#include "model/kernels/gemm.h"
#include "model/ops/ops.h"
#include "model/slots.h"

#include <stdlib.h>

enum { CHUNK = 256 }; /* tokens whose logits exist at a time */

typedef struct State {
    const Model *m;
    const int32_t *y; /* (rows, T) */
    int64_t tokens;   /* rows T */
    int64_t scored;   /* tokens that have a target */
    float *losses;    /* (layers, tokens) */
    float *h, *stat;  /* (CHUNK, d), (CHUNK, NORM_STATS) */
    float *logits;    /* (CHUNK, V) */
} State;

static void *open(const Probe *p) {
    int64_t scored = probe_scored(p);
    if (!scored) return NULL;
    State *s = instrument_memory(1, sizeof *s);
    const ModelConfig *c = &p->m->config;
    s->m = p->m;
    s->y = p->y;
    s->tokens = (int64_t)p->rows * p->T;
    s->scored = scored;
    s->losses = instrument_memory((size_t)(c->layers * s->tokens), sizeof *s->losses);
    s->h = instrument_memory((size_t)(CHUNK * c->width), sizeof *s->h);
    s->stat = instrument_memory(NORM_STATS * CHUNK, sizeof *s->stat);
    s->logits = instrument_memory((size_t)(CHUNK * c->vocab), sizeof *s->logits);
    return s;
}

/* h = final_norm(x), logits = h W^T, for n tokens from x on. */
static void lens(const State *s, const float *x, int64_t n) {
    const ModelConfig *c = &s->m->config;
    Ctx norm = {
        .c = c, .layer = -1, .B = 1, .T = (int)n, .N = n, .d = (int)c->width, .eps = (float)c->norm_eps};
    const Tensor *tensor, *head = model_tensor(s->m, -1, c->tie ? STAGE_EMBED : STAGE_HEAD, 0);
    for (int i = 0; i < SLOT_TENSORS && (tensor = model_tensor(s->m, -1, STAGE_NORM_FINAL, i)); i++)
        norm.w[i] = s->m->params + tensor->offset;
    bool normed = norm_stands(c, STAGE_NORM_FINAL);
    if (normed) norm_rows(&norm, x, s->h, s->stat);
    gemm_nt(n, c->vocab, c->width, normed ? s->h : x, c->width, s->m->params + head->offset, c->width, 0,
            s->logits, c->vocab);
    if (c->final_logit_cap > 0)
        cap_forward(s->logits, c->vocab, n, (int)c->vocab, (float)c->final_logit_cap, NULL);
}

static void see(void *self, const View *v) {
    const State *s = self;
    for (int64_t n = 0; n < v->tokens; n += CHUNK) {
        int64_t k = v->tokens - n < CHUNK ? v->tokens - n : CHUNK, at = v->row0 * v->T + n;
        lens(s, v->data + n * v->ld, k);
        cross_entropy(s->logits, s->m->config.vocab, s->y + at, s->losses + v->layer * s->tokens + at, k,
                      (int)s->m->config.vocab, 0);
    }
}

static void close(void *self, Figures *out) {
    State *s = self;
    for (int l = 0; l < (int)s->m->config.layers; l++) {
        double sum = 0;
        for (int64_t n = 0; n < s->tokens; n++) sum += (double)s->losses[l * s->tokens + n];
        figures_add(out, "lens_loss", l, -1, sum / (double)s->scored);
    }
    free(s->losses);
    free(s->h);
    free(s->stat);
    free(s->logits);
    free(s);
}

const Instrument logit_lens = {
    .name = "logit_lens",
    .definition = "loss of the final norm and the head applied after each layer, nats",
    .paper = "arXiv 2510.06477",
    .columns = "eval_layer.lens_loss",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
