/* The probe of embeddings (model/instruments/embedding_probe.c) by layer, before --do and after, on a task
 * made from the corpus: which of SECTIONS stretches of the held-out text, which stands in source order, a row
 * is from. In a dictionary these are parts of the alphabet, in documentation parts of the tree. */
#include "ablations/probe/modes.h"
#include "model/instruments/instrument.h"

#include <math.h>
#include <string.h>

enum { SECTIONS = 8, ROWS_A_SECTION = 50, FEWEST = 10, IN_FLIGHT = 64 };

static int64_t rows_there(const ProbedModel *s) {
    int64_t all = dataset_plain_rows(s->data, s->main.T), most = SECTIONS * ROWS_A_SECTION;
    return all < most ? all / SECTIONS * SECTIONS : most;
}

bool embedding_check(const ProbedModel *s, Error *e) {
    if (!s->data) return fail(e, EXIT_USAGE, "--embedding: there is no held-out text of this model's tokens");
    if (isnan(dataset_info(s->data)->mean_document))
        return fail(e, EXIT_USAGE, "--embedding: %s: a synthetic task has no sections", s->c.data.source);
    if (rows_there(s) >= SECTIONS * FEWEST) return true;
    return fail(e, EXIT_USAGE, "--embedding: %lld held-out rows are too few (%d; a longer text)",
                (long long)dataset_plain_rows(s->data, s->main.T), SECTIONS * FEWEST);
}

/* Rows spread evenly over the held-out text, and where each is from. */
static bool draw(const ProbedModel *s, bool bos, ProbeRows *p, int32_t *section, Error *e) {
    int64_t n = rows_there(s), all = dataset_plain_rows(s->data, s->main.T), T = s->main.T;
    if (!probe_rows_create(p, n, T, e)) return false;
    for (int64_t i = 0; i < n; i++) {
        Rows one = {p->at.x + i * T, p->at.y + i * T, p->at.doc_start + i * T, NULL};
        dataset_plain_row(s->data, i * all / n, (int)T, bos, &one);
        section[i] = (int32_t)(i * SECTIONS / n);
    }
    return true;
}

static bool measure(const ProbedModel *s, bool changed, Figures *f, Error *e) {
    bool bos = s->c.data.bos == BOS_ROW && !(changed && s->no_bos);
    int32_t section[SECTIONS * ROWS_A_SECTION];
    ProbeRows p = {0};
    Tape *t = NULL;
    bool ok = draw(s, bos, &p, section, e);
    ProbeRows few = {.rows = p.rows < IN_FLIGHT ? p.rows : IN_FLIGHT, .T = p.T};
    ok = ok && probed_model_tape(s, &few, changed, false, &t, e);
    if (ok) {
        Probe probe = {.m = s->m, .rows = p.rows, .T = p.T, .section = section, .sections = SECTIONS};
        instruments_measure(&probe, t, p.at.x, p.at.y, p.at.doc_start, ASKED, f, NULL);
    }
    tape_free(t);
    probe_rows_free(&p);
    return ok;
}

static void show(ProbedModel *s, const Figures *f, int n) {
    int layers = (int)s->m->config.layers;
    char title[96];
    snprintf(title, sizeof title,
             "accuracy of a linear probe: from which of %d sections a row is (chance %.3g)", SECTIONS,
             figures_get(&f[0], "embedding_chance", -1, -1));
    Sheet sheet = sheet_make("embedding", title, layers, n);
    strcpy(sheet.col[0], n == 2 ? "before" : "accuracy");
    if (n == 2) strcpy(sheet.col[1], "after");
    for (int l = 0; l < layers; l++) {
        snprintf(sheet.row[l].name, SHEET_NAME, "layer %d", l);
        for (int j = 0; j < n; j++)
            *sheet_cell(&sheet, l, j) = figures_get(&f[j], "embedding_accuracy", l, -1);
    }
    ProbeRows p = {.rows = (int)rows_there(s), .T = s->main.T};
    probed_model_show(s, &sheet, &p, p.rows);
}

bool embedding_show(ProbedModel *s, Error *e) {
    Figures f[2] = {{0}};
    int n = s->o->changes.n ? 2 : 1;
    bool ok = true;
    for (int i = 0; ok && i < n; i++) ok = measure(s, i == 1, &f[i], e);
    if (ok) show(s, f, n);
    for (int i = 0; i < n; i++) figures_free(&f[i]);
    return ok;
}
