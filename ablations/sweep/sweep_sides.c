#include "ablations/sweep/sweep_parts.h"

#include "train/config/did_you_mean.h"

#include <string.h>

/* The axis of that name, or -1; `at`: where it stands. */
static int axis_named(SweepReader *p, const char *name, const Yaml *at, const char *what) {
    Sweep *s = p->s;
    DidYouMean near = {.text = name};
    char hint[160];
    for (int i = 0; i < s->axes; i++) {
        if (!strcmp(s->axis[i].key, name)) return i;
        did_you_mean_offer(&near, s->axis[i].key);
    }
    reader_refuse(p, at, "%s: %s is no axis of grid or zip%s", what, name,
                  did_you_mean_hint(&near, hint, sizeof hint));
    return -1;
}

static int find_axis(SweepReader *p, const Yaml *at, const char *what) {
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
static int find_value(SweepReader *p, int axis, const Yaml *value, const char *what) {
    const Axis *a = &p->s->axis[axis];
    Setting setting;
    char values[400];
    if (!reader_value(p, a->key, value, &setting)) return -1;
    for (int i = 0; i < a->n; i++)
        if (!strcmp(a->value[i].text, setting.text)) return i;
    reader_refuse(p, value, "%s: %s is not on the axis %s (%s)", what, setting.text, a->key,
                  list_values(a, values, sizeof values));
    return -1;
}

bool sweep_read_compare(SweepReader *p, const Yaml *value) {
    static const char *const known[] = {"axis", "baseline", NULL};
    Sweep *s = p->s;
    if (!reader_only_keys(p, value, "compare", known)) return false;
    const Yaml *axis = yaml_get(value, "axis"), *baseline = yaml_get(value, "baseline");
    if (!axis || !baseline) return reader_refuse(p, value, "compare: needs axis and baseline");
    s->side = find_axis(p, axis, "compare: axis");
    if (s->side < 0) return false;
    s->place[s->axis[s->side].place].role = PLACE_SIDE;
    s->baseline = find_value(p, s->side, baseline, "compare: baseline");
    if (s->baseline < 0) return false;
    const Axis *a = &s->axis[s->side];
    if (a->n < 2)
        return reader_refuse(p, axis, "compare: %s has one value, and nothing to hold against it", a->key);
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(a->value[i].text, a->value[k].text))
                return reader_refuse(p, axis, "compare: %s has %s twice (sides are told by it)", a->key,
                                     a->value[i].text);
    return true;
}

static bool read_tuned_axis(SweepReader *p, const Yaml *at) {
    int axis = find_axis(p, at, "tune: axes");
    if (axis < 0) return false;
    Dimension *place = &p->s->place[p->s->axis[axis].place];
    if (place->role == PLACE_SIDE) return reader_refuse(p, at, "tune: %s is what is compared", at->text);
    place->role = PLACE_TUNED;
    return true;
}

bool sweep_read_tune(SweepReader *p, const Yaml *value) {
    static const char *const known[] = {"axes", "seeds", NULL};
    Sweep *s = p->s;
    if (!reader_only_keys(p, value, "tune", known)) return false;
    const Yaml *axes = yaml_get(value, "axes"), *seeds = yaml_get(value, "seeds");
    if (!axes || axes->kind != YAML_LIST || !axes->n || !seeds)
        return reader_refuse(p, value, "tune: needs axes (a list) and seeds");
    if (s->side < 0) return reader_refuse(p, value, "tune: needs compare: (whose sides are tuned)");
    if (!s->seeded) return reader_refuse(p, value, "tune: needs seeds: (those that judge)");
    for (int i = 0; i < axes->n; i++)
        if (!read_tuned_axis(p, axes->value[i])) return false;
    int64_t last = 0;
    for (int i = 0; i < s->seeds; i++) last = s->seed[i] > last ? s->seed[i] : last;
    return sweep_add_seeds(p, seeds, last + 1);
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

static bool read_left_out(SweepReader *p, const char *key, const Yaml *at, const Yaml *value) {
    int axis = axis_named(p, key, at, "exclude");
    return axis >= 0 && (p->left_out[axis] = find_value(p, axis, value, "exclude")) >= 0;
}

static bool leave_out(SweepReader *p, const Yaml *entry) {
    Sweep *s = p->s;
    int value[SWEEP_AXES], kept = 0;
    if (entry->kind != YAML_MAP || !entry->n)
        return reader_refuse(p, entry, "exclude: expected a map of axes and values");
    memset(value, -1, sizeof value);
    p->left_out = value;
    if (!reader_each_key(p, entry, "", read_left_out)) return false;
    for (int i = 0; i < s->combinations; i++)
        if (!matches(s, s->combination[i], value)) s->combination[kept++] = s->combination[i];
    if (kept == s->combinations)
        return reader_refuse(p, entry, "exclude: no combination is left that has these");
    s->combinations = kept;
    return kept ? true : reader_refuse(p, entry, "exclude: leaves nothing to run");
}

/* A comparison needs its baseline, and something to hold against it. */
static bool both_sides_left(SweepReader *p, const Yaml *at) {
    const Sweep *s = p->s;
    int baseline[SWEEP_AXES], left = 0;
    if (s->side < 0) return true;
    memset(baseline, -1, sizeof baseline);
    baseline[s->side] = s->baseline;
    for (int i = 0; i < s->combinations; i++) left += matches(s, s->combination[i], baseline);
    const char *key = s->axis[s->side].key, *value = s->axis[s->side].value[s->baseline].text;
    if (!left) return reader_refuse(p, at, "exclude: leaves nothing of the baseline, %s %s", key, value);
    if (left == s->combinations)
        return reader_refuse(p, at, "exclude: leaves nothing to compare with the baseline, %s %s", key,
                             value);
    return true;
}

bool sweep_read_exclude(SweepReader *p, const Yaml *value) {
    if (value->kind != YAML_LIST) return reader_refuse(p, value, "exclude: expected a list of maps");
    for (int i = 0; i < value->n; i++)
        if (!leave_out(p, value->value[i])) return false;
    return both_sides_left(p, value);
}
