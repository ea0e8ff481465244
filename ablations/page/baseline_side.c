#include "ablations/page/baseline_side.h"

#include "data/base/yaml.h"

#include <stdlib.h>
#include <string.h>

/* What stands behind `name`= in a side, "lr=0.001" or, of values that advance together, "lr=0.001 steps=100";
 * NULL: no such name. */
static const char *value_of(const char *side, const char *name) {
    size_t length = strlen(name);
    for (const char *at = side; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
        if (!strncmp(at, name, length) && at[length] == '=') return at + length + 1;
    return NULL;
}

/* Whether a value begins with that text and ends with it, or is the same number: 3e-4 is written 0.0003. */
static bool is_value(const char *value, const char *text) {
    size_t length = strlen(text);
    if (!strncmp(value, text, length) && (!value[length] || value[length] == ' ')) return true;
    char *end, *text_end;
    double a = strtod(value, &end), b = strtod(text, &text_end);
    return end != value && text_end != text && (!*end || *end == ' ') && !*text_end && a == b;
}

/* A side names an axis by its last part, or by the whole where two have that part. */
static bool compares(const Yaml *compare, const char *side) {
    const Yaml *axis = yaml_get(compare, "axis"), *baseline = yaml_get(compare, "baseline");
    if (!axis || !baseline || axis->kind != YAML_SCALAR) return false;
    const char *part = strrchr(axis->text, '.'), *value = value_of(side, axis->text);
    if (!value && part) value = value_of(side, part + 1);
    if (!value) return false;
    return baseline->kind == YAML_SCALAR ? is_value(value, baseline->text)
                                         : !baseline->n && is_value(value, "[]");
}

bool baseline_side(const char *file, const char *side) {
    Error e = {0};
    Yaml *tree = yaml_parse(file, strlen(file), "sweep", &e);
    bool is = compares(yaml_get(tree, "compare"), side);
    yaml_free(tree);
    return is;
}
