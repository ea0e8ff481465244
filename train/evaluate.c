#include "train/evaluate.h"

#include "model/instruments/instrument.h"
#include "model/instruments/maps.h"
#include "train/probe_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VAL_TARGETS = 16384, VAL_TARGETS_LAST = 262144, TOKEN_TEXT = 256 };

static const char *const probe_names[] = {"main", "context", "other_bos", "random"};

struct Evaluator {
    const Config *c;
    const Dataset *d;
    const Model *m;
    float *scratch; /* room of an arena */
    ProbeRows probe[PROBES];
    ProbeRows val; /* one batch of held-out rows at a time */
    Maps *maps;    /* of the first probe.maps rows of main; NULL until the first are kept */
};

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static bool draw(Evaluator *v, ProbeName p, int64_t rows, int64_t T, bool bos, Error *e) {
    ProbeRows *h = &v->probe[p];
    if (!probe_rows_draw(h, p, v->d, (uint64_t)v->c->seed, rows, T, bos, e)) return false;
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
              draw(v, OTHER_BOS_LOSS, (VAL_TARGETS + T - 1) / T, T, !bos, e) &&
              probe_rows_create(&v->val, (VAL_TARGETS + T - 1) / T, T, e);
    if (!ok) {
        evaluator_free(v);
        return false;
    }
    *out = v;
    return true;
}

void evaluator_free(Evaluator *v) {
    if (!v) return;
    for (int i = 0; i < PROBES; i++) probe_rows_free(&v->probe[i]);
    probe_rows_free(&v->val);
    maps_free(v->maps);
    free(v);
}

/* ---- loss ---- */

typedef struct Mean {
    double sum;
    int64_t n;
} Mean;

/* Adds the losses of rows already in h, the tape's rows at a time. [0]: all targets, [1]: without the
 * first of each row. */
static void add_losses(const Evaluator *v, Tape *t, const ProbeRows *h, int rows, int batch, Mean mean[2]) {
    tape_observe(t, (Observers){NULL, 0});
    for (int r = 0; r < rows; r += batch) {
        int n = (int)lesser(batch, rows - r);
        int64_t at = (int64_t)r * h->T;
        Batch b = {n, h->T, h->at.x + at, h->at.y + at, h->at.doc_start + at, r};
        model_forward(v->m, t, &b);
        const float *losses = tape_losses(t);
        for (int i = 0; i < n * h->T; i++) {
            if (b.y[i] < 0) continue;
            for (int k = 0; k < (i % h->T ? 2 : 1); k++)
                mean[k] = (Mean){mean[k].sum + losses[i], mean[k].n + 1};
        }
    }
}

static void report_losses(const Evaluator *v, const Mean mean[2], Figures *f) {
    double loss = mean[0].n ? mean[0].sum / (double)mean[0].n : NAN;
    figures_add(f, "val_loss", -1, -1, loss);
    figures_add(f, "val_loss_1", -1, -1, mean[1].n ? mean[1].sum / (double)mean[1].n : NAN);
    figures_add(f, "bits_per_byte", -1, -1, loss / (log(2) * dataset_info(v->d)->bytes_per_token));
}

/* The held-out rows are spread evenly over the held-out text, which stands in source order. */
static void held_out_loss(Evaluator *v, Tape *t, int batch, int64_t targets, Figures *f) {
    int64_t T = v->val.T, all = dataset_heldout_rows(v->d, (int)T), n = lesser((targets + T - 1) / T, all);
    Mean mean[2] = {{0, 0}, {0, 0}};
    for (int64_t done = 0; done < n; done += v->val.rows) {
        int rows = (int)lesser(v->val.rows, n - done);
        for (int r = 0; r < rows; r++) {
            int64_t at = r * T;
            Rows one = {v->val.at.x + at, v->val.at.y + at, v->val.at.doc_start + at, NULL};
            dataset_heldout_rows_get(v->d, (done + r) * all / n, 1, (int)T, &one);
        }
        rows_hide_targets(&v->val.at, rows, (int)T, v->c->model.prefix);
        add_losses(v, t, &v->val, rows, batch, mean);
    }
    report_losses(v, mean, f);
}

/* ---- probes ---- */

static void measure(Evaluator *v, Tape *t, ProbeName p, int set, Figures *f) {
    ProbeRows *h = &v->probe[p];
    Probe probe = {.m = v->m,
                   .rows = h->rows,
                   .T = h->T,
                   .random = p == RANDOM,
                   .kind = h->at.kind,
                   .scratch = v->scratch};
    figures_add(f, "T", -1, -1, h->T);
    figures_add(f, "sequences", -1, -1, h->rows);
    instruments_measure(&probe, t, h->at.x, h->at.y, h->at.doc_start, set, f, NULL);
}

static bool evaluate_probe(Evaluator *v, Tape *t, int batch, Store *s, int64_t run, int64_t step, ProbeName p,
                           int set, double *sink_rate, Error *e) {
    Figures f = {0};
    measure(v, t, p, set, &f);
    if (p == MAIN && set & HEAVY) {
        bool last = step == v->c->train.steps;
        held_out_loss(v, t, batch, last ? VAL_TARGETS_LAST : VAL_TARGETS, &f);
    }
    if (p == OTHER_BOS && set & HEAVY) {
        Mean mean[2] = {{0, 0}, {0, 0}};
        const ProbeRows *h = &v->probe[OTHER_BOS_LOSS];
        add_losses(v, t, h, h->rows, batch, mean);
        report_losses(v, mean, &f);
    }
    if (p == MAIN) *sink_rate = figures_get(&f, "sink_rate_03", -1, -1);
    bool ok = store_eval(s, run, step, probe_names[p], &f, e);
    figures_free(&f);
    return ok;
}

bool evaluate(Evaluator *v, Tape *t, Store *s, int64_t run, int64_t step, int set, double *sink_rate,
              Error *e) {
    int batch = tape_rows(t), others = step == v->c->train.steps ? set : LIGHT;
    bool ok = evaluate_probe(v, t, batch, s, run, step, MAIN, set, sink_rate, e);
    for (ProbeName p = CONTEXT; ok && set & HEAVY && p <= RANDOM; p++)
        ok = evaluate_probe(v, t, batch, s, run, step, p, others, sink_rate, e);
    return ok;
}

/* ---- attention maps ---- */

/* What a token stands for, for people. A piece is whole UTF-8 or one byte. */
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
        Batch b = {(int)lesser(tape_rows(t), rows - r), h->T, h->at.x + at, h->at.y + at, h->at.doc_start + at, r};
        model_forward(v->m, t, &b);
    }
    tape_observe(t, (Observers){NULL, 0});
    bool ok = true;
    for (int i = 0; ok && i < rows * m->layers * m->heads; i++) {
        int head = (int)(i % m->heads), layer = (int)(i / m->heads % m->layers);
        MapPlace place = {run, step, probe_names[MAIN], (int)(i / m->heads / m->layers), layer, head, h->T};
        ok = store_map(s, &place, maps_of(v->maps, place.sequence, layer, head), maps_bytes(h->T), e);
    }
    return ok;
}
