#include "model/route.h"

#include "model/block.h"
#include "model/ops/strips.h"

#include <string.h>

static double score_of(const float *x, const float *w, int d) {
    double sum = 0;
    for (int i = 0; i < d; i++) sum += (double)x[i] * (double)w[i];
    return sum;
}

/* Positions of the k largest of r (T), ascending; of equal ones the earlier. */
static void pick(const float *r, int T, int k, int32_t *place) {
    int found = 0;
    for (int t = 0; t < T && found < k; t++) {
        int larger = 0;
        for (int s = 0; s < T; s++) larger += r[s] > r[t] || (r[s] == r[t] && s < t);
        if (larger < k) place[found++] = t;
    }
}

/* Picked token n, of row n / k: where it stands among all. */
static int64_t token_of(const Pass *p, const Acts *a, int64_t n, int k) {
    return n / k * p->b->T + a->place[n];
}

/* The tokens that the block computes, out of the stream. */
static void gather(const Pass *p, Acts *a, const float *w, int k) {
    int T = p->b->T, d = (int)p->m->config.width;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < p->b->rows; row++) {
        float *r = a->scores + (int64_t)row * T;
        for (int t = 0; t < T; t++) r[t] = (float)score_of(a->x + ((int64_t)row * T + t) * d, w, d);
        pick(r, T, k, a->place + (int64_t)row * k);
        for (int64_t n = (int64_t)row * k; n < (int64_t)(row + 1) * k; n++)
            memcpy(a->picked + n * d, a->x + token_of(p, a, n, k) * d, (size_t)d * sizeof *a->x);
    }
}

/* The pass of the picked tokens: this one's, with room of their own for what enters and leaves the block. */
typedef struct Picked {
    Tape tape;
    Batch batch;
    Pass pass;
    int k;
} Picked;

/* acts: room for l + 2 layers, of which the last two are read. */
static void open_picked(Picked *s, const Pass *p, int l, Acts *acts) {
    Acts *a = &p->t->acts[l];
    s->k = config_routed_tokens(&p->m->config, p->b->T);
    acts[l] = *a;
    acts[l].x = a->picked;
    acts[l + 1] = p->t->acts[l + 1];
    acts[l + 1].x = a->made;
    s->tape = *p->t;
    s->tape.acts = acts;
    s->tape.dx = p->t->dpicked;
    s->tape.observers = (Observers){NULL, 0};
    s->batch = (Batch){p->b->rows, s->k, NULL, NULL, p->t->no_documents, p->b->row0};
    s->pass = *p;
    s->pass.t = &s->tape;
    s->pass.b = &s->batch;
    s->pass.N = (int64_t)p->b->rows * s->k;
    s->pass.place = a->place;
}

void routed_forward(const Pass *p, int l) {
    Acts acts[l + 2], *a = &p->t->acts[l];
    Picked s;
    Ctx router = stage_ctx(p, l, STAGE_ROUTER);
    float *out = p->t->acts[l + 1].x;
    int d = router.d;
    open_picked(&s, p, l, acts);
    memset(p->t->no_documents, 0, (size_t)s.pass.N * sizeof *p->t->no_documents);
    gather(p, a, router.w[0], s.k);
    tap(p, TAP_ROUTE, l, a->scores, 1, NULL);
    block_forward(&s.pass, l);
    memcpy(out, a->x, (size_t)(p->N * d) * sizeof *out);
    for (int64_t n = 0; n < s.pass.N; n++) {
        int64_t at = token_of(p, a, n, s.k);
        for (int i = 0; i < d; i++)
            out[at * d + i] += a->scores[at] * (a->made[n * d + i] - a->picked[n * d + i]);
    }
    phase_done(p, PHASE_RESIDUAL, 6 * d, 16 * d);
    tap(p, TAP_RESID, l, out, d, NULL);
}

/* The router's own gradient: dw = sum_n dr_n x_n. */
typedef struct RouterBack {
    const float *dr, *x;
    int d;
} RouterBack;

static void add_direction(const void *op, int64_t n, float *sum) {
    const RouterBack *b = op;
    for (int i = 0; i < b->d; i++) sum[i] += b->dr[n] * b->x[n * b->d + i];
}

/* forward: x'_t = x_t + r_t (y_t - x_t), r_t = w . x_t, y = block(X)
 * so       dy = r dx',  dr = dx' . (y - x),  dx = (1 - r) dx' + w dr + the block's from dy */
void routed_backward(const Pass *p, int l) {
    Acts acts[l + 2], *a = &p->t->acts[l];
    Picked s;
    Ctx router = stage_ctx(p, l, STAGE_ROUTER);
    const float *w = router.w[0];
    float *dx = p->t->dx, *dy = p->t->dpicked, *dr = p->t->drouter;
    int d = router.d;
    tap_gradient(p, TAP_RESID_GRAD, l, dx);
    open_picked(&s, p, l, acts);
    for (int64_t n = 0; n < s.pass.N; n++) {
        int64_t at = token_of(p, a, n, s.k);
        float r = a->scores[at];
        double slope = 0;
        for (int i = 0; i < d; i++) {
            float g = dx[at * d + i];
            slope += (double)g * (double)(a->made[n * d + i] - a->picked[n * d + i]);
            dy[n * d + i] = r * g;
        }
        dr[n] = (float)slope;
        for (int i = 0; i < d; i++) dx[at * d + i] += dr[n] * w[i] - r * dx[at * d + i];
    }
    if (!p->taps_only)
        strips_sum(add_direction, &(RouterBack){dr, a->picked, d}, p->b->rows, s.k, d, router.partial,
                   router.dw[0]);
    block_backward(&s.pass, l);
    for (int64_t n = 0; n < s.pass.N; n++) {
        int64_t at = token_of(p, a, n, s.k);
        for (int i = 0; i < d; i++) dx[at * d + i] += dy[n * d + i];
    }
}
