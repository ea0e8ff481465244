/* The expensive questions of `probe` on a small model: each figure against a naive forward in double, or
 * against a change made by hand, and in cases whose answer is known. */
#include "tests/model/naive_forward.h"
#include "tests/model/support.h"

#include "ablations/probe/cka.h"
#include "ablations/probe/modes.h"
#include "data/base/bytes.h"
#include "data/base/files.h"
#include "data/base/rng.h"
#include "model/kernels/gemm.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2, MOST = 64 };

/* A model with rows before it, as probed_model_open would leave them. */
typedef struct Fixture {
    Rig r;
    ProbedModel s;
    ProbeRows p;
    float losses[ROWS * MOST];
} Fixture;

static void fixture_open(Fixture *a, ModelConfig c, int T) {
    Error e = {0};
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    a->r = rig_of(&c, ROWS, T, 0);
    a->s = (ProbedModel){.m = a->r.m, .c = {.seed = 5}};
    a->p = (ProbeRows){ROWS, T, {a->r.x, a->r.y, a->r.doc_start, NULL}, a->losses};
}

static Forward naive_row(const Fixture *a, int row) {
    return naive_forward(a->r.m, a->r.x + row * a->r.T, a->r.doc_start + row * a->r.T, a->r.T);
}

static void must(bool ok, const Error *e) {
    if (!ok) fail_msg("%s", e->text);
}

/* Written so that a NaN fails. */
static void same(const char *what, const double *got, const double *want, int n, double nmse) {
    double error = 0, norm = 0;
    for (int i = 0; i < n; i++) {
        error += (got[i] - want[i]) * (got[i] - want[i]);
        norm += want[i] * want[i];
    }
    if (!(error <= nmse * norm)) fail_msg("%s: NMSE %g, allowed %g", what, error / norm, nmse);
}

/* |a - b| / |a| */
static double apart(const double *a, const double *b, int d) {
    double change = 0, size = 0;
    for (int i = 0; i < d; i++) {
        change += (a[i] - b[i]) * (a[i] - b[i]);
        size += a[i] * a[i];
    }
    return sqrt(change / size);
}

static void spread_of_one_token(void **state) {
    (void)state;
    enum { T = 9, POS = 3, LAYERS = 2 };
    ModelConfig c = naive_config();
    Fixture a;
    Error e = {0};
    int32_t changed[ROWS * T];
    double got[LAYERS * T] = {0}, want[LAYERS * T] = {0};
    fixture_open(&a, c, T);
    memcpy(changed, a.r.x, sizeof changed);
    for (int row = 0; row < ROWS; row++) {
        int32_t *token = &changed[row * T + POS];
        *token = (*token + 7) % (int32_t)c.vocab;
        Forward f = naive_row(&a, row),
                g = naive_forward(a.r.m, changed + row * T, a.r.doc_start + row * T, T);
        for (int i = 0; i < LAYERS * T; i++)
            want[i] +=
                apart(naive_at(&f, f.x, f.D, i / T, i % T), naive_at(&g, g.x, g.D, i / T, i % T), f.D) / ROWS;
        naive_free(&f);
        naive_free(&g);
    }
    must(perturb_measure(&a.s, &a.p, changed, got, &e), &e);
    same("spread", got, want, LAYERS * T, 1e-10);
    for (int i = 0; i < LAYERS * T; i++) assert_true((got[i] > 0) == (i % T >= POS));
    rig_free(&a.r);
}

/* ---- sensitivity ---- */

static void fill(const Model *m, Stage s, int i, float value) {
    for (int l = 0; l < (int)m->config.layers; l++) {
        const Tensor *t = model_tensor(m, l, s, i);
        for (int64_t k = 0; k < t->rows * t->cols; k++) m->params[t->offset + (size_t)k] = value;
    }
}

/* Blocks that add nothing: the last vector is what entered at its place, so J is 1 there and 0 elsewhere. */
static void sensitivity_of_an_identity(void **state) {
    (void)state;
    enum { T = 5 };
    ModelConfig c = naive_config();
    Fixture a;
    Error e = {0};
    double sens[T] = {0}, error[T];
    fixture_open(&a, c, T);
    fill(a.r.m, STAGE_OUT, 0, 0);
    fill(a.r.m, STAGE_MLP, 2, 0);
    must(jacobian_sensitivity(&a.s, &a.p, 400, sens, error, &e), &e);
    for (int i = 0; i < T - 1; i++) assert_true(sens[i] == 0);
    double want = sqrt((double)c.width); /* |1|_F; the estimate's own error is 0.4 % */
    same("sensitivity", &sens[T - 1], &want, 1, 0.02 * 0.02);
    rig_free(&a.r);
}

/* |d x_last^(L) / d x_i^(0)|_F by central differences. */
static double naive_sensitivity(const Fixture *a, int row, int i) {
    const double h = 1e-4;
    int T = a->r.T, d = (int)a->r.m->config.width, L = (int)a->r.m->config.layers;
    double x[T * d], square = 0;
    naive_embed(a->r.m, a->r.x + row * T, T, x);
    for (int j = i * d; j < (i + 1) * d; j++) {
        double was = x[j];
        x[j] = was + h;
        Forward up = naive_from(a->r.m, x, a->r.doc_start + row * T, T);
        x[j] = was - h;
        Forward down = naive_from(a->r.m, x, a->r.doc_start + row * T, T);
        x[j] = was;
        for (int k = 0; k < d; k++) {
            double slope =
                (naive_at(&up, up.x, d, L - 1, T - 1)[k] - naive_at(&down, down.x, d, L - 1, T - 1)[k]) /
                (2 * h);
            square += slope * slope;
        }
        naive_free(&up);
        naive_free(&down);
    }
    return sqrt(square);
}

/* Each |J^T u|^2 is wrong by at most sqrt(2) of itself, so that the root of a mean of 400 is by 3.5 %. */
static void sensitivity_against_differences(void **state) {
    (void)state;
    enum { T = 4 };
    ModelConfig c = naive_config();
    Fixture a;
    Error e = {0};
    double got[T] = {0}, error[T];
    fixture_open(&a, c, T);
    must(jacobian_sensitivity(&a.s, &a.p, 400, got, error, &e), &e);
    for (int i = 0; i < T; i++) {
        double want = 0;
        for (int row = 0; row < ROWS; row++) want += naive_sensitivity(&a, row, i) / ROWS;
        same("sensitivity", &got[i], &want, 1, 0.1 * 0.1);
    }
    rig_free(&a.r);
}

/* The largest spectral norm of a head's W_O W_V, multiplied out. */
static double largest_norm(const Model *m, int layer) {
    int d = (int)m->config.width, H = (int)m->config.heads, dh = d / H;
    const float *V = m->params + model_tensor(m, layer, STAGE_QKV, 2)->offset;
    const float *O = m->params + model_tensor(m, layer, STAGE_OUT, 0)->offset;
    double most = 0;
    for (int h = 0; h < H; h++) {
        double W[d][d], x[d], y[d], norm = 0;
        for (int r = 0; r < d; r++)
            for (int k = 0; k < d; k++) {
                W[r][k] = 0;
                for (int j = h * dh; j < (h + 1) * dh; j++) W[r][k] += (double)O[r * d + j] * V[j * d + k];
            }
        for (int k = 0; k < d; k++) x[k] = rng_normal(1, RNG_TEST, 0, (uint64_t)k);
        for (int step = 0; step < 3000; step++) { /* x <- W^T W x, of length 1 */
            memset(y, 0, sizeof y);
            for (int r = 0; r < d; r++)
                for (int k = 0; k < d; k++) y[r] += W[r][k] * x[k];
            memset(x, 0, sizeof x);
            for (int r = 0; r < d; r++)
                for (int k = 0; k < d; k++) x[k] += W[r][k] * y[r];
            norm = 0;
            for (int k = 0; k < d; k++) norm += x[k] * x[k];
            norm = sqrt(norm);
            for (int k = 0; k < d; k++) x[k] /= norm;
        }
        most = fmax(most, sqrt(norm));
    }
    return most;
}

/* The sum over all paths from token i to token q through the layers below `l`. */
static double paths(const Forward *f, int l, int q, int i) {
    double sum = 0;
    if (l == 0) return q == i;
    for (int k = 0; k < f->T; k++) {
        double step = q == k ? 1 / largest_norm(f->m, l - 1) : 0;
        for (int h = 0; h < f->H; h++) step += f->A[(((l - 1) * f->H + h) * f->T + q) * f->T + k];
        if (step > 0) sum += step * paths(f, l - 1, k, i);
    }
    return sum;
}

static void check_bound(int prefix) {
    enum { T = 4 };
    ModelConfig c = naive_config();
    Fixture a;
    Error e = {0};
    double got[T] = {0}, want[T] = {0}, error[T];
    c.prefix = prefix;
    fixture_open(&a, c, T);
    for (int row = 0; row < ROWS; row++) {
        Forward f = naive_row(&a, row);
        for (int i = 0; i < T; i++) want[i] += paths(&f, f.L, T - 1, i) / ROWS;
        naive_free(&f);
    }
    must(jacobian_path_bound(&a.s, &a.p, got, error, &e), &e);
    same("path bound", got, want, T, 1e-10);
    rig_free(&a.r);
}

static void bound_over_all_paths(void **state) {
    (void)state;
    check_bound(0);
    check_bound(4); /* the last position is of the prefix, and so are paths that lead ahead */
}

/* Queries of zero: sigmoid gives one half to each key, and it is |A| that bounds, not its share of a row. */
static void bound_of_raw_weights(void **state) {
    (void)state;
    enum { T = 4 };
    ModelConfig c = naive_config();
    Fixture a;
    Error e = {0};
    double got[T] = {0}, want[T] = {0}, error[T];
    c.attention = row_named(SLOT_ATTENTION, "sigmoid");
    fixture_open(&a, c, T);
    fill(a.r.m, STAGE_QKV, 0, 0);
    Forward f = naive_row(&a, 0);
    for (int i = 0; i < f.L * f.H * T * T; i++) f.A[i] = i % T <= i / T % T ? 0.5 : 0;
    for (int i = 0; i < T; i++) want[i] = paths(&f, f.L, T - 1, i);
    must(jacobian_path_bound(&a.s, &a.p, got, error, &e), &e);
    same("path bound", got, want, T, 1e-10);
    naive_free(&f);
    rig_free(&a.r);
}

/* ---- the mass of a key ---- */

/* Under each of the masks: the mean weight over the queries that see the key. */
static void check_key_mass(ModelConfig c, int key) {
    enum { T = 9, LAYERS = 2 };
    Fixture a;
    Error e = {0};
    double mean[LAYERS], most[LAYERS], want_mean[LAYERS] = {0}, want_most[LAYERS] = {0};
    double error[LAYERS], want_error[LAYERS], of_row[LAYERS][ROWS] = {{0}};
    KeyMass mass_of[LAYERS];
    fixture_open(&a, c, T);
    Forward rows[ROWS];
    for (int row = 0; row < ROWS; row++) rows[row] = naive_row(&a, row);
    for (int i = 0; i < LAYERS * rows[0].H; i++) { /* of the layers' heads in turn */
        double mass = 0;
        for (int row = 0; row < ROWS; row++) {
            double sum = 0, seen = 0;
            for (int q = 0; q < T; q++) {
                double weight = rows[row].A[(i * T + q) * T + key];
                sum += weight;
                seen += weight > 0;
            }
            mass += sum / seen / ROWS;
            of_row[i / rows[0].H][row] += sum / seen / rows[0].H;
        }
        want_mean[i / rows[0].H] += mass / rows[0].H;
        want_most[i / rows[0].H] = fmax(want_most[i / rows[0].H], mass);
    }
    must(key_mass_measure(&a.s, &a.p, false, key, mass_of, &e), &e);
    for (int l = 0; l < LAYERS; l++) {
        double squares = 0;
        for (int row = 0; row < ROWS; row++) squares += pow(of_row[l][row] - want_mean[l], 2);
        want_error[l] = sqrt(squares / (ROWS - 1) / ROWS);
        mean[l] = mass_of[l].mean, most[l] = mass_of[l].most, error[l] = mass_of[l].mean_error;
    }
    same("standard error of that mass", error, want_error, LAYERS, 1e-8);
    same("mass of a key", mean, want_mean, LAYERS, 1e-10);
    same("largest mass of a key", most, want_most, LAYERS, 1e-10);
    for (int row = 0; row < ROWS; row++) naive_free(&rows[row]);
    rig_free(&a.r);
}

static void mass_of_a_key(void **state) {
    (void)state;
    ModelConfig plain = naive_config(), window = plain, prefix = plain;
    window.window = 4;
    prefix.prefix = 6;
    check_key_mass(plain, 3);
    check_key_mass(window, 3);
    check_key_mass(prefix, 3); /* seen by the three before it too */
}

/* ---- streaming ---- */

static void losses_under_a_window(void **state) {
    (void)state;
    enum { CONTEXT = 8, T = 4 * CONTEXT, PLACES = STREAM_STRETCHES + 1 };
    static const int keep[] = {-1, 0, 1, 4};
    ModelConfig c = naive_config();
    c.context = CONTEXT;
    Fixture a;
    Error e = {0};
    fixture_open(&a, c, T);
    ModelConfig *of = &a.r.m->config, trained = *of;
    for (int j = 0; j < 4; j++) {
        double got[PLACES], sum[PLACES] = {0}, n[PLACES] = {0};
        must(stream_measure(&a.s, &a.p, keep[j], got, &e), &e);
        assert_memory_equal(of, &trained, sizeof trained);
        if (keep[j] >= 0) of->window = CONTEXT - keep[j], of->window_keep = keep[j];
        for (int row = 0; row < ROWS; row++) {
            Forward f = naive_row(&a, row);
            for (int t = 0; t < T; t++) {
                int32_t y = a.r.y[row * T + t];
                int to[] = {t * STREAM_STRETCHES / T, STREAM_STRETCHES};
                for (int k = 0; y >= 0 && k < (t < CONTEXT ? 1 : 2); k++) {
                    sum[to[k]] += naive_loss(&f, f.L - 1, t, y);
                    n[to[k]]++;
                }
            }
            naive_free(&f);
        }
        *of = trained;
        for (int i = 0; i < PLACES; i++) sum[i] /= n[i];
        same("loss by stretch", got, sum, PLACES, 1e-10);
    }
    rig_free(&a.r);
}

/* ---- rounding ---- */

/* The nearest of 255 steps over -most .. most. */
static void by_hand(float *x, int64_t n, float most) {
    float step = most / 127;
    for (int64_t i = 0; i < n; i++) x[i] = step * nearbyintf(x[i] / step);
}

static float most_of(const float *x, int64_t n) {
    float most = 0;
    for (int64_t i = 0; i < n; i++) most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    return most;
}

static void all_tokens(void *self, const View *v) {
    (void)self;
    by_hand(v->data, v->tokens * v->width, most_of(v->data, v->tokens * v->width));
}

static void each_token(void *self, const View *v) {
    (void)self;
    for (int64_t n = 0; n < v->tokens; n++)
        by_hand(v->data + n * v->ld, v->width, most_of(v->data + n * v->ld, v->width));
}

static void round_linear(const Model *m) {
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        float *w = m->params + t->offset;
        bool classifier = strstr(t->name, m->config.tie ? "embed_tokens" : "lm_head");
        if (strstr(t->name, "proj.weight") || classifier)
            by_hand(w, t->rows * t->cols, most_of(w, t->rows * t->cols));
    }
}

enum {
    INPUTS = 1 << TAP_ATTN_IN | 1 << TAP_HEAD_OUT | 1 << TAP_MLP_IN | 1 << TAP_MLP_HIDDEN | 1 << TAP_FINAL
};

static double loss_by_hand(const Fixture *a, bool weights, uint32_t taps, void (*see)(void *, const View *)) {
    Model *m = a->r.m;
    Tape *t = rig_tape(&a->r, ROWS, false);
    Batch b = rig_batch(&a->r, 0, ROWS);
    Observer eye = {taps, NULL, see, NULL};
    OWNED float *kept = model_arena(m);
    double sum = 0;
    int scored = 0;
    memcpy(kept, m->params, m->arena * sizeof *kept);
    if (weights) round_linear(m);
    tape_observe(t, (Observers){&eye, see != NULL});
    model_forward(m, t, &b);
    for (int n = 0; n < ROWS * a->r.T; n++) {
        sum += (double)tape_losses(t)[n];
        scored += a->r.y[n] >= 0;
    }
    memcpy(m->params, kept, m->arena * sizeof *kept);
    tape_free(t);
    return sum / scored;
}

static double last_alone(const Fixture *a) {
    return loss_by_hand(a, false, 1 << TAP_FINAL, all_tokens);
}

static void check_rounding(ModelConfig c) {
    Fixture a;
    Error e = {0};
    double got[QUANTIZE_KINDS], change[QUANTIZE_KINDS], want[QUANTIZE_KINDS];
    void (*const sees[])(void *, const View *) = {NULL, NULL, all_tokens, each_token, all_tokens, each_token};
    fixture_open(&a, c, 11);
    must(quantize_measure(&a.s, &a.p, KEEP_NONE, got, &e), &e);
    for (int i = 0; i < QUANTIZE_KINDS; i++) {
        want[i] = loss_by_hand(&a, i == 1 || i > 3, INPUTS, sees[i]) - loss_by_hand(&a, false, 0, NULL);
        change[i] = got[i] - got[0];
        assert_true((fabs(want[i]) > 1e-5) == (i > 0)); /* and seen over the loss's own error */
    }
    same("change of loss", change, want, QUANTIZE_KINDS, 1e-10);
    rig_free(&a.r);
}

static void rounding_by_hand(void **state) {
    (void)state;
    ModelConfig c = naive_config(), tied = c;
    tied.tie = true;
    check_rounding(c);
    check_rounding(tied);
}

/* Without norms before them sublayers read the stream. Those that add nothing must leave it as it is, so that
 * what is left of rounding is that of the last input; others must not. */
static void rounding_spares_the_stream(void **state) {
    (void)state;
    ModelConfig c = naive_config();
    Fixture a;
    Error e = {0};
    double loss[QUANTIZE_KINDS];
    c.norm = row_named(SLOT_NORM, "post");
    fixture_open(&a, c, 11);
    must(quantize_measure(&a.s, &a.p, KEEP_NONE, loss, &e), &e);
    assert_true(fabs(loss[2] - last_alone(&a)) > 1e-5);
    fill(a.r.m, STAGE_OUT, 0, 0);
    fill(a.r.m, STAGE_MLP, 2, 0);
    must(quantize_measure(&a.s, &a.p, KEEP_NONE, loss, &e), &e);
    double want = last_alone(&a);
    same("loss", &loss[2], &want, 1, 1e-14);
    rig_free(&a.r);
}

/* Weights that stand on the steps already do not move. */
static void rounding_what_is_round(void **state) {
    (void)state;
    ModelConfig c = naive_config();
    Fixture a;
    Error e = {0};
    double loss[QUANTIZE_KINDS];
    fixture_open(&a, c, 11);
    round_linear(a.r.m);
    must(quantize_measure(&a.s, &a.p, KEEP_NONE, loss, &e), &e);
    same("loss", &loss[1], &loss[0], 1, 1e-12);
    rig_free(&a.r);
}

static int largest_channel(const View *v) {
    for (int64_t i = 0;; i++)
        if (fabsf(v->data[i]) == most_of(v->data, v->tokens * v->width)) return (int)(i % v->width);
}

/* Position 0 of each row, and a channel (-1: none), have no part in the rounding. */
static void round_others(const View *v, int channel) {
    float kept[MOST * ROWS * 64];
    assert_true((size_t)(v->tokens * v->width) <= sizeof kept / sizeof *kept);
    memcpy(kept, v->data, (size_t)(v->tokens * v->width) * sizeof *kept);
    for (int put = 0; put < 2; put++) {
        for (int64_t i = 0; i < v->tokens * v->width; i++)
            if (i / v->width % v->T == 0 || i % v->width == channel) v->data[i] = put ? kept[i] : 0;
        if (!put) all_tokens(NULL, v);
    }
}

static void all_but_first(void *self, const View *v) {
    (void)self;
    round_others(v, -1);
}

static void all_but_first_and_channel(void *self, const View *v) {
    (void)self;
    round_others(v, largest_channel(v));
}

static void rounding_keeps_what_is_asked(void **state) {
    (void)state;
    void (*const sees[])(void *, const View *) = {NULL, all_but_first, all_but_first_and_channel};
    Fixture a;
    Error e = {0};
    double loss[QUANTIZE_KINDS], plain[QUANTIZE_KINDS];
    fixture_open(&a, naive_config(), 11);
    must(quantize_measure(&a.s, &a.p, KEEP_NONE, plain, &e), &e);
    for (QuantizeKeep keep = KEEP_FIRST; keep < KEEPS; keep++) {
        must(quantize_measure(&a.s, &a.p, keep, loss, &e), &e);
        double want = loss_by_hand(&a, false, INPUTS, sees[keep]);
        same("loss", &loss[2], &want, 1, 1e-14);
        assert_true(fabs(loss[2] - plain[2]) > 1e-6);
        assert_true(loss[1] == plain[1]); /* weights are rounded as ever */
    }
    rig_free(&a.r);
    fixture_open(&a, naive_config(), 1); /* every token is a first one */
    must(quantize_measure(&a.s, &a.p, KEEP_FIRST, loss, &e), &e);
    assert_true(loss[2] == loss[0] && loss[3] == loss[0] && loss[1] != loss[0]);
    rig_free(&a.r);
}

/* ---- two models ---- */

/* By centred Gram matrices of tokens: <K, L> / (|K| |L|). */
static double naive_cka(const float *X, int dx, const float *Y, int dy, int n) {
    double *K[2], product[3] = {0};
    for (int m = 0; m < 2; m++) {
        const float *Z = m ? Y : X;
        int d = m ? dy : dx;
        K[m] = calloc((size_t)(n * n), sizeof(double));
        double rows[MOST] = {0}, all = 0;
        for (int i = 0; i < n * n; i++)
            for (int j = 0; j < d; j++) K[m][i] += (double)Z[i / n * d + j] * (double)Z[i % n * d + j];
        for (int i = 0; i < n * n; i++) rows[i / n] += K[m][i] / n;
        for (int i = 0; i < n; i++) all += rows[i] / n;
        for (int i = 0; i < n * n; i++) K[m][i] += all - rows[i / n] - rows[i % n];
    }
    for (int i = 0; i < n * n; i++) {
        product[0] += K[0][i] * K[1][i];
        product[1] += K[0][i] * K[0][i];
        product[2] += K[1][i] * K[1][i];
    }
    for (int m = 0; m < 2; m++) free(K[m]);
    return product[0] / sqrt(product[1] * product[2]);
}

static void likeness_of_representations(void **state) {
    (void)state;
    enum { N = 30, D = 4, E = 7 };
    OWNED float *X = normals(1, N * D, 1), *Y = normals(2, N * E, 1), *turned = constants(N * D, 0);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++) /* channels swapped and turned by 3-4-5, times 5, and moved */
            turned[i * D + j] = 2 + (j % 2 ? 3 * X[i * D + j] - 4 * X[i * D + j - 1]
                                           : 4 * X[i * D + j + 1] + 3 * X[i * D + j]);
    assert_true(linear_cka(X, D, X, D, N) == 1);
    double got[] = {linear_cka(X, D, turned, D, N), linear_cka(X, D, Y, E, N)};
    double want[] = {1, naive_cka(X, D, Y, E, N)};
    same("CKA", got, want, 2, 1e-13);
    for (int i = 0; i < N * D; i++) X[i] = 3;
    assert_true(isnan(linear_cka(X, D, Y, E, N))); /* nothing varies */
}

static void a_model_is_its_own_likeness(void **state) {
    (void)state;
    Fixture a;
    Error e = {0};
    double cka[4], other[4];
    fixture_open(&a, naive_config(), 11);
    must(against_measure(a.r.m, a.r.m, &a.p, cka, &e), &e);
    assert_true(cka[0] == 1 && cka[3] == 1 && fabs(cka[1] - cka[2]) < 1e-12 && cka[1] < 1);
    Rig b = rig_of(&a.r.m->config, ROWS, 11, 0);
    rig_draw(&b, 1);
    must(against_measure(a.r.m, b.m, &a.p, cka, &e), &e);
    must(against_measure(b.m, a.r.m, &a.p, other, &e), &e);
    assert_true(cka[0] < 1 && fabs(cka[1] - other[2]) < 1e-12);
    rig_free(&b);
    rig_free(&a.r);
}

/* ---- a tap as a file ---- */

static void a_dumped_tap_is_the_stream(void **state) {
    (void)state;
    static const char path[] = "/tmp/sinklab-dump-test.npy";
    static const char head[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 11, 36), }";
    ProbeOptions o = {.dump = "resid", .npy = path, .quiet = true};
    Fixture a;
    Error e = {0};
    Bytes npy = {0};
    fixture_open(&a, naive_config(), 11);
    a.s.o = &o;
    a.s.main = a.p;
    must(dump_check(&a.s, &e) && dump_show(&a.s, &e), &e);
    must(file_read(path, &npy, &e), &e);
    remove(path);
    assert_memory_equal(npy.data, "\x93NUMPY\1\0", 8);
    assert_memory_equal(npy.data + 10, head, sizeof head - 1);
    int64_t begin = 10 + (unsigned char)npy.data[8], n = 2 * ROWS * 11 * 36;
    assert_true(begin % 64 == 0 && npy.data[begin - 1] == '\n' && npy.size == begin + 4 * n);
    const float *x = (const float *)(npy.data + begin);
    for (int row = 0; row < ROWS; row++) {
        Forward f = naive_row(&a, row);
        for (int l = 0; l < 2; l++) {
            OWNED double *got = doubles_of(x + (l * ROWS + row) * 11 * 36, 11 * 36);
            same("stream", got, naive_at(&f, f.x, 36, l, 0), 11 * 36, 1e-10);
        }
        naive_free(&f);
    }
    o.dump = "nowhere";
    assert_false(dump_check(&a.s, &e));
    bytes_free(&npy);
    rig_free(&a.r);
}

static void dumped_weights_are_those_of_attention(void **state) {
    (void)state;
    static const char path[] = "/tmp/sinklab-dump-weights-test.npy";
    ProbeOptions o = {.dump = "weights", .npy = path, .quiet = true};
    Fixture a;
    Error e = {0};
    Bytes npy = {0};
    fixture_open(&a, naive_config(), 11);
    a.s.o = &o;
    a.s.main = a.p;
    must(dump_check(&a.s, &e) && dump_show(&a.s, &e), &e);
    must(file_read(path, &npy, &e), &e);
    remove(path);
    int n = (int)(a.r.m->config.layers * a.r.m->config.heads) * 11 * 11; /* of a row */
    const float *A = (const float *)(npy.data + 10 + (unsigned char)npy.data[8]);
    assert_true((const char *)(A + ROWS * n) == npy.data + npy.size);
    for (int row = 0; row < ROWS; row++) {
        Forward f = naive_row(&a, row);
        OWNED double *got = doubles_of(A + row * n, n);
        same("weights", got, f.A, n, 1e-10);
        naive_free(&f);
    }
    bytes_free(&npy);
    rig_free(&a.r);
}

/* ---- collapse ---- */

static void distance_of_two_texts(void **state) {
    (void)state;
    enum { T = 12, LAYERS = 2 };
    ModelConfig c = naive_config();
    Fixture a;
    fixture_open(&a, c, T);
    Tape *t = rig_tape(&a.r, ROWS, false);
    for (int n = 2; n < T; n += 3) {
        double got[LAYERS] = {0}, want[LAYERS] = {0};
        collapse_measure(&a.s, t, &a.p, n, got);
        for (int row = 0; row < ROWS; row++) {
            int32_t text[T];
            memcpy(text, a.r.x + row * T, (size_t)n * sizeof *text);
            text[n] = text[n - 1];
            Forward one = naive_forward(a.r.m, text, a.r.doc_start, n),
                    two = naive_forward(a.r.m, text, a.r.doc_start, n + 1);
            for (int l = 0; l < LAYERS; l++)
                want[l] +=
                    apart(naive_at(&one, one.x, one.D, l, n - 1), naive_at(&two, two.x, two.D, l, n), one.D) /
                    ROWS;
            naive_free(&one);
            naive_free(&two);
        }
        same("distance", got, want, LAYERS, 1e-10);
    }
    tape_free(t);
    rig_free(&a.r);
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spread_of_one_token),
        cmocka_unit_test(sensitivity_of_an_identity),
        cmocka_unit_test(sensitivity_against_differences),
        cmocka_unit_test(bound_over_all_paths),
        cmocka_unit_test(bound_of_raw_weights),
        cmocka_unit_test(mass_of_a_key),
        cmocka_unit_test(losses_under_a_window),
        cmocka_unit_test(rounding_by_hand),
        cmocka_unit_test(rounding_what_is_round),
        cmocka_unit_test(rounding_spares_the_stream),
        cmocka_unit_test(rounding_keeps_what_is_asked),
        cmocka_unit_test(likeness_of_representations),
        cmocka_unit_test(a_model_is_its_own_likeness),
        cmocka_unit_test(a_dumped_tap_is_the_stream),
        cmocka_unit_test(dumped_weights_are_those_of_attention),
        cmocka_unit_test(distance_of_two_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
