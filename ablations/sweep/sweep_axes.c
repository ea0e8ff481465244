#include "ablations/sweep/sweep_parts.h"

#include "data/base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IN_GRID = -1, IN_ZIP = -2 }; /* Axis.place while it has none */

static bool add_setting(SweepReader *p, const char *key, const Yaml *at, const Yaml *value) {
    Sweep *s = p->s;
    for (int i = 0; i < s->sets; i++)
        if (!strcmp(s->set[i].key, key)) return reader_refuse(p, at, "set: duplicate key %s", key);
    return reader_grow(p, &s->set, s->sets, sizeof *s->set) &&
           reader_value(p, key, value, &s->set[s->sets]) && ++s->sets;
}

bool sweep_read_set(SweepReader *p, const Yaml *value) {
    return reader_each_key(p, value, "", add_setting);
}

static bool add_value(SweepReader *p, Axis *a, const Yaml *value) {
    if (!reader_value(p, a->key, value, &a->value[a->n])) return false;
    for (int i = 0; i < a->n; i++)
        if (a->place == IN_GRID && !strcmp(a->value[i].text, a->value[a->n].text))
            return reader_refuse(p, value, "%s: %s is there twice", a->key, a->value[i].text);
    a->n++;
    return true;
}

static bool make_room(SweepReader *p, Axis *a, int n) {
    a->value = calloc((size_t)n, sizeof *a->value);
    return a->value || fail(p->e, EXIT_FAILED, "%s: out of memory", p->s->path);
}

static bool read_axis_values(SweepReader *p, Axis *a, const Yaml *list) {
    if (list->kind != YAML_LIST || !list->n)
        return reader_refuse(
            p, list, "%s: an axis needs a list of values, or a range: {log: [FROM, TO], n: N}", a->key);
    if (!make_room(p, a, list->n)) return false;
    for (int i = 0; i < list->n; i++)
        if (!add_value(p, a, list->value[i])) return false;
    return true;
}

typedef struct Range {
    double from, to;
    int64_t n;
    bool log;
} Range;

static bool read_range(SweepReader *p, const char *key, const Yaml *map, Range *r) {
    static const char *const known[] = {"log", "linear", "n", NULL};
    if (!reader_only_keys(p, map, key, known)) return false;
    const Yaml *log = yaml_get(map, "log"), *linear = yaml_get(map, "linear"), *n = yaml_get(map, "n");
    const Yaml *ends = log ? log : linear;
    r->log = log;
    if (!n || !log == !linear || ends->kind != YAML_LIST || ends->n != 2 ||
        !number_read(ends->value[0]->text, &r->from) || !number_read(ends->value[1]->text, &r->to))
        return reader_refuse(p, map, "%s: a range is {log: [FROM, TO], n: N} or {linear: [FROM, TO], n: N}",
                             key);
    if (log && (r->from <= 0 || r->to <= 0))
        return reader_refuse(p, log, "%s: log: both ends are above 0", key);
    return (reader_integer(n, &r->n) && r->n >= 2 && r->n <= SEEDS_MOST) ||
           reader_refuse(p, n, "%s: n: expected a number from 2 to %d", key, SEEDS_MOST);
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

static bool read_axis_range(SweepReader *p, Axis *a, const Yaml *map) {
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
static bool add_axis(SweepReader *p, const char *key, const Yaml *at, const Yaml *value, int place) {
    Sweep *s = p->s;
    for (int i = 0; i < s->axes; i++)
        if (!strcmp(s->axis[i].key, key)) return reader_refuse(p, at, "%s is an axis already", key);
    if (!strcmp(key, "seed")) return reader_refuse(p, at, "seed: seeds have a key of their own (seeds: 3)");
    if (!strncmp(key, "run.", 4)) return reader_refuse(p, at, "%s changes no result: set it under set:", key);
    if (s->axes == SWEEP_AXES) return reader_refuse(p, at, "more than %d axes", SWEEP_AXES);
    Axis *a = &s->axis[s->axes++];
    *a = (Axis){.key = key, .place = place};
    return value->kind == YAML_MAP ? read_axis_range(p, a, value) : read_axis_values(p, a, value);
}

static bool add_grid_axis(SweepReader *p, const char *key, const Yaml *at, const Yaml *value) {
    if (!add_axis(p, key, at, value, IN_GRID)) return false;
    Axis *a = &p->s->axis[p->s->axes - 1];
    a->place = p->s->places;
    p->s->place[p->s->places++] = (Dimension){a->n, PLACE_STRATUM};
    return true;
}

bool sweep_read_grid(SweepReader *p, const Yaml *value) {
    if (value->kind == YAML_MAP && !value->n && !yaml_get(p->s->tree, "zip"))
        return reader_refuse(p, value, "grid: empty (give it an axis, KEY: [VALUE, VALUE])");
    return reader_each_key(p, value, "", add_grid_axis);
}

static bool add_zip_axis(SweepReader *p, const char *key, const Yaml *at, const Yaml *value) {
    return add_axis(p, key, at, value, IN_ZIP);
}

bool sweep_read_zip(SweepReader *p, const Yaml *value) {
    Sweep *s = p->s;
    int first = s->axes;
    if (!reader_each_key(p, value, "", add_zip_axis)) return false;
    if (s->axes == first)
        return !s->axes && yaml_get(s->tree, "grid")
                   ? reader_refuse(p, value, "grid and zip: both empty (give one an axis)")
                   : true;
    for (int i = first; i < s->axes; i++) {
        if (s->axis[i].n != s->axis[first].n)
            return reader_refuse(p, value, "zip: %s has %d values, %s has %d (they advance together)",
                                 s->axis[first].key, s->axis[first].n, s->axis[i].key, s->axis[i].n);
        s->axis[i].place = s->places;
    }
    s->place[s->places++] = (Dimension){s->axis[first].n, PLACE_STRATUM};
    return true;
}

bool sweep_add_seed(SweepReader *p, const Yaml *at, int64_t seed) {
    Sweep *s = p->s;
    for (int i = 0; i < s->seeds; i++)
        if (s->seed[i] == seed) return reader_refuse(p, at, "seed %lld is there already", (long long)seed);
    if (!reader_grow(p, &s->seed, s->seeds, sizeof *s->seed)) return false;
    s->seed[s->seeds++] = seed;
    return true;
}

bool sweep_add_seeds(SweepReader *p, const Yaml *value, int64_t first) {
    int64_t n;
    if (value->kind == YAML_LIST && value->n) {
        for (int i = 0; i < value->n; i++) {
            if (!reader_integer(value->value[i], &n))
                return reader_refuse(p, value->value[i], "seeds: expected an integer from 0 on");
            if (!sweep_add_seed(p, value->value[i], n)) return false;
        }
        return true;
    }
    if (!reader_integer(value, &n) || n < 1 || n > SEEDS_MOST)
        return reader_refuse(p, value, "seeds: expected a number from 1 to %d, or a list of seeds",
                             SEEDS_MOST);
    for (int64_t i = 0; i < n; i++)
        if (!sweep_add_seed(p, value, first + i)) return false;
    return true;
}

bool sweep_read_seeds(SweepReader *p, const Yaml *value) {
    for (int i = 0; i < p->s->sets; i++)
        if (!strcmp(p->s->set[i].key, "seed"))
            return reader_refuse(p, value, "seeds: seed is under set: already (%s)", p->s->set[i].where);
    p->s->seeded = true;
    if (!sweep_add_seeds(p, value, 0)) return false;
    p->s->judging = p->s->seeds;
    return true;
}
