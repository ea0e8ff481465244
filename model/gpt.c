/* A GPT, its gradients, AdamW and the attention sink that it grows: one file, to be read from top to bottom.
 *
 *     make sinklab gpt && ./sinklab fetch gcide
 *     ./sinklab data configs/demo.yaml --shards shards && ./gpt shards --seed 0    # tokens of a dictionary
 *
 * A query shares its attention out among the tokens up to itself. Its shares sum to one, even where a head
 * has nothing to say. Trained heads then put them on the first token, which every query sees: an attention
 * sink. The loss does not ask for it. Two numbers show it, over 100 held-out rows:
 *  - sink rate: share of (row, layer, head) whose mean attention to position 0, the first mass, is above 0.3
 *    (arXiv 2410.10781); a head that looks at all tokens alike has (1 + 1/2 + ... + 1/32) / 32 = 0.127
 *  - norm ratio: length of the residual stream's vector at position 0 over the median of the others,
 *    behind the block where this ratio is largest (arXiv 2510.06477)
 * After 2,500 steps, 9 to 10 minutes on two threads of a Xeon whose other cores were busy:
 *                     seed 0    seed 1    seed 2    seed 0 --no-bos    seed 0 --head-norm
 *     sink rate       0.380     0.271     0.382     0.001              0.113
 *     norm ratio      7.48      10.03     9.06      1.27               5.34
 *     held-out loss   3.499     3.523     3.493     3.395              3.457
 * Options: see main. Losses with and without BOS are of two tasks: under BOS first targets lack all context.
 *
 * float x[N * D]: D floats for each of N tokens; dx: the gradient of the loss by x. A function takes what it
 * writes, what it reads, sizes. Right below it stands its backward, which repeats what the forward did and
 * says what follows. Gradients of weights are added to, all others overwritten. */
#include <blis.h> // gemm(m, n, k, a, A, ld, B, ld, b, C, ld): C (m, n) = a A B + b C, rows ld floats apart
#include <err.h>
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef GPT_SIZES // tests set their own: layers, width, heads, feed-forward, tokens of a row, vocabulary
/* A step takes ROWS rows of T tokens of the text, in PARTS for as many threads: B rows, N tokens a part. */
enum { L = 4, D = 128, H = 2, F = 320, T = 32, VOCAB = 4096, ROWS = 64, PARTS = 4 };
#endif
enum { B = ROWS / PARTS, N = B * T, DH = D / H }; // DH: width of a head
enum { BOS = 1, HELD_OUT = 100 };                 // SentencePiece's <s>; rows to measure on

typedef struct Weights { // or their gradients, or AdamW's moments
    float embed[VOCAB * D], head[VOCAB * D];
    float qkv[L][3 * D * D], out[L][D * D];      // qkv: rows of q for every head, then of k, then of v
    float gate_up[L][2 * F * D], down[L][D * F]; // gate_up: rows of gate, then of up
    float norm_attn[L][D], norm_head[L][DH], norm_mlp[L][D], norm_last[D]; // gains, which do not decay
} Weights;
enum { MATRICES = offsetof(Weights, norm_attn) / sizeof(float), FLOATS = sizeof(Weights) / sizeof(float) };

/* N(0, 0.02^2), narrower where 2L matrices add to the stream. Gains: 1; norm_head 0.2: 1 drowns the rest. */
static void weights_init(Weights *w, unsigned short *random) {
    for (float *x = (float *)w; x < (float *)w + MATRICES; x++) {
        double radius = sqrt(-2 * log(1 - erand48(random))); // after Box and Muller
        *x = 0.02 * radius * cos(2 * M_PI * erand48(random));
    }
    for (int l = 0; l < L; l++) {
        for (int i = 0; i < D * D; i++) w->out[l][i] /= sqrtf(2 * L);
        for (int i = 0; i < D * F; i++) w->down[l][i] /= sqrtf(2 * L);
        for (int i = 0; i < D; i++) w->norm_attn[l][i] = w->norm_mlp[l][i] = w->norm_last[i] = 1;
        for (int i = 0; i < DH; i++) w->norm_head[l][i] = 0.2f;
    }
}

/* ---- what a block is made of, each forward with its backward ---- */

static void add(float *x, const float *y, int n) {
    for (int i = 0; i < n; i++) x[i] += y[i];
}

static double dot(const float *x, const float *y, int n) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* y = x W^T;  y (N, out), x (N, in), W (out, in) */
static void linear(float *y, const float *x, const float *W, int out, int in) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, N, out, in, 1, x, in, W, in, 0, y, out);
}
/* forward: y = x W^T   so   dx = dy W, dW += dy^T x */
static void linear_back(float *dx, float *dW, const float *dy, const float *x, const float *W, int out,
                        int in) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, N, in, out, 1, dy, out, W, in, 0, dx, in);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, out, in, N, 1, dy, out, x, in, 1, dW, in);
}

/* y = g x r, r = (mean x^2 + eps)^-1/2 (arXiv 1910.07467);  x, y (rows, width), g (width) */
static void rmsnorm(float *y, const float *x, const float *g, int rows, int width) {
    for (; rows-- > 0; x += width, y += width) {
        float r = 1 / sqrtf(dot(x, x, width) / width + 1e-5f);
        for (int i = 0; i < width; i++) y[i] = g[i] * x[i] * r;
    }
}
/* forward: y = g x r   so   dg += dy x r, and dy becomes dx = r (g dy - x r^2 mean(g dy x)) */
static void rmsnorm_back(float *dy, float *dg, const float *x, const float *g, int rows, int width) {
    for (; rows-- > 0; x += width, dy += width) {
        float r = 1 / sqrtf(dot(x, x, width) / width + 1e-5f);
        for (int i = 0; i < width; i++) dg[i] += dy[i] * x[i] * r, dy[i] *= g[i];
        float mean = dot(dy, x, width) / width;
        for (int i = 0; i < width; i++) dy[i] = r * (dy[i] - x[i] * r * r * mean);
    }
}

/* RoPE (arXiv 2104.09864): floats i and i + DH/2 of each q and k are a point (a, b) that turns with position
 * t: a' = a cos - b sin, b' = b cos + a sin   so   its gradient turns back, sign = -1 */
static void rope(float *qkv, int sign) {
    for (int t = 0; t < T; t++)
        for (int i = 0; i < DH / 2; i++) {
            double angle = t * pow(10000, -2.0 * i / DH), cosine = cos(angle), sine = sign * sin(angle);
            for (int j = 0; j < B * 2 * H; j++) { // every head of q and of k in every row
                float *a = qkv + (j / (2 * H) * T + t) * 3 * D + j % (2 * H) * DH + i, *b = a + DH / 2;
                float x = *a, y = *b;
                *a = x * cosine - y * sine;
                *b = y * cosine + x * sine;
            }
        }
}

/* x becomes p = softmax(x), n of them; returns ln sum exp(x) */
static float softmax(float *x, int n) {
    float top = x[0], sum = 0;
    for (int i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (int i = 0; i < n; i++) sum += x[i] = expf(x[i] - top);
    for (int i = 0; i < n; i++) x[i] /= sum;
    return top + logf(sum);
}

/* For each head of each row: A = softmax(Q K^T / sqrt(DH)) over the keys up to the query, O = A V
 * o (N, D), A (B, H, T, T), qkv (N, 3D), of which a head's Q, K and V are columns, each (T, DH) */
static void attention(float *o, float *A, const float *qkv) {
    float scale = 1 / sqrtf(DH);
    for (int i = 0; i < B * H; i++, A += T * T) { // head i % H of row i / H
        const float *Q = qkv + i / H * T * 3 * D + i % H * DH, *K = Q + D, *V = K + D;
        float *O = o + i / H * T * D + i % H * DH;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, T, T, DH, scale, Q, 3 * D, K, 3 * D, 0, A, T);
        for (int t = 0; t < T; t++) softmax(A + t * T, t + 1);
        for (int j = 0; j < T * T; j++) A[j] = j % T <= j / T ? A[j] : 0; // later keys
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, T, DH, T, 1, A, T, V, 3 * D, 0, O, D);
    }
}
/* forward: S = Q K^T / sqrt(DH), A = softmax(S), O = A V   so   dA = dO V^T, dV = A^T dO,
 *          dS = A (dA - sum over keys of A dA), dQ = dS K / sqrt(DH), dK = dS^T Q / sqrt(DH);  d_o is dO */
static void attention_back(float *dqkv, const float *d_o, const float *A, const float *qkv) {
    float S[T * T], scale = 1 / sqrtf(DH);        // dA, then dS
    for (int i = 0; i < B * H; i++, A += T * T) { // head i % H of row i / H
        const float *Q = qkv + i / H * T * 3 * D + i % H * DH, *K = Q + D, *V = K + D;
        const float *dO = d_o + i / H * T * D + i % H * DH;
        float *dQ = dqkv + (Q - qkv), *dK = dQ + D, *dV = dK + D;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, T, T, DH, 1, dO, D, V, 3 * D, 0, S, T);
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, T, DH, T, 1, A, T, dO, D, 0, dV, 3 * D);
        for (int t = 0; t < T; t++) {
            float sum = dot(A + t * T, S + t * T, T);
            for (int k = 0; k < T; k++) S[t * T + k] = A[t * T + k] * (S[t * T + k] - sum);
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, T, DH, T, scale, S, T, K, 3 * D, 0, dQ, 3 * D);
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, T, DH, T, scale, S, T, Q, 3 * D, 0, dK, 3 * D);
    }
}

/* SwiGLU (arXiv 2002.05202): s = up g sigma(g);  s (N, F), gu (N, 2F), of which a row is g, then up */
static void swiglu(float *s, const float *gu) {
    for (int n = 0; n < N; n++, s += F, gu += 2 * F)
        for (int i = 0; i < F; i++) s[i] = gu[F + i] * gu[i] / (1 + expf(-gu[i]));
}
/* forward: s = up g sigma(g)   so   dg = ds up sigma (1 + g (1 - sigma)), dup = ds g sigma */
static void swiglu_back(float *dgu, const float *ds, const float *gu) {
    for (int n = 0; n < N; n++, ds += F, gu += 2 * F, dgu += 2 * F)
        for (int i = 0; i < F; i++) {
            float g = gu[i], sigma = 1 / (1 + expf(-g));
            dgu[i] = ds[i] * gu[F + i] * sigma * (1 + g * (1 - sigma));
            dgu[F + i] = ds[i] * g * sigma;
        }
}

/* ---- the model: tokens to loss, and back ---- */

typedef struct Block {             // what a block keeps for its backward
    float x[N * D], h[N * D];      // the residual stream that enters, and its norm
    float qkv[N * 3 * D];          // of which q and k are turned by RoPE
    float A[B * H * T * T];        // who attends to whom
    float o[N * D], y[N * D];      // what the heads gathered, and what of it W_out gets
    float mid[N * D], h2[N * D];   // the stream between attention and feed-forward, and its norm
    float gu[N * 2 * F], s[N * F]; // gate and up, and their SwiGLU
} Block;

typedef struct Pass {   // the memory of a part's way through the model and back
    bool head_norm;     // --head-norm
    Block block[L + 1]; // the last has only x, the stream behind all blocks
    float h[N * D], logits[N * VOCAB], loss[N];
    Weights g; // gradients of the weights; below of a block's activations: dh of h2, then h, d_o of y, then o
    float dx[N * D], dh[N * D], d_o[N * D], dqkv[N * 3 * D], ds[N * F], dgu[N * 2 * F];
} Pass;

/* mid = x + W_out attention(norm(x)),  x' = mid + W_down swiglu(W_gate_up norm(mid)) */
static void block(Pass *p, const Weights *w, int l) {
    Block *b = &p->block[l], *next = b + 1;
    rmsnorm(b->h, b->x, w->norm_attn[l], N, D);
    linear(b->qkv, b->h, w->qkv[l], 3 * D, D);
    rope(b->qkv, 1);
    attention(b->o, b->A, b->qkv);
    memcpy(b->y, b->o, sizeof b->y);
    if (p->head_norm) rmsnorm(b->y, b->o, w->norm_head[l], N * H, DH);
    linear(b->mid, b->y, w->out[l], D, D);
    add(b->mid, b->x, N * D);
    rmsnorm(b->h2, b->mid, w->norm_mlp[l], N, D);
    linear(b->gu, b->h2, w->gate_up[l], 2 * F, D);
    swiglu(b->s, b->gu);
    linear(next->x, b->s, w->down[l], D, F);
    add(next->x, b->mid, N * D);
}
/* forward: x' = mid + ..., mid = x + ...   so   dx, the gradient of x', becomes that of mid, then that of x:
 * a sum hands it on to both its terms. */
static void block_back(Pass *p, const Weights *w, int l) {
    const Block *b = &p->block[l];
    linear_back(p->ds, p->g.down[l], p->dx, b->s, w->down[l], D, F);
    swiglu_back(p->dgu, p->ds, b->gu);
    linear_back(p->dh, p->g.gate_up[l], p->dgu, b->h2, w->gate_up[l], 2 * F, D);
    rmsnorm_back(p->dh, p->g.norm_mlp[l], b->mid, w->norm_mlp[l], N, D);
    add(p->dx, p->dh, N * D);
    linear_back(p->d_o, p->g.out[l], p->dx, b->y, w->out[l], D, D);
    if (p->head_norm) rmsnorm_back(p->d_o, p->g.norm_head[l], b->o, w->norm_head[l], N * H, DH);
    attention_back(p->dqkv, p->d_o, b->A, b->qkv);
    rope(p->dqkv, -1);
    linear_back(p->dh, p->g.qkv[l], p->dqkv, b->h, w->qkv[l], 3 * D, D);
    rmsnorm_back(p->dh, p->g.norm_attn[l], b->x, w->norm_attn[l], N, D);
    add(p->dx, p->dh, N * D);
}

/* loss[n] = -ln P(y[n] | x of n's row up to n) = ln sum exp(logits) - logits[y[n]]; logits become P */
static void forward(Pass *p, const Weights *w, const uint16_t *x, const uint16_t *y) {
    for (int n = 0; n < N; n++) memcpy(p->block[0].x + n * D, w->embed + x[n] * D, D * sizeof(float));
    for (int l = 0; l < L; l++) block(p, w, l);
    rmsnorm(p->h, p->block[L].x, w->norm_last, N, D);
    linear(p->logits, p->h, w->head, VOCAB, D);
    for (int n = 0; n < N; n++) {
        float target = p->logits[n * VOCAB + y[n]];
        p->loss[n] = softmax(p->logits + n * VOCAB, VOCAB) - target;
    }
}
/* forward: loss = ln sum exp(logits) - logits[y]   so   dlogits = P, less 1 at y, over the ROWS T targets
 * whose mean is a step's loss;   x = E[token]   so   dE[token] += dx */
static void backward(Pass *p, const Weights *w, const uint16_t *x, const uint16_t *y) {
    memset(&p->g, 0, sizeof p->g);
    for (int n = 0; n < N; n++) p->logits[n * VOCAB + y[n]] -= 1;
    for (int i = 0; i < N * VOCAB; i++) p->logits[i] /= ROWS * T;
    linear_back(p->dx, p->g.head, p->logits, p->h, w->head, VOCAB, D);
    rmsnorm_back(p->dx, p->g.norm_last, p->block[L].x, w->norm_last, N, D);
    for (int l = L; l-- > 0;) block_back(p, w, l);
    for (int n = 0; n < N; n++) add(p->g.embed + x[n] * D, p->dx + n * D, D);
}

/* AdamW (arXiv 1711.05101): a running mean of the gradient over the root of one of its square, both corrected
 * for having begun at 0. The whole gradient is cut to length 1. Matrices, embed too, decay strongly. */
static void adamw(float *w, float *mean, float *square, const float *g, int step, float lr) {
    const float b1 = 0.9f, b2 = 0.95f, eps = 1e-8f, decay = 0.5f;
    float norm = sqrtf(dot(g, g, FLOATS)), clip = norm > 1 ? 1 / norm : 1;
    float c1 = 1 - pow(b1, step), c2 = 1 - pow(b2, step);
#pragma omp parallel for
    for (int i = 0; i < FLOATS; i++) {
        mean[i] = b1 * mean[i] + (1 - b1) * clip * g[i];
        square[i] = b2 * square[i] + (1 - b2) * clip * g[i] * clip * g[i];
        if (i < MATRICES) w[i] -= lr * decay * w[i];
        w[i] -= lr * (mean[i] / c1) / (sqrtf(square[i] / c2) + eps);
    }
}

/* The learning rate: up to 1e-3 in 100 steps, then half a cosine down to a tenth of that. */
static double learning_rate(int step, int steps) {
    double cosine = 0.5 + 0.5 * cos(M_PI * (step - 100) / (steps - 100.0));
    return step <= 100 ? 1e-5 * step : 1e-4 + 9e-4 * cosine;
}

typedef struct Text {
    int n;
    bool bos; // in place of every row's first token, unless --no-bos
    uint16_t *token;
} Text;

/* The tokens of FOLDER/data_SPLIT_000000.bin, a file like llm.c's: 256 int32, then uint16. */
static Text text_open(const char *folder, const char *split, bool bos) {
    char path[4096];
    int32_t head[256] = {0}; // a magic number, a version, how many tokens
    snprintf(path, sizeof path, "%s/data_%s_000000.bin", folder, split);
    FILE *in = fopen(path, "rb");
    if (!in) err(2, "%s (made by ./sinklab data configs/demo.yaml --shards %s)", path, folder);
    size_t n = fread(head, sizeof head, 1, in) == 1 && head[2] > HELD_OUT * T ? head[2] : 0;
    uint16_t *token = malloc(n * sizeof *token + 1);
    if (head[0] != 20240520 || head[1] != 1 || !n || !token || fread(token, sizeof *token, n, in) != n)
        errx(2, "%s: no shard of tokens, or cut, or too short", path);
    for (size_t i = 0; i < n; i++)
        if (token[i] >= VOCAB) errx(2, "%s: token %d, where the vocabulary has %d", path, token[i], VOCAB);
    fclose(in);
    return (Text){n, bos, token};
}

/* T tokens from `start` on, the first of them replaced by BOS if asked, and for each the one that follows. */
static void row(uint16_t *x, uint16_t *y, const Text *text, int start) {
    memcpy(x, text->token + start, T * sizeof *x);
    memcpy(y, text->token + start + 1, T * sizeof *y);
    if (text->bos) x[0] = BOS;
}

/* A step on random rows; returns their mean loss before it. w: the weights, AdamW's two moments. Parts have
 * gradients of their own, which are added in order: a seed gives the same bits on any number of threads. */
static double train(Weights *w, Pass *part, const Text *text, unsigned short *random, int step, double lr) {
    uint16_t x[ROWS * T], y[ROWS * T];
    double loss = 0;
    for (int i = 0; i < ROWS; i++) row(x + i * T, y + i * T, text, erand48(random) * (text->n - T));
#pragma omp parallel for
    for (int i = 0; i < PARTS; i++) {
        forward(&part[i], w, x + i * N, y + i * N);
        backward(&part[i], w, x + i * N, y + i * N);
    }
    for (int i = 0; i < ROWS * T; i++) loss += part[i / N].loss[i % N] / (ROWS * T);
    for (int i = 1; i < PARTS; i++) add((float *)&part[0].g, (float *)&part[i].g, FLOATS);
    adamw((float *)w, (float *)&w[1], (float *)&w[2], (float *)&part[0].g, step, lr);
    return loss;
}

/* ---- the numbers that show a sink ---- */

typedef struct Sink {
    double loss, first_mass, rate, ratio;
} Sink;

/* Mean over queries of a head's attention to position 0;  A (T, T) */
static double first_mass(const float *A) {
    double sum = 0;
    for (int t = 0; t < T; t++) sum += A[t * T];
    return sum / T;
}

/* |x_0| over the median of |x_t|, t > 0;  x (T, D) */
static double norm_ratio(const float *x) {
    float norm[T];
    for (int t = 0, i; t < T; t++) {
        float length = sqrtf(dot(x + t * D, x + t * D, D));
        for (i = t; i > 1 && norm[i - 1] > length; i--) norm[i] = norm[i - 1];
        norm[i] = length; // in ascending order from norm[1] on
    }
    return 2 * norm[0] / (norm[T / 2] + norm[(T + 1) / 2]); // of T - 1 others
}

/* Means over HELD_OUT rows, spread over the text; rows that only fill up the last part do not count. */
static Sink look(Pass *p, const Weights *w, const Text *text) {
    uint16_t x[N], y[N];
    double ratio[L] = {0};
    Sink s = {0};
    for (int i = 0; i < HELD_OUT; i += B) {
        for (int b = 0; b < B; b++)
            row(x + b * T, y + b * T, text, (i + b) % HELD_OUT * ((text->n - T) / HELD_OUT));
        forward(p, w, x, y);
        for (int b = 0; b < B && i + b < HELD_OUT; b++) {
            for (int t = 0; t < T; t++) s.loss += p->loss[b * T + t] / (HELD_OUT * T);
            for (int l = 0; l < L; l++) ratio[l] += norm_ratio(p->block[l + 1].x + b * T * D) / HELD_OUT;
            for (int j = 0; j < L * H; j++) { // head j % H of block j / H
                double mass = first_mass(p->block[j / H].A + (b * H + j % H) * T * T);
                s.first_mass += mass / (HELD_OUT * L * H);
                s.rate += (mass > 0.3 ? 1.0 : 0) / (HELD_OUT * L * H);
            }
        }
    }
    for (int l = 0; l < L; l++) s.ratio = fmax(s.ratio, ratio[l]);
    return s;
}

int main(int argc, char **argv) {
    const struct option options[] = {
        {"seed", 1, 0, 's'}, {"steps", 1, 0, 'n'}, {"no-bos", 0, 0, 'b'}, {"head-norm", 0, 0, 'h'}, {0}};
    long seed = 0, steps = 2500;
    bool bos = true, head_norm = false, bad = false;
    for (int o; (o = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        // Two edits take the sink away, or most of it. Rows begin with text: no token is the first of all:
        if (o == 'b') bos = false;
        // Each head's output is normed, so that attending to a small value no longer silences the head:
        if (o == 'h') head_norm = true;
        bad |= strchr("?:", o) || (strchr("sn", o) && sscanf(optarg, "%ld", o == 's' ? &seed : &steps) != 1);
    }
    if (bad || optind + 1 != argc) errx(2, "usage: gpt DIR [--seed N] [--steps N] [--no-bos] [--head-norm]");
#ifdef __x86_64__ // Debian's BLIS 0.9.0 has a kernel for AVX-512, skx, and does not take it on newer CPUs
    if (__builtin_cpu_supports("x86-64-v4") && setenv("BLIS_ARCH_TYPE", (char[]){'0' + BLIS_ARCH_SKX, 0}, 0))
        err(1, "BLIS_ARCH_TYPE"); // without it BLIS would round otherwise
#endif
    bli_thread_set_num_threads(1); // a part is one thread's
    Text text = text_open(argv[optind], "train", bos), held_out = text_open(argv[optind], "val", bos);
    static Weights w[3]; // the weights, AdamW's two moments
    static Pass part[PARTS];
    for (int i = 0; i < PARTS; i++) part[i].head_norm = head_norm;
    unsigned short random[3] = {0x330E, seed, seed >> 16}; // as srand48 begins
    weights_init(w, random);
    printf("  step    loss  held out  first mass  sink rate  norm ratio\n");
    for (int step = 1; step <= steps; step++) {
        double loss = train(w, part, &text, random, step, learning_rate(step, steps));
        if (step > 1 && step % 100 && step < steps) continue;
        Sink s = look(part, w, &held_out);
        printf("%6d %7.3f %9.3f %11.3f %10.3f %11.2f\n", step, loss, s.loss, s.first_mass, s.rate, s.ratio);
        fflush(stdout);
    }
    return 0;
}
