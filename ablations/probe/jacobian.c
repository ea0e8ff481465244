/* Sensitivity (arXiv 2504.02732): |d x_T^(L) / d x_i^(0)|_F of the last vector of the final residual stream
 * to what enters block 0 at position i, by backpropagation of random normals u: E |J^T u|^2 = |J|_F^2. Beside
 * it the paper's path bound without its constant C^L: the sum over paths from i to the last position
 * of the products of abar_qk = sum_h |A_qk| + (q = k) / |W|, |W| the largest spectral norm of a head's W_O
 * W_V. Means over the first rows, with their standard
 * errors. */
#include "ablations/probe/kept_weights.h"
#include "ablations/probe/modes.h"
#include "data/base/rng.h"
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"
#include "model/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 16, POWER_STEPS = 30 };

/* By position, of x (rows, T). */
static void over_rows(const double *x, int rows, int T, double *mean, double *error) {
    double column[rows];
    for (int i = 0; i < T; i++) {
        for (int row = 0; row < rows; row++) column[row] = x[(int64_t)row * T + i];
        mean[i] = mean_of(column, rows);
        error[i] = standard_error_of(column, rows);
    }
}

bool jacobian_sensitivity(const ProbedModel *s, const ProbeRows *p, int draws, double *sens, double *error,
                          Error *e) {
    int d = (int)s->m->config.width, T = p->T;
    size_t N = (size_t)p->rows * (size_t)T;
    Tape *t = NULL;
    if (!probed_model_tape(s, p, true, true, &t, e)) return false;
    float *g = instrument_memory(N * (size_t)d, sizeof *g), *scratch = model_arena(s->m);
    double *square = instrument_memory(N, sizeof *square);
    for (int draw = 0; scratch && draw < draws; draw++) {
        for (int row = 0; row < p->rows; row++)
            for (int c = 0; c < d; c++) {
                uint64_t at =
                    ((uint64_t)draw * (uint64_t)p->rows + (uint64_t)row) * (uint64_t)d + (uint64_t)c;
                g[((int64_t)(row + 1) * T - 1) * d + c] =
                    (float)rng_normal(config_seed(&s->c, SEED_PROBE), RNG_SKETCH, 0, at);
            }
        const float *dx =
            model_pull(s->m, t, &(Batch){p->rows, T, p->at.x, p->at.y, p->at.doc_start, 0}, g, scratch);
        for (size_t n = 0; n < N; n++)
            for (int c = 0; c < d; c++)
                square[n] += (double)dx[n * (size_t)d + c] * dx[n * (size_t)d + c] / draws;
    }
    for (size_t n = 0; n < N; n++) square[n] = sqrt(square[n]);
    over_rows(square, p->rows, T, sens, error);
    free(square);
    free(g);
    tape_free(t);
    bool ok = scratch || fail(e, EXIT_FAILED, "--jacobian: out of memory");
    free(scratch);
    return ok;
}

/* y = M x or M^T x of M (rows, cols) with leading dimension ld. */
static void times(const float *M, int64_t ld, int rows, int cols, bool transposed, const double *x,
                  double *y) {
    memset(y, 0, (size_t)(transposed ? cols : rows) * sizeof *y);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) y[transposed ? c : r] += (double)M[r * ld + c] * x[transposed ? r : c];
}

/* Scales to length 1; returns the length. */
static double unit(double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    for (int i = 0; sum > 0 && i < n; i++) x[i] /= sqrt(sum);
    return sqrt(sum);
}

/* Largest singular value of W_O W_V of a head, W_V (dh, d), W_O (d, dh) in rows of ld, by power iteration. */
static double head_norm(const float *Wv, const float *Wo, int64_t ld, int dh, int d) {
    double x[d], y[d], z[dh], norm = 0;
    for (int i = 0; i < d; i++) x[i] = 1 + 0.01 * i;
    unit(x, d);
    for (int step = 0; step < POWER_STEPS; step++) {
        times(Wv, d, dh, d, false, x, z);
        times(Wo, ld, d, dh, false, z, y);
        norm = unit(y, d);
        times(Wo, ld, d, dh, true, y, z);
        times(Wv, d, dh, d, true, z, x);
        unit(x, d);
    }
    return norm;
}

static double layer_norm(const Model *m, int layer) {
    int d = (int)m->config.width, H = (int)m->config.heads, dh = (int)config_head_dim(&m->config);
    const Tensor *v = model_tensor(m, layer, STAGE_QKV, 2), *o = model_tensor(m, layer, STAGE_OUT, 0);
    int group = (int)(H / (v->rows / dh));
    double most = 0;
    for (int h = 0; h < H; h++)
        most = fmax(most, head_norm(m->params + v->offset + (int64_t)(h / group) * dh * d,
                                    m->params + o->offset + (int64_t)h * dh, o->cols, dh, d));
    return most;
}

/* One row: e_last times abar of every layer, the last layer first. */
static void paths_of(const KeptWeights *k, int row, const double *self, double *paths) {
    double at[k->T], next[k->T];
    for (int i = 0; i < k->T; i++) at[i] = i == k->T - 1;
    for (int l = k->layers; l-- > 0;) {
        for (int i = 0; i < k->T; i++) next[i] = at[i] * self[l];
        for (int h = 0; h < k->heads; h++)
            for (int q = 0; q < k->T; q++)
                for (int i = 0; i < k->T; i++)
                    next[i] += at[q] * (double)weights_of(k, row, l, h)[q * k->T + i];
        memcpy(at, next, sizeof at);
    }
    memcpy(paths, at, sizeof at);
}

bool jacobian_path_bound(const ProbedModel *s, const ProbeRows *p, double *bound, double *error, Error *e) {
    Tape *t = NULL;
    if (!probed_model_tape(s, p, true, false, &t, e)) return false;
    KeptWeights k = weights_keep(s->m, p->rows, p->T, WEIGHTS_RAW);
    Observer eye = weights_observer(&k);
    double self[k.layers];
    tape_observe(t, (Observers){&eye, 1});
    model_forward(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    for (int l = 0; l < k.layers; l++) self[l] = 1 / layer_norm(s->m, l);
    double *paths = instrument_memory((size_t)k.rows * (size_t)k.T, sizeof *paths);
    for (int row = 0; row < k.rows; row++) paths_of(&k, row, self, paths + (int64_t)row * k.T);
    over_rows(paths, k.rows, k.T, bound, error);
    free(paths);
    weights_free(&k);
    tape_free(t);
    return true;
}

bool jacobian_check(const ProbedModel *s, Error *e) {
    return probed_model_whole(s, "--jacobian", e);
}

bool jacobian_show(ProbedModel *s, Error *e) {
    static const char *const columns[] = {"BOS", "path bound / C^L", "no BOS", "path bound / C^L"};
    bool bos = s->c.data.bos == BOS_ROW, ok = true;
    int T = s->main.T, rows = weights_rows(s->main.rows), first = 0, end = 2;
    if (!s->other.rows) first = !bos, end = first + 1; /* rows as they were given, and no others */
    double *of[4], *error[4];
    for (int j = 0; j < 4; j++) of[j] = instrument_memory(2 * (size_t)T, sizeof *of[j]), error[j] = of[j] + T;
    for (int i = first; ok && i < end; i++) {
        ProbeRows p = (i == 0) == bos ? s->main : s->other;
        p.rows = rows;
        ok = jacobian_sensitivity(s, &p, DRAWS, of[2 * i], error[2 * i], e) &&
             jacobian_path_bound(s, &p, of[2 * i + 1], error[2 * i + 1], e);
    }
    if (ok) {
        char title[96];
        snprintf(title, sizeof title, "sensitivity of the last vector to x^(0) at each position, %d draws",
                 DRAWS);
        int n = 2 * (end - first);
        Sheet sheet = sheet_make("jacobian", title, T, n);
        for (int j = 0; j < n; j++) strcpy(sheet.col[j], columns[2 * first + j]);
        for (int i = 0; i < T; i++) snprintf(sheet.row[i].name, SHEET_NAME, "position %d", i);
        for (int i = 0; i < n * T; i++) {
            *sheet_cell(&sheet, i / n, i % n) = of[2 * first + i % n][i / n];
            *sheet_error(&sheet, i / n, i % n) = error[2 * first + i % n][i / n];
        }
        probed_model_show(s, &sheet, &s->main, rows);
    }
    for (int j = 0; j < 4; j++) free(of[j]);
    return ok;
}
