/* Owns: the plain ops of a pass, one file each with its forward and its backward: names, shapes, papers.
 * Does not own: when an op runs (model/pass.c, model/block.c), attention (attention.h), the feed-forward
 * kinds (mlp.h). N = B T tokens; a backward adds to gradients of weights, `partial` is room for the strips of
 * their sums (strips.h). */
#ifndef SINKLAB_OPS_H
#define SINKLAB_OPS_H

#include "model/slots.h"

/* ---- embed.c, residual.c, bias.c ---- */

/* x[n] = E[token[n]]. x (N, d), E (V, d). */
void embed_forward(const int32_t *token, const float *E, float *x, int64_t N, int d);
/* dE[token[n]] += dx[n], tokens in order for each column, so threads change no bit. */
void embed_backward(const int32_t *token, const float *dx, float *dE, int64_t N, int d);

/* out = a + b, n floats; the gradient of both is that of out. */
void residual_add(float *out, const float *a, const float *b, int64_t n);

/* The residual clip (arXiv 2601.22966): x = min(max(x, -c), c), n floats in place. */
void residual_clip(float *x, float c, int64_t n);
/* x <- c tanh(x / c), (rows, n) in rows of ld, and its slope there (may be NULL) (Gemma 2, arXiv 2408.00118,
 * section 2). */
void cap_forward(float *x, int64_t ld, int64_t rows, int n, float c, float *slope);
/* dy <- dy slope */
void cap_backward(float *dy, int64_t ld, int64_t rows, int n, const float *slope);
/* forward: y = min(max(x, -c), c)   so   dx = dy where |y| < c, else 0. dy in place. */
void residual_clip_backward(const float *y, float c, float *dy, int64_t n);

/* y[n] += b. y (N, width), b (width). */
void bias_forward(float *y, const float *b, int64_t N, int64_t width);
/* db += sum over tokens of dy[n]. partial: (strips, width). */
void bias_backward(const float *dy, float *db, float *partial, int B, int T, int64_t width);

/* ---- position.c ---- */

/* How fast pairs turn. Pair i of dims/2 turns by rate = theta^(-2i/dims) a place (arXiv 2104.09864), over the
 * original context turns = original rate / (2 pi) times. Scaled for longer contexts: the share s of the rate
 * stays, (1 - s) is divided by factor; s = 0 (linear, arXiv 2306.15595), s = (turns - low) / (high - low)
 * (llama3, arXiv 2407.21783), or, with cosines and sines times 0.1 ln factor + 1, s falls from 1 to 0 between
 * the pairs that turn high and low times, rounded outwards (yarn, arXiv 2309.00071); s within 0 .. 1. */
typedef struct Rope {
    int dims;
    double theta;
    int scaling; /* RopeScaling */
    double factor;
    int64_t original;
    double low, high;
} Rope;
double rope_rate(const Rope *r, int i);

/* Rotates every head's pairs (i, i + dims/2) of q and k by angle t rate_i, in place; a head's floats past
 * `dims` stay. Sign -1 is the backward. x: (B*T, ld), `vectors` heads of dh from column 0. rotation: (T, 2,
 * dims/2), a place's cosines, then its sines: rope_table. */
void rope_turn(float *x, int64_t ld, int B, int T, const int32_t *place, int vectors, int dh, int dims,
               const float *rotation, float sign);
void rope_table(float *rotation, int T, const Rope *r);

/* P[t][2i] = a sin(t / 10000^(2i/d)), P[t][2i+1] = a cos of the same (arXiv 1706.03762). P: (T, d). */
void sinusoid_table(float *P, int T, int d, double amplitude);

/* x[b][t] += P[t];  dP[t] += sum_b dx[b][t], rows in order. P: (T, d). */
void learned_forward(float *x, const float *P, int B, int T, int d);
void learned_backward(const float *dx, float *dP, int B, int T, int d);

/* ---- norms: norm.c for every kind; a row of the stream: rmsnorm.c, rmsnorm_scalar.c, layernorm.c, dyt.c,
 * pre_affine.c, gated_norm.c
 * ---- */

/* Every row under the configuration's kind of norm. x, h (N, d); stat (N, NORM_STATS): what the backward
 * needs. */
void norm_rows(const Ctx *c, const float *x, float *h, float *stat);
/* dx += the gradient through the norm; c->dw: the sums over tokens. */
void norm_rows_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx);
/* Weights of a norm: the floats of its tensors. */
int norm_weights(const ModelConfig *c);

/* The pair of a kind, see NormKind. */
#define NORM_PAIR(name)                                                                                      \
    void name##_row(const Ctx *c, const float *x, float *h, float *stat);                                    \
    void name##_row_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx,        \
                         float *dgain);
NORM_PAIR(rmsnorm)        /* h = g x / rms(x), g (d) (arXiv 1910.07467) */
NORM_PAIR(rmsnorm_scalar) /* the same with one g: no channel can be favoured by the norm (arXiv 2506.19697) */
NORM_PAIR(layernorm) /* h = g (x - mean x) / sqrt(var x + eps) + b, gain (2, d): g, b (arXiv 1607.06450) */
NORM_PAIR(dyt)       /* h = g tanh(a x) + b, gain (2 d + 1): g, b, one a for all (arXiv 2503.10622) */
/* h = g z / rms(z), z = lambda x, gain (2, d): g, lambda (PreAffine, arXiv 2601.22966) */
NORM_PAIR(pre_affine)
/* h = y gate, gate = 2 sigma(silu(y W_down^T) W_up), y = RMSNorm(x), gain: g (d), W_down (r, d), W_up (r, d),
 * r = model.gate_rank (GatedNorm, arXiv 2601.22966). How the paper begins was not seen: sigma alone would
 * halve every norm, so that it is doubled here, and W_up begins at 0: a gate of exactly one, RMSNorm to the
 * bit, which can close and open twofold. W_up lies as it is read, a row a hidden unit. */
NORM_PAIR(gated_norm)
#undef NORM_PAIR

/* ---- heads: head_rmsnorm.c, gate.c, exclusive.c, value_residual.c, value_scale.c ---- */

/* RMSNorm of each of H vectors of dh floats of a token: of attention's output (arXiv 2605.06611), of q or k
 * (QK-norm, arXiv 2302.05442, as RMSNorm in Qwen3). The slot's tensor i is its gain, (gains, dh): gains = 1,
 * shared by the heads, or H. */
typedef struct HeadNorm {
    const Ctx *c;
    int tensor, H, gains;
} HeadNorm;
/* y = gain x / rms(x). x, y: (N, H, dh) in rows of ldx, ldy. */
void head_rmsnorm_forward(const HeadNorm *a, const float *x, int64_t ldx, float *y, int64_t ldy);
/* dy in place to dx. */
void head_rmsnorm_backward(const HeadNorm *a, const float *x, int64_t ldx, float *dy, int64_t ldy);

/* A gate on the heads, y = o sigma(a), a a linear function of the token (model/gated_heads.c): one gate a
 * float of o, or one a head (arXiv 2505.06708; from the values: 2510.09017). g in place from a to sigma(a), n
 * floats. */
void gate_open(float *g, int64_t n);
/* y (N, H, dh) = o * g; g (N, H, gates), gates = dh or 1. y may be o. */
void gate_forward(const float *o, const float *g, float *y, int64_t N, int H, int dh, int gates);
/* dy in place to do; g in place to the gradient of a. */
void gate_backward(const float *o, float *g, float *dy, int64_t N, int H, int dh, int gates);

/* Exclusive self attention (arXiv 2603.09078): z = y - (y.v / |v|^2) v of each head, v the token's own value,
 * so that a head hands over nothing along what its token has already; where |v| = 0, z = y. A document's
 * first token, whose y is v, has z = 0 (to the bit in fp32) where rows of weights sum to one. o, y: (N, H
 * dh). */
void exclusive_forward(const Ctx *c, const float *o, float *y);
/* dy in place to do; c->dv. */
void exclusive_backward(const Ctx *c, const float *o, float *dy);

/* V-scale (arXiv 2603.17771): one number a layer and head on the value path. The paper's formula was not
 * seen; this is the plainest form of what is told of the paper: v' = s v, s learned, beginning at 1, so that
 * the gradient of the value path, and no other, is multiplied: dv = s dv', ds = sum dv' v. Heads that share
 * values share s. v (N, KV dh) in rows of c->ld, in place; kept (N, KV dh): v as it came. */
void value_scale_forward(const Ctx *c, float *v, float *kept);
/* dv in place. */
void value_scale_backward(const Ctx *c, const float *kept, float *dv);

/* Blocks after the first use v <- (1 - mix) v + mix v1, v1 the values of the first (arXiv 2410.17897; 0.5
 * there). v (N, width) in rows of ld; first (N, width): kept at layer 0, mixed in after it. */
void value_residual_forward(int layer, float *v, int64_t ld, float *first, int64_t N, int width, float mix);
/* dv in place; dfirst (N, width) gathers what the first block's values get, and gives it at layer 0. It is
 * cleared at the last layer, which comes first. */
void value_residual_backward(int layer, int last, float *dv, int64_t ld, float *dfirst, int64_t N, int width,
                             float mix);

/* ---- cross_entropy.c ---- */

/* loss[n] = logsumexp(logits[n]) - logits[n][target[n]], nats; 0 where target is -1. With scale != 0 the
 * logits become scale * d loss / d logits. logits (N, V) in rows of ld floats: a chunk, those of a whole
 * batch never exist. */
void cross_entropy(float *logits, int64_t ld, const int32_t *target, float *loss, int64_t N, int V,
                   float scale);

#endif
