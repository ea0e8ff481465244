#include "model/ops/attention.h"

#include "model/ops/mm.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static int round_up(int n, int to) {
    return (n + to - 1) / to * to;
}

/* One (row, head)'s operands, copied once: padded to whole blocks and vectors with zeros, those that
 * are the right factor of a product over d_head transposed. */
typedef struct Packed {
    int Tp, dhp;          /* padded T and d_head */
    float *Q, *K, *V, *G; /* (Tp, dhp); Q is scaled; G: gradient of o */
    float *Kt, *Vt;       /* (dh, Tp) */
    float *dQ, *dK, *dV;  /* (Tp, dhp) */
    float *S, *D;         /* (block, Tp): scores or weights, and their gradient */
    float *O;             /* (block, dhp) */
} Packed;

size_t attention_scratch(int T, int dh, bool backward) {
    size_t Tp = (size_t)round_up(T, ATTENTION_BLOCK), dhp = (size_t)round_up(dh, VW);
    size_t matrices = backward ? 9 : 3, blocks = backward ? 2 : 1;
    return matrices * Tp * dhp + blocks * ATTENTION_BLOCK * Tp + ATTENTION_BLOCK * dhp;
}

static Packed packed_at(float *at, int T, int dh, bool backward) {
    Packed p = {.Tp = round_up(T, ATTENTION_BLOCK), .dhp = round_up(dh, VW)};
    int64_t matrix = (int64_t)p.Tp * p.dhp, block = (int64_t)ATTENTION_BLOCK * p.Tp;
    float **forward_parts[] = {&p.Q, &p.V, &p.Kt},
          **backward_parts[] = {&p.K, &p.G, &p.Vt, &p.dQ, &p.dK, &p.dV};
    for (int i = 0; i < 3; i++, at += matrix) *forward_parts[i] = at;
    for (int i = 0; backward && i < 6; i++, at += matrix) *backward_parts[i] = at;
    p.S = at;
    at += block;
    if (backward) p.D = at, at += block;
    p.O = at;
    return p;
}

static void pack(float *to, const Packed *p, const float *x, int64_t ld, int T, int dh, float scale) {
    for (int t = 0; t < p->Tp; t++) {
        float *row = to + (int64_t)t * p->dhp;
        int n = t < T ? dh : 0;
        for (int i = 0; i < n; i++) row[i] = scale * x[t * ld + i];
        for (int i = n; i < p->dhp; i++) row[i] = 0;
    }
}

/* A tile of VW tokens is read row by row and written column by column, so both stay in cache. */
static void pack_transposed(float *to, const Packed *p, const float *x, int64_t ld, int T, int dh) {
    for (int t0 = 0; t0 < p->Tp; t0 += VW) {
        int n = T - t0 < 0 ? 0 : T - t0 < VW ? T - t0 : VW;
        for (int i = 0; i < dh; i++) {
            vf column = {0};
            for (int t = 0; t < n; t++) column[t] = x[(t0 + t) * ld + i];
            vf_store(to + (int64_t)i * p->Tp + t0, column);
        }
    }
}

static void unpack(float *x, int64_t ld, const float *from, int dhp, int rows, int dh, float scale) {
    for (int t = 0; t < rows; t++)
        for (int i = 0; i < dh; i++) x[t * ld + i] = scale * from[(int64_t)t * dhp + i];
}

/* First key that a query sees: the mask's, or the window's. */
static void first_keys(const AttentionShape *s, int row, int q0, int nq, int32_t *lo) {
    for (int i = 0; i < nq; i++) {
        int32_t mask = s->lo[(int64_t)row * s->T + q0 + i], window = s->window ? q0 + i - s->window + 1 : 0;
        lo[i] = mask > window ? mask : window;
    }
}

static Scores block_at(const AttentionShape *s, const Packed *p, int row, int q0, int32_t *lo) {
    int nq = s->T - q0 < ATTENTION_BLOCK ? s->T - q0 : ATTENTION_BLOCK;
    first_keys(s, row, q0, nq, lo);
    int k0 = lo[0];
    for (int i = 1; i < nq; i++) k0 = lo[i] < k0 ? lo[i] : k0;
    return (Scores){q0, nq, k0 / VW * VW, q0 + ATTENTION_BLOCK, p->Tp, lo};
}

/* S[q][k] = scale q.k for the block; rows past the last query are zero, since Q is. */
static void score(const Packed *p, const Scores *b, int dh) {
    mm(p->S + b->k0, p->Tp, ATTENTION_BLOCK, b->k1 - b->k0, dh, p->Q + (int64_t)b->q0 * p->dhp, p->dhp, 1,
       p->Kt + b->k0, p->Tp, false);
}

static void clear_rows(float *S, const Scores *b) {
    for (int i = b->nq; i < ATTENTION_BLOCK; i++)
        for (int k = b->k0; k < b->k1; k++) S[i * b->ld + k] = 0;
}

static void show(const AttentionSlot *slot, const Observers *see, const Packed *p, const Scores *b,
                 const AttentionShape *s, int layer, int head, int row, int64_t row0) {
    for (int i = 0; i < b->nq; i++)
        for (int k = 0; k < b->k0; k++) p->S[i * b->ld + k] = 0;
    taps_weights(see, &(Weights){layer, head, row0 + row, b->q0, b->nq, s->T, p->S, b->ld,
                                 s->lo + (int64_t)row * s->T, slot->unnormalised});
}

void attention_forward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, float *o,
                       float *stat, float *scratch, const Observers *see, int layer, int64_t row0) {
    float scale = 1.0f / sqrtf((float)s->dh);
    int64_t width = (int64_t)s->H * s->dh;
    size_t room = attention_scratch(s->T, s->dh, false);
    bool shown = see && taps_want_weights(see);
#pragma omp parallel for schedule(dynamic)
    for (int task = 0; task < s->B * s->H; task++) {
        int row = task / s->H, h = task % s->H;
        const float *q = qkv + (int64_t)row * s->T * s->ld + (int64_t)h * s->dh;
        Packed p = packed_at(scratch + (size_t)omp_get_thread_num() * room, s->T, s->dh, false);
        pack(p.Q, &p, q, s->ld, s->T, s->dh, scale);
        pack_transposed(p.Kt, &p, q + width, s->ld, s->T, s->dh);
        pack(p.V, &p, q + 2 * width, s->ld, s->T, s->dh, 1);
        for (int q0 = 0; q0 < s->T; q0 += ATTENTION_BLOCK) {
            int32_t lo[ATTENTION_BLOCK];
            Scores b = block_at(s, &p, row, q0, lo);
            score(&p, &b, s->dh);
            slot->weights(&b, p.S, stat + (int64_t)task * s->T + q0);
            clear_rows(p.S, &b);
            if (shown) show(slot, see, &p, &b, s, layer, h, row, row0);
            mm(p.O, p.dhp, ATTENTION_BLOCK, p.dhp, b.k1 - b.k0, p.S + b.k0, p.Tp, 1,
               p.V + (int64_t)b.k0 * p.dhp, p.dhp, false);
            unpack(o + ((int64_t)row * s->T + q0) * width + (int64_t)h * s->dh, width, p.O, p.dhp, b.nq,
                   s->dh, 1);
        }
    }
}

/* forward: S = Q K^T, A = weights(S), O = A V
 * so       dA = G V^T, dV = A^T G, dS = backward(A, dA), dQ = dS K, dK = dS^T Q */
static void backward_block(const AttentionSlot *slot, const Packed *p, const Scores *b, int dh,
                           const float *stat, const float *dot) {
    int keys = b->k1 - b->k0, dhp = p->dhp, Tp = p->Tp;
    const float *Q = p->Q + (int64_t)b->q0 * dhp, *G = p->G + (int64_t)b->q0 * dhp;
    score(p, b, dh);
    slot->again(b, p->S, stat);
    clear_rows(p->S, b);
    mm(p->D + b->k0, Tp, ATTENTION_BLOCK, keys, dh, G, dhp, 1, p->Vt + b->k0, Tp, false);
    mm(p->dV + (int64_t)b->k0 * dhp, dhp, keys, dhp, ATTENTION_BLOCK, p->S + b->k0, 1, Tp, G, dhp, true);
    slot->backward(b, p->S, p->D, dot);
    clear_rows(p->D, b);
    mm(p->dQ + (int64_t)b->q0 * dhp, dhp, ATTENTION_BLOCK, dhp, keys, p->D + b->k0, Tp, 1,
       p->K + (int64_t)b->k0 * dhp, dhp, false);
    mm(p->dK + (int64_t)b->k0 * dhp, dhp, keys, dhp, ATTENTION_BLOCK, p->D + b->k0, 1, Tp, Q, dhp, true);
}

static void row_dots(const float *o, const float *g, int64_t ld, int nq, int dh, float *dot) {
    for (int i = 0; i < nq; i++) {
        float sum = 0;
        for (int c = 0; c < dh; c++) sum += o[i * ld + c] * g[i * ld + c];
        dot[i] = sum;
    }
}

void attention_backward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, const float *o,
                        const float *stat, const float *d_o, float *dqkv, float *scratch) {
    float scale = 1.0f / sqrtf((float)s->dh);
    int64_t width = (int64_t)s->H * s->dh;
    size_t room = attention_scratch(s->T, s->dh, true);
#pragma omp parallel for schedule(dynamic)
    for (int task = 0; task < s->B * s->H; task++) {
        int row = task / s->H, h = task % s->H;
        int64_t at = (int64_t)row * s->T * s->ld + (int64_t)h * s->dh;
        int64_t at_o = (int64_t)row * s->T * width + (int64_t)h * s->dh;
        const float *q = qkv + at;
        Packed p = packed_at(scratch + (size_t)omp_get_thread_num() * room, s->T, s->dh, true);
        pack(p.Q, &p, q, s->ld, s->T, s->dh, scale);
        pack(p.K, &p, q + width, s->ld, s->T, s->dh, 1);
        pack_transposed(p.Kt, &p, q + width, s->ld, s->T, s->dh);
        pack_transposed(p.Vt, &p, q + 2 * width, s->ld, s->T, s->dh);
        pack(p.G, &p, d_o + at_o, width, s->T, s->dh, 1);
        memset(p.dK, 0, (size_t)p.Tp * p.dhp * sizeof(float));
        memset(p.dV, 0, (size_t)p.Tp * p.dhp * sizeof(float));
        for (int q0 = 0; q0 < s->T; q0 += ATTENTION_BLOCK) {
            int32_t lo[ATTENTION_BLOCK];
            float dot[ATTENTION_BLOCK];
            Scores b = block_at(s, &p, row, q0, lo);
            row_dots(o + at_o + q0 * width, d_o + at_o + q0 * width, width, b.nq, s->dh, dot);
            backward_block(slot, &p, &b, s->dh, stat + (int64_t)task * s->T + q0, dot);
        }
        unpack(dqkv + at, s->ld, p.dQ, p.dhp, s->T, s->dh, scale);
        unpack(dqkv + at + width, s->ld, p.dK, p.dhp, s->T, s->dh, 1); /* Q was scaled already */
        unpack(dqkv + at + 2 * width, s->ld, p.dV, p.dhp, s->T, s->dh, 1);
    }
}
