/* Loss by position, pruning of heads and attacks on a token, on a small model: against a naive forward in
 * double, brute force, and in cases whose answer is known. */
#include "tests/model/naive_forward.h"
#include "tests/model/support.h"

#include "ablations/probe/modes.h"
#include "model/kernels/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, T = 9 };

typedef struct Fixture {
    Rig r;
    ProbedModel s;
    ProbeRows p;
    float losses[ROWS * T];
} Fixture;

static void fixture_open(Fixture *a) {
    ModelConfig c = naive_config();
    Error e = {0};
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    a->r = rig_of(&c, ROWS, T, 0);
    a->s = (ProbedModel){.m = a->r.m, .c = {.seed = 5}};
    a->p = (ProbeRows){ROWS, T, {a->r.x, a->r.y, a->r.doc_start, NULL}, a->losses};
    a->s.main = a->p;
}

static void must(bool ok, const Error *e) {
    if (!ok) fail_msg("%s", e->text);
}

static void near(const char *what, double got, double want) {
    if (!(fabs(got - want) <= 1e-5 * fabs(want))) fail_msg("%s: %.9g, expected %.9g", what, got, want);
}

/* Sum of the losses of a row's targets from `from` on, over tokens x of its own; n: how many. */
static double naive_sum(const Fixture *a, int row, const int32_t *x, int from, int *n) {
    Forward f = naive_forward(a->r.m, x, a->r.doc_start + row * T, T);
    double sum = 0;
    *n = 0;
    for (int t = from; t < T; t++) {
        int32_t y = a->r.y[row * T + t];
        if (y >= 0) sum += naive_loss(&f, f.L - 1, t, y), ++*n;
    }
    naive_free(&f);
    return sum;
}

static void fill(const Model *m, Stage s, float value) {
    for (int l = 0; l < (int)m->config.layers; l++) {
        const Tensor *t = model_tensor(m, l, s, 0);
        for (int64_t k = 0; k < t->rows * t->cols; k++) m->params[t->offset + (size_t)k] = value;
    }
}

/* ---- loss by position ---- */

static void losses_are_grouped_by_powers_of_two(void **state) {
    (void)state;
    static const int group[T] = {0, 1, 2, 2, 3, 3, 3, 3, 4};
    Fixture a;
    Error e = {0};
    LossSum got[POSITION_SUMS], again[POSITION_SUMS];
    double sum[POSITION_SUMS] = {0}, squares[POSITION_SUMS] = {0};
    int64_t n[POSITION_SUMS] = {0};
    int8_t kind[ROWS * T];
    fixture_open(&a);
    for (int i = 0; i < ROWS * T; i++) kind[i] = (int8_t)(i % 3);
    a.p.at.kind = kind;
    must(positions_measure(&a.s, &a.p, false, got, &e), &e);
    for (int row = 0; row < ROWS; row++) {
        Forward f = naive_forward(a.r.m, a.r.x + row * T, a.r.doc_start + row * T, T);
        for (int t = 0; t < T; t++) {
            int32_t y = a.r.y[row * T + t];
            double loss = y >= 0 ? naive_loss(&f, f.L - 1, t, y) : 0;
            int to[] = {group[t], POSITION_GROUPS + kind[row * T + t]};
            for (int k = 0; y >= 0 && k < 2; k++)
                sum[to[k]] += loss, squares[to[k]] += loss * loss, n[to[k]]++;
        }
        naive_free(&f);
    }
    for (int i = 0; i < POSITION_SUMS; i++) {
        assert_int_equal(got[i].n, n[i]);
        near("sum", got[i].sum, sum[i]);
        near("squares", got[i].squares, squares[i]);
    }
    a.s.main.rows = 2; /* a batch, and a rest */
    must(positions_measure(&a.s, &a.p, false, again, &e), &e);
    assert_memory_equal(got, again, sizeof got);
    rig_free(&a.r);
}

/* ---- pruning ---- */

static void heads_go_in_the_order_that_is_asked(void **state) {
    (void)state;
    Fixture a;
    Error e = {0};
    fixture_open(&a);
    const Model *m = a.r.m;
    int H = (int)m->config.heads, dh = (int)config_head_dim(&m->config), n = (int)m->config.layers * H;
    int order[n];
    double loss[n + 1];
    OWNED float *trained = normals(0, m->arena, 0);
    memcpy(trained, m->params, m->arena * sizeof *trained);
    for (int i = 0; i < n; i++) order[i] = i % 2 ? n - 1 - i / 2 : i / 2; /* first, last, second, ... */
    must(prune_measure(&a.s, &a.p, order, n, loss, &e), &e);
    assert_memory_equal(m->params, trained, m->arena * sizeof *trained); /* as before */
    for (int gone = 0; gone <= n; gone++) {
        double sum = 0;
        int all = 0, of_row;
        if (gone) {
            int head = order[gone - 1];
            const Tensor *o = model_tensor(m, head / H, STAGE_OUT, 0);
            for (int64_t r = 0; r < o->rows; r++)
                for (int c = 0; c < dh; c++)
                    m->params[o->offset + (size_t)(r * o->cols + head % H * dh + c)] = 0;
        }
        for (int row = 0; row < ROWS; row++) {
            sum += naive_sum(&a, row, a.r.x + row * T, 0, &of_row);
            all += of_row;
        }
        near("loss", loss[gone], sum / all);
    }
    rig_free(&a.r);
}

/* A head whose columns of W_O are zero is missed by nobody. */
static void a_head_that_writes_nothing_costs_nothing(void **state) {
    (void)state;
    Fixture a;
    Error e = {0};
    double loss[2];
    fixture_open(&a);
    fill(a.r.m, STAGE_OUT, 0);
    must(prune_measure(&a.s, &a.p, (int[]){1}, 1, loss, &e), &e);
    assert_true(loss[0] == loss[1] && loss[0] > 0);
    rig_free(&a.r);
}

/* ---- attacks ---- */

enum { AT = 3 };

/* The loss from AT on with `token` there. */
static double attacked(const Fixture *a, int row, int32_t token) {
    int32_t x[T];
    int n;
    memcpy(x, a->r.x + row * T, sizeof x);
    x[AT] = token;
    double sum = naive_sum(a, row, x, AT, &n);
    return sum / n;
}

static void an_attack_by_all_tokens_finds_the_worst(void **state) {
    (void)state;
    Fixture a;
    Error e = {0};
    Attack got;
    fixture_open(&a);
    int V = (int)a.r.m->config.vocab;
    double before = 0, worst = 0;
    must(attack_measure(&a.s, &a.p, AT, V - 1, &got, &e), &e);
    for (int row = 0; row < ROWS; row++) {
        double most = 0;
        int32_t was = a.r.x[row * T + AT];
        before += attacked(&a, row, was) / ROWS;
        for (int32_t v = 0; v < V; v++) most = v == was ? most : fmax(most, attacked(&a, row, v));
        worst += most / ROWS;
    }
    near("before", got.before, before);
    near("worst", got.worst, worst);
    assert_true(got.random_worst <= got.worst && got.random <= got.random_worst && got.spread > 0);
    rig_free(&a.r);
}

/* The rise that the slope of the row's loss promises for a token, by central differences along E_v - E_x. */
static double promised(const Fixture *a, int row, int32_t v) {
    const double h = 1e-4;
    int d = (int)a->r.m->config.width, D = T * d;
    const Tensor *E = model_tensor(a->r.m, -1, STAGE_EMBED, 0);
    double x[D], rise = 0;
    naive_embed(a->r.m, a->r.x + row * T, T, x);
    for (int sign = 1; sign >= -1; sign -= 2) {
        double moved[D];
        memcpy(moved, x, sizeof moved);
        for (int c = 0; c < d; c++)
            moved[AT * d + c] +=
                sign * h * ((double)a->r.m->params[E->offset + (size_t)(v * d + c)] - x[AT * d + c]);
        Forward f = naive_from(a->r.m, moved, a->r.doc_start + row * T, T);
        for (int t = 0; t < T; t++)
            if (a->r.y[row * T + t] >= 0)
                rise += sign * naive_loss(&f, f.L - 1, t, a->r.y[row * T + t]) / (2 * h);
        naive_free(&f);
    }
    return rise;
}

static void the_gradient_chooses_the_token_that_promises_most(void **state) {
    (void)state;
    Fixture a;
    Error e = {0};
    Attack got;
    double want = 0;
    fixture_open(&a);
    must(attack_measure(&a.s, &a.p, AT, 1, &got, &e), &e);
    for (int row = 0; row < ROWS; row++) {
        int32_t best = -1;
        double most = 0;
        for (int32_t v = 0; v < (int32_t)a.r.m->config.vocab; v++) {
            double rise = v == a.r.x[row * T + AT] ? -INFINITY : promised(&a, row, v);
            if (best < 0 || rise > most) best = v, most = rise;
        }
        want += attacked(&a, row, best) / ROWS;
    }
    near("loss under the first choice", got.worst, want);
    rig_free(&a.r);
}

/* Tokens of one vector are one token. */
static void an_attack_among_equal_vectors_does_nothing(void **state) {
    (void)state;
    Fixture a;
    Error e = {0};
    Attack got;
    fixture_open(&a);
    const Tensor *E = model_tensor(a.r.m, -1, STAGE_EMBED, 0);
    for (int64_t v = 1; v < E->rows; v++)
        memcpy(a.r.m->params + E->offset + v * E->cols, a.r.m->params + E->offset,
               (size_t)E->cols * sizeof(float));
    for (int pos = 0; pos < T; pos += T - 1) {
        must(attack_measure(&a.s, &a.p, pos, 4, &got, &e), &e);
        assert_true(got.before == got.random_worst && got.before == got.worst && got.before > 0);
        assert_true(pos ? isnan(got.spread) : got.spread == 0); /* nothing comes after the last position */
    }
    rig_free(&a.r);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_grouped_by_powers_of_two),
        cmocka_unit_test(heads_go_in_the_order_that_is_asked),
        cmocka_unit_test(a_head_that_writes_nothing_costs_nothing),
        cmocka_unit_test(an_attack_by_all_tokens_finds_the_worst),
        cmocka_unit_test(the_gradient_chooses_the_token_that_promises_most),
        cmocka_unit_test(an_attack_among_equal_vectors_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
