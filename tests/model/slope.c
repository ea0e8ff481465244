#include "tests/model/slope.h"

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

/* The step whose double finds the same slope but for 5e-4 and noise; where nothing has kinks half of it, lest
 * the two agreed by chance. */
static double settle(const Walk *k, double h, double noise, double *slope) {
    double before = NAN;
    for (int i = 0; i < HALVINGS; i++, h /= 2) {
        *slope = difference(k, h);
        if (fabs(before - *slope) <= 5e-4 * fabs(*slope) + noise / h) break; /* NAN: not yet */
        before = *slope;
    }
    if (!k->l->sides) *slope = difference(k, h /= 2);
    return h;
}

bool check_slope(const Line *l, double reach, double D, const char *what) {
    OWNED float *at = constants(l->n, 0);
    memcpy(at, l->w, l->n * sizeof *at);
    Walk k = {l, at, 0};
    loss_at(&k, 0);
    k.sides = l->sides ? *l->sides : 0;
    double slope, noise = noise_of(&k, 1e-4 * reach), h = settle(&k, reach / POINTS, noise, &slope);
    memcpy(l->w, at, l->n * sizeof *at);
    noise /= h;
    bool flat = fabs(slope) * reach < FLAT && fabs(D) * reach < FLAT;
    if (!(fabs(slope - D) <= 1e-3 * fabs(D) + noise + ROUNDING / reach))
        fail_msg("%s: slope %.8g, gradient says %.8g (noise %.2g, step %.2g of %.2g)", what, slope, D, noise,
                 h, reach);
    return flat || noise <= 2e-2 * fabs(slope);
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

/* What has kinks, and where its side shows: a number that is 0 or not, at the hidden units or in the weights
 * of attention; or one below 1 or not. Softpick jumps where a query sees one key, from 0 to 1 as its score
 * passes 0; that side is the weight's being 0. */
static const struct {
    const char *(*name)(int);
    const char *kind;
    bool hidden, one;
} kinked[] = {{mlp_name, "relu", true, false},
              {mlp_name, "reglu", true, false},
              {attention_name, "relu", false, false},
              {attention_name, "softpick", false, false},
              {attention_name, "clipped", false, true}};
enum { KINKED = sizeof kinked / sizeof *kinked };

static int has_kinks(const ModelConfig *c, bool hidden) {
    for (int i = 0; i < KINKED; i++) {
        int row = kinked[i].name == mlp_name ? c->mlp : c->attention;
        if (kinked[i].hidden == hidden && !strcmp(kinked[i].name(row), kinked[i].kind)) return i;
    }
    return -1;
}

static void add_side(uint64_t *sides, unsigned side) {
    *sides = (*sides ^ side) * 0x100000001b3u; /* FNV-1a */
}

static void see_hidden(void *self, const View *v) {
    RigLoss *l = self;
    for (int64_t i = 0; i < v->tokens; i++)
        for (int k = 0; k < v->width; k++) add_side(&l->sides, v->data[i * v->ld + k] != 0);
}

static void see_weights(void *self, const Weights *w) {
    RigLoss *l = self;
    int kink = has_kinks(&l->r->m->config, false);
    for (int i = 0; i < w->nq; i++) {
        const float *A = w->A + i * w->ld;
        if (l->penalty.c) l->mass[w->row - l->batch.row0] += A[w->lo[w->q0 + i]];
        int end = w->q0 + i < l->r->m->config.prefix ? (int)l->r->m->config.prefix : w->q0 + i + 1;
        for (int k = 0; kink >= 0 && k < end && k < w->T; k++)
            add_side(&l->sides, (A[k] != 0) | (kinked[kink].one && A[k] >= 1) << 1);
    }
}

static double penalty_of(const RigLoss *l) {
    const ModelConfig *c = &l->r->m->config;
    double sum = 0, weights = (double)(c->layers * c->heads * l->batch.T);
    for (int row = 0; l->penalty.c && row < l->batch.rows; row++) {
        double off = l->mass[row] / weights - l->penalty.target;
        sum += l->penalty.share * l->penalty.c * off * off;
    }
    return sum;
}

int rig_scored(const Batch *b) {
    int scored = 0;
    for (int n = 0; n < b->rows * b->T; n++) scored += b->y[n] >= 0;
    return scored;
}

double rig_loss(void *self) {
    RigLoss *l = self;
    const ModelConfig *c = &l->r->m->config;
    bool weights = l->penalty.c || has_kinks(c, false) >= 0;
    Observer eye = {has_kinks(c, true) >= 0 ? 1u << TAP_MLP_HIDDEN : 0, l, see_hidden,
                    weights ? see_weights : NULL};
    if (l->penalty.c) memset(l->mass, 0, (size_t)l->batch.rows * sizeof *l->mass);
    l->sides = 0xcbf29ce484222325u;
    tape_observe(l->tape, (Observers){&eye, 1});
    model_forward(l->r->m, l->tape, &l->batch);
    tape_observe(l->tape, (Observers){NULL, 0});
    double sum = 0;
    for (int n = 0; n < l->batch.rows * l->batch.T; n++) sum += tape_losses(l->tape)[n];
    return sum / rig_scored(&l->batch) + penalty_of(l);
}

bool kinky(const ModelConfig *c) {
    return has_kinks(c, true) >= 0 || has_kinks(c, false) >= 0;
}

const uint64_t *rig_sides(const RigLoss *l) {
    return kinky(&l->r->m->config) ? &l->sides : NULL;
}
