/* Owns: the text of an intervention: NAME or NAME(VALUE, KEY=VALUE, ...), values without a key in the
 * kind's order; the bounds of what it may be told; and how the kinds are shown to people. */
#include "model/interventions/intervention.h"

#include "data/base/number.h"
#include "model/slots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an argument is called, and the words that may stand for its numbers; NULL: it is a number. */
static const struct {
    const char *name;
    const char *const *words;
} args[ARGS] = {
    [ARG_LAYER] = {"layer", NULL},
    [ARG_HEAD] = {"head", NULL},
    [ARG_POS] = {"pos", NULL},
    [ARG_TOKEN] = {"token", NULL},
    [ARG_UNIT] = {"unit", NULL},
    [ARG_CHANNEL] = {"channel", NULL},
    [ARG_ROW] = {"row", NULL},
    [ARG_COL] = {"col", NULL},
    [ARG_LAMBDA] = {"lambda", NULL},
    [ARG_B] = {"b", NULL},
    [ARG_MU] = {"mu",
                (const char *const[]){
                    [MU_BATCH] = "batch", [MU_POSITIONS] = "positions", [MU_ALL] = "all", NULL}},
    [ARG_TO] = {"to", (const char *const[]){[TO_ZERO] = "zero", [TO_MEAN] = "mean", NULL}},
    [ARG_OF] = {"of", (const char *const[]){"all", "q", "k", "v", "o", "gate", "up", "down", NULL}}};

typedef struct Reader {
    const char *text, *where;
    const ModelConfig *c;
    int T;
    Intervention *out;
    uint32_t given;
    Error *e;
} Reader;

static bool refuse(const Reader *r, const char *why) {
    return fail(r->e, EXIT_USAGE, "%s: %.96s: %s", r->where, r->text, why);
}

static const InterventionKind *kind_of(const char *name) {
    for (int i = 0; interventions[i]; i++)
        if (!strcmp(interventions[i]->name, name)) return interventions[i];
    return NULL;
}

static bool unknown_kind(const Reader *r) {
    char why[320] = "no such intervention (there are";
    for (int i = 0; interventions[i]; i++) {
        size_t n = strlen(why);
        snprintf(why + n, sizeof why - n, "%s %s", i ? "," : "", interventions[i]->name);
    }
    size_t n = strlen(why);
    snprintf(why + n, sizeof why - n, ")");
    return refuse(r, why);
}

/* The argument of that name, or ARGS. */
static Arg arg_of(const char *name) {
    Arg a = 0;
    while (a < ARGS && strcmp(args[a].name, name)) a++;
    return a;
}

/* Bound of |lambda| and |b|: far above the bound o' overflows and every figure is NaN. */
static const double MOST = 1e6;

/* Bounds of arguments that count something: whole numbers from 0, below the bound. */
static double end_of(const Reader *r, Arg a) {
    const double ends[ARGS] = {[ARG_LAYER] = (double)r->c->layers,
                               [ARG_HEAD] = (double)r->c->heads,
                               [ARG_POS] = r->T,
                               [ARG_UNIT] = (double)config_mlp_width(r->c),
                               [ARG_CHANNEL] = (double)r->c->width,
                               [ARG_ROW] = (double)r->c->width,
                               [ARG_COL] = (double)config_mlp_width(r->c),
                               [ARG_TOKEN] = r->c->vocab ? (double)r->c->vocab : 0x1p31};
    return ends[a];
}

/* "mu is batch or positions" */
static bool read_word_of(Reader *r, Arg a, const char *value) {
    char why[160];
    int used = snprintf(why, sizeof why, "%s is ", args[a].name);
    for (int i = 0; args[a].words[i]; i++) {
        if (!strcmp(args[a].words[i], value)) return r->out->arg[a] = i, true;
        used += snprintf(why + used, sizeof why - (size_t)used, "%s%s", args[a].words[i],
                         !args[a].words[i + 1]  ? ""
                         : args[a].words[i + 2] ? ", "
                                                : " or ");
    }
    return refuse(r, why);
}

static bool read_number(Reader *r, Arg a, const char *value) {
    double *x = &r->out->arg[a];
    bool endless = a == ARG_B;
    char why[160];
    if (endless && !strcmp(value, "-inf")) return *x = -INFINITY, true;
    if (number_read(value, x) && fabs(*x) <= MOST) return true;
    snprintf(why, sizeof why, "%s: expected a number from %g to %g%s, not \"%.40s\"", args[a].name, -MOST,
             MOST, endless ? ", or -inf" : "", value);
    return refuse(r, why);
}

static bool read_count(Reader *r, Arg a, const char *value) {
    double *x = &r->out->arg[a], end = end_of(r, a);
    char why[160];
    if (number_read(value, x) && *x >= 0 && *x < end && *x == floor(*x)) return true;
    snprintf(why, sizeof why, "%s %.40s is not there (0 to %.0f)", args[a].name, value, end - 1);
    return refuse(r, why);
}

static bool read_value(Reader *r, Arg a, const char *value) {
    char why[160];
    if (r->given >> a & 1) return snprintf(why, sizeof why, "%s given twice", args[a].name), refuse(r, why);
    r->given |= 1u << a;
    if (args[a].words) return read_word_of(r, a, value);
    return a == ARG_LAMBDA || a == ARG_B ? read_number(r, a, value) : read_count(r, a, value);
}

static char *trim(char *s) {
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n && strchr(" \t", s[n - 1])) s[--n] = 0;
    return s;
}

/* The i-th word between the parentheses. */
static bool read_word(Reader *r, char *word, int i) {
    const InterventionKind *kind = r->out->kind;
    uint32_t known = kind->must | kind->may;
    char *equals = strchr(word, '='), why[160];
    if (!equals) {
        if (i >= __builtin_popcount(known)) return refuse(r, "too many values");
        return read_value(r, kind->order[i], trim(word));
    }
    *equals = 0;
    const char *key = trim(word);
    Arg a = arg_of(key);
    if (a < ARGS && known >> a & 1) return read_value(r, a, trim(equals + 1));
    int used = snprintf(why, sizeof why, "%s does not take \"%.40s\"", kind->name, key);
    for (i = 0; i < __builtin_popcount(known); i++)
        used += snprintf(why + used, sizeof why - (size_t)used, "%s%s", i ? ", " : " (but ",
                         args[kind->order[i]].name);
    snprintf(why + used, sizeof why - (size_t)used, i ? ")" : "");
    return refuse(r, why);
}

static bool read_words(Reader *r, char *words) {
    char *save = NULL;
    int i = 0;
    for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save), i++)
        if (!read_word(r, word, i)) return false;
    return true;
}

static bool check_given(const Reader *r) {
    char why[160];
    for (Arg a = 0; a < ARGS; a++)
        if (r->out->kind->must >> a & 1 && !(r->given >> a & 1)) {
            snprintf(why, sizeof why, "%s= is missing", args[a].name);
            return refuse(r, why);
        }
    return true;
}

/* What this model has nothing of. */
static bool check_model(const Reader *r) {
    const Intervention *i = r->out;
    bool gate = i->arg[ARG_OF] == BIAS_GATE && mlp_slots[r->c->mlp].parts == 1;
    BiasPart of = (BiasPart)i->arg[ARG_OF];
    Stage s = of >= BIAS_GATE ? STAGE_MLP : of == BIAS_O ? STAGE_OUT : STAGE_QKV;
    if (i->kind->biases && (of == BIAS_ALL ? !r->c->bias : !bias_stands(r->c, s)))
        return refuse(r, "the linear layers have no biases (model.bias)");
    if (i->kind->biases && gate) return refuse(r, "this MLP has no gate (model.mlp)");
    if (i->arg[ARG_TO] == TO_MEAN && r->c->residual_clip > 0)
        return refuse(r, "a mean has no way back through model.residual_clip");
    return true;
}

bool intervention_read(const char *text, const char *where, const ModelConfig *c, int T, Intervention *out,
                       Error *e) {
    char copy[LIST_TEXT], empty[] = "";
    *out = (Intervention){.arg = {[ARG_LAYER] = -1}};
    Reader r = {text, where, c, T, out, 0, e};
    if (strlen(text) >= sizeof copy) return refuse(&r, "too long");
    strcpy(copy, text);
    char *name = trim(copy), *words = strchr(name, '(');
    if (words) {
        char *end = words + strlen(words) - 1;
        if (*end != ')')
            return refuse(&r, "the parenthesis does not close (in a list quote it: ['drop_mlp(0, 0)'])");
        *words++ = *end = 0;
    }
    out->kind = kind_of(trim(name));
    if (!out->kind) return unknown_kind(&r);
    return read_words(&r, words ? words : empty) && check_given(&r) && check_model(&r);
}

/* The shortest form that reads back the same. */
static void number_text(double x, char text[32]) {
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, x);
        if (strtod(text, NULL) == x) return;
    }
}

static bool left_out(const Intervention *i, Arg a) {
    return !(i->kind->must >> a & 1) && i->arg[a] == (a == ARG_LAYER ? -1 : 0);
}

void intervention_text(const Intervention *i, char out[INTERVENTION_TEXT]) {
    int n = __builtin_popcount(i->kind->must | i->kind->may), shown = 0;
    size_t used = (size_t)sprintf(out, "%s", i->kind->name);
    for (int k = 0; k < n; k++) {
        Arg a = i->kind->order[k];
        char value[32];
        if (left_out(i, a)) continue;
        number_text(i->arg[a], value);
        used += (size_t)snprintf(out + used, INTERVENTION_TEXT - used, "%c%s=%s", shown++ ? ',' : '(',
                                 args[a].name, args[a].words ? args[a].words[(int)i->arg[a]] : value);
    }
    if (shown) strcat(out, ")");
}

static void print_kind(FILE *out, const InterventionKind *kind) {
    int n = __builtin_popcount(kind->must | kind->may);
    fprintf(out, "  %s", kind->name);
    for (int i = 0; i < n; i++) {
        Arg a = kind->order[i];
        bool needed = kind->must >> a & 1;
        fprintf(out, needed ? "%s%s" : "%s[%s]", i ? ", " : "(", args[a].name);
    }
    fprintf(out, "%s\n    %s\n", n ? ")" : "", kind->definition);
}

void interventions_print(FILE *out) {
    for (int i = 0; interventions[i]; i++) print_kind(out, interventions[i]);
}
