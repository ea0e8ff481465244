#include "ablations/sweep/sweep.h"

#include "ablations/sweep/results.h"
#include "ablations/sweep/sweep_metrics.h"
#include "data/base/files.h"
#include "data/base/number.h"
#include "train/config/did_you_mean.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEEDS_MOST = 10000, TEXT_MOST = 2048, NAME_MOST = 100 };
enum { IN_GRID = -1, IN_ZIP = -2 }; /* Axis.place while it has none */

typedef struct Parser {
    Sweep *s;
    Error *e;
    int *left_out; /* an entry of exclude: the place on each axis; -1: any */
} Parser;

/* ---- memory and errors ---- */

/* Takes a malloc'ed text; NULL is let pass. */
static char *own(Parser *p, char *text) {
    char **grown = text ? realloc(p->s->own, ((size_t)p->s->owned + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(text);
        fail(p->e, EXIT_FAILED, "%s: out of memory", p->s->path);
        return NULL;
    }
    p->s->own = grown;
    return grown[p->s->owned++] = text;
}

static char *print(Parser *p, const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return own(p, n < 0 ? NULL : text);
}

static bool refuse(Parser *p, const Yaml *at, const char *format, ...) {
    char why[900];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return fail(p->e, EXIT_USAGE, "%s:%d:%d: %s", p->s->path, at->line, at->column, why);
}

static bool grow(Parser *p, void *array, int n, size_t size) {
    return memory_grow(array, n + 1, size, p->e);
}

/* ---- keys and values of the configuration ---- */

static bool is_key(const char *key) {
    for (int i = 0; config_key_name(i); i++)
        if (!strcmp(config_key_name(i), key)) return true;
    return false;
}

static bool is_group(const char *key) {
    size_t length = strlen(key);
    for (int i = 0; config_key_name(i); i++)
        if (!strncmp(config_key_name(i), key, length) && config_key_name(i)[length] == '.') return true;
    return false;
}

typedef bool KeyReader(Parser *p, const char *key, const Yaml *at, const Yaml *value);

/* Hands every configuration key of a map, dotted or nested, to `read`. */
static bool each_key(Parser *p, const Yaml *map, const char *prefix, KeyReader *read) {
    if (map->kind != YAML_MAP) return refuse(p, map, "expected a map of keys (KEY: ...)");
    for (int i = 0; i < map->n; i++) {
        const char *key = *prefix ? print(p, "%s.%s", prefix, map->key[i]->text) : map->key[i]->text;
        if (!key) return false;
        bool known = is_key(key);
        if (!known && !is_group(key)) {
            char hint[160];
            return refuse(p, map->key[i], "unknown key %s%s", key, config_key_hint(key, hint, sizeof hint));
        }
        if (!(known ? read(p, key, map->key[i], map->value[i]) : each_key(p, map->value[i], key, read)))
            return false;
    }
    return true;
}

/* A value of a key as a setting with its place, in canonical form. */
static bool read_value(Parser *p, const char *key, const Yaml *value, Setting *out) {
    if (value->kind == YAML_MAP) return refuse(p, value, "%s: expected a value, not a map", key);
    const char *text = value->kind == YAML_LIST ? own(p, yaml_json(value)) : value->text;
    const char *where = print(p, "%s:%d:%d", p->s->path, value->line, value->column);
    char canonical[TEXT_MOST];
    Config scratch;
    if (!text || !where) return false;
    config_defaults(&scratch);
    if (!config_set(&scratch, key, text, where, p->e)) return false;
    if (!config_get(&scratch, key, canonical, sizeof canonical))
        return refuse(p, value, "%s: the value is too long", key);
    *out = (Setting){key, print(p, "%s", canonical), where};
    return out->text;
}

/* ---- texts ---- */

static bool read_text(Parser *p, const Yaml *value, const char *key, const char **out) {
    if (value->kind != YAML_SCALAR) return refuse(p, value, "%s: expected a text", key);
    *out = value->text;
    return true;
}

static bool read_name(Parser *p, const Yaml *value) {
    if (!read_text(p, value, "name", &p->s->name)) return false;
    const char *c = p->s->name;
    while (isalnum((unsigned char)*c) || (*c && strchr("-_.", *c))) c++;
    if (*c || !*p->s->name || *p->s->name == '.')
        return refuse(p, value, "name: \"%s\": letters, digits, - _ . only", p->s->name);
    if (strlen(p->s->name) > NAME_MOST)
        return refuse(p, value, "name: longer than %d letters (files are called by it)", NAME_MOST);
    return true;
}

static bool read_claim(Parser *p, const Yaml *value) {
    return read_text(p, value, "claim", &p->s->claim);
}

static bool read_source(Parser *p, const Yaml *value) {
    return read_text(p, value, "source", &p->s->source);
}

static bool read_note(Parser *p, const Yaml *value) {
    return read_text(p, value, "note", &p->s->note);
}

/* A path relative to the sweep's file. */
static const char *beside(Parser *p, const char *name) {
    const char *slash = strrchr(p->s->path, '/');
    return print(p, "%.*s%s", *name == '/' || !slash ? 0 : (int)(slash + 1 - p->s->path), p->s->path, name);
}

static bool read_base(Parser *p, const Yaml *value) {
    const char *base = NULL;
    Config scratch;
    if (!read_text(p, value, "base", &base) || !(p->s->base = beside(p, base))) return false;
    if (access(p->s->base, R_OK))
        return refuse(p, value, "base: %s: %s (the path is relative to this file)", p->s->base,
                      strerror(errno));
    return config_load(&scratch, p->s->base, p->e);
}

/* ---- set, grid, zip ---- */

static bool add_setting(Parser *p, const char *key, const Yaml *at, const Yaml *value) {
    Sweep *s = p->s;
    for (int i = 0; i < s->sets; i++)
        if (!strcmp(s->set[i].key, key)) return refuse(p, at, "set: duplicate key %s", key);
    return grow(p, &s->set, s->sets, sizeof *s->set) && read_value(p, key, value, &s->set[s->sets]) &&
           ++s->sets;
}

static bool read_set(Parser *p, const Yaml *value) {
    return each_key(p, value, "", add_setting);
}

static bool add_value(Parser *p, Axis *a, const Yaml *value) {
    if (!read_value(p, a->key, value, &a->value[a->n])) return false;
    for (int i = 0; i < a->n; i++)
        if (a->place == IN_GRID && !strcmp(a->value[i].text, a->value[a->n].text))
            return refuse(p, value, "%s: %s is there twice", a->key, a->value[i].text);
    a->n++;
    return true;
}

static bool make_room(Parser *p, Axis *a, int n) {
    a->value = calloc((size_t)n, sizeof *a->value);
    return a->value || fail(p->e, EXIT_FAILED, "%s: out of memory", p->s->path);
}

static bool read_axis_values(Parser *p, Axis *a, const Yaml *list) {
    if (list->kind != YAML_LIST || !list->n)
        return refuse(p, list, "%s: an axis needs a list of values, or a range: {log: [FROM, TO], n: N}",
                      a->key);
    if (!make_room(p, a, list->n)) return false;
    for (int i = 0; i < list->n; i++)
        if (!add_value(p, a, list->value[i])) return false;
    return true;
}

/* ---- ranges ---- */

/* Checks the keys of a map inside the grammar against those it may have. */
static bool only_keys(Parser *p, const Yaml *map, const char *what, const char *const *known) {
    if (map->kind != YAML_MAP) return refuse(p, map, "%s: expected a map", what);
    for (int i = 0; i < map->n; i++) {
        const char *key = map->key[i]->text;
        char hint[160];
        int k = 0;
        while (known[k] && strcmp(known[k], key)) k++;
        if (!known[k])
            return refuse(p, map->key[i], "%s: unknown key %s%s", what, key,
                          did_you_mean_among(key, known, hint, sizeof hint));
    }
    return true;
}

static bool read_integer(const Yaml *y, int64_t *out) {
    char *end;
    if (y->kind != YAML_SCALAR || !isdigit((unsigned char)*y->text)) return false;
    errno = 0;
    *out = strtoll(y->text, &end, 10);
    return !*end && !errno && *out <= INT64_C(1) << 53;
}

typedef struct Range {
    double from, to;
    int64_t n;
    bool log;
} Range;

static bool read_range(Parser *p, const char *key, const Yaml *map, Range *r) {
    static const char *const known[] = {"log", "linear", "n", NULL};
    if (!only_keys(p, map, key, known)) return false;
    const Yaml *log = yaml_get(map, "log"), *linear = yaml_get(map, "linear"), *n = yaml_get(map, "n");
    const Yaml *ends = log ? log : linear;
    r->log = log;
    if (!n || !log == !linear || ends->kind != YAML_LIST || ends->n != 2 ||
        !number_read(ends->value[0]->text, &r->from) || !number_read(ends->value[1]->text, &r->to))
        return refuse(p, map, "%s: a range is {log: [FROM, TO], n: N} or {linear: [FROM, TO], n: N}", key);
    if (log && (r->from <= 0 || r->to <= 0)) return refuse(p, log, "%s: log: both ends are above 0", key);
    return (read_integer(n, &r->n) && r->n >= 2 && r->n <= SEEDS_MOST) ||
           refuse(p, n, "%s: n: expected a number from 2 to %d", key, SEEDS_MOST);
}

/* Value i of a range: the ends as they are, four digits between them; whole where the key takes no other. */
static void range_text(const Axis *a, const Range *r, int64_t i, char out[32]) {
    double share = (double)i / (double)(r->n - 1), value = r->from + (r->to - r->from) * share;
    Config scratch;
    if (r->log) value = r->from * pow(r->to / r->from, share);
    if (i == 0) value = r->from;
    if (i == r->n - 1) value = r->to;
    snprintf(out, 32, i == 0 || i == r->n - 1 ? "%.17g" : "%.4g", value);
    config_defaults(&scratch);
    bool end = i == 0 || i == r->n - 1; /* what is wrong with an end is told of the end */
    if (!end && !config_set(&scratch, a->key, out, "", NULL)) snprintf(out, 32, "%.0f", value);
}

static bool read_axis_range(Parser *p, Axis *a, const Yaml *map) {
    Range r;
    if (!read_range(p, a->key, map, &r) || !make_room(p, a, (int)r.n)) return false;
    for (int64_t i = 0; i < r.n; i++) {
        char text[32];
        range_text(a, &r, i, text);
        Yaml value = {.kind = YAML_SCALAR, .text = text, .line = map->line, .column = map->column};
        if (!add_value(p, a, &value)) return false;
    }
    return true;
}

/* An axis without its place yet; in zip values may repeat. */
static bool add_axis(Parser *p, const char *key, const Yaml *at, const Yaml *value, int place) {
    Sweep *s = p->s;
    for (int i = 0; i < s->axes; i++)
        if (!strcmp(s->axis[i].key, key)) return refuse(p, at, "%s is an axis already", key);
    if (!strcmp(key, "seed")) return refuse(p, at, "seed: seeds have a key of their own (seeds: 3)");
    if (!strncmp(key, "run.", 4)) return refuse(p, at, "%s changes no result: set it under set:", key);
    if (s->axes == SWEEP_AXES) return refuse(p, at, "more than %d axes", SWEEP_AXES);
    Axis *a = &s->axis[s->axes++];
    *a = (Axis){.key = key, .place = place};
    return value->kind == YAML_MAP ? read_axis_range(p, a, value) : read_axis_values(p, a, value);
}

static bool add_grid_axis(Parser *p, const char *key, const Yaml *at, const Yaml *value) {
    if (!add_axis(p, key, at, value, IN_GRID)) return false;
    Axis *a = &p->s->axis[p->s->axes - 1];
    a->place = p->s->places;
    p->s->place[p->s->places++] = (Dimension){a->n, PLACE_STRATUM};
    return true;
}

static bool read_grid(Parser *p, const Yaml *value) {
    if (value->kind == YAML_MAP && !value->n && !yaml_get(p->s->tree, "zip"))
        return refuse(p, value, "grid: empty (give it an axis, KEY: [VALUE, VALUE])");
    return each_key(p, value, "", add_grid_axis);
}

static bool add_zip_axis(Parser *p, const char *key, const Yaml *at, const Yaml *value) {
    return add_axis(p, key, at, value, IN_ZIP);
}

static bool read_zip(Parser *p, const Yaml *value) {
    Sweep *s = p->s;
    int first = s->axes;
    if (!each_key(p, value, "", add_zip_axis)) return false;
    if (s->axes == first)
        return !s->axes && yaml_get(s->tree, "grid")
                   ? refuse(p, value, "grid and zip: both empty (give one an axis)")
                   : true;
    for (int i = first; i < s->axes; i++) {
        if (s->axis[i].n != s->axis[first].n)
            return refuse(p, value, "zip: %s has %d values, %s has %d (they advance together)",
                          s->axis[first].key, s->axis[first].n, s->axis[i].key, s->axis[i].n);
        s->axis[i].place = s->places;
    }
    s->place[s->places++] = (Dimension){s->axis[first].n, PLACE_STRATUM};
    return true;
}

/* ---- seeds ---- */

static bool add_seed(Parser *p, const Yaml *at, int64_t seed) {
    Sweep *s = p->s;
    for (int i = 0; i < s->seeds; i++)
        if (s->seed[i] == seed) return refuse(p, at, "seed %lld is there already", (long long)seed);
    if (!grow(p, &s->seed, s->seeds, sizeof *s->seed)) return false;
    s->seed[s->seeds++] = seed;
    return true;
}

/* A number of seeds, counted from `first`, or a list of them. */
static bool add_seeds(Parser *p, const Yaml *value, int64_t first) {
    int64_t n;
    if (value->kind == YAML_LIST && value->n) {
        for (int i = 0; i < value->n; i++) {
            if (!read_integer(value->value[i], &n))
                return refuse(p, value->value[i], "seeds: expected an integer from 0 on");
            if (!add_seed(p, value->value[i], n)) return false;
        }
        return true;
    }
    if (!read_integer(value, &n) || n < 1 || n > SEEDS_MOST)
        return refuse(p, value, "seeds: expected a number from 1 to %d, or a list of seeds", SEEDS_MOST);
    for (int64_t i = 0; i < n; i++)
        if (!add_seed(p, value, first + i)) return false;
    return true;
}

static bool read_seeds(Parser *p, const Yaml *value) {
    for (int i = 0; i < p->s->sets; i++)
        if (!strcmp(p->s->set[i].key, "seed"))
            return refuse(p, value, "seeds: seed is under set: already (%s)", p->s->set[i].where);
    p->s->seeded = true;
    if (!add_seeds(p, value, 0)) return false;
    p->s->judging = p->s->seeds;
    return true;
}

/* ---- exclude, compare, tune, expect ---- */

/* The axis of that name, or -1; `at`: where it stands. */
static int axis_named(Parser *p, const char *name, const Yaml *at, const char *what) {
    Sweep *s = p->s;
    DidYouMean near = {.text = name};
    char hint[160];
    for (int i = 0; i < s->axes; i++) {
        if (!strcmp(s->axis[i].key, name)) return i;
        did_you_mean_offer(&near, s->axis[i].key);
    }
    refuse(p, at, "%s: %s is no axis of grid or zip%s", what, name,
           did_you_mean_hint(&near, hint, sizeof hint));
    return -1;
}

static int find_axis(Parser *p, const Yaml *at, const char *what) {
    return axis_named(p, at->kind == YAML_SCALAR ? at->text : "this", at, what);
}

/* "2, 4, 8": the values of an axis, as far as there is room. */
static const char *list_values(const Axis *a, char *text, size_t room) {
    size_t used = 0;
    for (int i = 0; i < a->n && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", a->value[i].text);
    return text;
}

/* The place on an axis of a value, or -1. */
static int find_value(Parser *p, int axis, const Yaml *value, const char *what) {
    const Axis *a = &p->s->axis[axis];
    Setting setting;
    char values[400];
    if (!read_value(p, a->key, value, &setting)) return -1;
    for (int i = 0; i < a->n; i++)
        if (!strcmp(a->value[i].text, setting.text)) return i;
    refuse(p, value, "%s: %s is not on the axis %s (%s)", what, setting.text, a->key,
           list_values(a, values, sizeof values));
    return -1;
}

static bool read_compare(Parser *p, const Yaml *value) {
    static const char *const known[] = {"axis", "baseline", NULL};
    Sweep *s = p->s;
    if (!only_keys(p, value, "compare", known)) return false;
    const Yaml *axis = yaml_get(value, "axis"), *baseline = yaml_get(value, "baseline");
    if (!axis || !baseline) return refuse(p, value, "compare: needs axis and baseline");
    s->side = find_axis(p, axis, "compare: axis");
    if (s->side < 0) return false;
    s->place[s->axis[s->side].place].role = PLACE_SIDE;
    s->baseline = find_value(p, s->side, baseline, "compare: baseline");
    if (s->baseline < 0) return false;
    const Axis *a = &s->axis[s->side];
    if (a->n < 2) return refuse(p, axis, "compare: %s has one value, and nothing to hold against it", a->key);
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(a->value[i].text, a->value[k].text))
                return refuse(p, axis, "compare: %s has %s twice (sides are told by it)", a->key,
                              a->value[i].text);
    return true;
}

static bool read_tuned_axis(Parser *p, const Yaml *at) {
    int axis = find_axis(p, at, "tune: axes");
    if (axis < 0) return false;
    Dimension *place = &p->s->place[p->s->axis[axis].place];
    if (place->role == PLACE_SIDE) return refuse(p, at, "tune: %s is what is compared", at->text);
    place->role = PLACE_TUNED;
    return true;
}

static bool read_tune(Parser *p, const Yaml *value) {
    static const char *const known[] = {"axes", "seeds", NULL};
    Sweep *s = p->s;
    if (!only_keys(p, value, "tune", known)) return false;
    const Yaml *axes = yaml_get(value, "axes"), *seeds = yaml_get(value, "seeds");
    if (!axes || axes->kind != YAML_LIST || !axes->n || !seeds)
        return refuse(p, value, "tune: needs axes (a list) and seeds");
    if (s->side < 0) return refuse(p, value, "tune: needs compare: (whose sides are tuned)");
    if (!s->seeded) return refuse(p, value, "tune: needs seeds: (those that judge)");
    for (int i = 0; i < axes->n; i++)
        if (!read_tuned_axis(p, axes->value[i])) return false;
    int64_t last = 0;
    for (int i = 0; i < s->seeds; i++) last = s->seed[i] > last ? s->seed[i] : last;
    return add_seeds(p, seeds, last + 1);
}

static bool read_metric(Parser *p, const Yaml *metric, Expectation *out) {
    char hint[96] = "";
    out->metric = metric->kind == YAML_SCALAR ? metric->text : "";
    return sweep_metric_known(out->metric, hint, sizeof hint) ||
           refuse(p, metric, "expect: unknown metric %s%s", out->metric,
                  *hint ? hint : " (such as val_loss, sink_rate_03, onset: sinklab query sweep_metrics)");
}

static bool read_by(Parser *p, const Yaml *by, Expectation *out) {
    if (by->kind == YAML_SCALAR && number_read(by->text, &out->by) && out->by >= 0 && out->by < 1e300)
        return true;
    return refuse(p, by, "expect: by: expected a number from 0 on (direction: says the sign)");
}

/* A number that a query's answers are held to, of either sign. */
static bool read_bound(Parser *p, const Yaml *at, double *out) {
    return (at->kind == YAML_SCALAR && number_read(at->text, out) && fabs(*out) < 1e300) ||
           refuse(p, at, "expect: at_least, at_most: expected a number");
}

/* The text of a query's file, named relative to the sweep's. */
static bool read_sql(Parser *p, const Yaml *at, const char *key, SqlFile *out) {
    Bytes text = {0};
    Error why = {0};
    if (!read_text(p, at, key, &out->name)) return false;
    const char *path = beside(p, out->name);
    if (!path) return false;
    bool ok = file_read(path, &text, &why) && bytes_append(&text, "", 1, &why);
    if (why.code == EXIT_USAGE) refuse(p, at, "%s: %s (the path is relative to this file)", key, why.text);
    if (why.code == EXIT_FAILED) *p->e = why;
    out->text = ok ? own(p, text.data) : NULL;
    if (!ok) bytes_free(&text);
    return out->text;
}

/* What a query is asked with; its name says so, since it may be asked twice. */
static bool read_with(Parser *p, const Yaml *with, Expectation *out) {
    if (!with) return true;
    if (with->kind != YAML_MAP || !with->n)
        return refuse(p, with, "expect: with: expected {NAME: VALUE, ...}");
    for (int i = 0; i < with->n; i++) {
        if (with->value[i]->kind != YAML_SCALAR)
            return refuse(p, with->value[i], "expect: with: %s: expected a value", with->key[i]->text);
        out->metric =
            print(p, "%s%s%s=%s", out->metric, i ? ", " : "(", with->key[i]->text, with->value[i]->text);
        if (!out->metric) return false;
    }
    out->with = with;
    return (out->metric = print(p, "%s)", out->metric));
}

static bool read_query(Parser *p, const Yaml *value, Expectation *out) {
    static const char *const known[] = {"query", "with", "at_least", "at_most", NULL};
    const Yaml *least = yaml_get(value, "at_least"), *most = yaml_get(value, "at_most");
    SqlFile file;
    if (!only_keys(p, value, "expect", known)) return false;
    if (!least == !most) return refuse(p, value, "expect: a query needs at_least or at_most, one of them");
    if (!read_sql(p, yaml_get(value, "query"), "expect: query", &file)) return false;
    *out = (Expectation){.metric = file.name, .query = file.text, .lower = most};
    if (!read_with(p, yaml_get(value, "with"), out) || !read_bound(p, least ? least : most, &out->by))
        return false;
    if (most) out->by = -out->by;
    return true;
}

static bool read_expectation(Parser *p, const Yaml *value, Expectation *out) {
    static const char *const known[] = {"metric", "direction", "by", NULL};
    if (value->kind == YAML_MAP && yaml_get(value, "query")) return read_query(p, value, out);
    if (!only_keys(p, value, "expect", known)) return false;
    const Yaml *metric = yaml_get(value, "metric"), *direction = yaml_get(value, "direction"),
               *by = yaml_get(value, "by");
    *out = (Expectation){0};
    if (!metric || !direction) return refuse(p, value, "expect: needs metric and direction");
    bool scalar = direction->kind == YAML_SCALAR;
    out->lower = scalar && !strcmp(direction->text, "lower");
    if (!out->lower && !(scalar && !strcmp(direction->text, "higher")))
        return refuse(p, direction, "expect: direction: lower or higher");
    return read_metric(p, metric, out) && (!by || read_by(p, by, out));
}

static bool read_expect(Parser *p, const Yaml *value) {
    Sweep *s = p->s;
    if (value->kind != YAML_LIST) return refuse(p, value, "expect: expected a list of expectations");
    for (int i = 0; i < value->n; i++) {
        if (!grow(p, &s->expect, i, sizeof *s->expect) ||
            !read_expectation(p, value->value[i], &s->expect[i]))
            return false;
        if (!s->expect[i].query && s->side < 0)
            return refuse(p, value, "expect: needs compare: (whose sides it is about)");
        s->expectations++;
        for (int k = 0; k < i; k++)
            if (!strcmp(s->expect[k].metric, s->expect[i].metric))
                return refuse(p, value->value[i], "expect: %s is there twice", s->expect[i].metric);
    }
    return true;
}

static bool read_need(Parser *p, const Yaml *value) {
    Sweep *s = p->s;
    const char *need = value->kind == YAML_SCALAR ? value->text : "";
    char hint[96] = "", table[32];
    if (!sweep_column_known(need, hint, sizeof hint))
        return refuse(p, value, "needs: unknown column %s%s", need,
                      *hint ? hint : " (TABLE.COLUMN of results.db)");
    const char *dot = strchr(need, '.');
    snprintf(table, sizeof table, "%.*s", (int)(dot - need), need);
    if (!results_keep(table, dot + 1))
        return refuse(p, value, "needs: %s is not kept in results files (ablations/README.md)", need);
    if (!grow(p, &s->need, s->needs, sizeof *s->need)) return false;
    s->need[s->needs++] = need;
    return true;
}

static bool read_tables(Parser *p, const Yaml *value) {
    Sweep *s = p->s;
    if (value->kind != YAML_LIST) return refuse(p, value, "tables: expected a list of files");
    for (int i = 0; i < value->n; i++)
        if (!grow(p, &s->table, i, sizeof *s->table) ||
            !read_sql(p, value->value[i], "tables", &s->table[s->tables++]))
            return false;
    return true;
}

static bool read_term(Parser *p, const Yaml *at, Fit *out) {
    if (out->terms == FIT_TERMS) return refuse(p, at, "fits: on: more than %d columns", FIT_TERMS);
    return read_text(p, at, "fits: on", &out->on[out->terms++]);
}

static bool read_fit(Parser *p, const Yaml *value, Fit *out) {
    static const char *const known[] = {"query", "of", "on", NULL};
    if (!only_keys(p, value, "fits", known)) return false;
    const Yaml *query = yaml_get(value, "query"), *of = yaml_get(value, "of"), *on = yaml_get(value, "on");
    *out = (Fit){0};
    if (!query || !of || !on || on->kind != YAML_LIST || !on->n)
        return refuse(p, value, "fits: expected {query: FILE.sql, of: COLUMN, on: [COLUMN, ...]}");
    bool ok = read_sql(p, query, "fits: query", &out->query) && read_text(p, of, "fits: of", &out->of);
    for (int i = 0; ok && i < on->n; i++) ok = read_term(p, on->value[i], out);
    return ok;
}

static bool read_fits(Parser *p, const Yaml *value) {
    Sweep *s = p->s;
    if (value->kind != YAML_LIST) return refuse(p, value, "fits: expected a list of fits");
    for (int i = 0; i < value->n; i++)
        if (!grow(p, &s->fit, i, sizeof *s->fit) || !read_fit(p, value->value[i], &s->fit[s->fits++]))
            return false;
    return true;
}

static bool read_needs(Parser *p, const Yaml *value) {
    if (value->kind != YAML_LIST) return refuse(p, value, "needs: expected a list of columns");
    for (int i = 0; i < value->n; i++)
        if (!read_need(p, value->value[i])) return false;
    return true;
}

/* Whether the combination has all values of an entry, given by axis (-1: any). */
static bool matches(const Sweep *s, int combination, const int *value) {
    int digit[SWEEP_AXES];
    for (int i = s->places - 1; i >= 0; combination /= s->place[i--].n)
        digit[i] = combination % s->place[i].n;
    for (int a = 0; a < s->axes; a++)
        if (value[a] >= 0 &&
            strcmp(s->axis[a].value[digit[s->axis[a].place]].text, s->axis[a].value[value[a]].text))
            return false;
    return true;
}

static bool read_left_out(Parser *p, const char *key, const Yaml *at, const Yaml *value) {
    int axis = axis_named(p, key, at, "exclude");
    return axis >= 0 && (p->left_out[axis] = find_value(p, axis, value, "exclude")) >= 0;
}

static bool leave_out(Parser *p, const Yaml *entry) {
    Sweep *s = p->s;
    int value[SWEEP_AXES], kept = 0;
    if (entry->kind != YAML_MAP || !entry->n)
        return refuse(p, entry, "exclude: expected a map of axes and values");
    memset(value, -1, sizeof value);
    p->left_out = value;
    if (!each_key(p, entry, "", read_left_out)) return false;
    for (int i = 0; i < s->combinations; i++)
        if (!matches(s, s->combination[i], value)) s->combination[kept++] = s->combination[i];
    if (kept == s->combinations) return refuse(p, entry, "exclude: no combination is left that has these");
    s->combinations = kept;
    return kept ? true : refuse(p, entry, "exclude: leaves nothing to run");
}

/* A comparison needs its baseline, and something to hold against it. */
static bool both_sides_left(Parser *p, const Yaml *at) {
    const Sweep *s = p->s;
    int baseline[SWEEP_AXES], left = 0;
    if (s->side < 0) return true;
    memset(baseline, -1, sizeof baseline);
    baseline[s->side] = s->baseline;
    for (int i = 0; i < s->combinations; i++) left += matches(s, s->combination[i], baseline);
    const char *key = s->axis[s->side].key, *value = s->axis[s->side].value[s->baseline].text;
    if (!left) return refuse(p, at, "exclude: leaves nothing of the baseline, %s %s", key, value);
    if (left == s->combinations)
        return refuse(p, at, "exclude: leaves nothing to compare with the baseline, %s %s", key, value);
    return true;
}

static bool read_exclude(Parser *p, const Yaml *value) {
    if (value->kind != YAML_LIST) return refuse(p, value, "exclude: expected a list of maps");
    for (int i = 0; i < value->n; i++)
        if (!leave_out(p, value->value[i])) return false;
    return both_sides_left(p, value);
}

/* ---- the whole ---- */

/* Read in this order, whatever the order in the file: each may look at those above it. */
static const struct Part {
    const char *key;
    bool (*read)(Parser *p, const Yaml *value);
} parts[] = {
    {"name", read_name},       {"claim", read_claim}, {"source", read_source}, {"base", read_base},
    {"set", read_set},         {"grid", read_grid},   {"zip", read_zip},       {"seeds", read_seeds},
    {"compare", read_compare}, {"tune", read_tune},   {"expect", read_expect}, {"note", read_note},
    {"tables", read_tables},   {"fits", read_fits},   {"needs", read_needs},   {NULL, NULL},
};

/* After everything else, on the combinations that the axes make. */
static const char *const part_keys[] = {"name", "claim",   "source", "base",    "set",  "grid",
                                        "zip",  "exclude", "seeds",  "compare", "tune", "expect",
                                        "note", "tables",  "fits",   "needs",   NULL};

static bool combine(Parser *p) {
    Sweep *s = p->s;
    int64_t n = 1;
    if (!s->seeded) {
        if (!s->axes) return refuse(p, s->tree, "nothing varies (give it grid, zip or seeds)");
        if (!add_seed(p, s->tree, 0)) return false;
        s->judging = 1;
    }
    for (int i = 0; i < s->places; i++) {
        n *= s->place[i].n;
        if (n * s->seeds > SWEEP_RUNS) return refuse(p, s->tree, "more than %d runs", SWEEP_RUNS);
    }
    s->combination = calloc((size_t)n, sizeof *s->combination);
    if (!s->combination) return fail(p->e, EXIT_FAILED, "%s: out of memory", s->path);
    for (; s->combinations < n; s->combinations++) s->combination[s->combinations] = s->combinations;
    const Yaml *exclude = yaml_get(s->tree, "exclude");
    return !exclude || read_exclude(p, exclude);
}

/* Cells are told apart by their labels. */
static bool labels_fit(Parser *p) {
    char label[LABEL_TEXT];
    for (int i = 0; i < sweep_runs(p->s); i += p->s->seeds) {
        sweep_label(p->s, i, LABEL_ALL, label);
        if (strlen(label) == LABEL_TEXT - 1)
            return refuse(p, p->s->tree, "the values of a run's axes take more than %d letters: %.60s...",
                          LABEL_TEXT - 1, label);
    }
    return true;
}

/* What stands beside the sweep's keys and is a configuration's; `seed` is taken for a slip of `seeds`. */
static bool none_of_a_run(Parser *p, const Yaml *key) {
    int part = 0;
    while (part_keys[part] && strcmp(part_keys[part], key->text)) part++;
    if (part_keys[part] || !strcmp(key->text, "seed") || !(is_key(key->text) || is_group(key->text)))
        return true;
    return refuse(p, key, "sweep: %s is of a configuration (it stands under set: or grid:)", key->text);
}

static bool read_tree(Parser *p) {
    Sweep *s = p->s;
    for (int i = 0; s->tree->kind == YAML_MAP && i < s->tree->n; i++)
        if (!none_of_a_run(p, s->tree->key[i])) return false;
    if (!only_keys(p, s->tree, "sweep", part_keys)) return false;
    if (!yaml_get(s->tree, "name")) return refuse(p, s->tree, "name: missing (what is this sweep called?)");
    for (const struct Part *part = parts; part->key; part++) {
        const Yaml *value = yaml_get(s->tree, part->key);
        if (value && !part->read(p, value)) return false;
    }
    return combine(p) && labels_fit(p);
}

static bool word_fits(Parser *p, const char *key) {
    const Sweep *s = p->s;
    for (int i = 0; i < s->axes; i++)
        if (!strcmp(s->axis[i].key, key))
            return fail(p->e, EXIT_USAGE, "command line: %s is an axis of %s", key, s->path);
    if (s->seeded && !strcmp(key, "seed"))
        return fail(p->e, EXIT_USAGE, "command line: %s has seeds of its own (change its seeds:)", s->path);
    return true;
}

static bool read_words(Parser *p, int words, char *const *word) {
    Sweep *s = p->s;
    for (; s->words < words; s->words++) {
        const char *text = word[s->words], *equals = strchr(text, '=');
        Config scratch;
        config_defaults(&scratch);
        if (!equals)
            return fail(p->e, EXIT_USAGE,
                        "command line: \"%s\" is not of the form key=value (one word, no blanks)", text);
        if (!grow(p, &s->word, s->words, sizeof *s->word)) return false;
        const char *key = print(p, "%.*s", (int)(equals - text), text);
        if (!key || !word_fits(p, key) || !config_set(&scratch, key, equals + 1, "command line", p->e))
            return false;
        s->word[s->words] = (Setting){key, equals + 1, "command line"};
    }
    return true;
}

Sweep *sweep_load(const char *path, int words, char *const *word, Error *e) {
    Bytes text = {0};
    Sweep *s = calloc(1, sizeof *s);
    Parser p = {s, e, NULL};
    if (!s) {
        fail(e, EXIT_FAILED, "%s: out of memory", path);
        return NULL;
    }
    s->path = path;
    s->name = s->claim = s->source = s->note = "";
    s->side = s->baseline = -1;
    bool ok = file_read(path, &text, e) && bytes_append(&text, "", 1, e);
    if (ok)
        s->text = own(&p, text.data); /* or it is gone */
    else
        bytes_free(&text);
    ok = s->text && (s->tree = yaml_parse(s->text, (size_t)text.size - 1, path, e)) && read_tree(&p) &&
         read_words(&p, words, word);
    if (ok) return s;
    sweep_free(s);
    return NULL;
}

void sweep_free(Sweep *s) {
    if (!s) return;
    for (int i = 0; i < s->axes; i++) free(s->axis[i].value);
    for (int i = 0; i < s->owned; i++) free(s->own[i]);
    free(s->own);
    free(s->set);
    free(s->word);
    free(s->combination);
    free(s->seed);
    free(s->expect);
    free(s->need);
    free(s->table);
    free(s->fit);
    yaml_free(s->tree);
    free(s);
}
