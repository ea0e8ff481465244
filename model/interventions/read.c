/* Owns: the text of an intervention: NAME or NAME(VALUE, KEY=VALUE, ...), values without a key in the
 * kind's order; the bounds of what it may be told; and how the kinds are shown to people. */
#include "model/interventions/intervention.h"

#include "data/base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const arg_names[ARGS] = {[ARG_LAYER] = "layer", [ARG_HEAD] = "head",     [ARG_POS] = "pos",
                                            [ARG_TOKEN] = "token", [ARG_LAMBDA] = "lambda", [ARG_MU] = "mu"};
static const char *const mu_names[] = {[MU_BATCH] = "batch", [MU_POSITIONS] = "positions"};

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
    char why[256] = "no such intervention (there are";
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
    while (a < ARGS && strcmp(arg_names[a], name)) a++;
    return a;
}

/* Bound of |lambda|: far above the bound o' overflows and every figure is NaN. */
static const double MOST = 1e6;

/* Bounds of arguments that count something: whole numbers from 0, below the bound. */
static double end_of(const Reader *r, Arg a) {
    const double ends[ARGS] = {[ARG_LAYER] = (double)r->c->layers,
                               [ARG_HEAD] = (double)r->c->heads,
                               [ARG_POS] = r->T,
                               [ARG_TOKEN] = r->c->vocab ? (double)r->c->vocab : 0x1p31};
    return ends[a];
}

static bool read_mu(Reader *r, const char *value) {
    for (int i = MU_BATCH; i <= MU_POSITIONS; i++)
        if (!strcmp(mu_names[i], value)) return r->out->arg[ARG_MU] = i, true;
    return refuse(r, "mu is batch or positions");
}

static bool read_lambda(Reader *r, const char *value) {
    double *lambda = &r->out->arg[ARG_LAMBDA];
    char why[160];
    if (number_read(value, lambda) && fabs(*lambda) <= MOST) return true;
    snprintf(why, sizeof why, "lambda: expected a number from %g to %g, not \"%.40s\"", -MOST, MOST, value);
    return refuse(r, why);
}

static bool read_count(Reader *r, Arg a, const char *value) {
    double *x = &r->out->arg[a], end = end_of(r, a);
    char why[160];
    if (number_read(value, x) && *x >= 0 && *x < end && *x == floor(*x)) return true;
    snprintf(why, sizeof why, "%s %.40s is not there (0 to %.0f)", arg_names[a], value, end - 1);
    return refuse(r, why);
}

static bool read_value(Reader *r, Arg a, const char *value) {
    char why[160];
    if (r->given >> a & 1) return snprintf(why, sizeof why, "%s given twice", arg_names[a]), refuse(r, why);
    r->given |= 1u << a;
    if (a == ARG_MU) return read_mu(r, value);
    return a == ARG_LAMBDA ? read_lambda(r, value) : read_count(r, a, value);
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
    snprintf(why, sizeof why, "%s does not take \"%.40s\"", kind->name, key);
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
            snprintf(why, sizeof why, "%s= is missing", arg_names[a]);
            return refuse(r, why);
        }
    return true;
}

bool intervention_read(const char *text, const char *where, const ModelConfig *c, int T, Intervention *out,
                       Error *e) {
    char copy[LIST_TEXT], empty[] = "";
    *out = (Intervention){.arg = {[ARG_LAYER] = -1, [ARG_MU] = MU_BATCH}};
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
    return read_words(&r, words ? words : empty) && check_given(&r);
}

static void print_kind(FILE *out, const InterventionKind *kind) {
    int n = __builtin_popcount(kind->must | kind->may);
    fprintf(out, "  %s", kind->name);
    for (int i = 0; i < n; i++) {
        Arg a = kind->order[i];
        bool needed = kind->must >> a & 1;
        fprintf(out, needed ? "%s%s" : "%s[%s]", i ? ", " : "(", arg_names[a]);
    }
    fprintf(out, "%s\n    %s\n", n ? ")" : "", kind->definition);
}

void interventions_print(FILE *out) {
    for (int i = 0; interventions[i]; i++) print_kind(out, interventions[i]);
}
