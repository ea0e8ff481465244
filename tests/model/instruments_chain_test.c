/* The links of arXiv 2605.06611 that stand between variance and sink: alignment, DomRatio after the norm,
 * heads' outputs, and the controls of random vectors. */
#include "tests/model/support.h"

#include "tests/model/instruments_fixture.h"

#include "model/instruments/dominance.h"
#include "model/instruments/gaussian.h"
#include "model/kernels/gemm.h"

/* Means over 4,000 vectors of d normal numbers, against the integrals. */
static void controls_are_what_random_vectors_have(void **state) {
    (void)state;
    enum { N = 4000 };
    static const int widths[] = {6, 24, 128};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        int d = widths[w];
        float *x = normal_floats((int64_t)N * d, 5);
        double share = 0, most = 0, size = 0;
        for (int n = 0; n < N; n++) {
            float *z = x + (int64_t)n * d;
            double all = 0, top = 0;
            for (int i = 0; i < d; i++) {
                int above = 0;
                for (int j = 0; j < d; j++) above += fabsf(z[j]) > fabsf(z[i]);
                double square = (double)z[i] * (double)z[i];
                all += square;
                top += above < 4 ? square : 0;
                most += above ? 0 : fabs((double)z[i]) / N;
                size += fabs((double)z[i]) / d / N;
            }
            share += top / all / N;
        }
        near(gaussian_top_share(d, 4), share, 0.01);
        near(gaussian_dominance(d), most / size, 0.01);
        free(x);
    }
    near(gaussian_top_share(128, 4), 0.1940, 1e-3);
    near(gaussian_dominance(128), 3.526, 1e-2);
    near(gaussian_top_share(3, 4), 1, 1e-9); /* four channels of three hold all */
    near(gaussian_dominance(1), 1, 1e-6);
}

/* W_Q of head h is a (3 u w^T + v w'^T): its first direction is u, channel h of the head. Keys at position 0
 * are 3 u + 4 v, so that |cos| is 0.6; later ones are of no account. */
static void a_planted_first_direction(void **state) {
    (void)state;
    enum { ROWS = 2, T = 3 };
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    int H = (int)c.heads, d = (int)c.width, dh = d / H, n = ROWS * T * d;
    float *k = room((size_t)n, sizeof *k);
    for (int l = 0; l < (int)c.layers; l++) {
        float *W = r.m->params + model_tensor(r.m, l, STAGE_QKV, 0)->offset;
        memset(W, 0, (size_t)d * d * sizeof *W);
        for (int h = 0; h < H; h++) {
            W[(h * dh + h) * d + 1] = -3;
            W[(h * dh + h + 1) * d + 2] = 1;
        }
    }
    for (int i = 0; i < n; i++) {
        int t = i / d % T, h = i % d / dh, at = i % dh;
        k[i] = t ? 1e3f : at == h ? 3 : at == h + 1 ? 4 : 0;
    }
    Heads heads = {.H = H, .dh = dh, .q = k, .k = k, .v = k, .ld = d, .group = 1};
    Probe p = {.m = r.m, .rows = ROWS, .T = T};
    Figures f = {0};
    void *self = alignment.open(&p);
    for (int l = 0; l < (int)c.layers; l++)
        alignment.see(self, &(View){.at = TAP_ATTN_OUT, .layer = l, .rows = ROWS, .T = T, .heads = &heads});
    alignment.close(self, &f);
    for (int h = 0; h < H; h++) near(figure(&f, "alignment", 1, h), 0.6, 1e-12);
    figures_free(&f);
    free(k);
    rig_free(&r);
}

/* What layer l + 1 reads stands under l, what the head reads under the last; what layer 0 reads nowhere. */
static void dominance_is_of_the_norm_that_follows(void **state) {
    (void)state;
    enum { T = 3, D = 8, LAYERS = 2 };
    Model m = sizes(LAYERS, 1, D, 0);
    Probe p = {.m = &m, .rows = 1, .T = T};
    float h[LAYERS * T * D], last[T * D];
    int32_t doc_start[T] = {0};
    for (int i = 0; i < LAYERS * T * D; i++) h[i] = i / (T * D) == 0 ? 1e4f * (float)(i % D) : 1;
    for (int t = 0; t < T; t++) h[T * D + t * D + 5] = t ? 3 : -9; /* 9 / 2, 3 / (10 / 8) */
    for (int i = 0; i < T * D; i++) last[i] = i % D == 2 ? 7 : 0;  /* one channel holds all */
    Figures f = {0};
    void *self = normed_dominance.open(&p);
    show(&normed_dominance, self, &p, TAP_ATTN_IN, h, D, doc_start, 1);
    normed_dominance.see(self, &(View){TAP_FINAL, -1, 0, 1, T, 0, T, D, D, last, doc_start, NULL});
    normed_dominance.close(self, &f);
    near(figure(&f, "dom_ratio_normed", 0, -1), 4.5, 1e-12);
    near(figure(&f, "dom_ratio_normed_rest", 0, -1), 2.4, 1e-12);
    near(figure(&f, "dom_ratio_normed", 1, -1), D, 1e-12);
    near(figure(&f, "dom_ratio_of_bound", 1, -1), 1, 1e-12);
    near(figure(&f, "dom_ratio_random", 1, -1), gaussian_dominance(D), 0);
    figures_free(&f);
}

/* A head twice as large has twice the size and four times the variance. */
static void a_head_twice_as_large(void **state) {
    (void)state;
    enum { ROWS = 4, T = 6 };
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    int H = (int)c.heads, d = (int)c.width, dh = d / H, n = ROWS * T * d;
    float *o = room((size_t)c.layers * n, sizeof *o);
    double square = 0;
    for (int i = 0; i < (int)c.layers * n; i++) {
        int row = i / (T * d) % ROWS, t = i / d % T, h = i % d / dh, at = i % dh;
        o[i] = (float)(((row * 7 + t * 3 + at) % 11) << h);
    }
    for (int i = 0; i < T * d; i++) square += i % d < dh ? (double)o[i] * (double)o[i] / (T * dh) : 0;
    Probe p = {.m = r.m, .rows = 1, .T = T};
    Heads heads = {.H = H, .dh = dh};
    Figures f = {0};
    void *self = instrument_open(&head_size, &p);
    for (int l = 0; l < (int)c.layers; l++)
        head_size.see(self, &(View){.at = TAP_ATTN_OUT,
                                    .layer = l,
                                    .rows = 1,
                                    .T = T,
                                    .width = d,
                                    .ld = d,
                                    .data = o,
                                    .heads = &heads});
    head_size.close(self, &f);
    p = (Probe){.m = r.m, .rows = ROWS, .T = T, .random = true};
    self = out_variance.open(&p);
    show(&out_variance, self, &p, TAP_ATTN_OUT, o, d, r.doc_start, 3);
    show(&out_variance, self, &p, TAP_HEAD_OUT, o, d, r.doc_start, 3);
    out_variance.close(self, &f);
    near(figure(&f, "out_size", 0, 0), sqrt(square), 1e-12);
    near(figure(&f, "out_size", 0, 1), 2 * figure(&f, "out_size", 0, 0), 1e-12);
    double variance = figure(&f, "out_variance", 0, 0), naive = 0;
    for (int i = 0; i < T * d; i++) {
        double mean = 0, of = 0;
        for (int row = 0; row < ROWS; row++) mean += (double)o[row * T * d + i] / ROWS;
        for (int row = 0; row < ROWS; row++) of += pow((double)o[row * T * d + i] - mean, 2) / ROWS;
        naive += i % d < dh ? of / (T * dh) : 0;
    }
    near(variance, naive, 1e-12);
    near(figure(&f, "out_variance", 0, 1), 4 * variance, 1e-12);
    figures_free(&f);
    free(o);
    rig_free(&r);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_are_what_random_vectors_have),
        cmocka_unit_test(a_planted_first_direction),
        cmocka_unit_test(dominance_is_of_the_norm_that_follows),
        cmocka_unit_test(a_head_twice_as_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
