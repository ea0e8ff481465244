/* Owns: the mixing score (arXiv 2510.06477): mean over queries of H(A[q,:]) / ln n_q, where n_q is the
 * number of keys that q sees (q + 1 without a mask), over the queries with n_q >= 2. 1: every query
 * averages all it sees; 0: every query copies one token. */
#include "model/instruments/means.h"
#include "model/kernels/vec.h"

/* ln x for normal positive x, to about 1e-7: x = 2^n m with m in [sqrt 1/2, sqrt 2), and with
 * t = (m - 1) / (m + 1) the series ln m = 2 (t + t^3/3 + t^5/5 + ...). Written without branches so that
 * it runs in vectors. */
static inline vf log_lanes(vf x) {
    const int32_t below_one = 0x3f3504f3; /* sqrt 1/2 as bits */
    vi bits = (vi)x - below_one;
    vi n = bits >> 23;
    vf m = (vf)((bits & 0x007fffff) + below_one);
    vf t = (m - 1.0f) / (m + 1.0f), u = t * t;
    vf series = u * (1.0f / 9) + 1.0f / 7;
    series = series * u + 1.0f / 5;
    series = series * u + 1.0f / 3;
    return __builtin_convertvector(n, vf) * 0.69314718f + 2.0f * (t + t * u * series);
}

/* -sum a ln a over n weights a = scale |A|. A weight below 1e-30 counts as zero: its term nearly is. */
static double row_entropy(const float *A, int n, double scale) {
    double lanes[VW] = {0}, sum = 0;
    for (int i = 0; i < n; i += VW) {
        vf a = vf_load_part(A + i, n - i);
        a = vf_max(a, -a) * (float)scale;
        vf term = a * log_lanes(vf_max(a, vf_all(1e-30f)));
        for (int j = 0; j < VW; j++) lanes[j] -= (double)term[j];
    }
    for (int j = 0; j < VW; j++) sum += lanes[j];
    return sum;
}

static bool add(const Query *x, Visible visible, double *sums) {
    int n = visible_keys(visible, x->w->doc_start, x->w->T, x->q);
    if (n < 2) return false;
    double scale = weight_scale(x->w, x->A, x->first, x->last);
    *sums += row_entropy(x->A + x->first, x->last - x->first + 1, scale) / log(n);
    return true;
}

const Instrument mixing = {
    .name = "mixing",
    .definition = "mixing score: mean over q >= 1 of H(A[q,:]) / ln(q+1)",
    .paper = "arXiv 2510.06477",
    .columns = "eval.mixing, eval_layer.mixing, eval_head.mixing",
    .cost = LIGHT,
    .means =
        &(const Means){
            .figures = 1, .names = {{"mixing", "mixing", "mixing", mean_of}}, .by_head = true, .add = add},
    .weights = means_weights,
    .close = means_close,
};
