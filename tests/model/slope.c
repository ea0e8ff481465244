#include "tests/model/slope.h"

#include "model/tape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- differences ---- */

enum { POINTS = 3, TINY = 12, HALVINGS = 24 };
static const double FLAT = 1e-4, ROUNDING = 4e-6; /* nats, over the reach */

typedef struct Walk {
    const Line *l;
    float *at; /* the weights as they were */
    uint64_t sides;
} Walk;

static double loss_at(const Walk *k, double h) {
    for (size_t i = 0; i < k->l->n; i++) k->l->w[i] = (float)(k->at[i] + h * k->l->v[i]);
    return k->l->loss(k->l->self);
}

/* NAN where the six points are not on one side of every kink; the outermost come first. */
static double difference(const Walk *k, double h) {
    static const double weight[POINTS] = {45, -9, 1};
    double sum = 0;
    for (int i = POINTS; i > 0; i--)
        for (int sign = -1; sign <= 1; sign += 2) {
            sum += sign * weight[i - 1] * loss_at(k, sign * i * h);
            if (k->l->sides && *k->l->sides != k->sides) return NAN;
        }
    return sum / (60 * h);
}

static double noise_of(const Walk *k, double step) {
    double f[TINY], sum = 0;
    for (int i = 0; i < TINY; i++) f[i] = loss_at(k, (i - TINY / 2) * step);
    for (int i = 0; i + 4 < TINY; i++) {
        double fourth = f[i] - 4 * f[i + 1] + 6 * f[i + 2] - 4 * f[i + 3] + f[i + 4];
        sum += fourth * fourth / 70 / (TINY - 4);
    }
    return 6 * 1.09 * sqrt(sum);
}

/* The step whose double and fourfold find the same slope but for 5e-4 and noise: two may agree by chance.
 * NAN: there is none, and nothing is told on this line. */
static double settle(const Walk *k, double h, double noise, double *slope) {
    double before = NAN;
    for (int i = 0, agreed = 0; i < HALVINGS; i++, h /= 2) {
        *slope = difference(k, h);
        agreed = fabs(before - *slope) <= 5e-4 * fabs(*slope) + noise / h ? agreed + 1 : 0; /* NAN: none */
        if (agreed == 2) return h;
        before = *slope;
    }
    return NAN;
}

bool check_slope(const Line *l, double reach, double D, const char *what) {
    OWNED float *at = constants(l->n, 0);
    memcpy(at, l->w, l->n * sizeof *at);
    Walk k = {l, at, 0};
    loss_at(&k, 0);
    k.sides = l->sides ? *l->sides : 0;
    double slope, noise = noise_of(&k, 1e-4 * reach), h = settle(&k, reach / POINTS, noise, &slope);
    memcpy(l->w, at, l->n * sizeof *at);
    if (isnan(h)) return false;
    noise /= h;
    bool flat = fabs(slope) * reach < FLAT && fabs(D) * reach < FLAT;
    bool close = fabs(slope - D) <= 1e-3 * fabs(D) + noise + ROUNDING / reach;
    if (!flat && noise > 2e-2 * fabs(slope)) return false;
    if (!close && !flat)
        fail_msg("%s: slope %.8g, gradient says %.8g (noise %.2g, step %.2g of %.2g)", what, slope, D, noise,
                 h, reach);
    return close;
}

static double rms(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sqrt(sum / (double)n);
}

double tilt(const Model *m, const Tensor *t, const float *g, float *v, double *reach) {
    size_t n = (size_t)(t->rows * t->cols);
    g += t->offset;
    v += t->offset;
    double size = rms(g, n), along = 0, D = 0;
    OWNED float *noise = normals(11 + t->offset, n, size > 0 ? size : 1e-6);
    for (size_t i = 0; i < n; i++) along += (double)g[i] * noise[i];
    for (size_t i = 0; i < n; i++) {
        v[i] = g[i] + (along < 0 ? -noise[i] : noise[i]);
        D += (double)g[i] * v[i];
    }
    *reach = fmin(*reach, 0.3 * rms(m->params + t->offset, n) / rms(v, n));
    return D;
}

/* ---- a rig's loss ---- */

/* Kinks are seen, not told: what cuts something off leaves numbers that are exactly 0, or weights that are 1
 * but for a rounding. Which they are is the side: smooth kinds never make them. (A query that sees one key
 * gives it the weight 1 in any case. Softpick jumps there, from 0 to 1 as the score passes 0.) */
enum { CUT_AT_0 = 1, CUT_AT_1 = 2 };

static unsigned side_of(float x) {
    return (x == 0 ? CUT_AT_0 : 0) | (fabsf(x - 1) < 1e-6f ? CUT_AT_1 : 0);
}

static void note_hidden(void *self, const View *v) {
    Kinks *k = self;
    for (int64_t i = 0; i < v->tokens; i++)
        for (int n = 0; n < v->width; n++) k->hidden |= v->data[i * v->ld + n] == 0;
}

static void note_weights(void *self, const Weights *w) {
    Kinks *found = self;
    for (int i = 0; i < w->nq; i++)
        for (int k = 0; w->q0 + i > 0 && k <= w->q0 + i; k++)
            found->weights |= side_of(w->A[i * w->ld + k]) != 0;
}

Kinks kinks_of(const ModelConfig *c) {
    enum { LENGTH = 16 };
    ModelConfig bare = *c; /* masks and changes make zeros of their own */
    bare.window = bare.window_keep = bare.prefix = 0;
    bare.interventions.n = 0;
    Kinks found = {.clip = c->residual_clip, .routed = config_routes(c)};
    Observer eye = {1u << TAP_MLP_HIDDEN, &found, note_hidden, note_weights};
    Rig r = rig_of(&bare, 1, LENGTH, 0);
    Tape *tape = rig_tape(&r, 1, false);
    Batch b = rig_batch(&r, 0, 1);
    tape_observe(tape, (Observers){&eye, 1});
    model_forward(r.m, tape, &b);
    tape_free(tape);
    rig_free(&r);
    return found;
}

static void add_side(uint64_t *sides, unsigned side) {
    *sides = (*sides ^ side) * 0x100000001b3u; /* FNV-1a */
}

static void see_array(void *self, const View *v) {
    RigLoss *l = self;
    bool stream = v->at == TAP_RESID;
    for (int64_t i = 0; i < v->tokens; i++)
        for (int k = 0; k < v->width; k++) {
            float x = v->data[i * v->ld + k];
            add_side(&l->sides, stream ? fabsf(x) == (float)l->kinks.clip : x != 0);
        }
}

static double *mass_of(const RigLoss *l, int row, int layer, int head) {
    const ModelConfig *c = &l->r->m->config;
    return l->mass + 2 * ((row * c->layers + layer) * c->heads + head);
}

static void see_weights(void *self, const Weights *w) {
    RigLoss *l = self;
    double *mass =
        penalises(l->penalty) ? mass_of(l, (int)(w->row - l->batch.row0), w->layer, w->head) : NULL;
    for (int i = 0; i < w->nq; i++) {
        const float *A = w->A + i * w->ld;
        int first = w->doc_start[w->q0 + i];
        if (mass) mass[first != w->q0 + i] += A[first];
        int end = w->q0 + i < l->r->m->config.prefix ? (int)l->r->m->config.prefix : w->q0 + i + 1;
        for (int k = 0; l->kinks.weights && k < end && k < w->T; k++) add_side(&l->sides, side_of(A[k]));
    }
}

/* c (M - target)^2 of a row. */
static double mass_penalty(const RigLoss *l, int row) {
    const ModelConfig *c = &l->r->m->config;
    double sum = 0;
    for (int i = 0; i < 2 * c->layers * c->heads; i++) sum += mass_of(l, row, 0, 0)[i];
    double off = sum / (double)(c->layers * c->heads * l->batch.T) - l->penalty.target;
    return l->penalty.c * off * off;
}

/* balance H CV^2(G) of a row's layer. */
static double balance_penalty(const RigLoss *l, int row, int layer) {
    int H = (int)l->r->m->config.heads, n = 0;
    double G[H], mean = 0, squares = 0;
    for (int q = 0; q < l->batch.T; q++) n += l->batch.doc_start[row * l->batch.T + q] != q;
    for (int h = 0; h < H; h++) mean += G[h] = 1 - mass_of(l, row, layer, h)[1] / n;
    mean /= H;
    for (int h = 0; h < H; h++) squares += (G[h] - mean) * (G[h] - mean);
    return l->penalty.balance * H * (squares / H) / (mean * mean);
}

static double penalty_of(const RigLoss *l) {
    double sum = 0;
    for (int row = 0; penalises(l->penalty) && row < l->batch.rows; row++) {
        sum += mass_penalty(l, row);
        for (int layer = 0; layer < l->r->m->config.layers; layer++) sum += balance_penalty(l, row, layer);
    }
    return l->penalty.share * sum;
}

int rig_scored(const Batch *b) {
    int scored = 0;
    for (int n = 0; n < b->rows * b->T; n++) scored += b->y[n] >= 0;
    return scored;
}

static void see_picked(RigLoss *l) {
    const ModelConfig *c = &l->r->m->config;
    int n = l->batch.rows * config_routed_tokens(c, l->batch.T);
    for (int layer = 0; layer < c->layers; layer++)
        for (int i = 0; config_is_routed(c, layer) && i < n; i++)
            add_side(&l->sides, (unsigned)l->tape->acts[layer].place[i]);
}

double rig_loss(void *self) {
    RigLoss *l = self;
    bool weights = penalises(l->penalty) || l->kinks.weights;
    uint32_t taps = (l->kinks.hidden ? 1u << TAP_MLP_HIDDEN : 0) | (l->kinks.clip ? 1u << TAP_RESID : 0);
    Observer eye = {taps, l, see_array, weights ? see_weights : NULL};
    int64_t masses = 2 * l->batch.rows * l->r->m->config.layers * l->r->m->config.heads;
    if (penalises(l->penalty)) memset(l->mass, 0, (size_t)masses * sizeof *l->mass);
    l->sides = 0xcbf29ce484222325u;
    Observers own = l->tape->observers;
    Observer all[own.n + 1];
    for (int i = 0; i < own.n; i++) all[i] = own.at[i];
    all[own.n] = eye;
    tape_observe(l->tape, (Observers){all, own.n + 1});
    model_forward(l->r->m, l->tape, &l->batch);
    tape_observe(l->tape, own);
    see_picked(l);
    double sum = 0;
    for (int n = 0; n < l->batch.rows * l->batch.T; n++) sum += tape_losses(l->tape)[n];
    return sum / rig_scored(&l->batch) + penalty_of(l);
}

const uint64_t *rig_sides(const RigLoss *l) {
    return kinky(l->kinks) ? &l->sides : NULL;
}
