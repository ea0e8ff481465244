/* model/ops/attention.c with every row of its table against naive attention: outputs, row statistics,
 * gradients, identities to the bit, and the weights that observers are shown. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/kernels/gemm_bf16.h"
#include "model/ops/attention.h"
#include "model/ops/weight_functions.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct Case {
    int B, T, H, KV, dh;
    Visible visible;
    int documents; /* their length; 0: no mask */
    int spare;     /* columns of qkv that belong to nobody */
    double std;
    bool slope;
} Case;

static const Case cases[] = {
    {1, 1, 1, 1, 1, {0}, 0, 0, 1, false},           {1, 7, 1, 1, 3, {0}, 0, 0, 1, false},
    {2, 33, 3, 3, 12, {0}, 0, 5, 1, false},         {1, 100, 2, 2, 9, {0}, 0, 0, 1, false},
    {1, 32, 2, 2, 16, {0}, 0, 0, 1, true},          {2, 100, 1, 1, 17, {0}, 13, 0, 1, false},
    {1, 70, 2, 2, 8, {1, 0, 0}, 0, 0, 1, false},    {1, 100, 2, 2, 5, {40, 0, 0}, 0, 0, 2, false},
    {2, 97, 1, 1, 24, {20, 0, 0}, 37, 3, 1, false}, {1, 65, 1, 1, 64, {0}, 65, 0, 1, false},
    {1, 70, 4, 2, 6, {9, 3, 0}, 0, 0, 1, true},     {1, 70, 2, 1, 6, {5, 2, 40}, 0, 0, 1, false},
    {2, 70, 3, 1, 4, {0, 0, 45}, 31, 0, 1, false},  {1, 97, 2, 2, 8, {11, 2, 0}, 29, 0, 1, false}};
enum { CASES = sizeof cases / sizeof *cases };

static const ModelConfig config = {.context = 128, .clip_gamma = -0.02, .clip_zeta = 1.1};

/* What the naive forward knows; `base` are the inputs as they were, whose side of a kink is kept when one of
 * them is moved, so that differences see the slope on that side. */
typedef struct Problem {
    AttentionShape s;
    const AttentionSlot *slot;
    const struct Kind *kind; /* of the slot's name */
    const double *base[NAIVE_INPUTS];
} Problem;

/* ---- one row of weights, as the formula has it ---- */

/* One query: scores and whether a key is seen; s0 the scores that choose a side. */
typedef struct Row {
    int T, keys;
    const bool *seen;
    double *s, *s0, *s2;
    double null, null0, mix;
    double lse; /* set by softmax */
} Row;

static void softmax(const Row *r, double *s, double *null, double *lse) {
    double max = *null, sum = 0;
    for (int k = 0; k < r->T; k++) max = r->seen[k] ? fmax(max, s[k]) : max;
    for (int k = 0; k < r->T; k++) sum += s[k] = r->seen[k] ? exp(s[k] - max) : 0;
    sum += *null = exp(*null - max);
    for (int k = 0; k < r->T; k++) s[k] /= sum;
    *null /= sum;
    *lse = max + log(sum);
}

static void naive_softmax(Row *r) {
    softmax(r, r->s, &r->null, &r->lse);
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static void naive_sigmoid(Row *r) {
    for (int k = 0; k < r->T; k++) r->s[k] = r->seen[k] ? sigmoid(r->s[k]) : 0;
}

static void naive_sigmoid_bias(Row *r) {
    for (int k = 0; k < r->T; k++) r->s[k] -= log((double)config.context);
    naive_sigmoid(r);
}

static void naive_sigmoid_norm(Row *r) {
    double sum = 1e-8;
    naive_sigmoid(r);
    for (int k = 0; k < r->T; k++) sum += r->s[k];
    for (int k = 0; k < r->T; k++) r->s[k] /= sum;
}

static void naive_relu(Row *r) {
    for (int k = 0; k < r->T; k++) r->s[k] = r->seen[k] && r->s0[k] > 0 ? r->s[k] / r->keys : 0;
}

static void naive_elu1(Row *r) {
    for (int k = 0; k < r->T; k++) {
        double above = r->s[k] + 1, below = exp(r->s[k]);
        r->s[k] = !r->seen[k] ? 0 : r->s0[k] > 0 ? above : below;
    }
}

static void naive_softpick(Row *r) {
    double sum = 0;
    for (int k = 0; k < r->T; k++) {
        double u = r->seen[k] ? exp(r->s[k]) - 1 : 0;
        bool above = r->s0[k] > 0;
        sum += above ? u : -u;
        r->s[k] = above ? u : 0;
    }
    for (int k = 0; k < r->T; k++) r->s[k] = sum > 0 ? r->s[k] / sum : 0;
}

static void naive_clipped(Row *r) {
    double ignored, none = -INFINITY, stretch = config.clip_zeta - config.clip_gamma;
    softmax(r, r->s, &r->null, &ignored);
    softmax(r, r->s0, &none, &ignored);
    for (int k = 0; k < r->T; k++) {
        double base = stretch * r->s0[k] + config.clip_gamma, x = stretch * r->s[k] + config.clip_gamma;
        r->s[k] = base <= 0 ? 0 : base >= 1 ? 1 : x;
    }
}

static void naive_differential(Row *r) {
    double ignored, none = -INFINITY;
    softmax(r, r->s, &r->null, &ignored);
    softmax(r, r->s2, &none, &ignored);
    for (int k = 0; k < r->T; k++) r->s[k] -= r->mix * r->s2[k];
}

static void naive_temperature(Row *r) {
    for (int k = 0; k < r->T; k++) r->s[k] *= r->mix;
    naive_softmax(r);
}

static void naive_scalable(Row *r) {
    for (int k = 0; k < r->T; k++) r->s[k] *= r->mix * log(r->keys);
    naive_softmax(r);
}

/* The formulas, by the name of the row. */
typedef struct Kind {
    const char *name;
    void (*weights)(Row *r);
    double cost; /* roundings of the formula, beyond the sums */
} Kind;

static const Kind kinds[] = {{"softmax", naive_softmax, 8},
                             {"softmax1", naive_softmax, 8},
                             {"sink_logit", naive_softmax, 8},
                             {"sink_token", naive_softmax, 8},
                             {"k_bias", naive_softmax, 8},
                             {"kv_bias", naive_softmax, 8},
                             {"key0_bias", naive_softmax, 8},
                             {"v_bias", naive_softmax, 8},
                             {"sigmoid", naive_sigmoid, 8},
                             {"sigmoid_bias", naive_sigmoid_bias, 8},
                             {"sigmoid_norm", naive_sigmoid_norm, 8},
                             {"relu", naive_relu, 8},
                             {"elu1", naive_elu1, 8},
                             {"softpick", naive_softpick, 32},
                             {"clipped", naive_clipped, 64},
                             {"differential", naive_differential, 16},
                             {"scalable", naive_scalable, 64},
                             {"temperature", naive_temperature, 16}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const Kind *kind_of(const AttentionSlot *slot) {
    for (int i = 0; i < KINDS; i++)
        if (!strcmp(kinds[i].name, slot->head.name)) return &kinds[i];
    fail_msg("no naive formula of %s", slot->head.name);
    return NULL;
}

static const AttentionSlot *slot_named(const char *name) {
    return &attention_slots[row_named(SLOT_ATTENTION, name)];
}

/* ---- a planted slot: softmax(t s), t learned a head ---- */

/* A key not seen stays at -INFINITY, whatever t: never -INFINITY times 0 or less. */
static void temper(const Scores *b) {
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k++) {
            float *s = b->S + i * b->ld + k;
            if (*s > -INFINITY) *s *= b->mix;
        }
}

static void temperature_weights(const Scores *b) {
    temper(b);
    softmax_weights(b);
}

/* forward: A = softmax(t S)   so   dZ = A (dA - sum A dA), dS = t dZ, dt = sum S dZ over the keys seen */
static void temperature_weights_backward(const Scores *b) {
    size_t n = (size_t)b->nq * (size_t)b->ld;
    OWNED float *S = constants(n, 0);
    memcpy(S, b->S, n * sizeof *S);
    temper(b);
    softmax_weights_backward(b);
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k++) {
            float *dS = b->dS + i * b->ld + k, s = S[i * b->ld + k];
            if (s > -INFINITY) *b->dmix += s * *dS;
            *dS *= b->mix;
        }
}

static const AttentionSlot temperature = {.head = {"temperature", "", {{"t", SIZE_H, SIZE_NONE, INIT_ONE}}},
                                          .part = {PART_MIX},
                                          .weights = temperature_weights,
                                          .backward = temperature_weights_backward};

/* ---- naive attention over T keys and the null key ---- */

static bool sees(const AttentionShape *s, int row, int q, int k) {
    const int32_t *doc_start = s->doc_start + row * s->T;
    bool same = doc_start[k] == doc_start[q], ahead = k > q && !(k < s->visible.prefix);
    bool near = !s->visible.window || k > q - s->visible.window || k < doc_start[q] + s->visible.keep;
    return same && !ahead && near;
}

/* The part among a slot's inputs, or NULL. */
static const double *part(const Problem *p, const double *const *in, AttentionPart what) {
    if (p->slot->mix) return what == PART_MIX ? in[1] : NULL;
    if (p->slot->token) return what == PART_KEY ? in[1] : what == PART_VALUE ? in[2] : NULL;
    for (int i = 0; p->slot->head.tensors[i].name; i++)
        if (p->slot->part[i] == what) return in[1 + i];
    return NULL;
}

/* Score of query (row, h, t) on a key: map m of dk floats. */
static double score(const Problem *p, const double *q, const double *key, int m) {
    int dk = p->s.dh / slot_maps(p->slot);
    double sum = 0;
    for (int i = m * dk; i < (m + 1) * dk; i++) sum += q[i] * key[i];
    return sum / sqrt(dk);
}

static void scores(const Problem *p, const double *const *in, int row, int h, int t, int m, const Row *r,
                   double *to) {
    const AttentionShape *s = &p->s;
    const double *q = in[0] + (row * s->T + t) * s->ld + h * s->dh;
    for (int k = 0; k < s->T; k++) {
        const double *key = in[0] + (row * s->T + k) * s->ld + (s->H + h * s->KV / s->H) * s->dh;
        to[k] = score(p, q, key, m) - (s->slope ? s->slope[h] * (t - k) : 0);
        if (!r->seen[k]) to[k] = 0;
    }
}

static double null_score(const Problem *p, const double *const *in, int row, int h, int t) {
    const AttentionShape *s = &p->s;
    const double *logit = part(p, in, PART_LOGIT), *key = part(p, in, PART_KEY);
    if (!p->slot->null_key || !s->null[h]) return -INFINITY;
    if (logit) return logit[h];
    if (!key) return 0;
    return score(p, in[0] + (row * s->T + t) * s->ld + h * s->dh, key + h * s->KV / s->H * s->dh, 0);
}

/* Row t of the weights of one head; r->s is left with them. */
static void naive_row(const Problem *p, const double *const *in, int row, int h, int t, Row *r) {
    bool *seen = (bool *)r->seen;
    r->keys = 0;
    for (int k = 0; k < r->T; k++) r->keys += seen[k] = sees(&p->s, row, t, k);
    scores(p, in, row, h, t, 0, r, r->s);
    scores(p, p->base, row, h, t, 0, r, r->s0);
    const double *mix = part(p, in, PART_MIX);
    r->mix = mix ? mix[h] : 0;
    if (slot_maps(p->slot) > 1) scores(p, in, row, h, t, 1, r, r->s2);
    r->null = null_score(p, in, row, h, t);
    p->kind->weights(r);
}

static Row row_of(int T) {
    return (Row){T,
                 0,
                 calloc((size_t)T, sizeof(bool)),
                 calloc((size_t)T, sizeof(double)),
                 calloc((size_t)T, sizeof(double)),
                 calloc((size_t)T, sizeof(double)),
                 0,
                 0,
                 0,
                 0};
}

static void row_free(Row *r) {
    free((void *)r->seen);
    free(r->s);
    free(r->s0);
    free(r->s2);
}

static void naive(const void *problem, const double *const *in, double *out) {
    const Problem *p = problem;
    const AttentionShape *s = &p->s;
    const double *value = part(p, in, PART_VALUE), *shift = part(p, in, PART_SHIFT);
    Row r = row_of(s->T);
    for (int task = 0; task < s->B * s->H * s->T; task++) {
        int t = task % s->T, h = task / s->T % s->H, row = task / s->T / s->H, g = h * s->KV / s->H;
        naive_row(p, in, row, h, t, &r);
        for (int i = 0; i < s->dh; i++) {
            double sum = value ? r.null * value[g * s->dh + i] : 0, add = shift ? shift[g * s->dh + i] : 0;
            for (int k = 0; k < s->T; k++)
                sum += r.s[k] * (in[0][(row * s->T + k) * s->ld + (s->H + s->KV + g) * s->dh + i] + add);
            out[((row * s->T + t) * s->H + h) * s->dh + i] = sum;
        }
    }
    row_free(&r);
}

/* ---- the op beside it ---- */

enum { HEADS = 4 };
static const bool every_head[HEADS] = {true, true, true, true},
                  some_heads[HEADS] = {false, true, true, false};
static const float slopes[HEADS] = {0.25f, 0.0625f, 0.5f, 0};

static AttentionShape shape_of(const Case *c, int32_t *doc_start) {
    for (int n = 0; n < c->B * c->T; n++)
        doc_start[n] = c->documents ? n % c->T / c->documents * c->documents : 0;
    return (AttentionShape){.B = c->B,
                            .T = c->T,
                            .H = c->H,
                            .KV = c->KV,
                            .dh = c->dh,
                            .ld = (c->H + 2 * c->KV) * c->dh + c->spare,
                            .doc_start = doc_start,
                            .visible = c->visible,
                            .slope = c->slope ? slopes : NULL,
                            .null = every_head,
                            .config = &config};
}

static float *scratch_of(const AttentionSlot *slot, const Case *c, bool backward) {
    return constants(attention_scratch(slot, c->T, c->dh, backward) * (size_t)omp_get_max_threads(), NAN);
}

/* What a slot's heads own: random, with gradients that begin at a half. */
typedef struct Parts {
    int n;
    AttentionPart what[NAIVE_INPUTS];
    size_t floats[NAIVE_INPUTS];
    float *w[NAIVE_INPUTS], *dw[NAIVE_INPUTS], *partial;
} Parts;

static void add_part(Parts *p, const AttentionShape *s, AttentionPart what) {
    bool of_query = what == PART_LOGIT || what == PART_MIX;
    p->what[p->n] = what;
    p->floats[p->n] = (size_t)(of_query ? s->H : s->KV * s->dh);
    p->w[p->n] = normals(20 + (uint64_t)what, p->floats[p->n], 1);
    p->dw[p->n] = constants(p->floats[p->n], 0.5f);
    p->n++;
}

static Parts parts_of(const AttentionSlot *slot, AttentionShape *s) {
    Parts p = {.partial = constants((size_t)(s->B * s->H * attention_part_floats(s->dh)), NAN)};
    if (slot->token) {
        add_part(&p, s, PART_KEY);
        add_part(&p, s, PART_VALUE);
    }
    if (slot->mix) add_part(&p, s, PART_MIX);
    for (int i = 0; slot->head.tensors[i].name && !slot->mix; i++) add_part(&p, s, slot->part[i]);
    for (int i = 0; i < p.n; i++) s->part[p.what[i]] = p.w[i];
    return p;
}

static void parts_free(Parts *p) {
    for (int i = 0; i < p->n; i++) {
        free(p->w[i]);
        free(p->dw[i]);
    }
    free(p->partial);
}

/* A product in bf16 rounds two inputs to 2^-9 of themselves: 2^-8 in all, which in the unit of check_close,
 * four roundings of fp32, is 2^14. Forward makes two in turn, backward those and three more on the way to dQ,
 * dK. */
enum { BF16_ROUNDINGS = 1 << 14, FORWARD_PRODUCTS = 2, BACKWARD_PRODUCTS = 5 };

/* Deep: a score (d_head), its exponential, sums over T keys twice; a gradient of a part sums over all
 * queries. */
static void check(const AttentionSlot *slot, const Case *c, const bool *null, bool bf16) {
    const int rounded = bf16 ? BF16_ROUNDINGS : 0;
    const double cost = kind_of(slot)->cost;
    if (c->dh % slot_maps(slot)) return;
    size_t N = (size_t)(c->B * c->T), heads = (size_t)(c->H * c->dh);
    OWNED int32_t *doc_start = calloc(N, sizeof *doc_start);
    Problem p = {.s = shape_of(c, doc_start), .slot = slot, .kind = kind_of(slot)};
    p.s.null = null;
    p.s.bf16 = bf16;
    Parts parts = parts_of(slot, &p.s);
    size_t n = N * (size_t)p.s.ld, m = N * heads, stats = N * (size_t)(c->H * slot_maps(slot));
    OWNED float *qkv = normals(1, n, c->std), *g = normals(2, m, 1), *o = constants(m, 9);
    OWNED float *stat = constants(stats, 9), *dqkv = constants(n, c->spare ? 0 : 9);
    OWNED float *forward = scratch_of(slot, c, false), *backward = scratch_of(slot, c, true);
    const float *in[NAIVE_INPUTS] = {qkv, parts.w[0], parts.w[1]};
    Naive f = {&p, naive, 1 + parts.n, {n, parts.floats[0], parts.floats[1]}, m};
    for (int i = 0; i <= parts.n; i++) p.base[i] = doubles_of(in[i], f.n[i]);
    float *dpart[PARTS] = {0};
    for (int i = 0; i < parts.n; i++) dpart[parts.what[i]] = parts.dw[i];

    check_row(slot->head.name);
    attention_forward(slot, &p.s, qkv, o, stat, NULL, forward, NULL, 0, 0);
    check_forward(&f, in, o, c->dh + c->T + cost + FORWARD_PRODUCTS * rounded);
    attention_backward(slot, &p.s, qkv, o, stat, g, dqkv, dpart, parts.partial, backward);
    check_gradient(&f, in, g, 0, dqkv, 0, 2 * (c->dh + c->T + cost) + BACKWARD_PRODUCTS * rounded);
    for (int i = 0; i < parts.n; i++)
        check_gradient(&f, in, g, 1 + i, parts.dw[i], 0.5f,
                       4 * (c->dh + c->T) + (int)N * c->H + BACKWARD_PRODUCTS * rounded);
    check_row(NULL);
    for (int i = 0; i <= parts.n; i++) free((void *)p.base[i]);
    parts_free(&parts);
}

static void softmax_follows_its_formula_in_every_case(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) check(slot_named("softmax"), &cases[i], every_head, false);
}

static const Case few[] = {{1, 39, 2, 1, 4, {0}, 0, 0, 1, false},
                           {1, 39, 2, 2, 6, {7, 2, 0}, 17, 0, 1, true},
                           {1, 37, 2, 1, 4, {9, 0, 20}, 0, 3, 1, false}};
enum { FEW = sizeof few / sizeof *few };

static void every_kind_follows_its_formula(void **state) {
    (void)state;
    for (const AttentionSlot *slot = attention_slots; slot->head.name; slot++)
        for (int i = 0; i < FEW; i++)
            check(slot, &few[i], slot->null_key && i % 2 ? some_heads : every_head, false);
}

/* A slot of one map, whose `maps` is left out; masks, windows and prefixes leave keys unseen. */
static void a_number_a_head_reaches_a_slot_of_one_map(void **state) {
    (void)state;
    for (int i = 0; i < FEW; i++) check(&temperature, &few[i], every_head, false);
}

/* Weight functions without a kink: at one, a rounded score may fall on the other side. */
static void bf16_stays_near_the_formulas(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    for (int i = 0; i < CASES; i++) check(slot_named("softmax"), &cases[i], every_head, true);
    for (const AttentionSlot *slot = attention_slots; slot->head.name; slot++) {
        const Kind *kind = kind_of(slot);
        if (kind->cost <= 8 && kind->weights != naive_relu && kind->weights != naive_elu1)
            check(slot, &cases[10], every_head, true);
    }
}

/* The saved statistic is the log-sum-exp: the taps rely on it. */
static void softmax_keeps_its_log_sum_exp(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Case *c = &cases[i];
        OWNED int32_t *doc_start = calloc((size_t)(c->B * c->T), sizeof *doc_start);
        Problem p = {.s = shape_of(c, doc_start), .slot = slot_named("softmax"), .kind = kinds};
        size_t n = (size_t)(c->B * c->T * p.s.ld), m = (size_t)(c->B * c->T * c->H);
        OWNED float *qkv = normals(1, n, c->std), *o = constants(m * (size_t)c->dh, 0),
                    *stat = constants(m, 0);
        OWNED float *scratch = scratch_of(p.slot, c, false);
        OWNED double *wide = doubles_of(qkv, n);
        const double *in[] = {wide};
        p.base[0] = wide;
        Row r = row_of(c->T);
        attention_forward(p.slot, &p.s, qkv, o, stat, NULL, scratch, NULL, 0, 0);
        for (int at = 0; at < c->B * c->H * c->T; at++) {
            naive_row(&p, in, at / c->T / c->H, at / c->T % c->H, at % c->T, &r);
            assert_true(fabs(stat[at] - r.lse) <= (c->dh + 16) * 0x1p-24 * (1 + fabs(r.lse)));
        }
        row_free(&r);
    }
}

/* ---- identities, to the last bit ---- */

typedef struct Bits {
    float *o, *dqkv;
} Bits;

static Bits run(const AttentionSlot *slot, const Case *c, AttentionShape s) {
    size_t N = (size_t)(c->B * c->T), m = N * (size_t)(c->H * c->dh), n = N * (size_t)s.ld;
    Bits b = {constants(m, 9), constants(n, 0)};
    OWNED float *qkv = normals(1, n, c->std), *g = normals(2, m, 1), *stat = constants(N * (size_t)c->H, 9);
    OWNED float *scratch = scratch_of(slot, c, true);
    OWNED float *partial = constants((size_t)(c->B * c->H * attention_part_floats(c->dh)), 9);
    float *dpart[PARTS] = {0};
    attention_forward(slot, &s, qkv, b.o, stat, NULL, scratch, NULL, 0, 0);
    attention_backward(slot, &s, qkv, b.o, stat, g, b.dqkv, dpart, partial, scratch);
    return b;
}

/* What a product rounds is seen in every output. */
static void bf16_rounds_every_output(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    const Case c = {2, 45, 3, 3, 12, {0}, 0, 0, 1, false};
    OWNED int32_t *doc_start = calloc((size_t)(c.B * c.T), sizeof *doc_start);
    AttentionShape s = shape_of(&c, doc_start), rounded = s;
    rounded.bf16 = true;
    Bits exact = run(slot_named("softmax"), &c, s), coarse = run(slot_named("softmax"), &c, rounded);
    size_t N = (size_t)(c.B * c.T);
    assert_memory_not_equal(exact.o, coarse.o, N * (size_t)(c.H * c.dh) * sizeof(float));
    assert_memory_not_equal(exact.dqkv, coarse.dqkv, N * (size_t)s.ld * sizeof(float));
    free(exact.o);
    free(exact.dqkv);
    free(coarse.o);
    free(coarse.dqkv);
}

static void same_bits(Bits a, Bits b, const Case *c, int64_t ld) {
    size_t N = (size_t)(c->B * c->T);
    assert_memory_equal(a.o, b.o, N * (size_t)(c->H * c->dh) * sizeof(float));
    assert_memory_equal(a.dqkv, b.dqkv, N * (size_t)ld * sizeof(float));
    free(b.o);
    free(b.dqkv);
}

/* A null key of score -infinity is none; a window of all keys, a prefix of one, a mask of one document too.
 */
static void switches_set_to_do_nothing_change_no_bit(void **state) {
    (void)state;
    const Case c = {2, 45, 3, 3, 12, {0}, 0, 0, 1, false};
    OWNED int32_t *doc_start = calloc((size_t)(c.B * c.T), sizeof *doc_start);
    AttentionShape s = shape_of(&c, doc_start), logit = s, window = s, keep = s, prefix = s, flat = s;
    const float never[] = {-INFINITY, -INFINITY, -INFINITY}, level[] = {0, 0, 0};
    const bool no_head[HEADS] = {false};
    logit.part[PART_LOGIT] = never;
    s.null = no_head;
    window.visible.window = c.T;
    keep.visible = (Visible){c.T - 4, 4, 0};
    prefix.visible.prefix = 1;
    flat.slope = level;
    Bits plain = run(slot_named("softmax"), &c, s);
    same_bits(plain, run(slot_named("softmax1"), &c, s), &c, s.ld);
    same_bits(plain, run(slot_named("sink_logit"), &c, logit), &c, s.ld);
    same_bits(plain, run(slot_named("softmax"), &c, window), &c, s.ld);
    same_bits(plain, run(slot_named("softmax"), &c, keep), &c, s.ld);
    same_bits(plain, run(slot_named("softmax"), &c, prefix), &c, s.ld);
    same_bits(plain, run(slot_named("softmax"), &c, flat), &c, s.ld);
    free(plain.o);
    free(plain.dqkv);
}

/* ---- null keys are keys ---- */

/* Plain attention over T + 1 keys, the first of which is the null key: queries 1 .. T of longer rows, whose
 * token 0 has key k* and value v*, are the queries of k_bias (v* = 0), kv_bias, sink_token and key0_bias
 * (k* = 0). */
static void check_longer(const char *name, bool key, bool value) {
    const Case c = {2, 45, 4, 2, 12, {0}, 0, 0, 1, false}, longer = {2, 46, 4, 2, 12, {0}, 0, 0, 1, false};
    OWNED int32_t *doc_start = calloc((size_t)(longer.B * longer.T), sizeof *doc_start);
    AttentionShape s = shape_of(&c, doc_start), l = shape_of(&longer, doc_start);
    size_t own = (size_t)(s.KV * s.dh), n = (size_t)(c.B * c.T * s.ld), heads = (size_t)(s.H * s.dh);
    size_t m = (size_t)(longer.B * longer.T);
    OWNED float *k = normals(5, own, key), *v = normals(6, own, value), *qkv = normals(1, n, 1);
    OWNED float *rows = constants(m * (size_t)l.ld, 0), *o = constants(n, 0), *want = constants(m * heads, 0);
    OWNED float *stat = constants(m * (size_t)s.H, 0);
    const AttentionSlot *slot = slot_named(name);
    OWNED float *scratch = scratch_of(slot, &longer, false);
    for (int row = 0; row < c.B; row++) {
        float *first = rows + row * longer.T * l.ld;
        memcpy(first + heads, k, own * sizeof *k);
        memcpy(first + heads + own, v, own * sizeof *v);
        memcpy(first + l.ld, qkv + row * c.T * s.ld, (size_t)(c.T * s.ld) * sizeof *qkv);
    }
    s.part[PART_KEY] = key ? k : NULL;
    s.part[PART_VALUE] = value ? v : NULL;
    attention_forward(slot, &s, qkv, o, stat, NULL, scratch, NULL, 0, 0);
    attention_forward(slot_named("softmax"), &l, rows, want, stat, NULL, scratch, NULL, 0, 0);
    for (int row = 0; row < c.B; row++) {
        OWNED double *wide = doubles_of(want + (size_t)(row * longer.T + 1) * heads, (size_t)c.T * heads);
        check_close(name, o + (size_t)(row * c.T) * heads, wide, (size_t)c.T * heads, 2 * (c.dh + c.T + 8));
    }
}

static void a_null_key_is_a_key_of_a_longer_row(void **state) {
    (void)state;
    check_longer("k_bias", true, false);
    check_longer("kv_bias", true, true);
    check_longer("sink_token", true, true);
    check_longer("key0_bias", false, true);
    check_longer("softmax1", false, false);
}

/* ---- what observers see ---- */

/* One a (row, head), so that threads write apart; judged after the pass. */
typedef struct Witness {
    int next; /* query that must come next */
    bool in_order;
    double worst, worst_sum, worst_first;
} Witness;

typedef struct Watch {
    const Problem *p;
    const double *const *in;
    const float *first;
    Witness *at; /* (B, H) */
    int64_t row0;
    int layer;
} Watch;

static void watch(void *self, const Weights *w) {
    Watch *v = self;
    const AttentionShape *s = &v->p->s;
    int row = (int)(w->row - v->row0);
    Witness *x = &v->at[row * s->H + w->head];
    Row r = row_of(s->T);
    x->in_order &= w->q0 == x->next && w->layer == v->layer && w->T == s->T;
    x->in_order &= w->doc_start == s->doc_start + row * s->T;
    x->next = w->q0 + w->nq;
    for (int i = 0; i < w->nq; i++) {
        double sum = 0;
        naive_row(v->p, v->in, row, w->head, w->q0 + i, &r);
        for (int k = 0; k < s->T; k++) {
            bool there = k < w->q0 + w->nq || k < s->visible.prefix;
            x->worst = fmax(x->worst, fabs((there ? w->A[i * w->ld + k] : 0) - r.s[k]));
            sum += there ? w->A[i * w->ld + k] : 0;
        }
        x->worst_sum = fmax(x->worst_sum, fabs(sum - 1));
        x->worst_first = fmax(x->worst_first, fabs(v->first[(row * s->H + w->head) * s->T + w->q0 + i] -
                                                   r.s[w->doc_start[w->q0 + i]]));
    }
    row_free(&r);
}

static void observers_are_shown_the_weights_of_the_formula(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Case *c = &cases[i];
        OWNED int32_t *doc_start = calloc((size_t)(c->B * c->T), sizeof *doc_start);
        Problem p = {.s = shape_of(c, doc_start), .slot = slot_named("softmax"), .kind = kinds};
        size_t n = (size_t)(c->B * c->T * p.s.ld), m = (size_t)(c->B * c->T * c->H);
        OWNED float *qkv = normals(1, n, c->std), *o = constants(m * (size_t)c->dh, 0),
                    *stat = constants(m, 0), *first = constants(m, 9);
        OWNED float *scratch = scratch_of(p.slot, c, false);
        OWNED double *wide = doubles_of(qkv, n);
        OWNED Witness *seen = calloc((size_t)(c->B * c->H), sizeof *seen);
        const double *in[] = {wide};
        p.base[0] = wide;
        for (int k = 0; k < c->B * c->H; k++) seen[k].in_order = true;
        Watch w = {&p, in, first, seen, 1000, 3};
        Observer eye = {.self = &w, .weights = watch};
        attention_forward(p.slot, &p.s, qkv, o, stat, first, scratch, &(Observers){&eye, 1}, 3, 1000);
        for (int k = 0; k < c->B * c->H; k++) {
            assert_true(seen[k].in_order && seen[k].next == c->T);
            assert_true(seen[k].worst <= 4 * (c->dh + 8) * 0x1p-24);
            assert_true(seen[k].worst_first <= 4 * (c->dh + 8) * 0x1p-24);
            assert_true(seen[k].worst_sum <= c->T * 0x1p-24);
        }
    }
}

/* Scores far outside the exponential's range: one key takes all. */
static void huge_scores_give_one_key_everything(void **state) {
    (void)state;
    const Case c = {1, 50, 1, 1, 4, {0}, 0, 0, 1e4, false};
    OWNED int32_t *doc_start = calloc((size_t)c.T, sizeof *doc_start);
    Problem p = {.s = shape_of(&c, doc_start), .slot = slot_named("softmax"), .kind = kinds};
    size_t n = (size_t)(c.T * p.s.ld), m = (size_t)(c.T * c.dh);
    OWNED float *qkv = normals(1, n, c.std), *o = constants(m, 0), *stat = constants((size_t)c.T, 0);
    OWNED float *g = normals(2, m, 1), *dqkv = constants(n, NAN), *scratch = scratch_of(p.slot, &c, true);
    OWNED double *wide = doubles_of(qkv, n);
    const float *in[] = {qkv};
    Naive f = {&p, naive, 1, {n}, m};
    p.base[0] = wide;
    attention_forward(p.slot, &p.s, qkv, o, stat, NULL, scratch, NULL, 0, 0);
    check_forward(&f, in, o, 2); /* weights are 0 and 1 */
    attention_backward(p.slot, &p.s, qkv, o, stat, g, dqkv, NULL, NULL, scratch);
    for (size_t i = 0; i < n; i++) assert_true(isfinite(dqkv[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(softmax_follows_its_formula_in_every_case),
                                       cmocka_unit_test(every_kind_follows_its_formula),
                                       cmocka_unit_test(a_number_a_head_reaches_a_slot_of_one_map),
                                       cmocka_unit_test(switches_set_to_do_nothing_change_no_bit),
                                       cmocka_unit_test(softmax_keeps_its_log_sum_exp),
                                       cmocka_unit_test(observers_are_shown_the_weights_of_the_formula),
                                       cmocka_unit_test(huge_scores_give_one_key_everything),
                                       cmocka_unit_test(a_null_key_is_a_key_of_a_longer_row),
                                       cmocka_unit_test(bf16_stays_near_the_formulas),
                                       cmocka_unit_test(bf16_rounds_every_output)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
