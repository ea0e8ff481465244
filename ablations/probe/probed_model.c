#include "ablations/probe/probed_model.h"

#include "data/text_file.h"
#include "model/instruments/instrument.h"
#include "model/interventions/intervention.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the user's text as rows ---- */

static bool read_text(const char *path, Bytes *text, Error *e) {
    Error why = {0};
    return text_file_read(path, text, &why) || fail(e, why.code, "--text: %s", why.text);
}

/* Rows one behind the other; BOS stands in place of a row's first token. */
static void cut_rows(ProbeRows *p, const int32_t *tokens, bool bos, int32_t bos_token) {
    for (int row = 0; row < p->rows; row++)
        for (int t = 0; t < p->T; t++) {
            int64_t at = (int64_t)row * p->T + t;
            p->at.x[at] = bos && t == 0 ? bos_token : tokens[at];
            p->at.y[at] = tokens[at + 1];
        }
}

static bool rows_of_text(ProbedModel *s, int64_t T, bool bos, Error *e) {
    Bytes text = {0};
    int32_t *tokens = NULL;
    int64_t n = 0, most = s->c.probe.sequences;
    bool ok = read_text(s->o->text, &text, e) &&
              dataset_encode(s->data, text.data, (size_t)text.size, &tokens, &n, e);
    int64_t rows = (n - 1) / T < most ? (n - 1) / T : most;
    if (ok && rows < 1)
        ok = fail(e, EXIT_USAGE, "--text: %s: %lld tokens, a row takes %lld (a longer text)", s->o->text,
                  (long long)n, (long long)T + 1);
    ok = ok && probe_rows_create(&s->main, rows, T, e) && probe_rows_create(&s->other, rows, T, e);
    if (ok) {
        cut_rows(&s->main, tokens, bos, dataset_info(s->data)->bos);
        cut_rows(&s->other, tokens, !bos, dataset_info(s->data)->bos);
    }
    free(tokens);
    bytes_free(&text);
    return ok;
}

/* ---- what is asked to be done ---- */

/* One intervention of a text of several: up to a comma outside parentheses. */
static size_t one_change(const char *text) {
    int depth = 0;
    size_t n = 0;
    for (; text[n] && (depth > 0 || text[n] != ','); n++) depth += (text[n] == '(') - (text[n] == ')');
    return n;
}

static bool add_change(ProbedModel *s, const char *text, int T, Error *e) {
    Intervention i;
    if (!intervention_read(text, "--do", &s->m->config, T, &i, e)) return false;
    if (intervention_of_rows(&i)) {
        if (s->c.data.bos != BOS_ROW)
            return fail(e, EXIT_USAGE, "--do: %s: this model's rows do not begin with BOS", text);
        return s->no_bos = true;
    }
    if (s->changes.n + s->m->config.interventions.n == LIST_ITEMS)
        return fail(e, EXIT_USAGE, "--do: at most %d interventions at once", LIST_ITEMS);
    strcpy(s->changes.item[s->changes.n++], text);
    return true;
}

static bool read_changes(ProbedModel *s, int T, Error *e) {
    for (int i = 0; i < s->o->changes.n; i++)
        for (const char *at = s->o->changes.at[i]; *at;) {
            char text[LIST_TEXT];
            size_t n = one_change(at);
            if (n >= sizeof text)
                return fail(e, EXIT_USAGE, "--do: %.40s...: %zu bytes of one intervention, at most %zu", at,
                            n, sizeof text - 1);
            snprintf(text, sizeof text, "%.*s", (int)n, at);
            if (!add_change(s, text, T, e)) return false;
            at += n + (at[n] == ',');
        }
    return true;
}

/* ---- the subject ---- */

/* Other tokens under the same numbers would make every figure wrong without a sign; other text would not. */
static bool check_data(const ProbedModel *s, const char *checkpoint, Error *e) {
    const DatasetInfo *info = dataset_info(s->data);
    const char *remark;
    if (!checkpoint_fits_data(checkpoint, info, e) || !checkpoint_remark(checkpoint, &s->c, info, &remark, e))
        return false;
    if (remark) fprintf(stderr, "sinklab: warning: %s: %s\n", checkpoint, remark);
    return true;
}

bool probed_model_open(ProbedModel *s, const char *checkpoint, const ProbeOptions *o, Error *e) {
    *s = (ProbedModel){.o = o};
    if (!checkpoint_open(checkpoint, &s->c, &s->m, &s->step, e) ||
        !dataset_open(&s->data, &s->c.data, o->cache, NULL, e) || !check_data(s, checkpoint, e))
        return false;
    int64_t context = s->c.model.context, T = s->c.probe.length < context ? s->c.probe.length : context;
    int64_t n = s->c.probe.sequences;
    uint64_t seed = (uint64_t)s->c.seed;
    bool bos = s->c.data.bos == BOS_ROW;
    bool ok = o->text ? rows_of_text(s, T, bos, e)
                      : probe_rows_draw(&s->main, MAIN, s->data, seed, n, T, bos, e) &&
                            probe_rows_draw(&s->other, OTHER_BOS, s->data, seed, n, T, !bos, e);
    ok = ok && probe_rows_draw(&s->random, RANDOM, s->data, seed, n, T, false, e);
    if (!ok) return false;
    rows_hide_targets(&s->main.at, s->main.rows, s->main.T, s->m->config.prefix);
    rows_hide_targets(&s->other.at, s->other.rows, s->other.T, s->m->config.prefix);
    return read_changes(s, (int)T, e);
}

void probed_model_close(ProbedModel *s) {
    if (s->o->json && s->sheets) puts("}");
    probe_rows_free(&s->main);
    probe_rows_free(&s->other);
    probe_rows_free(&s->random);
    if (s->data) dataset_close(s->data);
    model_free(s->m);
}

void probed_model_show(ProbedModel *s, Sheet *sheet) {
    if (s->o->json) {
        fputs(s->sheets++ ? ",\n " : "{", stdout);
        sheet_json(stdout, sheet);
    } else {
        sheet_print(stdout, sheet);
    }
    sheet_free(sheet);
}

static void figure_path(const ProbedModel *s, const char *name, char path[1024]) {
    snprintf(path, 1024, "%s/%s.svg", s->o->svg, name);
}

FILE *probed_model_figure(const ProbedModel *s, const char *name, Error *e) {
    char path[1024];
    figure_path(s, name, path);
    FILE *f = mkdir(s->o->svg, 0777) && errno != EEXIST ? NULL : fopen(path, "w");
    if (!f) fail(e, EXIT_FAILED, "--svg: %s: %s", path, strerror(errno));
    return f;
}

bool probed_model_close_figure(ProbedModel *s, FILE *f, const char *name, Error *e) {
    char path[1024];
    figure_path(s, name, path);
    bool written = !ferror(f);
    if (fclose(f) || !written) return fail(e, EXIT_FAILED, "--svg: %s: cannot be written", path);
    if (!s->o->json) return printf("%s: %s\n\n", name, path), true;
    printf("%s\"%s.svg\": ", s->sheets++ ? ",\n " : "{", name);
    json_string(stdout, path);
    return true;
}

/* ---- passes ---- */

bool probed_model_tape(const ProbedModel *s, const ProbeRows *rows, bool changed, bool train, Tape **t,
                       Error *e) {
    List *list = &s->m->config.interventions, trained = *list;
    for (int i = 0; changed && i < s->changes.n; i++) strcpy(list->item[list->n++], s->changes.item[i]);
    bool ok = tape_create(t, s->m, rows->rows, rows->T, train, e);
    *list = trained;
    return ok;
}

static void mean_losses(const ProbeRows *p, double *loss, double *loss_1) {
    double sum[2] = {0, 0};
    int64_t n[2] = {0, 0};
    for (int i = 0; i < p->rows * p->T; i++)
        for (int k = 0; p->at.y[i] >= 0 && k < (i % p->T ? 2 : 1); k++) {
            sum[k] += p->losses[i];
            n[k]++;
        }
    *loss = n[0] ? sum[0] / (double)n[0] : NAN;
    *loss_1 = n[1] ? sum[1] / (double)n[1] : NAN;
}

void probed_model_losses(const ProbedModel *s, Tape *t, const ProbeRows *p, double *loss, double *loss_1) {
    model_forward(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    memcpy(p->losses, tape_losses(t), (size_t)(p->rows * p->T) * sizeof *p->losses);
    mean_losses(p, loss, loss_1);
}

bool probed_model_measure(const ProbedModel *s, bool changed, Measured *out, Error *e) {
    const ProbeRows *rows = changed && s->no_bos ? &s->other : &s->main;
    const ProbeRows *sets[] = {rows, &s->random};
    Figures *figures[] = {&out->main, &out->random};
    *out = (Measured){0};
    for (int i = 0; i < 2; i++) {
        Tape *t = NULL;
        const ProbeRows *p = sets[i];
        if (!probed_model_tape(s, p, changed, false, &t, e)) return false;
        Probe probe = {.m = s->m, .rows = p->rows, .T = p->T, .random = i == 1, .kind = p->at.kind};
        instruments_measure(&probe, t, p->at.x, p->at.y, p->at.doc_start, LIGHT | HEAVY, figures[i],
                            p->losses);
        tape_free(t);
    }
    mean_losses(rows, &out->loss, &out->loss_1);
    return true;
}

void measured_free(Measured *m) {
    figures_free(&m->main);
    figures_free(&m->random);
}
