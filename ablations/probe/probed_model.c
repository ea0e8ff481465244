#include "ablations/probe/probed_model.h"

#include "ablations/probe/id_rows.h"
#include "ablations/probe/text_rows.h"
#include "data/base/yaml.h"
#include "data/own_tokenizer.h"
#include "data/shards.h"
#include "data/text_file.h"
#include "model/instruments/instrument.h"
#include "model/interventions/intervention.h"

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

/* Text to tokens of this model: by its own tokenizer where it has one, which then says what rows begin with.
 */
static bool encode(ProbedModel *s, const char *text, int64_t size, int32_t **tokens, int64_t *n, int32_t *bos,
                   Error *e) {
    if (s->data) {
        *bos = dataset_info(s->data)->bos;
        return dataset_encode(s->data, text, (size_t)size, tokens, n, e);
    }
    if (!own_tokenizer_encode(s->from.own, s->m->config.vocab, text, size, tokens, n, bos, e)) return false;
    s->c.data.bos = *bos >= 0 ? BOS_ROW : BOS_NONE;
    return true;
}

/* Of the file rows as long as the probe's, of the sentence as long as the model's. */
static bool rows_of_text(ProbedModel *s, Error *e) {
    Bytes text = {0};
    TextRows cut = {0};
    const ProbeOptions *o = s->o;
    int64_t context = s->c.model.context, length = s->c.probe.length, T = context;
    if (o->text && length < T) T = length;
    if (o->text && !read_text(o->text, &text, e)) return false;
    const char *at = o->text ? text.data : o->sentence;
    int32_t *tokens = NULL, bos = -1;
    int64_t n = 0;
    bool ok = encode(s, at, o->text ? text.size : (int64_t)strlen(at), &tokens, &n, &bos, e) &&
              text_rows_cut(&cut, tokens, n, bos, T, s->c.probe.sequences, s->c.data.bos == BOS_ROW,
                            o->text ? "--text" : "--sentence", e);
    free(tokens);
    s->main = cut.as_trained;
    s->other = cut.other;
    s->text_rows = cut.rows;
    s->text_tokens = cut.tokens;
    bytes_free(&text);
    return ok;
}

static bool rows_held_out(ProbedModel *s, bool bos, Error *e) {
    int64_t context = s->c.model.context, T = s->c.probe.length < context ? s->c.probe.length : context;
    int64_t n = s->c.probe.sequences;
    uint64_t seed = config_seed(&s->c, SEED_PROBE);
    return probe_rows_draw(&s->main, MAIN, s->data, seed, n, T, bos, e) &&
           probe_rows_draw(&s->other, OTHER_BOS, s->data, seed, n, T, !bos, e);
}

/* ---- what is asked to be done ---- */

/* Behind what is done already; where there is no room for all there is a name for none. */
static void add_name(ProbedModel *s, const Intervention *i, bool first) {
    char text[INTERVENTION_TEXT];
    size_t used = strlen(s->done);
    intervention_text(i, text);
    if (!first && !used) return;
    if (used + strlen(text) + 3 > sizeof s->done)
        s->done[0] = 0;
    else
        sprintf(s->done + used, "%s%s", first ? "" : ", ", text);
}

static bool add_change(ProbedModel *s, const char *text, int T, Error *e) {
    Intervention i;
    if (!intervention_read(text, "--do", &s->m->config, T, &i, e)) return false;
    add_name(s, &i, !s->changes.n && !s->no_bos);
    if (intervention_of_batch(&i) && s->main.rows == 1)
        return fail(e, EXIT_USAGE, "--do: %s is over a mean of rows, and there is one row", text);
    s->of_batch |= intervention_of_batch(&i);
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

/* Where an intervention stands among those of --do; -1: nowhere. */
static int place_of(const ProbedModel *s, const Intervention *i, int T) {
    char text[INTERVENTION_TEXT], other[INTERVENTION_TEXT];
    intervention_text(i, text);
    for (int k = 0; k < s->changes.n; k++) {
        Intervention at;
        Error ignored = {0};
        if (!intervention_read(s->changes.item[k], "--do", &s->m->config, T, &at, &ignored)) continue;
        intervention_text(&at, other);
        if (!strcmp(text, other)) return k;
    }
    return -1;
}

/* What a control is of is done, too, unless it is asked for by itself. */
static bool add_control(ProbedModel *s, const char *text, int T, Error *e) {
    char of[LIST_TEXT];
    if (s->control.of.kind) return fail(e, EXIT_USAGE, "--do: %s: one random(...) at a time", text);
    if (!control_read(s->m, text, T, config_seed(&s->c, SEED_PROBE), &s->control, of, e)) return false;
    s->control.place = place_of(s, &s->control.of, T);
    if (s->control.place >= 0) return true;
    s->control.place = s->changes.n;
    return add_change(s, of, T, e);
}

/* Of --do the interventions, or the controls. */
static bool read_texts(ProbedModel *s, int T, bool controls, Error *e) {
    for (int i = 0; i < s->o->changes.n; i++)
        for (const char *at = s->o->changes.at[i]; *at;) {
            char text[LIST_TEXT];
            size_t n = text_until_comma(at);
            if (n >= sizeof text)
                return fail(e, EXIT_USAGE, "--do: %.40s...: %zu bytes of one intervention, at most %zu", at,
                            n, sizeof text - 1);
            size_t blank = strspn(at, " ");
            snprintf(text, sizeof text, "%.*s", (int)(n - (blank < n ? blank : n)), at + blank);
            bool control = control_named(text);
            if (control == controls && !(control ? add_control : add_change)(s, text, T, e)) return false;
            at += n + (at[n] == ',');
        }
    return true;
}

static bool read_changes(ProbedModel *s, int T, Error *e) {
    return read_texts(s, T, false, e) && read_texts(s, T, true, e);
}

/* ---- the subject ---- */

/* Other tokens under the same numbers would make every figure wrong without a sign; other text would not. */
static bool check_data(ProbedModel *s, Error *e) {
    if (!probe_source_fits(&s->from, &s->c, dataset_info(s->data), &s->remark, e)) return false;
    if (s->remark) fprintf(stderr, "sinklab: warning: %s: %s\n", s->from.path, s->remark);
    return true;
}

static bool random_rows(ProbedModel *s, Error *e) {
    uint64_t seed = config_seed(&s->c, SEED_PROBE);
    int64_t V = s->m->config.vocab;
    return probe_rows_random(&s->random, RANDOM, V, -1, seed, s->main.rows, s->main.T, e) &&
           probe_rows_random(&s->repeated, REPEATED, V, -1, seed, s->main.rows, s->main.T, e);
}

/* Rows of text, and random ones beside them. */
static bool rows_of_tokens(ProbedModel *s, Error *e) {
    const ProbeOptions *o = s->o;
    uint64_t seed = config_seed(&s->c, SEED_PROBE);
    bool text = o->text || o->sentence;
    if (!probe_source_tokens(&s->from, &s->c, e)) return false;
    if (*s->from.own && !text)
        return fail(e, EXIT_USAGE,
                    "probe: %s: an imported model has no held-out text (--text, --sentence or --ids)",
                    s->from.path);
    if (*s->from.own) return rows_of_text(s, e) && random_rows(s, e);
    return dataset_open(&s->data, &s->c.data, o->cache, NULL, e) && check_data(s, e) &&
           (text ? rows_of_text(s, e) : rows_held_out(s, s->c.data.bos == BOS_ROW, e)) &&
           probe_rows_draw(&s->random, RANDOM, s->data, seed, s->c.probe.sequences, s->main.T, false, e) &&
           probe_rows_draw(&s->repeated, REPEATED, s->data, seed, s->c.probe.sequences, s->main.T, false, e);
}

/* The user's numbers: what BOS is nobody says, so that nothing puts one in or takes one out. */
static bool rows_of_ids(ProbedModel *s, Error *e) {
    const ModelConfig *m = &s->m->config;
    s->c.data.bos = BOS_NONE;
    return (shard_is(s->o->ids)
                ? id_rows_of_shard(&s->main, s->o->ids, m->vocab, s->c.probe.sequences, s->c.probe.length, e)
                : id_rows_read(&s->main, s->o->ids, m->vocab, m->context, e)) &&
           random_rows(s, e);
}

bool probed_model_open(ProbedModel *s, const char *path, int set, const ProbeOptions *o, Error *e) {
    *s = (ProbedModel){.o = o, .set = set};
    if (!probe_source_open(&s->from, path, &s->c, &s->m, e)) return false;
    if (!(o->ids ? rows_of_ids : rows_of_tokens)(s, e)) return false;
    rows_hide_targets(&s->main.at, s->main.rows, s->main.T, s->m->config.prefix);
    if (s->other.rows) rows_hide_targets(&s->other.at, s->other.rows, s->other.T, s->m->config.prefix);
    return read_changes(s, s->main.T, e);
}

void probed_model_close(ProbedModel *s) {
    if (s->o->json && s->sheets) puts("}");
    for (int i = 0; i < 2; i++) tape_free(s->tape[i]);
    probe_rows_free(&s->main);
    probe_rows_free(&s->other);
    probe_rows_free(&s->random);
    probe_rows_free(&s->repeated);
    if (s->data) dataset_close(s->data);
    model_free(s->m);
}

bool probed_model_load(ProbedModel *s, const FoundModel *f, int i, Error *e) {
    return probe_source_load(&s->from, f, i, &s->c, s->m, e);
}

void probed_model_over(const ProbedModel *s, const ProbeRows *p, int used, char out[SHEET_OVER]) {
    bool text = s->text_rows && (p == &s->main || p == &s->other);
    int64_t there = text ? s->text_rows : p->rows;
    int n = used < there ? snprintf(out, SHEET_OVER, "over the first %d of %lld rows", used, (long long)there)
                         : snprintf(out, SHEET_OVER, "over %d row%s", used, used == 1 ? "" : "s");
    n += snprintf(out + n, SHEET_OVER - (size_t)n, " of %d tokens", p->T);
    if (text) snprintf(out + n, SHEET_OVER - (size_t)n, " (a text of %lld)", (long long)s->text_tokens);
}

void probed_model_show(ProbedModel *s, Sheet *sheet, const ProbeRows *p, int used) {
    probed_model_over(s, p, used, sheet->over);
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

bool probed_model_whole(const ProbedModel *s, const char *option, Error *e) {
    return !config_routes(&s->m->config) ||
           fail(e, EXIT_USAGE, "%s: model.depth_capacity %g: routed blocks compute a part of a row's tokens",
                option, s->m->config.depth_capacity);
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

ProbeRows probed_model_room(const ProbedModel *s) {
    ProbeRows room = {.rows = s->main.rows, .T = s->main.T};
    if (s->set & HEAVY && s->random.rows > room.rows) room.rows = s->random.rows;
    return room;
}

/* One tape for the rows of main, random and repeated, which are of one length. */
static bool measuring_tape(ProbedModel *s, bool changed, Error *e) {
    ProbeRows room = probed_model_room(s);
    return s->tape[changed] || probed_model_tape(s, &room, changed, false, &s->tape[changed], e);
}

bool probed_model_measure(ProbedModel *s, bool changed, Measured *out, Error *e) {
    const ProbeRows *rows = changed && s->no_bos ? &s->other : &s->main;
    const ProbeRows *sets[] = {rows, &s->random, &s->repeated};
    Figures *figures[] = {&out->main, &out->random, &out->repeated};
    *out = (Measured){0};
    if (!measuring_tape(s, changed, e)) return false;
    for (int i = 0; i < (s->set & HEAVY ? 3 : 1); i++) {
        const ProbeRows *p = sets[i];
        Probe probe = {.m = s->m, .rows = p->rows, .T = p->T, .random = i > 0, .kind = p->at.kind};
        instruments_measure(&probe, s->tape[changed], p->at.x, p->at.y, p->at.doc_start, s->set, figures[i],
                            p->losses);
    }
    mean_losses(rows, &out->loss, &out->loss_1);
    return true;
}

void measured_free(Measured *m) {
    figures_free(&m->main);
    figures_free(&m->random);
    figures_free(&m->repeated);
}
