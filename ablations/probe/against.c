/* Likeness of two models on the same rows (arXiv 1905.00414): linear CKA of the residual stream after each
 * layer, the layers of this model against those of another, which may be of another step, seed or variant,
 * but reads the same tokens. Two seeds of one recipe show how alike models can be expected to be. Both as
 * they are, without --do. */
#include "ablations/probe/cka.h"
#include "ablations/probe/modes.h"
#include "model/instruments/cells.h"
#include "train/checkpoint/checkpoint.h"

#include <stdlib.h>
#include <string.h>

/* The stream after every layer, (layers, n, d). */
typedef struct Streams {
    float *at;
    int d;
} Streams;

static void see(void *self, const View *v) {
    const Streams *s = self;
    memcpy(s->at + (int64_t)v->layer * v->tokens * s->d, v->data, (size_t)(v->tokens * s->d) * sizeof *s->at);
}

static bool streams_of(const Model *m, const ProbeRows *p, Streams *s, Error *e) {
    Tape *t = NULL;
    if (!tape_create(&t, m, p->rows, p->T, false, e)) return false;
    s->d = (int)m->config.width;
    s->at =
        instrument_memory((size_t)m->config.layers * (size_t)(p->rows * p->T) * (size_t)s->d, sizeof *s->at);
    Observer eye = {1u << TAP_RESID, s, see, NULL};
    tape_observe(t, (Observers){&eye, 1});
    model_stream(m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    tape_free(t);
    return true;
}

bool against_measure(const Model *a, const Model *b, const ProbeRows *p, double *cka, Error *e) {
    Streams x = {0}, y = {0};
    int64_t n = (int64_t)p->rows * p->T;
    bool ok = streams_of(a, p, &x, e) && streams_of(b, p, &y, e);
    int L = (int)a->config.layers, M = (int)b->config.layers;
    for (int i = 0; ok && i < L * M; i++)
        cka[i] = linear_cka(x.at + i / M * n * x.d, x.d, y.at + i % M * n * y.d, y.d, n);
    free(x.at);
    free(y.at);
    return ok;
}

/* The other model, if it reads tokens as this one does. */
static bool open_other(const ProbedModel *s, char path[1024], Model **m, int64_t *step, Error *e) {
    FoundModel f = {0};
    Config c;
    if (!s->data && !s->o->ids)
        return fail(e, EXIT_USAGE,
                    "--against: whether both models have one tokenizer is not known (--ids FILE)");
    bool ok = find_model(s->o->against, s->o->db, &f, e) && checkpoint_open(f.path, &c, m, step, e);
    if (ok) strcpy(path, f.path);
    found_model_free(&f);
    if (!ok || (s->data && !checkpoint_fits_data(path, dataset_info(s->data), e))) return false;
    if ((*m)->config.vocab != s->m->config.vocab)
        return fail(e, EXIT_USAGE, "--against: %s: %lld tokens, not %lld", path,
                    (long long)(*m)->config.vocab, (long long)s->m->config.vocab);
    return (*m)->config.context >= s->main.T ||
           fail(e, EXIT_USAGE, "--against: %s: a context of %lld, and the rows have %d tokens", path,
                (long long)(*m)->config.context, s->main.T);
}

static void show(ProbedModel *s, const Model *other, int64_t step, const double *cka) {
    int L = (int)s->m->config.layers, M = (int)other->config.layers;
    char title[128];
    snprintf(title, sizeof title, "CKA of the stream with %.60s after step %lld", s->o->against,
             (long long)step);
    Sheet sheet = sheet_make("against", title, L, M);
    for (int l = 0; l < L; l++) snprintf(sheet.row[l].name, SHEET_NAME, "layer %d", l);
    for (int k = 0; k < M; k++) snprintf(sheet.col[k], SHEET_NAME, "its layer %d", k);
    for (int i = 0; i < L * M; i++) *sheet_cell(&sheet, i / M, i % M) = cka[i];
    probed_model_show(s, &sheet, &s->main, s->main.rows);
}

bool against_show(ProbedModel *s, Error *e) {
    char path[1024];
    Model *other = NULL;
    int64_t step;
    double *cka = NULL;
    bool ok = open_other(s, path, &other, &step, e);
    if (ok) cka = instrument_memory((size_t)(s->m->config.layers * other->config.layers), sizeof *cka);
    ok = ok && against_measure(s->m, other, &s->main, cka, e);
    if (ok) show(s, other, step, cka);
    free(cka);
    model_free(other);
    return ok;
}
