/* The instruments of attention weights: planted matrices with answers in closed form, masks, kinds that
 * do not normalise, and a naive reference in double on random weights. */
#include "tests/model/instruments_fixture.h"

#include "model/slots.h"

#include <stdio.h>

enum { BLOCK = 5 }; /* no divisor of any T here: the last block is short */

typedef struct Case {
    Model m;
    Probe p;
    float *A;           /* (rows, layers, heads, T, T) */
    int32_t *doc_start; /* (rows, T) */
    bool unnormalised;
} Case;

static float *matrix(const Case *c, int row, int layer, int head) {
    int64_t L = c->m.config.layers, H = c->m.config.heads;
    return c->A + ((row * L + layer) * H + head) * c->p.T * c->p.T;
}

static Case make(int rows, int layers, int heads, int T, int window) {
    Case c = {.m = sizes(layers, heads, heads, window), .p = {.rows = rows, .T = T}};
    c.A = room((size_t)rows * layers * heads * T * T, sizeof *c.A);
    c.doc_start = room((size_t)rows * T, sizeof *c.doc_start);
    return c;
}

static void drop(Case *c, Figures *f) {
    free(c->A);
    free(c->doc_start);
    figures_free(f);
}

static void show_weights(const Instrument *i, void *self, const Case *c, int row, int layer, int head) {
    int T = c->p.T;
    for (int q0 = 0; q0 < T; q0 += BLOCK)
        i->weights(self, &(Weights){layer, head, row, q0, T - q0 < BLOCK ? T - q0 : BLOCK, T,
                                    matrix(c, row, layer, head) + (int64_t)q0 * T, T,
                                    c->doc_start + (int64_t)row * T, c->unnormalised});
}

/* The figures of all instruments that ask for weights, or for the mask alone. */
static Figures measure(Case *c) {
    static const Instrument *const set[] = {&sink_mass, &uniform_mass, &mixing,
                                            &dormant,   &class_mass,   &local_mass};
    Figures f = {0};
    c->p.m = &c->m;
    for (size_t n = 0; n < sizeof set / sizeof *set; n++) {
        const Instrument *i = set[n];
        void *self = instrument_open(i, &c->p);
        if (!self) continue;
        if (i->see)
            i->see(
                self,
                &(View){
                    .at = TAP_EMBED, .layer = -1, .rows = c->p.rows, .T = c->p.T, .doc_start = c->doc_start});
        for (int row = 0; i->weights && row < c->p.rows; row++)
            for (int l = 0; l < (int)c->m.config.layers; l++)
                for (int h = 0; h < (int)c->m.config.heads; h++) show_weights(i, self, c, row, l, h);
        i->close(self, &f);
    }
    return f;
}

static int first_of(const Case *c, int row, int q) {
    int doc_start = c->doc_start[row * c->p.T + q],
        from = c->m.config.window ? q - (int)c->m.config.window + 1 : 0;
    return from > doc_start ? from : doc_start;
}

/* Every query puts all its weight on `key`, or on itself where it does not see that. */
static void point_at(Case *c, int row, int layer, int head, int key) {
    for (int q = 0; q < c->p.T; q++)
        matrix(c, row, layer, head)[q * c->p.T + (key <= q && key >= first_of(c, row, q) ? key : q)] = 1;
}

static void uniform_attention(void **state) {
    (void)state;
    Case c = make(2, 1, 1, 64, 0);
    for (int row = 0; row < 2; row++)
        for (int q = 0; q < 64; q++)
            for (int k = 0; k <= q; k++) matrix(&c, row, 0, 0)[q * 64 + k] = 1.0f / (float)(q + 1);
    Figures f = measure(&c);
    double control = 0;
    for (int q = 0; q < 64; q++) control += 1.0 / (q + 1) / 64; /* 0.0741 */
    near(figure(&f, "uniform_mass", -1, -1), control, 1e-14);
    near(figure(&f, "sink_mass", -1, -1), figure(&f, "uniform_mass", -1, -1), 1e-7);
    near(figure(&f, "mixing", -1, -1), 1, 1e-6);
    near(figure(&f, "dormant", 0, 0), 0, 0);
    near(figure(&f, "row_sum", 0, 0), 1, 1e-6);
    assert_true(isnan(figures_get(&f, "row0_mass", 0, 0)));
    assert_true(isnan(figures_get(&f, "proxy", -1, -1)));
    drop(&c, &f);
}

static void all_on_key_3(void **state) {
    (void)state;
    Case c = make(3, 1, 2, 16, 0);
    for (int row = 0; row < 3; row++) {
        point_at(&c, row, 0, 0, 3);
        point_at(&c, row, 0, 1, 0);
    }
    Figures f = measure(&c);
    near(figure(&f, "sink_position", 0, 0), 3, 0);
    near(figure(&f, "sink_position_mass", 0, 0), 1, 0);
    near(figure(&f, "sink_mass", 0, 0), 1.0 / 16, 0);
    near(figure(&f, "mixing", 0, 0), 0, 1e-12);
    near(figure(&f, "dormant", 0, 0), 0, 0);
    near(figure(&f, "diagonal", 0, 0), 3.0 / 15, 1e-15);
    near(figure(&f, "previous", 0, 0), 1.0 / 15, 1e-15);
    near(figure(&f, "sink_position", 0, 1), 0, 0);
    near(figure(&f, "sink_mass", 0, 1), 1, 0);
    near(figure(&f, "max_mass", -1, -1), 1, 0);
    near(figure(&f, "dormant", 0, 1), 1, 0);
    near(figure(&f, "sink_rate_08", 0, -1), 0.5, 0);
    near(figure(&f, "sink_rate_03", 0, 1), 1, 0);
    drop(&c, &f);
}

/* Thresholds apply to each sequence before the mean, and strictly. */
static void rates_are_of_sequences(void **state) {
    (void)state;
    Case c = make(4, 1, 1, 16, 0), two = make(1, 1, 1, 2, 0);
    for (int row = 0; row < 4; row++) point_at(&c, row, 0, 0, row == 0 ? 0 : 5);
    Figures f = measure(&c);
    near(figure(&f, "sink_mass", -1, -1), (1 + 3.0 / 16) / 4, 1e-15); /* below 0.3 */
    near(figure(&f, "sink_rate_03", -1, -1), 0.25, 0);
    drop(&c, &f);
    point_at(&two, 0, 0, 0, 1); /* mass of key 0: exactly 1/2 */
    f = measure(&two);
    near(figure(&f, "sink_rate_05", -1, -1), 0, 0);
    near(figure(&f, "sink_rate_03", -1, -1), 1, 0);
    drop(&two, &f);
}

static void first_of_each_document(void **state) {
    (void)state;
    Case c = make(1, 1, 1, 9, 0);
    for (int t = 4; t < 9; t++) c.doc_start[t] = 4;
    for (int q = 0; q < 9; q++) matrix(&c, 0, 0, 0)[q * 9 + c.doc_start[q]] = 1;
    Figures f = measure(&c);
    near(figure(&f, "sink_mass", 0, 0), 1, 0);
    near(figure(&f, "row0_mass", 0, 0), 1, 0); /* of the queries that see it */
    near(figure(&f, "dormant", 0, 0), 1, 0);
    near(figure(&f, "uniform_mass", -1, -1), (25.0 / 12 + 137.0 / 60) / 9, 1e-15);
    drop(&c, &f);
}

static void proxy_of_unnormalised_kinds(void **state) {
    (void)state;
    Case c = make(1, 1, 1, 8, 0);
    c.unnormalised = true;
    while (strcmp(slot_row(SLOT_ATTENTION, c.m.config.attention)->name, "sigmoid")) c.m.config.attention++;
    for (int q = 1; q < 8; q++) { /* row 0 stays without any mass */
        matrix(&c, 0, 0, 0)[q * 8] = -3;
        matrix(&c, 0, 0, 0)[q * 8 + q] = 1;
    }
    Figures f = measure(&c);
    near(figure(&f, "sink_mass", 0, 0), 7 * 0.75 / 8, 1e-15);
    near(figure(&f, "row_sum", 0, 0), 7 * -2.0 / 8, 1e-15);
    near(figure(&f, "proxy", -1, -1), 1, 0);
    near(figure(&f, "dormant", 0, 0), 1, 0);
    near(figure(&f, "diagonal", 0, 0), 0.25, 1e-15);
    drop(&c, &f);
}

static void classes_of_tokens(void **state) {
    (void)state;
    Case c = make(1, 1, 1, 6, 0);
    int8_t kind[] = {0, 1, 0, 1, 0, 0};
    c.p.kind = kind;
    for (int q = 0; q < 6; q++) matrix(&c, 0, 0, 0)[q * 6 + (q == 3 ? 2 : q == 5 ? 5 : 0)] = 1;
    Figures f = measure(&c);
    near(figure(&f, "dormant", 0, 0), 3.0 / 5, 1e-15);
    near(figure(&f, "dormant_trigger", 0, 0), 1.0 / 2, 0);
    near(figure(&f, "dormant_other", 0, 0), 2.0 / 3, 1e-15);
    near(figure(&f, "first_mass_trigger", 0, 0), 1.0 / 2, 0);
    near(figure(&f, "first_mass_other", 0, 0), 2.0 / 3, 1e-15);
    near(figure(&f, "key_mass_other", 0, 0), 2.0 / 5, 1e-15);
    near(figure(&f, "key_mass_trigger", 0, 0), 0, 0);
    for (int i = 0; i < f.n; i++) assert_null(strstr(f.at[i].name, "noop")); /* there is none */
    drop(&c, &f);
}

/* Mean first mass of all queries and the masses of all classes of keys add up to one. */
static void masses_of_all_classes_add_up_to_one(void **state) {
    (void)state;
    enum { T = 24, ROWS = 3, HEADS = 2 };
    static const char *const class[] = {"other", "trigger", "noop"};
    Case c = make(ROWS, 1, HEADS, T, 0);
    int8_t kind[ROWS * T];
    for (int n = 0; n < ROWS * T; n++) kind[n] = (int8_t)(n % T * 7 % T % 3); /* 8 of each class a row */
    c.p.kind = kind;
    for (int n = 0; n < ROWS * HEADS; n++)
        for (int q = 0; q < T; q++) {
            double sum = 0, at[T];
            for (int k = 0; k <= q; k++)
                sum += at[k] = exp(rng_normal(4, RNG_TEST, (uint64_t)(n * T + q), (uint64_t)k));
            for (int k = 0; k <= q; k++)
                matrix(&c, n / HEADS, 0, n % HEADS)[q * T + k] = (float)(at[k] / sum);
        }
    Figures f = measure(&c);
    for (int h = 0; h < HEADS; h++) {
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            char name[32];
            snprintf(name, sizeof name, "first_mass_%s", class[k]);
            sum += figure(&f, name, 0, h) * (k ? 8 : 7) / (T - 1); /* query 0, of class 0, sees one key */
            snprintf(name, sizeof name, "key_mass_%s", class[k]);
            sum += figure(&f, name, 0, h);
        }
        near(sum, 1, 1e-6);
    }
    drop(&c, &f);
}

/* ---- against a naive reference ---- */

/* Softmax of normal scores over the keys that a query sees; the odd rows hold two documents. */
static void random_weights(Case *c) {
    int T = c->p.T, heads = (int)(c->m.config.layers * c->m.config.heads);
    for (int row = 1; row < c->p.rows; row += 2)
        for (int t = T / 3; t < T; t++) c->doc_start[row * T + t] = T / 3;
    for (int n = 0; n < c->p.rows * heads * T; n++) {
        int q = n % T, first = first_of(c, n / T / heads, q);
        float *A = c->A + (int64_t)n * T;
        double sum = 0;
        for (int k = first; k <= q; k++) {
            A[k] = (float)exp(3 * rng_normal(1, RNG_TEST, (uint64_t)n, (uint64_t)k));
            sum += (double)A[k];
        }
        for (int k = first; k <= q; k++) A[k] = (float)((double)A[k] / sum);
    }
}

typedef struct Naive {
    double mass, mixing, dormant, diagonal, previous, imp[64];
} Naive;

static Naive naive(const Case *c, int row, int layer, int head) {
    Naive n = {0};
    int T = c->p.T, seen = 0, wide = 0, eligible = 0, count[64] = {0};
    const float *A = matrix(c, row, layer, head);
    for (int q = 0; q < T; q++) {
        int first = first_of(c, row, q), document = c->doc_start[row * T + q], best = first;
        double H = 0;
        for (int k = first; k <= q; k++) {
            double a = (double)A[q * T + k];
            if (a > 0) H -= a * log(a);
            if (a > (double)A[q * T + best]) best = k;
            n.imp[k] += a;
            count[k]++;
        }
        if (first == document) n.mass += (double)A[q * T + first], seen++;
        if (q == first) continue;
        n.mixing += H / log(q - first + 1);
        n.diagonal += (double)A[q * T + q];
        n.previous += (double)A[q * T + q - 1];
        wide++;
        if (first == document) n.dormant += best == first, eligible++;
    }
    n.mass /= seen, n.mixing /= wide, n.diagonal /= wide, n.previous /= wide, n.dormant /= eligible;
    for (int k = 0; k < T; k++) n.imp[k] /= count[k];
    return n;
}

static void compare_head(const Case *c, const Figures *f, int layer, int head) {
    Naive sum = {0};
    for (int row = 0; row < c->p.rows; row++) {
        Naive n = naive(c, row, layer, head);
        double *to = (double *)&sum, *from = (double *)&n;
        for (size_t i = 0; i < sizeof n / sizeof *to; i++) to[i] += from[i] / c->p.rows;
    }
    int best = 0;
    for (int k = 0; 2 * k < c->p.T; k++) best = sum.imp[k] > sum.imp[best] ? k : best;
    near(figure(f, "sink_mass", layer, head), sum.mass, 1e-12);
    near(figure(f, "mixing", layer, head), sum.mixing, 1e-6); /* its logarithms are floats */
    near(figure(f, "dormant", layer, head), sum.dormant, 1e-12);
    near(figure(f, "diagonal", layer, head), sum.diagonal, 1e-12);
    near(figure(f, "previous", layer, head), sum.previous, 1e-12);
    near(figure(f, "sink_position", layer, head), best, 0);
    near(figure(f, "sink_position_mass", layer, head), sum.imp[best], 1e-12);
    if (c->m.config.window || c->p.rows > 1) near(figure(f, "row0_mass", layer, head), sum.imp[0], 1e-12);
}

static void naive_reference(void **state) {
    (void)state;
    static const int shapes[][3] = {{4, 33, 0}, {3, 21, 7}, {1, 1, 0}, {1, 64, 0}, {2, 40, 1}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        Case c = make(shapes[s][0], 2, 3, shapes[s][1], shapes[s][2]);
        random_weights(&c);
        Figures f = measure(&c);
        for (int l = 0; l < 2 && shapes[s][1] > 1 && shapes[s][2] != 1; l++)
            for (int h = 0; h < 3; h++) compare_head(&c, &f, l, h);
        near(figure(&f, "row_sum", 1, 2), 1, 1e-6);
        drop(&c, &f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uniform_attention),
        cmocka_unit_test(all_on_key_3),
        cmocka_unit_test(rates_are_of_sequences),
        cmocka_unit_test(first_of_each_document),
        cmocka_unit_test(proxy_of_unnormalised_kinds),
        cmocka_unit_test(classes_of_tokens),
        cmocka_unit_test(masses_of_all_classes_add_up_to_one),
        cmocka_unit_test(naive_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
