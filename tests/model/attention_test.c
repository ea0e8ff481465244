/* model/ops/attention.c with every row of its table (softmax.c) against naive attention: outputs, row
 * statistics, gradients, and the weights that observers are shown. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/ops/attention.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

typedef struct Case {
    int B, T, H, dh, window;
    int documents; /* their length; 0: no mask */
    int spare;     /* columns of qkv that belong to nobody */
    double std;
} Case;

static const Case cases[] = {{1, 1, 1, 1, 0, 0, 0, 1},     {1, 7, 1, 3, 0, 0, 0, 1},
                             {2, 33, 3, 12, 0, 0, 5, 1},   {1, 100, 2, 9, 0, 0, 0, 1},
                             {1, 32, 2, 16, 0, 0, 0, 1},   {2, 100, 1, 17, 0, 13, 0, 1},
                             {1, 70, 2, 8, 1, 0, 0, 1},    {1, 100, 2, 5, 40, 0, 0, 2},
                             {2, 97, 1, 24, 20, 37, 3, 1}, {1, 65, 1, 64, 0, 65, 0, 1}};
enum { CASES = sizeof cases / sizeof *cases };

static int first_key(const AttentionShape *s, int row, int t) {
    int lo = s->lo[row * s->T + t];
    return s->window && t - s->window + 1 > lo ? t - s->window + 1 : lo;
}

/* Row t of the weights of one head, and the log-sum-exp of its scores. */
static double naive_row(const AttentionShape *s, const double *qkv, int row, int h, int t, double *A) {
    const double *q = qkv + (row * s->T + t) * s->ld + h * s->dh;
    double max = -INFINITY, sum = 0;
    for (int k = 0; k < s->T; k++) {
        const double *key = qkv + (row * s->T + k) * s->ld + (s->H + h) * s->dh;
        bool seen = k <= t && k >= first_key(s, row, t);
        double score = 0;
        for (int i = 0; i < s->dh; i++) score += q[i] * key[i];
        A[k] = seen ? score / sqrt(s->dh) : -INFINITY;
        max = fmax(max, A[k]);
    }
    for (int k = 0; k < s->T; k++) sum += A[k] = exp(A[k] - max);
    for (int k = 0; k < s->T; k++) A[k] /= sum;
    return max + log(sum);
}

static void naive(const void *shape, const double *const *in, double *out) {
    const AttentionShape *s = shape;
    OWNED double *A = calloc((size_t)s->T, sizeof *A);
    for (int task = 0; task < s->B * s->H * s->T; task++) {
        int t = task % s->T, h = task / s->T % s->H, row = task / s->T / s->H;
        naive_row(s, in[0], row, h, t, A);
        for (int i = 0; i < s->dh; i++) {
            double sum = 0;
            for (int k = 0; k <= t; k++)
                sum += A[k] * in[0][(row * s->T + k) * s->ld + (2 * s->H + h) * s->dh + i];
            out[((row * s->T + t) * s->H + h) * s->dh + i] = sum;
        }
    }
}

static AttentionShape shape_of(const Case *c, int32_t *lo) {
    for (int n = 0; n < c->B * c->T; n++) lo[n] = c->documents ? n % c->T / c->documents * c->documents : 0;
    return (AttentionShape){c->B, c->T, c->H, c->dh, 3 * c->H * c->dh + c->spare, lo, c->window};
}

static float *scratch_of(const Case *c, bool backward) {
    return constants(attention_scratch(c->T, c->dh, backward) * (size_t)omp_get_max_threads(), NAN);
}

/* Deep: a score (d_head), its exponential, sums over T keys twice. */
static void check(const AttentionSlot *slot, const Case *c) {
    size_t N = (size_t)(c->B * c->T), heads = (size_t)(c->H * c->dh);
    OWNED int32_t *lo = calloc(N, sizeof *lo);
    AttentionShape s = shape_of(c, lo);
    size_t n = N * (size_t)s.ld, m = N * heads;
    OWNED float *qkv = normals(1, n, c->std), *g = normals(2, m, 1), *o = constants(m, 9);
    OWNED float *stat = constants(N * (size_t)c->H, 9), *dqkv = constants(n, c->spare ? 0 : 9);
    OWNED float *forward = scratch_of(c, false), *backward = scratch_of(c, true);
    const float *in[] = {qkv};
    Naive f = {&s, naive, 1, {n}, m};

    attention_forward(slot, &s, qkv, o, stat, forward, NULL, 0, 0);
    check_forward(&f, in, o, c->dh + c->T + 8);
    attention_backward(slot, &s, qkv, o, stat, g, dqkv, backward);
    check_gradient(&f, in, g, 0, dqkv, 0, 2 * (c->dh + c->T) + 16);
}

static void test_softmax(void **state) {
    (void)state;
    assert_string_equal(attention_slots[0].head.name, "softmax");
    for (int i = 0; i < CASES; i++) check(&attention_slots[0], &cases[i]);
}

/* The saved statistic is the log-sum-exp: step_head and the taps rely on it. */
static void test_log_sum_exp(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Case *c = &cases[i];
        OWNED int32_t *lo = calloc((size_t)(c->B * c->T), sizeof *lo);
        AttentionShape s = shape_of(c, lo);
        size_t n = (size_t)(c->B * c->T * s.ld), m = (size_t)(c->B * c->T * c->H);
        OWNED float *qkv = normals(1, n, c->std), *o = constants(m * (size_t)c->dh, 0),
                    *stat = constants(m, 0);
        OWNED float *scratch = scratch_of(c, false);
        OWNED double *wide = doubles_of(qkv, n), *A = calloc((size_t)c->T, sizeof *A);
        attention_forward(&attention_slots[0], &s, qkv, o, stat, scratch, NULL, 0, 0);
        for (int at = 0; at < c->B * c->H * c->T; at++) {
            double want = naive_row(&s, wide, at / c->T / c->H, at / c->T % c->H, at % c->T, A);
            assert_true(fabs(stat[at] - want) <= (c->dh + 16) * 0x1p-24 * (1 + fabs(want)));
        }
    }
}

/* ---- what observers see ---- */

/* One a (row, head), so that threads write apart; judged after the pass. */
typedef struct Witness {
    int next; /* query that must come next */
    bool in_order;
    double worst, worst_sum;
} Witness;

typedef struct Watch {
    const AttentionShape *s;
    const double *qkv;
    Witness *at; /* (B, H) */
    int64_t row0;
    int layer;
} Watch;

static void watch(void *self, const Weights *w) {
    Watch *v = self;
    int row = (int)(w->row - v->row0);
    Witness *x = &v->at[row * v->s->H + w->head];
    OWNED double *A = calloc((size_t)v->s->T, sizeof *A);
    x->in_order &= w->q0 == x->next && w->layer == v->layer && w->T == v->s->T;
    x->in_order &= w->lo == v->s->lo + row * v->s->T;
    x->next = w->q0 + w->nq;
    for (int i = 0; i < w->nq; i++) {
        double sum = 0;
        naive_row(v->s, v->qkv, row, w->head, w->q0 + i, A);
        for (int k = 0; k < w->q0 + w->nq; k++) {
            x->worst = fmax(x->worst, fabs(w->A[i * w->ld + k] - A[k]));
            sum += w->A[i * w->ld + k];
        }
        x->worst_sum = fmax(x->worst_sum, fabs(sum - 1));
    }
}

static void test_weights_shown(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Case *c = &cases[i];
        OWNED int32_t *lo = calloc((size_t)(c->B * c->T), sizeof *lo);
        AttentionShape s = shape_of(c, lo);
        size_t n = (size_t)(c->B * c->T * s.ld), m = (size_t)(c->B * c->T * c->H);
        OWNED float *qkv = normals(1, n, c->std), *o = constants(m * (size_t)c->dh, 0),
                    *stat = constants(m, 0);
        OWNED float *scratch = scratch_of(c, false);
        OWNED double *wide = doubles_of(qkv, n);
        OWNED Witness *seen = calloc((size_t)(c->B * c->H), sizeof *seen);
        for (int k = 0; k < c->B * c->H; k++) seen[k].in_order = true;
        Watch w = {&s, wide, seen, 1000, 3};
        Observer eye = {.self = &w, .weights = watch};
        attention_forward(&attention_slots[0], &s, qkv, o, stat, scratch, &(Observers){&eye, 1}, 3, 1000);
        for (int k = 0; k < c->B * c->H; k++) {
            assert_true(seen[k].in_order && seen[k].next == c->T);
            assert_true(seen[k].worst <= 4 * (c->dh + 8) * 0x1p-24);
            assert_true(seen[k].worst_sum <= c->T * 0x1p-24);
        }
    }
}

/* Scores far outside the exponential's range: one key takes all. */
static void test_huge_scores(void **state) {
    (void)state;
    const Case c = {1, 50, 1, 4, 0, 0, 0, 1e4};
    OWNED int32_t *lo = calloc((size_t)c.T, sizeof *lo);
    AttentionShape s = shape_of(&c, lo);
    size_t n = (size_t)(c.T * s.ld), m = (size_t)(c.T * c.dh);
    OWNED float *qkv = normals(1, n, c.std), *o = constants(m, 0), *stat = constants((size_t)c.T, 0);
    OWNED float *g = normals(2, m, 1), *dqkv = constants(n, NAN), *scratch = scratch_of(&c, true);
    const float *in[] = {qkv};
    Naive f = {&s, naive, 1, {n}, m};
    attention_forward(&attention_slots[0], &s, qkv, o, stat, scratch, NULL, 0, 0);
    check_forward(&f, in, o, 2); /* weights are 0 and 1 */
    attention_backward(&attention_slots[0], &s, qkv, o, stat, g, dqkv, scratch);
    for (size_t i = 0; i < n; i++) assert_true(isfinite(dqkv[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_softmax), cmocka_unit_test(test_log_sum_exp),
                                       cmocka_unit_test(test_weights_shown),
                                       cmocka_unit_test(test_huge_scores)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
