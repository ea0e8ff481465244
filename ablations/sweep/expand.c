/* Owns: the runs of a sweep, each from its index. Does not own: the grammar (ablations/sweep/sweep.h). */
#include "ablations/sweep/sweep.h"

#include "train/config/conflicts.h"

#include <stdlib.h>
#include <string.h>

int sweep_runs(const Sweep *s) {
    return s->combinations * s->seeds;
}

bool sweep_is_tuned(const Sweep *s) {
    for (int i = 0; i < s->places; i++)
        if (s->place[i].role == PLACE_TUNED) return true;
    return false;
}

/* How far a run is along a place. */
static int position(const Sweep *s, int index, int place) {
    int rest = s->combination[sweep_cell(s, index)];
    for (int i = s->places - 1; i > place; i--) rest /= s->place[i].n;
    return rest % s->place[place].n;
}

static const Setting *axis_setting(const Sweep *s, int index, int axis) {
    const Axis *a = &s->axis[axis];
    return &a->value[position(s, index, a->place)];
}

const char *sweep_value(const Sweep *s, int index, int axis) {
    return axis_setting(s, index, axis)->text;
}

/* All settings of a run, weakest first; room for sets + axes + words + 1. */
static int settings_of(const Sweep *s, int index, const char *seed, Setting *out) {
    int n = 0;
    for (int i = 0; i < s->sets; i++) out[n++] = s->set[i];
    for (int i = 0; i < s->axes; i++) out[n++] = *axis_setting(s, index, i);
    if (s->seeded) out[n++] = (Setting){"seed", seed, s->path};
    for (int i = 0; i < s->words; i++) out[n++] = s->word[i];
    return n;
}

bool sweep_config(const Sweep *s, int index, Config *c, Error *e) {
    Setting *settings = calloc((size_t)(s->sets + s->axes + s->words + 1), sizeof *settings);
    char seed[32], label[LABEL_TEXT];
    Error why = {0};
    if (!settings) return fail(e, EXIT_FAILED, "%s: out of memory", s->path);
    snprintf(seed, sizeof seed, "%lld", (long long)sweep_seed(s, index));
    int n = settings_of(s, index, seed, settings);
    bool ok = config_compose(c, s->base, settings, n, e);
    if (ok && (!config_check(c, &why) || (s->shortened && !config_shorten(c, s->shortened, &why)))) {
        sweep_label(s, index, LABEL_ALL, label);
        ok = fail(e, why.code, "%s: run %d (%s): %s", s->path, index, label, why.text);
    }
    free(settings);
    return ok;
}

/* The key without its group, unless another axis ends the same. */
static const char *short_key(const Sweep *s, int axis) {
    const char *dot = strrchr(s->axis[axis].key, '.'), *name = dot ? dot + 1 : s->axis[axis].key;
    for (int i = 0; i < s->axes; i++) {
        const char *other = strrchr(s->axis[i].key, '.');
        if (i != axis && !strcmp(other ? other + 1 : s->axis[i].key, name)) return s->axis[axis].key;
    }
    return name;
}

void sweep_label(const Sweep *s, int index, int role, char text[LABEL_TEXT]) {
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < s->axes && used < LABEL_TEXT; i++) {
        if (role != LABEL_ALL && (int)s->place[s->axis[i].place].role != role) continue;
        used += (size_t)snprintf(text + used, LABEL_TEXT - used, "%s%s=%s", used ? " " : "", short_key(s, i),
                                 sweep_value(s, index, i));
    }
    if (!text[0]) strcpy(text, "all");
}
