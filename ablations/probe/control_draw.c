#include "ablations/probe/control_draw.h"

#include "data/base/number.h"
#include "data/base/rng.h"
#include "model/slots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1000, WIDER = 4 }; /* controls; how many times as many their pool has */

/* ---- the others of a kind ---- */

/* One of those that a control may be drawn from: its number, and how far its size is from the size that it is
 * to match. */
typedef struct Other {
    int64_t at;
    double off;
} Other;

static const float *weight(const Model *m, int layer, Stage s, int i, int64_t *cols) {
    const Tensor *t = model_tensor(m, layer, s, i);
    *cols = t->cols;
    return m->params + t->offset;
}

static const float *down(const Model *m, int layer, int64_t *cols) {
    return weight(m, layer, STAGE_MLP, mlp_slots[m->config.mlp].parts, cols);
}

static double norm(const float *w, int64_t n, int64_t step) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)w[i * step] * w[i * step];
    return sqrt(sum);
}

static double unit_size(const Model *m, int layer, int64_t unit) {
    int64_t f;
    const float *w = down(m, layer, &f);
    return norm(w + unit, m->config.width, f);
}

static double channel_size(const Model *m, int layer, int64_t channel) {
    int64_t f, heads;
    const float *w = down(m, layer, &f), *o = weight(m, layer, STAGE_OUT, 0, &heads);
    return hypot(norm(w + channel * f, f, 1), norm(o + channel * heads, heads, 1));
}

static double weight_size(const Model *m, int layer, int64_t at) {
    int64_t f;
    return fabs((double)down(m, layer, &f)[at]);
}

static double alike(const Model *m, int layer, int64_t at) {
    return (void)m, (void)layer, (void)at, 0;
}

static int64_t units(const Model *m, int T) {
    return (void)T, m->config.mlp_width;
}
static int64_t channels(const Model *m, int T) {
    return (void)T, m->config.width;
}
static int64_t weights(const Model *m, int T) {
    return (void)T, m->config.width * m->config.mlp_width;
}
static int64_t positions(const Model *m, int T) {
    return (void)m, T;
}
static int64_t layers(const Model *m, int T) {
    return (void)T, m->config.layers;
}

/* What a control varies. A weight is told by two arguments: low counts the columns. */
static const struct {
    const char *kind;
    Arg arg, low; /* low ARGS: none */
    int64_t (*count)(const Model *m, int T);
    double (*size)(const Model *m, int layer, int64_t at);
} kinds[] = {{"unit_off", ARG_UNIT, ARGS, units, unit_size},
             {"channel_off", ARG_CHANNEL, ARGS, channels, channel_size},
             {"weight_off", ARG_ROW, ARG_COL, weights, weight_size},
             {"value_zero", ARG_POS, ARGS, positions, alike},
             {"logit_bias", ARG_POS, ARGS, positions, alike},
             {"bias_off", ARG_LAYER, ARGS, layers, alike}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int kind_of(const Intervention *i) {
    int k = 0;
    while (k < KINDS && strcmp(kinds[k].kind, i->kind->name)) k++;
    return k;
}

static int64_t place_of(const Model *m, int k, const Intervention *i) {
    int64_t high = (int64_t)i->arg[kinds[k].arg];
    return kinds[k].low == ARGS ? high : high * m->config.mlp_width + (int64_t)i->arg[kinds[k].low];
}

static Intervention at_place(const Model *m, int k, Intervention i, int64_t at) {
    int64_t f = kinds[k].low == ARGS ? 1 : m->config.mlp_width;
    i.arg[kinds[k].arg] = (double)(at / f);
    if (f > 1) i.arg[kinds[k].low] = (double)(at % f);
    return i;
}

static int nearer(const void *a, const void *b) {
    const Other *x = a, *y = b;
    if (x->off != y->off) return x->off < y->off ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

bool control_draw(const Control *c, const Model *m, int T, Intervention *out) {
    int k = kind_of(&c->of), layer = (int)c->of.arg[ARG_LAYER];
    int64_t count = kinds[k].count(m, T), own = place_of(m, k, &c->of), n = 0;
    double size = kinds[k].size(m, layer, own);
    Other *other = malloc((size_t)count * sizeof *other);
    if (!other) return false;
    for (int64_t i = 0; i < count; i++)
        if (i != own) other[n++] = (Other){i, fabs(kinds[k].size(m, layer, i) - size)};
    qsort(other, (size_t)n, sizeof *other, nearer);
    int64_t pool = n < WIDER * (int64_t)c->n ? n : WIDER * (int64_t)c->n;
    for (int i = 0; i < c->n; i++) { /* the first steps of a shuffle */
        int64_t at = i + (int64_t)rng_below(c->seed, RNG_SKETCH, 0, (uint64_t)i, (uint64_t)(pool - i));
        Other taken = other[at];
        other[at] = other[i];
        out[i] = at_place(m, k, c->of, taken.at);
    }
    free(other);
    return true;
}

/* ---- its text ---- */

size_t text_until_comma(const char *text) {
    int depth = 0;
    size_t n = 0;
    for (; text[n] && (depth > 0 || text[n] != ','); n++) depth += (text[n] == '(') - (text[n] == ')');
    return n;
}

bool control_named(const char *text) {
    return !strncmp(text, "random(", 7);
}

static bool refuse(const char *text, const char *why, Error *e) {
    return fail(e, EXIT_USAGE, "--do: %.96s: %s", text, why);
}

static bool read_count(const char *value, double most, double *out) {
    return number_read(value, out) && *out >= 0 && *out <= most && *out == floor(*out);
}

/* One KEY=VALUE. */
static bool read_word(const char *text, char *word, Control *c, char of[LIST_TEXT], Error *e) {
    double x;
    word += strspn(word, " ");
    if (!strncmp(word, "of=", 3)) return snprintf(of, LIST_TEXT, "%s", word + 3), true;
    if (!strncmp(word, "n=", 2))
        return read_count(word + 2, MOST, &x) ? (c->n = (int)x, true) : refuse(text, "n is 0 to 1000", e);
    if (!strncmp(word, "seed=", 5))
        return read_count(word + 5, 0x1p53, &x) ? (c->seed = (uint64_t)x, true)
                                                : refuse(text, "seed is a whole number from 0", e);
    return refuse(text, "random takes of=INTERVENTION, n=20, seed=N", e);
}

static bool check(const Model *m, const char *text, const Control *c, int T, Error *e) {
    char why[160];
    int k = kind_of(&c->of);
    if (k == KINDS || (kinds[k].arg == ARG_LAYER && c->of.arg[ARG_LAYER] < 0)) {
        snprintf(why, sizeof why, "%s has no others to draw from%s", c->of.kind->name,
                 k < KINDS ? " (give layer=)" : "");
        return refuse(text, why, e);
    }
    int64_t others = kinds[k].count(m, T) - 1;
    if (c->n <= others) return true;
    snprintf(why, sizeof why, "there are %lld others, not %d", (long long)others, c->n);
    return refuse(text, why, e);
}

bool control_read(const Model *m, const char *text, int T, uint64_t seed, Control *out, char of[LIST_TEXT],
                  Error *e) {
    char copy[LIST_TEXT];
    *out = (Control){.n = 20, .seed = seed};
    of[0] = 0;
    snprintf(copy, sizeof copy, "%s", text + 7);
    size_t length = strlen(copy);
    if (!length || copy[length - 1] != ')') return refuse(text, "the parenthesis does not close", e);
    copy[length - 1] = 0;
    for (char *at = copy; *at;) {
        char *word = at;
        at += text_until_comma(at);
        if (*at) *at++ = 0;
        if (!read_word(text, word, out, of, e)) return false;
    }
    if (!of[0]) return refuse(text, "of= is missing", e);
    return intervention_read(of, "--do", &m->config, T, &out->of, e) && check(m, text, out, T, e);
}
