#include "model/ops/attention.h"

#include "model/kernels/mm.h"
#include "model/kernels/mm_bf16.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { AHEAD = 16, LINE = 16 }; /* rows fetched before their turn; floats of a line of the cache */

static int round_up(int n, int to) {
    return (n + to - 1) / to * to;
}

/* One (row, head)'s operands, copied once: padded to whole blocks and vectors with zeros, those that
 * are the right factor of a product over d_head transposed. */
typedef struct Packed {
    int Tp, dkp, dhp;   /* padded T, floats of q and k in a map, d_head */
    int ld;             /* from row to row of Kt, Vt, S, D: Tp + VW, lest a column map to one cache set */
    float *Q, *K;       /* (maps, Tp, dkp); Q is scaled */
    float *V, *G;       /* (Tp, dhp); G: gradient of o */
    float *Kt, *Vt;     /* (dh, ld) */
    float *dQ, *dK;     /* as Q */
    float *dV;          /* as V */
    float *S, *D;       /* (maps, block, ld): scores or weights, and their gradient */
    float *O;           /* (block, dhp) */
    float *key, *value; /* (dhp): the null key and its value, zero where there is none */
} Packed;

/* Lays the parts out from `at`; returns the floats they take. */
static size_t lay_out(Packed *p, float *at, int T, int dh, int maps, bool backward) {
    *p =
        (Packed){.Tp = round_up(T, ATTENTION_BLOCK), .dkp = round_up(dh / maps, VW), .dhp = round_up(dh, VW)};
    size_t narrow = (size_t)p->Tp * (size_t)(maps * p->dkp), wide = (size_t)p->Tp * (size_t)p->dhp;
    p->ld = p->Tp + VW;
    size_t block = (size_t)maps * ATTENTION_BLOCK * (size_t)p->ld, vector = (size_t)p->dhp;
    size_t keys = (size_t)dh * (size_t)p->ld;
    const struct {
        float **part;
        size_t floats;
        bool forward;
    } parts[] = {
        {&p->Q, narrow, true},   {&p->V, wide, true},       {&p->Kt, keys, true},
        {&p->K, narrow, false},  {&p->G, wide, false},      {&p->Vt, keys, false},
        {&p->dQ, narrow, false}, {&p->dK, narrow, false},   {&p->dV, wide, false},
        {&p->S, block, true},    {&p->D, block, false},     {&p->O, ATTENTION_BLOCK * vector, true},
        {&p->key, vector, true}, {&p->value, vector, true},
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].forward && !backward) continue;
        *parts[i].part = at ? at + used : NULL;
        used += parts[i].floats;
    }
    return used;
}

size_t attention_scratch(const AttentionSlot *slot, int T, int dh, bool backward) {
    Packed p;
    return lay_out(&p, NULL, T, dh, slot_maps(slot), backward);
}

/* mm or mm_bf16. */
typedef void Product(float *C, int ldc, int M, int N, int K, const float *A, int64_t row, int64_t col,
                     const float *B, int ldb, bool add);

/* One (row, key-value head) at work, and the query head whose turn it is. */
typedef struct Head {
    const AttentionSlot *slot;
    const AttentionShape *s;
    Packed p;
    int row, g, h;
    int dk; /* floats of q and k in a map */
    float scale;
    Product *product;
} Head;

/* Rows of one head are ld floats apart, too far for the hardware's prefetcher: row t + AHEAD is fetched by
 * hand. */
static inline __attribute__((always_inline)) void fetch(const float *x, int64_t ld, int t, int rows, int dh,
                                                        const int write) {
    for (int i = 0; t + AHEAD < rows && i < dh; i += LINE)
        __builtin_prefetch(x + (t + AHEAD) * ld + i, write);
}

/* x (T, dh) in rows of ld -> (maps, Tp, dp), scaled. */
static void pack(float *to, int Tp, int dp, const float *x, int64_t ld, int T, int dh, float scale) {
    for (int t = 0; t < Tp; t++) {
        fetch(x, ld, t, T, dh, 0);
        float *row = to + (int64_t)t * dp;
        int n = t < T ? dh : 0;
        for (int i = 0; i < n; i++) row[i] = scale * x[t * ld + i];
        for (int i = n; i < dp; i++) row[i] = 0;
    }
}

static void pack_maps(float *to, const Head *x, const float *from, float scale) {
    const Packed *p = &x->p;
    for (int m = 0; m < slot_maps(x->slot); m++)
        pack(to + (int64_t)m * p->Tp * p->dkp, p->Tp, p->dkp, from + m * x->dk, x->s->ld, x->s->T, x->dk,
             scale);
}

/* x (T, dh) in rows of ld -> (dh, to_ld), zeros from T up to a whole block. */
static void pack_transposed(float *to, int to_ld, const float *x, int64_t ld, int T, int dh) {
    for (int t0 = 0; t0 < round_up(T, ATTENTION_BLOCK); t0 += VW)
        for (int i0 = 0; i0 < dh; i0 += VW) {
            vf tile[VW];
            for (int t = 0; t < VW; t++) {
                if (!i0) fetch(x, ld, t0 + t, T, dh, 0);
                tile[t] = t0 + t < T ? vf_load_part(x + (t0 + t) * ld + i0, dh - i0) : vf_all(0);
            }
            vf_transpose(tile);
            for (int i = 0; i < VW && i0 + i < dh; i++)
                vf_store(to + (int64_t)(i0 + i) * to_ld + t0, tile[i]);
        }
}

static void unpack(float *x, int64_t ld, const float *from, int dp, int rows, int dh, float scale) {
    for (int t = 0; t < rows; t++) {
        fetch(x, ld, t, rows, dh, 1);
        for (int i = 0; i < dh; i++) x[t * ld + i] = scale * from[(int64_t)t * dp + i];
    }
}

static void unpack_maps(float *to, const Head *x, const float *from, float scale) {
    const Packed *p = &x->p;
    for (int m = 0; m < slot_maps(x->slot); m++)
        unpack(to + m * x->dk, x->s->ld, from + (int64_t)m * p->Tp * p->dkp, p->dkp, x->s->T, x->dk, scale);
}

/* This key-value head's piece of a part, or NULL. */
static const float *part_of(const Head *x, AttentionPart part) {
    const float *w = x->s->part[part];
    return w ? w + (int64_t)x->g * x->s->dh : NULL;
}

static void pack_vector(float *to, int dhp, const float *x, int dh) {
    memset(to, 0, (size_t)dhp * sizeof *to);
    if (x) memcpy(to, x, (size_t)dh * sizeof *to);
}

/* The values, and what each of them is shifted by (rows of A sum to one, so o is shifted alike). */
static void shift_values(const Head *x) {
    const float *shift = part_of(x, PART_SHIFT);
    const Packed *p = &x->p;
    for (int t = 0; shift && t < x->s->T; t++)
        for (int i = 0; i < x->s->dh; i++) p->V[(int64_t)t * p->dhp + i] += shift[i];
}

static void shift_transposed(const Head *x) {
    const float *shift = part_of(x, PART_SHIFT);
    const Packed *p = &x->p;
    for (int i = 0; shift && i < x->s->dh; i++)
        for (int t = 0; t < x->s->T; t++) p->Vt[(int64_t)i * p->ld + t] += shift[i];
}

static float dot(const float *a, const float *b, int n) {
    vf sum = {0};
    for (int i = 0; i < n; i += VW) sum += vf_load(a + i) * vf_load(b + i);
    return vf_sum(sum);
}

/* ---- a block of scores ---- */

typedef struct Block {
    Scores scores;
    /* as visible.h has them; kept keys begin at the document's first */
    int32_t from[ATTENTION_BLOCK], to[ATTENTION_BLOCK], kept[ATTENTION_BLOCK], seen[ATTENTION_BLOCK];
    float null[ATTENTION_BLOCK], dnull[ATTENTION_BLOCK], dot[ATTENTION_BLOCK];
    bool keyless[ATTENTION_BLOCK]; /* interventions left the query no key */
} Block;

static void see_keys(Block *b, const Head *x, int q0) {
    const AttentionShape *s = x->s;
    const int32_t *doc_start = s->doc_start + (int64_t)x->row * s->T;
    int nq = s->T - q0 < ATTENTION_BLOCK ? s->T - q0 : ATTENTION_BLOCK, first = s->T, last = 0;
    for (int i = 0; i < nq; i++) {
        int q = q0 + i, lowest;
        b->from[i] = visible_from(s->visible, doc_start, q);
        b->to[i] = visible_to(s->visible, doc_start, s->T, q);
        b->kept[i] = visible_kept(s->visible, doc_start, q);
        b->seen[i] = visible_keys(s->visible, doc_start, s->T, q);
        lowest = s->visible.keep ? doc_start[q] : b->from[i];
        first = lowest < first ? lowest : first;
        last = b->to[i] > last ? b->to[i] : last;
    }
    b->scores.q0 = q0;
    b->scores.nq = nq;
    b->scores.k0 = first / VW * VW;
    b->scores.k1 = round_up(last + 1, ATTENTION_BLOCK);
}

static void open_block(Block *b, const Head *x, int q0, float *stat) {
    const AttentionShape *s = x->s;
    int64_t map = (int64_t)ATTENTION_BLOCK * x->p.ld;
    see_keys(b, x, q0);
    Scores *c = &b->scores;
    c->ld = x->p.ld;
    c->seen = b->seen;
    c->S = x->p.S;
    c->dS = x->p.D;
    c->null = b->null;
    c->dnull = b->dnull;
    c->dot = b->dot;
    c->config = s->config;
    c->stat = stat + q0;
    if (s->part[PART_MIX]) c->mix = s->part[PART_MIX][x->h];
    if (slot_maps(x->slot) < 2) return;
    c->S2 = c->S + map;
    c->dS2 = c->dS ? c->dS + map : NULL;
    c->stat2 = c->stat + s->T;
}

/* -INFINITY in keys a .. b-1 (multiples of VW) that query i does not see. */
static void hide(const Block *b, float *row, int i, int a, int end, int doc) {
    for (int k = a; k < end; k += VW) {
        vi key = vi_lanes() + k;
        vi seen = ((key >= b->from[i]) & (key <= b->to[i])) | ((key >= doc) & (key < b->kept[i]));
        vf_store(row + k, vf_pick(seen, vf_load(row + k), vf_all(-INFINITY)));
    }
}

/* Keys that every query of the block sees, from the last `from` to the first `to`, need no look. */
static void mask(const Block *b, const Head *x, float *S) {
    const Scores *c = &b->scores;
    const int32_t *doc_start = x->s->doc_start + (int64_t)x->row * x->s->T + c->q0;
    int inner = c->k0, outer = c->k1;
    for (int i = 0; i < c->nq; i++) {
        inner = b->from[i] > inner ? b->from[i] : inner;
        outer = b->to[i] + 1 < outer ? b->to[i] + 1 : outer;
    }
    inner = round_up(inner, VW);
    outer = outer / VW * VW;
    if (outer < inner) outer = inner;
    for (int i = 0; i < c->nq; i++) {
        hide(b, S + i * c->ld, i, c->k0, inner, doc_start[i]);
        hide(b, S + i * c->ld, i, outer, c->k1, doc_start[i]);
    }
}

static void hide_keys(const Block *b, float *row, int from, int to) {
    for (int k = from > b->scores.k0 ? from : b->scores.k0; k < to && k < b->scores.k1; k++)
        row[k] = -INFINITY;
}

static void add_bias(const Block *b, const Head *x, float *row, ScoreBias bias) {
    bool there = bias.key >= b->scores.k0 && bias.key < b->scores.k1, hidden = bias.bias == -INFINITY;
    if (there && !(hidden && x->slot->unnormalised)) row[bias.key] += bias.bias;
}

/* What interventions hide in a map of scores, or make more or less of. Where rows need not sum to one a
 * hidden key is not taken from the scores, by which all others would change, but from the weights: drop_keys.
 */
static void add_score_biases(const Block *b, const Head *x, float *S) {
    for (int n = 0; n < x->s->score_biases->n; n++) {
        ScoreBias bias = x->s->score_biases->at[n];
        for (int i = 0; i < b->scores.nq; i++) {
            float *row = S + i * b->scores.ld;
            int q = b->scores.q0 + i;
            if (bias.key >= 0 && q > 0) add_bias(b, x, row, bias);
            if (q != bias.query) continue;
            hide_keys(b, row, 0, q);
            hide_keys(b, row, q + 1, x->s->T);
        }
    }
}

/* Of weights, or of their gradient: forward and backward lose the same column. */
static void drop_keys(const Block *b, const Head *x, float *A) {
    const ScoreBiases *score_biases = x->slot->unnormalised ? x->s->score_biases : NULL;
    for (int n = 0; score_biases && n < score_biases->n; n++) {
        int k = score_biases->at[n].key;
        if (score_biases->at[n].bias > -INFINITY || k < b->scores.k0 || k >= b->scores.k1) continue;
        for (int i = 0; i < b->scores.nq; i++)
            if (b->scores.q0 + i > 0) A[i * b->scores.ld + k] = 0;
    }
}

/* Queries that see nothing any more get scores of zero, which a weight function can bear. */
static void find_keyless(Block *b, float *S) {
    const Scores *c = &b->scores;
    for (int i = 0; i < c->nq; i++) {
        float top = c->null[i];
        for (int k = c->k0; k < c->k1; k++) top = S[i * c->ld + k] > top ? S[i * c->ld + k] : top;
        b->keyless[i] = top == -INFINITY;
        for (int k = c->k0; b->keyless[i] && k < c->k1; k++) S[i * c->ld + k] = 0;
    }
}

static void clear_keyless(const Block *b, float *A) {
    for (int i = 0; i < b->scores.nq; i++)
        for (int k = b->scores.k0; b->keyless[i] && k < b->scores.k1; k++) A[i * b->scores.ld + k] = 0;
}

static void add_slope(const Scores *b, float *S, float slope) {
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k++) S[i * b->ld + k] -= slope * (float)(b->q0 + i - k);
}

/* S <- c tanh(S / c), before anything is added or hidden. */
static void cap(const Scores *b, float *S, float c) {
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW)
            vf_store(S + i * b->ld + k, c * vf_tanh(vf_load(S + i * b->ld + k) / c));
}

/* The gradient of capped scores to that of S, which is as it was before; what no query sees has none. */
static void cap_back(const Scores *b, const float *S, float *D, float c) {
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW) {
            vf y = vf_tanh(vf_load(S + i * b->ld + k) / c);
            vf_store(D + i * b->ld + k, vf_load(D + i * b->ld + k) * (1.0f - y * y));
        }
}

static void score_null(const Block *b, const Head *x) {
    const float *logit = x->s->part[PART_LOGIT];
    bool there = x->slot->null_key && x->s->null[x->h];
    for (int i = 0; i < b->scores.nq; i++) {
        float score = dot(x->p.Q + (int64_t)(b->scores.q0 + i) * x->p.dkp, x->p.key, x->p.dkp);
        b->scores.null[i] = there ? (logit ? logit[x->h] : score) : -INFINITY;
    }
}

/* S[q][k] = scale q.k of a map for the block; rows past the last query are zero, since Q is. */
static float *multiply(const Scores *c, const Head *x, int m) {
    const Packed *p = &x->p;
    float *S = p->S + (int64_t)m * ATTENTION_BLOCK * p->ld;
    const float *Q = p->Q + ((int64_t)m * p->Tp + c->q0) * p->dkp;
    x->product(S + c->k0, p->ld, ATTENTION_BLOCK, c->k1 - c->k0, x->dk, Q, p->dkp, 1,
               p->Kt + (int64_t)m * x->dk * p->ld + c->k0, p->ld, false);
    return S;
}

/* The scores as the weights are made of them. */
static void score(Block *b, const Head *x) {
    const Scores *c = &b->scores;
    const Packed *p = &x->p;
    for (int m = 0; m < slot_maps(x->slot); m++) {
        float *S = multiply(c, x, m);
        if (c->config->logit_cap > 0) cap(c, S, (float)c->config->logit_cap);
        if (x->s->slope) add_slope(c, S, x->s->slope[x->h]);
        mask(b, x, S);
        if (x->s->score_biases) add_score_biases(b, x, S);
    }
    score_null(b, x);
    for (int m = 0; x->s->score_biases && m < slot_maps(x->slot); m++)
        find_keyless(b, p->S + (int64_t)m * ATTENTION_BLOCK * p->ld);
}

static void clear_rows(float *S, const Scores *b) {
    for (int i = b->nq; i < ATTENTION_BLOCK; i++)
        for (int k = b->k0; k < b->k1; k++) S[i * b->ld + k] = 0;
}

/* ---- forward ---- */

static float sum_abs(const float *A, const Scores *b) {
    vf sum = {0};
    for (int k = b->k0; k < b->k1; k += VW) sum += vf_max(vf_load(A + k), -vf_load(A + k));
    return vf_sum(sum);
}

static void first_weights(const Scores *b, const Head *x, float *first) {
    const int32_t *doc_start = x->s->doc_start + (int64_t)x->row * x->s->T + b->q0;
    for (int i = 0; i < b->nq; i++) {
        const float *A = b->S + i * b->ld;
        float weight = doc_start[i] < b->k0 ? 0 : fabsf(A[doc_start[i]]),
              sum = x->slot->unnormalised ? sum_abs(A, b) : 1;
        first[b->q0 + i] = sum > 0 ? weight / sum : 0;
    }
}

static void show(const Observers *see, const Scores *b, const Head *x, int layer, int64_t row0) {
    for (int i = 0; i < b->nq; i++)
        for (int k = 0; k < b->k0; k++) b->S[i * b->ld + k] = 0;
    taps_weights(see, &(Weights){layer, x->h, row0 + x->row, b->q0, b->nq, x->s->T, b->S, b->ld,
                                 x->s->doc_start + (int64_t)x->row * x->s->T, x->slot->unnormalised});
}

/* O = A V + a* v* */
static void aggregate(const Scores *b, const Head *x) {
    const Packed *p = &x->p;
    x->product(p->O, p->dhp, ATTENTION_BLOCK, p->dhp, b->k1 - b->k0, b->S + b->k0, p->ld, 1,
               p->V + (int64_t)b->k0 * p->dhp, p->dhp, false);
    if (!x->s->part[PART_VALUE]) return;
    for (int i = 0; i < b->nq; i++)
        for (int k = 0; k < x->s->dh; k++) p->O[i * p->dhp + k] += b->null[i] * p->value[k];
}

static Head head_at(const AttentionSlot *slot, const AttentionShape *s, int task, float *scratch,
                    bool backward) {
    Head x = {.slot = slot,
              .s = s,
              .row = task / s->KV,
              .g = task % s->KV,
              .dk = s->dh / slot_maps(slot),
              .product = s->bf16 ? mm_bf16 : mm};
    size_t room = attention_scratch(slot, s->T, s->dh, backward);
    lay_out(&x.p, scratch + (size_t)omp_get_thread_num() * room, s->T, s->dh, slot_maps(slot), backward);
    x.scale = 1.0f / sqrtf((float)x.dk);
    return x;
}

static void pack_keys(const Head *x, const float *k) {
    const AttentionShape *s = x->s;
    const Packed *p = &x->p;
    pack_transposed(p->Kt, p->ld, k, s->ld, s->T, s->dh);
    pack_vector(p->key, p->dhp, part_of(x, PART_KEY), s->dh);
    pack_vector(p->value, p->dhp, part_of(x, PART_VALUE), s->dh);
}

void attention_forward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, float *o,
                       float *stat, float *first, float *scratch, const Observers *see, int layer,
                       int64_t row0) {
    int64_t width = (int64_t)s->H * s->dh;
    int group = s->H / s->KV;
    bool shown = see && taps_want_weights(see);
#pragma omp parallel for schedule(dynamic)
    for (int task = 0; task < s->B * s->KV; task++) {
        Head x = head_at(slot, s, task, scratch, false);
        const float *row = qkv + (int64_t)x.row * s->T * s->ld;
        pack_keys(&x, row + width + (int64_t)x.g * s->dh);
        pack(x.p.V, x.p.Tp, x.p.dhp, row + width + (int64_t)(s->KV + x.g) * s->dh, s->ld, s->T, s->dh, 1);
        shift_values(&x);
        for (x.h = x.g * group; x.h < (x.g + 1) * group; x.h++) {
            int64_t head = (int64_t)x.row * s->H + x.h;
            pack_maps(x.p.Q, &x, row + (int64_t)x.h * s->dh, x.scale);
            for (int q0 = 0; q0 < s->T; q0 += ATTENTION_BLOCK) {
                Block b = {0};
                open_block(&b, &x, q0, stat + head * s->T * slot_maps(slot));
                score(&b, &x);
                slot->weights(&b.scores);
                clear_keyless(&b, x.p.S);
                drop_keys(&b, &x, x.p.S);
                clear_rows(x.p.S, &b.scores);
                if (first) first_weights(&b.scores, &x, first + head * s->T);
                if (shown) show(see, &b.scores, &x, layer, row0);
                aggregate(&b.scores, &x);
                unpack(o + ((int64_t)x.row * s->T + q0) * width + (int64_t)x.h * s->dh, width, x.p.O, x.p.dhp,
                       b.scores.nq, s->dh, 1);
            }
        }
    }
}

/* ---- backward ---- */

/* Where each part's gradient lies among the floats of one (row, head). */
static void part_place(AttentionPart part, int dh, int *at, int *width) {
    const int widths[PARTS] = {1, dh, dh, dh, 1};
    *at = 0;
    for (int i = 0; i < (int)part; i++) *at += widths[i];
    *width = widths[part];
}

int attention_part_floats(int dh) {
    int at, width;
    part_place(PARTS - 1, dh, &at, &width);
    return at + width;
}

const float *attention_partial(const float *partial, int dh, AttentionPart part, int i) {
    int at, width;
    part_place(part, dh, &at, &width);
    return partial + (int64_t)i * attention_part_floats(dh) + at;
}

/* forward: s* = logit or Q k*, O += a* v*
 * so       dk* = ds* Q, dQ += ds* k*, dv* = a* G */
static void null_backward(const Scores *b, const Head *x, float *partial) {
    int at[PARTS], width;
    for (int i = 0; i < PARTS; i++) part_place(i, x->s->dh, &at[i], &width);
    const Packed *p = &x->p;
    bool key = x->s->part[PART_KEY];
    for (int i = 0; i < b->nq; i++) {
        int64_t t = b->q0 + i;
        partial[at[PART_LOGIT]] += b->dnull[i];
        for (int c = 0; c < x->s->dh; c++) {
            if (key) p->dQ[t * p->dkp + c] += b->dnull[i] * p->key[c];
            if (key) partial[at[PART_KEY] + c] += b->dnull[i] * p->Q[t * p->dkp + c];
            partial[at[PART_VALUE] + c] += b->null[i] * p->G[t * p->dhp + c];
        }
    }
}

/* What a loss of its own adds to the gradient of the weights on first keys: to dA, and to A . dA. */
static void add_first_gradient(Block *b, const Head *x) {
    const AttentionShape *s = x->s;
    const int32_t *doc_start = s->doc_start + (int64_t)x->row * s->T + b->scores.q0;
    int64_t head = (int64_t)x->row * s->H + x->h;
    const float *first = s->first + head * s->T + b->scores.q0;
    for (int i = 0; i < b->scores.nq; i++) {
        float d_mass = s->d_mass[2 * head + (doc_start[i] != b->scores.q0 + i)];
        if (doc_start[i] >= b->scores.k0) b->scores.dS[i * b->scores.ld + doc_start[i]] += d_mass;
        b->dot[i] += d_mass * first[i];
    }
}

/* forward: S = Q K^T, A = weights(S), O = A V
 * so       dA = G V^T, dV = A^T G, dS = backward(A, dA), dQ = dS K, dK = dS^T Q */
static void backward_block(Block *block, const Head *x) {
    const Scores *b = &block->scores;
    const Packed *p = &x->p;
    int keys = b->k1 - b->k0, dhp = p->dhp, dkp = p->dkp, ld = p->ld;
    const float *G = p->G + (int64_t)b->q0 * dhp;
    score(block, x);
    x->product(p->D + b->k0, ld, ATTENTION_BLOCK, keys, x->s->dh, G, dhp, 1, p->Vt + b->k0, ld, false);
    for (int i = 0; i < b->nq; i++) b->dnull[i] = dot(G + (int64_t)i * dhp, p->value, dhp);
    if (x->s->d_mass) add_first_gradient(block, x);
    clear_keyless(block, p->D);
    drop_keys(block, x, p->D);
    x->slot->backward(b);
    clear_keyless(block, p->S);
    drop_keys(block, x, p->S);
    clear_rows(p->S, b);
    x->product(p->dV + (int64_t)b->k0 * dhp, dhp, keys, dhp, ATTENTION_BLOCK, p->S + b->k0, 1, ld, G, dhp,
               true);
    for (int m = 0; m < slot_maps(x->slot); m++) {
        float *D = p->D + (int64_t)m * ATTENTION_BLOCK * ld;
        int64_t map = (int64_t)m * p->Tp * dkp, from = map + (int64_t)b->q0 * dkp,
                to = map + (int64_t)b->k0 * dkp;
        if (b->config->logit_cap > 0) cap_back(b, multiply(b, x, m), D, (float)b->config->logit_cap);
        clear_rows(D, b);
        x->product(p->dQ + from, dkp, ATTENTION_BLOCK, dkp, keys, D + b->k0, ld, 1, p->K + to, dkp, false);
        x->product(p->dK + to, dkp, keys, dkp, ATTENTION_BLOCK, D + b->k0, 1, ld, p->Q + from, dkp, true);
    }
}

static void row_dots(const float *o, const float *g, int64_t ld, int nq, int dh, float *dot) {
    for (int i = 0; i < nq; i++) {
        float sum = 0;
        for (int c = 0; c < dh; c++) sum += o[i * ld + c] * g[i * ld + c];
        dot[i] = sum;
    }
}

/* One query head: dQ, and its share of dK, dV and of the parts. */
static void backward_head(const Head *x, const float *q, const float *o, const float *g, float *stat,
                          float *dq, float *partial) {
    const AttentionShape *s = x->s;
    int64_t width = (int64_t)s->H * s->dh;
    int at, one;
    part_place(PART_MIX, s->dh, &at, &one);
    pack_maps(x->p.Q, x, q, x->scale);
    pack(x->p.G, x->p.Tp, x->p.dhp, g, width, s->T, s->dh, 1);
    for (int q0 = 0; q0 < s->T; q0 += ATTENTION_BLOCK) {
        Block b = {0};
        open_block(&b, x, q0, stat);
        if (partial) b.scores.dmix = partial + at;
        row_dots(o + q0 * width, g + q0 * width, width, b.scores.nq, s->dh, b.dot);
        backward_block(&b, x);
        if (x->slot->null_key) null_backward(&b.scores, x, partial);
    }
    unpack_maps(dq, x, x->p.dQ, x->scale);
}

/* The shift's gradient is the sum of the values'. */
static void shift_backward(const Head *x, float *partial) {
    int at, width;
    part_place(PART_SHIFT, x->s->dh, &at, &width);
    for (int t = 0; t < x->s->T; t++)
        for (int i = 0; i < width; i++) partial[at + i] += x->p.dV[(int64_t)t * x->p.dhp + i];
}

/* Rows in order, heads in order: the bits depend neither on threads nor on the rows in flight. */
static void add_parts(const AttentionShape *s, const float *partial, float *const dpart[PARTS]) {
    int floats = attention_part_floats(s->dh);
    for (int part = 0; part < PARTS; part++) {
        bool of_query = part == PART_LOGIT || part == PART_MIX;
        int at, width, group = of_query ? 1 : s->H / s->KV;
        part_place(part, s->dh, &at, &width);
        for (int i = 0; dpart[part] && i < s->B * s->H; i++) {
            float *to = dpart[part] + i % s->H / group * width;
            for (int c = 0; c < width; c++) to[c] += partial[(int64_t)i * floats + at + c];
        }
    }
}

void attention_backward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, const float *o,
                        float *stat, const float *d_o, float *dqkv, float *const dpart[PARTS], float *partial,
                        float *scratch) {
    int64_t width = (int64_t)s->H * s->dh;
    int group = s->H / s->KV, floats = attention_part_floats(s->dh);
    if (partial) memset(partial, 0, (size_t)(s->B * s->H * floats) * sizeof *partial);
#pragma omp parallel for schedule(dynamic)
    for (int task = 0; task < s->B * s->KV; task++) {
        Head x = head_at(slot, s, task, scratch, true);
        int64_t row = (int64_t)x.row * s->T, k = width + (int64_t)x.g * s->dh, v = k + (int64_t)s->KV * s->dh;
        const float *from = qkv + row * s->ld;
        float *to = dqkv + row * s->ld;
        pack_keys(&x, from + k);
        pack_maps(x.p.K, &x, from + k, 1);
        pack_transposed(x.p.Vt, x.p.ld, from + v, s->ld, s->T, s->dh);
        shift_transposed(&x);
        memset(x.p.dK, 0, (size_t)x.p.Tp * (size_t)(slot_maps(slot) * x.p.dkp) * sizeof(float));
        memset(x.p.dV, 0, (size_t)x.p.Tp * (size_t)x.p.dhp * sizeof(float));
        for (x.h = x.g * group; x.h < (x.g + 1) * group; x.h++) {
            int64_t head = (int64_t)x.row * s->H + x.h, at = row * width + (int64_t)x.h * s->dh;
            backward_head(&x, from + (int64_t)x.h * s->dh, o + at, d_o + at,
                          stat + head * s->T * slot_maps(slot), to + (int64_t)x.h * s->dh,
                          partial ? partial + head * floats : NULL);
        }
        if (s->part[PART_SHIFT]) shift_backward(&x, partial + ((int64_t)x.row * s->H + x.g * group) * floats);
        unpack_maps(to + k, &x, x.p.dK, 1); /* Q was scaled already */
        unpack(to + v, s->ld, x.p.dV, x.p.dhp, s->T, s->dh, 1);
    }
    if (partial) add_parts(s, partial, dpart);
}
