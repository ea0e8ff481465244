#include "ablations/probe/chain.h"

#include "ablations/probe/control.h"

#include <math.h>
#include <string.h>

static const char *const proxy_words[] = {"A", "|A| / sum |A|"};
static const char *const phase_words[] = {"none", "mix", "compress", "refine"};
static const char *const kind_words[] = {"none", "no-op", "broadcast", "between"};

typedef enum LineRows { ON_MAIN, ON_RANDOM, ON_REPEATED } LineRows;

/* A row of a table: its name there, the figure's name, the rows that the figure is measured on. */
typedef struct Line {
    const char *name, *figure;
    LineRows rows;
    const char *const *words;
} Line;

/* In the order in which one link of the chain is said to make the next. */
static const Line by_layer[] = {
    {"output variance at 0", "out_variance_first", ON_RANDOM, NULL},
    {"  over later positions", "out_variance_ratio", ON_RANDOM, NULL},
    {"tau of |W_O| and deviation", "tau_wo", ON_RANDOM, NULL},
    {"super neuron", "super_unit", ON_MAIN, NULL},
    {"  over the median", "super_ratio", ON_MAIN, NULL},
    {"  over the mean", "super_ratio_mean", ON_MAIN, NULL},
    {"  channel sparsity", "super_sparsity4", ON_MAIN, NULL},
    {"    of a random column", "super_sparsity4_random", ON_MAIN, NULL},
    {"  rank by weight norm", "super_weight_rank", ON_MAIN, NULL},
    {"  weight norm over median", "super_weight_ratio", ON_MAIN, NULL},
    {"  at 0 over later positions", "super_selectivity", ON_MAIN, NULL},
    {"  cosine with gate row at 0", "super_cos", ON_MAIN, NULL},
    {"    at later positions", "super_cos_rest", ON_MAIN, NULL},
    {"DomRatio at 0", "dom_ratio_first", ON_MAIN, NULL},
    {"  after the next norm", "dom_ratio_normed", ON_MAIN, NULL},
    {"  of a random vector", "dom_ratio_random", ON_MAIN, NULL},
    {"massive activation", "massive_top", ON_MAIN, NULL},
    {"  over the median", "massive_ratio", ON_MAIN, NULL},
    {"  channel", "massive_channel", ON_MAIN, NULL},
    {"  position", "massive_position", ON_MAIN, NULL},
    {"norm ratio", "norm_ratio", ON_MAIN, NULL},
    {"largest channel over median", "residual_sink", ON_MAIN, NULL},
    {"  channel", "residual_sink_channel", ON_MAIN, NULL},
    {"  gain there over median", "residual_sink_gain", ON_MAIN, NULL},
    {"RMS of attention's input", "attn_in_size", ON_MAIN, NULL},
    {"  attention's write", "attn_write", ON_MAIN, NULL},
    {"  MLP's input", "mlp_in_size", ON_MAIN, NULL},
    {"  MLP's write", "mlp_write", ON_MAIN, NULL},
    {"  stream after", "stream_size", ON_MAIN, NULL},
    {"entropy H", "entropy", ON_MAIN, NULL},
    {"  at most", "bound_entropy", ON_MAIN, NULL},
    {"anisotropy", "anisotropy", ON_MAIN, NULL},
    {"  at least", "bound_anisotropy", ON_MAIN, NULL},
    {"sink mass", "sink_mass", ON_MAIN, NULL},
    {"sink rate 0.3", "sink_rate_03", ON_MAIN, NULL},
    {"mixing score", "mixing", ON_MAIN, NULL},
    {"value drain (heads' mean)", "value_drain", ON_MAIN, NULL},
    {"gate CV^2 over heads", "gate_cv2", ON_MAIN, NULL},
    {"rank collapse", "rank_collapse", ON_MAIN, NULL},
    {"one token repeated: sink mass", "sink_mass", ON_REPEATED, NULL},
    {"  sink rate 0.3", "sink_rate_03", ON_REPEATED, NULL},
    {"  output variance at 0, over later", "out_variance_ratio", ON_REPEATED, NULL},
    {"  norm ratio", "norm_ratio", ON_REPEATED, NULL},
    {"router picks the first token", "first_picked", ON_MAIN, NULL},
    {"kurtosis", "kurtosis", ON_MAIN, NULL},
    {"lens loss", "lens_loss", ON_MAIN, NULL},
    {"phase", "phase", ON_MAIN, phase_words}};
static const Line of_model[] = {{"sink rate 0.3", "sink_rate_03", ON_MAIN, NULL},
                                {"sink mass", "sink_mass", ON_MAIN, NULL},
                                {"uniform control", "uniform_mass", ON_MAIN, NULL},
                                {"largest head's mass", "max_mass", ON_MAIN, NULL},
                                {"mixing score", "mixing", ON_MAIN, NULL},
                                {"value drain", "value_drain", ON_MAIN, NULL},
                                {"norm ratio", "norm_ratio", ON_MAIN, NULL},
                                {"massive over median", "massive_ratio", ON_MAIN, NULL},
                                {"H / ln min(T,d), lowest", "entropy_norm_min", ON_MAIN, NULL},
                                {"prefix matching, uniform", "prefix_uniform", ON_MAIN, NULL},
                                {"bound violations", "bound_violations", ON_MAIN, NULL},
                                {"weights measured", "proxy", ON_MAIN, proxy_words}};
static const Line by_head[] = {{"sink mass", "sink_mass", ON_MAIN, NULL},
                               {"sink rate 0.3", "sink_rate_03", ON_MAIN, NULL},
                               {"sink position", "sink_position", ON_MAIN, NULL},
                               {"secondary sinks", "secondary_sinks", ON_MAIN, NULL},
                               {"  largest mass", "secondary_mass", ON_MAIN, NULL},
                               {"  of a random key", "random_key_mass", ON_MAIN, NULL},
                               {"gate, mean 1 - A[q,0]", "gate", ON_MAIN, NULL},
                               {"sink logit", "sink_logit", ON_MAIN, NULL},
                               {"mixing score", "mixing", ON_MAIN, NULL},
                               {"value drain", "value_drain", ON_MAIN, NULL},
                               {"update's stable rank", "update_rank", ON_MAIN, NULL},
                               {"kind of sink", "sink_kind", ON_MAIN, kind_words},
                               {"dormant", "dormant", ON_MAIN, NULL},
                               {"  on triggers", "dormant_trigger", ON_MAIN, NULL},
                               {"  on no-ops", "dormant_noop", ON_MAIN, NULL},
                               {"  on other tokens", "dormant_other", ON_MAIN, NULL},
                               {"first mass of triggers", "first_mass_trigger", ON_MAIN, NULL},
                               {"  of no-ops", "first_mass_noop", ON_MAIN, NULL},
                               {"  of other tokens", "first_mass_other", ON_MAIN, NULL},
                               {"mass of keys: triggers", "key_mass_trigger", ON_MAIN, NULL},
                               {"  no-ops", "key_mass_noop", ON_MAIN, NULL},
                               {"  other tokens", "key_mass_other", ON_MAIN, NULL},
                               {"diagonal", "diagonal", ON_MAIN, NULL},
                               {"previous token", "previous", ON_MAIN, NULL},
                               {"positive scores", "positive", ON_MAIN, NULL},
                               {"alignment of W_Q and k_0", "alignment", ON_MAIN, NULL},
                               {"output's RMS", "out_size", ON_MAIN, NULL},
                               {"largest logit", "logit_max", ON_MAIN, NULL},
                               {"|q|", "q_norm", ON_MAIN, NULL},
                               {"|k|", "k_norm", ON_MAIN, NULL},
                               {"|v|", "v_norm", ON_MAIN, NULL},
                               {"prefix matching", "prefix_matching", ON_MAIN, NULL},
                               {"row sum", "row_sum", ON_MAIN, NULL}};
enum {
    LAYER_LINES = sizeof by_layer / sizeof *by_layer,
    MODEL_LINES = sizeof of_model / sizeof *of_model,
    HEAD_LINES = sizeof by_head / sizeof *by_head
};

static double figure(const Measured *m, const Line *line, int layer, int head) {
    const Figures *of[] = {[ON_MAIN] = &m->main, [ON_RANDOM] = &m->random, [ON_REPEATED] = &m->repeated};
    return figures_get(of[line->rows], line->figure, layer, head);
}

/* A layer's figure; the mean over its heads where instruments hand it over by head alone. */
static double layer_figure(const Measured *m, const Line *line, int layer, int heads) {
    double x = figure(m, line, layer, -1), sum = 0;
    if (!isnan(x)) return x;
    for (int h = 0; h < heads; h++) sum += figure(m, line, layer, h);
    return sum / heads;
}

/* Lines of which something was measured: not every task has classes of tokens, nor every kind a proxy. */
static int lines_there(const Measured *m, const Line *lines, int n, bool of_heads, Line *there) {
    int found = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m->main.n; k++) {
            const Figure *f = &m->main.at[k];
            if ((f->head >= 0) != of_heads || strcmp(f->name, lines[i].figure)) continue;
            there[found++] = lines[i];
            break;
        }
    return found;
}

/* What a table is of, and of which weights. */
static void title_of(const Measured *m, const char *what, char title[80]) {
    bool proxy = figures_get(&m->main, "proxy", -1, -1) == 1;
    snprintf(title, 80, "%s%s", what, proxy ? ", A being |A| / sum |A|" : "");
}

static void name_row(Sheet *s, int i, const Line *line) {
    snprintf(s->row[i].name, SHEET_NAME, "%s", line->name);
    s->row[i].words = line->words;
}

/* One column, or with `after` a pair of them, for every layer (and head). */
static void name_column(Sheet *s, int j, const char *what, bool pairs) {
    if (pairs) {
        snprintf(s->col[2 * j], SHEET_NAME, "%.20s", what);
        snprintf(s->col[2 * j + 1], SHEET_NAME, "%.20s after", what);
    } else {
        snprintf(s->col[j], SHEET_NAME, "%.20s", what);
    }
}

/* In rows of a few tokens attention that looks at all of them alike passes the threshold of a sink. */
static const char *title_of_model(const Measured *m) {
    double uniform = figure(m, &(Line){.figure = "uniform_mass"}, -1, -1);
    return uniform > 0.3 ? "the whole model, in rows so short that even attention has a sink rate of 1"
                         : "the whole model";
}

static void show_model(ProbedModel *s, const Measured *m, int n) {
    Line there[MODEL_LINES];
    int lines = lines_there(m, of_model, MODEL_LINES, false, there);
    Sheet sheet = sheet_make("model", title_of_model(m), lines + 2, n == 2 ? 3 : 1);
    static const char *const columns[] = {"before", "after", "change"};
    for (int j = 0; j < sheet.cols; j++) strcpy(sheet.col[j], n == 2 ? columns[j] : "value");
    strcpy(sheet.row[0].name, "loss");
    strcpy(sheet.row[1].name, "  without first targets");
    for (int i = 0; i < lines; i++) name_row(&sheet, i + 2, &there[i]);
    for (int j = 0; j < n; j++) {
        *sheet_cell(&sheet, 0, j) = m[j].loss;
        *sheet_cell(&sheet, 1, j) = m[j].loss_1;
        for (int i = 0; i < lines; i++) *sheet_cell(&sheet, i + 2, j) = figure(&m[j], &there[i], -1, -1);
    }
    for (int i = 0; n == 2 && i < sheet.rows; i++)
        if (!sheet.row[i].words)
            *sheet_cell(&sheet, i, 2) = *sheet_cell(&sheet, i, 1) - *sheet_cell(&sheet, i, 0);
    if (s->o->json && !isnan(m[0].loss)) printf("%s\"loss\": %.17g", s->sheets++ ? ",\n " : "{", m[0].loss);
    probed_model_show(s, &sheet, &s->main, s->main.rows);
    if (!s->o->json && !s->o->text && !s->o->sentence && !s->o->ids)
        printf("loss is over these rows; val_loss in results.db is over another set of held-out rows\n\n");
}

static void show_layers(ProbedModel *s, const Measured *m, int n) {
    int layers = (int)s->m->config.layers, heads = (int)s->m->config.heads;
    char title[80];
    title_of(m, "the chain by layer", title);
    Sheet sheet = sheet_make("chain", title, LAYER_LINES, layers * n);
    for (int i = 0; i < LAYER_LINES; i++) name_row(&sheet, i, &by_layer[i]);
    for (int l = 0; l < layers; l++) {
        char name[SHEET_NAME];
        snprintf(name, sizeof name, "layer %d", l);
        name_column(&sheet, l, name, n == 2);
        for (int i = 0; i < LAYER_LINES; i++)
            for (int j = 0; j < n; j++)
                *sheet_cell(&sheet, i, l * n + j) = layer_figure(&m[j], &by_layer[i], l, heads);
    }
    probed_model_show(s, &sheet, &s->main, s->main.rows);
}

static void show_heads(ProbedModel *s, const Measured *m, int n) {
    int layers = (int)s->m->config.layers, heads = (int)s->m->config.heads;
    Line there[HEAD_LINES];
    int lines = lines_there(m, by_head, HEAD_LINES, true, there);
    char title[80];
    title_of(m, "by head", title);
    Sheet sheet = sheet_make("heads", title, lines, layers * heads * n);
    for (int i = 0; i < lines; i++) name_row(&sheet, i, &there[i]);
    for (int at = 0; at < layers * heads; at++) {
        char name[SHEET_NAME];
        snprintf(name, sizeof name, "%d.%d", at / heads, at % heads);
        name_column(&sheet, at, name, n == 2);
        for (int i = 0; i < lines; i++)
            for (int j = 0; j < n; j++)
                *sheet_cell(&sheet, i, at * n + j) = figure(&m[j], &there[i], at / heads, at % heads);
    }
    probed_model_show(s, &sheet, &s->main, s->main.rows);
}

bool chain_show(ProbedModel *s, Error *e) {
    Measured m[2] = {0};
    int n = s->o->changes.n ? 2 : 1;
    bool ok = true;
    for (int i = 0; ok && i < n; i++) ok = probed_model_measure(s, i == 1, &m[i], e);
    if (ok) {
        show_model(s, m, n);
        show_layers(s, m, n);
        if (s->o->heads) show_heads(s, m, n);
        ok = control_show(s, &m[0], &m[1], e);
    }
    for (int i = 0; i < n; i++) measured_free(&m[i]);
    return ok;
}
