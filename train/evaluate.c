#include "train/evaluate.h"

#include "model/instruments/instrument.h"
#include "model/instruments/maps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VAL_TARGETS = 16384, VAL_TARGETS_LAST = 262144, BOS_TARGETS = 32768, TOKEN_TEXT = 256 };

static const char *const probe_names[] = {[MAIN] = "main",
                                          [CONTEXT] = "context",
                                          [OTHER_BOS] = "other_bos",
                                          [RANDOM] = "random",
                                          [REPEATED] = "repeated"};

struct Evaluator {
    const Config *c;
    const Dataset *d; /* NULL: rows are the caller's */
    const Model *m;
    float *scratch; /* room of an arena; NULL: no backward is made */
    ProbeRows probe[PROBES];
    ProbeRows val;       /* one batch of held-out rows at a time */
    const char *changes; /* what is done to the model; NULL: nothing */
    bool no_bos;         /* rows of main have no BOS */
    Maps *maps;          /* of the first probe.maps rows of main; NULL until the first are kept */
};

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static bool draw(Evaluator *v, ProbeName p, int64_t rows, int64_t T, bool bos, Error *e) {
    ProbeRows *h = &v->probe[p];
    if (!probe_rows_draw(h, p, v->d, config_seed(v->c, SEED_PROBE), rows, T, bos, e)) return false;
    rows_hide_targets(&h->at, h->rows, h->T, v->c->model.prefix);
    return true;
}

bool evaluator_create(Evaluator **out, const Config *c, const Dataset *d, const Model *m, float *scratch,
                      Error *e) {
    Evaluator *v = calloc(1, sizeof *v);
    if (!v) return fail(e, EXIT_FAILED, "probe: out of memory");
    *v = (Evaluator){.c = c, .d = d, .m = m, .scratch = scratch};
    int64_t T = c->model.context, t = lesser(c->probe.length, T), n = c->probe.sequences;
    bool bos = c->data.bos == BOS_ROW;
    bool ok = draw(v, MAIN, n, t, bos, e) && draw(v, CONTEXT, n, T, bos, e) &&
              draw(v, OTHER_BOS, n, t, !bos, e) && draw(v, RANDOM, n, t, false, e) &&
              draw(v, REPEATED, n, t, false, e) &&
              draw(v, OTHER_BOS_LOSS, (VAL_TARGETS + T - 1) / T, T, !bos, e) &&
              probe_rows_create(&v->val, (VAL_TARGETS + T - 1) / T, T, e);
    if (!ok) {
        evaluator_free(v);
        return false;
    }
    *out = v;
    return true;
}

bool evaluator_of_rows(Evaluator **out, const Config *c, const Model *m, const ProbeRows *main,
                       const ProbeRows *other, const ProbeRows *random, Error *e) {
    Evaluator *v = *out = calloc(1, sizeof *v);
    if (!v) return fail(e, EXIT_FAILED, "probe: out of memory");
    *v = (Evaluator){.c = c, .m = m, .probe = {[MAIN] = *main, [OTHER_BOS] = *other, [RANDOM] = *random}};
    return true;
}

void evaluator_free(Evaluator *v) {
    if (!v) return;
    for (int i = 0; i < PROBES && v->d; i++) probe_rows_free(&v->probe[i]);
    probe_rows_free(&v->val);
    maps_free(v->maps);
    free(v);
}

void evaluator_under(Evaluator *v, const char *changes, bool no_bos) {
    v->changes = changes;
    v->no_bos = no_bos;
}

/* ---- loss ---- */

/* Targets that a mean is over: all; without the first of each row; those of the inputs from T / 2 on, which
 * are the same, after nearly the same text, whatever stands at position 0. */
typedef enum Scope { SCOPE_ALL, SCOPE_REST, SCOPE_LATE, SCOPES } Scope;
static const char *const scope_names[SCOPES] = {"val_loss", "val_loss_1", "val_loss_late"};

static bool in_scope(Scope s, int t, int T) {
    return s == SCOPE_ALL || (s == SCOPE_REST ? t > 0 : t >= T / 2);
}

typedef struct Mean {
    double sum[SCOPES];
    int64_t n[SCOPES];
} Mean;

static double mean_of(const Mean *m, Scope s) {
    return m->n[s] ? m->sum[s] / (double)m->n[s] : NAN;
}

/* Losses and targets of `rows` rows: each row's to mean[row], or all of them to the one mean. */
static void mean_add(Mean *mean, const float *losses, const int32_t *y, int rows, int T, bool by_row) {
    for (int i = 0; i < rows * T; i++) {
        Mean *to = by_row ? &mean[i / T] : mean;
        for (Scope s = 0; s < SCOPES; s++) {
            if (y[i] < 0 || !in_scope(s, i % T, T)) continue;
            to->sum[s] += losses[i];
            to->n[s]++;
        }
    }
}

/* The losses of the first `rows` rows in h, `batch` rows at a time: each row's added to mean[row], or all of
 * them, in order, to the one mean. */
static void add_losses(const Evaluator *v, Tape *t, const ProbeRows *h, int rows, int batch, Mean *mean,
                       bool by_row) {
    tape_observe(t, (Observers){NULL, 0});
    for (int r = 0; r < rows; r += batch) {
        int n = (int)lesser(batch, rows - r);
        int64_t at = (int64_t)r * h->T;
        Batch b = {n, h->T, h->at.x + at, h->at.y + at, h->at.doc_start + at, r};
        model_forward(v->m, t, &b);
        mean_add(by_row ? mean + r : mean, tape_losses(t), b.y, n, h->T, by_row);
    }
}

static void report_losses(const Evaluator *v, const Mean *mean, Figures *f) {
    for (Scope s = 0; s < SCOPES; s++) figures_add(f, scope_names[s], -1, -1, mean_of(mean, s));
    if (v->d && !isnan(dataset_info(v->d)->bytes_per_token))
        figures_add(f, "bits_per_byte", -1, -1,
                    mean_of(mean, SCOPE_ALL) / (log(2) * dataset_info(v->d)->bytes_per_token));
}

/* Row i of n that are spread evenly over `all`, in source order. */
static int64_t spread(int64_t i, int64_t n, int64_t all) {
    return i * all / n;
}

/* Over that many held-out targets, whole rows. */
static Mean held_out_loss(Evaluator *v, Tape *t, int batch, int64_t targets) {
    int64_t T = v->val.T, n,
            all = v->no_bos ? dataset_plain_rows(v->d, (int)T) : dataset_heldout_rows(v->d, (int)T);
    Mean mean = {0};
    n = lesser((targets + T - 1) / T, all);
    for (int64_t done = 0; done < n; done += v->val.rows) {
        int rows = (int)lesser(v->val.rows, n - done);
        for (int r = 0; r < rows; r++) {
            int64_t at = r * T;
            Rows one = {v->val.at.x + at, v->val.at.y + at, v->val.at.doc_start + at, NULL};
            if (v->no_bos)
                dataset_plain_row(v->d, spread(done + r, n, all), (int)T, false, &one);
            else
                dataset_heldout_rows_get(v->d, spread(done + r, n, all), 1, (int)T, &one);
        }
        rows_hide_targets(&v->val.at, rows, (int)T, v->c->model.prefix);
        add_losses(v, t, &v->val, rows, batch, &mean, false);
    }
    return mean;
}

/* ---- what BOS is worth to the trained model, on one text ---- */

/* Sums over rows of the difference that the other choice of BOS makes to a row's mean loss. */
typedef struct Difference {
    double sum, squares;
    int64_t n;
} Difference;

static void difference_add(Difference *d, double x) {
    if (isnan(x)) return; /* a row none of whose targets is scored */
    d->sum += x;
    d->squares += x * x;
    d->n++;
}

/* Rows done .. done + rows - 1 of n, with or without BOS: each one's mean loss. */
static void plain_losses(Evaluator *v, Tape *t, int batch, int64_t done, int rows, int64_t n, bool bos,
                         Mean *mean) {
    int64_t T = v->val.T;
    memset(mean, 0, (size_t)rows * sizeof *mean);
    for (int r = 0; r < rows; r++) {
        int64_t at = r * T;
        Rows one = {v->val.at.x + at, v->val.at.y + at, v->val.at.doc_start + at, NULL};
        dataset_plain_row(v->d, spread(done + r, n, dataset_plain_rows(v->d, (int)T)), (int)T, bos, &one);
    }
    rows_hide_targets(&v->val.at, rows, (int)T, v->c->model.prefix);
    add_losses(v, t, &v->val, rows, batch, mean, true);
}

static void report_difference(const char *name, const char *name_of_error, const Difference *d, Figures *f) {
    double n = (double)d->n, mean = d->sum / n, variance = (d->squares - n * mean * mean) / (n - 1);
    figures_add(f, name, -1, -1, d->n ? mean : NAN);
    figures_add(f, name_of_error, -1, -1, d->n > 1 ? sqrt(variance > 0 ? variance / n : 0) : NAN);
}

/* The loss with the other choice of BOS minus that with the trained one, over the same targets of the same
 * rows, paired by row. Not asked where BOS stands before documents: rows are trained with and without it. */
static bool bos_cost(Evaluator *v, Tape *t, int batch, Figures *f, Error *e) {
    if (v->c->data.bos == BOS_DOCUMENT) return true;
    int64_t T = v->val.T, n = lesser((BOS_TARGETS + T - 1) / T, dataset_plain_rows(v->d, (int)T));
    Mean *mean = calloc((size_t)(2 * v->val.rows), sizeof *mean), *other = mean ? mean + v->val.rows : NULL;
    if (!mean) return fail(e, EXIT_FAILED, "probe: out of memory");
    Difference all = {0}, late = {0};
    bool trained = v->c->data.bos == BOS_ROW;
    for (int64_t done = 0; done < n; done += v->val.rows) {
        int rows = (int)lesser(v->val.rows, n - done);
        plain_losses(v, t, batch, done, rows, n, trained, mean);
        plain_losses(v, t, batch, done, rows, n, !trained, other);
        for (int r = 0; r < rows; r++) {
            difference_add(&all, mean_of(&other[r], SCOPE_ALL) - mean_of(&mean[r], SCOPE_ALL));
            difference_add(&late, mean_of(&other[r], SCOPE_LATE) - mean_of(&mean[r], SCOPE_LATE));
        }
    }
    free(mean);
    report_difference("bos_cost", "bos_cost_se", &all, f);
    report_difference("bos_cost_late", "bos_cost_late_se", &late, f);
    figures_add(f, "bos_cost_rows", -1, -1, (double)late.n);
    return true;
}

/* ---- probes ---- */

static void measure(Evaluator *v, Tape *t, ProbeName p, int set, Figures *f) {
    ProbeRows *h = &v->probe[p == MAIN && v->no_bos ? OTHER_BOS : p];
    Probe probe = {.m = v->m,
                   .rows = h->rows,
                   .T = h->T,
                   .random = p == RANDOM || p == REPEATED,
                   .kind = h->at.kind,
                   .scratch = v->scratch};
    figures_add(f, "T", -1, -1, h->T);
    figures_add(f, "sequences", -1, -1, h->rows);
    bool given = !v->d && p != RANDOM;
    instruments_measure(&probe, t, h->at.x, h->at.y, h->at.doc_start, set, f, given ? h->losses : NULL);
    if (!given) return;
    Mean mean = {0};
    mean_add(&mean, h->losses, h->at.y, h->rows, h->T, false);
    report_losses(v, &mean, f);
}

static bool evaluate_probe(Evaluator *v, Tape *t, int batch, Store *s, int64_t run, int64_t step, ProbeName p,
                           int set, double *sink_rate, Error *e) {
    Figures f = {0};
    bool last = step == v->c->train.steps, ok = true;
    measure(v, t, p, set, &f);
    if (v->d && p == MAIN && set & HEAVY) {
        Mean few = held_out_loss(v, t, batch, VAL_TARGETS);
        Mean mean = last ? held_out_loss(v, t, batch, VAL_TARGETS_LAST) : few;
        report_losses(v, &mean, &f);
        figures_add(&f, "val_loss_16k", -1, -1, mean_of(&few, SCOPE_ALL));
    }
    if (v->d && p == OTHER_BOS && set & HEAVY) {
        Mean mean = {0};
        const ProbeRows *h = &v->probe[OTHER_BOS_LOSS];
        add_losses(v, t, h, h->rows, batch, &mean, false);
        report_losses(v, &mean, &f);
        ok = !last || bos_cost(v, t, batch, &f, e);
    }
    if (p == MAIN) *sink_rate = figures_get(&f, "sink_rate_03", -1, -1);
    char name[CHANGES_TEXT + 32];
    snprintf(name, sizeof name, "%s%s%s", probe_names[p], v->changes ? " do " : "",
             v->changes ? v->changes : "");
    ok = ok && store_eval(s, run, step, name, &f, e);
    figures_free(&f);
    return ok;
}

bool evaluate(Evaluator *v, Tape *t, Store *s, int64_t run, int64_t step, int set, double *sink_rate,
              Error *e) {
    int batch = tape_rows(t), others = step == v->c->train.steps ? set : LIGHT;
    bool ok = evaluate_probe(v, t, batch, s, run, step, MAIN, set, sink_rate, e);
    for (ProbeName p = CONTEXT; ok && set & HEAVY && !v->no_bos && p <= RANDOM; p++)
        ok = !v->probe[p].rows || evaluate_probe(v, t, batch, s, run, step, p, others, sink_rate, e);
    if (ok && step == v->c->train.steps && v->probe[REPEATED].rows && !v->no_bos)
        ok = evaluate_probe(v, t, batch, s, run, step, REPEATED, LIGHT, sink_rate, e);
    return ok;
}

/* ---- attention maps ---- */

/* The text of a token, for people. A piece is whole UTF-8 or one byte. */
static bool token_text(const Dataset *d, int32_t token, char out[TOKEN_TEXT], Error *e) {
    char *text;
    if (token == dataset_info(d)->bos) return snprintf(out, TOKEN_TEXT, "<bos>"), true;
    if (!dataset_decode(d, &token, 1, &text, e)) return false;
    if (text[0] & 0x80 && !text[1])
        snprintf(out, TOKEN_TEXT, "\\x%02x", text[0] & 0xff);
    else
        snprintf(out, TOKEN_TEXT, "%s", text);
    free(text);
    return true;
}

static bool store_sentence(Evaluator *v, Store *s, int64_t run, int sequence, Error *e) {
    const ProbeRows *h = &v->probe[MAIN];
    char text[TOKEN_TEXT];
    for (int t = 0; t < h->T; t++) {
        int32_t token = h->at.x[sequence * h->T + t];
        if (!token_text(v->d, token, text, e) ||
            !store_map_token(s, run, probe_names[MAIN], sequence, t, token, text, e))
            return false;
    }
    return true;
}

static bool maps_begin(Evaluator *v, int rows, Store *s, int64_t run, Error *e) {
    const ModelConfig *m = &v->m->config;
    v->maps = maps_create(rows, v->probe[MAIN].T, (int)m->layers, (int)m->heads);
    if (!v->maps) return fail(e, EXIT_FAILED, "maps: out of memory (lower probe.maps)");
    for (int i = 0; i < rows; i++)
        if (!store_sentence(v, s, run, i, e)) return false;
    return true;
}

bool evaluate_maps(Evaluator *v, Tape *t, Store *s, int64_t run, int64_t step, Error *e) {
    const ProbeRows *h = &v->probe[MAIN];
    const ModelConfig *m = &v->m->config;
    int rows = (int)lesser(v->c->probe.maps, h->rows);
    if (!rows || (!v->maps && !maps_begin(v, rows, s, run, e))) return rows == 0;
    Observer watch = maps_observer(v->maps);
    tape_observe(t, (Observers){&watch, 1});
    for (int r = 0; r < rows; r += tape_rows(t)) {
        int64_t at = (int64_t)r * h->T;
        Batch b = {
            (int)lesser(tape_rows(t), rows - r), h->T, h->at.x + at, h->at.y + at, h->at.doc_start + at, r};
        model_forward(v->m, t, &b);
    }
    tape_observe(t, (Observers){NULL, 0});
    bool ok = true;
    for (int i = 0; ok && i < rows * m->layers * m->heads; i++) {
        int head = (int)(i % m->heads), layer = (int)(i / m->heads % m->layers);
        if (config_is_routed(m, layer)) continue; /* some of its queries and keys are not there */
        MapPlace place = {run, step, probe_names[MAIN], (int)(i / m->heads / m->layers), layer, head, h->T};
        ok = store_map(s, &place, maps_of(v->maps, place.sequence, layer, head), maps_bytes(h->T), e);
    }
    return ok;
}
