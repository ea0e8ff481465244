#include "ablations/bench/against.h"

#include "train/step.h"

#include <stdlib.h>
#include <string.h>

static const Yaml *child(const Yaml *y, const char *key) {
    return y && y->kind == YAML_MAP ? yaml_get(y, key) : NULL;
}

static const char *text(const Yaml *y, const char *key) {
    const Yaml *value = child(y, key);
    return value && value->kind == YAML_SCALAR ? value->text : "";
}

static double number(const Yaml *y, const char *key) {
    return atof(text(y, key));
}

/* The entry of that configuration in that precision, or NULL. */
static const Yaml *former(const Yaml *file, const Entry *x) {
    const Yaml *configs = child(file, "configs");
    const char *precision = trainer_in_bf16(&x->c) ? "bf16" : "fp32";
    for (int i = 0; i < configs->n; i++)
        if (!strcmp(text(configs->value[i], "config"), x->name) &&
            !strcmp(text(configs->value[i], "precision"), precision))
            return configs->value[i];
    return NULL;
}

/* Each of its configurations has what is compared. */
static bool is_bench(const Yaml *file) {
    const Yaml *configs = child(file, "configs");
    if (!configs || configs->kind != YAML_LIST || !configs->n) return false;
    for (int i = 0; i < configs->n; i++) {
        const Yaml *one = configs->value[i], *phases = child(one, "phases");
        if (!*text(one, "config") || number(one, "tokens_per_second") <= 0 ||
            number(one, "mfu_nominal") <= 0 || !phases || phases->kind != YAML_MAP)
            return false;
    }
    return true;
}

static bool has_any(const Yaml *file, const Bench *b) {
    for (int i = 0; i < b->n; i++)
        if (former(file, &b->of[i])) return true;
    return false;
}

Yaml *against_load(const char *path, const Bench *b, Error *e) {
    Yaml *file = yaml_load(path, e);
    if (!file) return NULL;
    if (!is_bench(file))
        fail(e, EXIT_USAGE, "--against: %s: not what `sinklab bench --json` or --save writes", path);
    else if (!has_any(file, b))
        fail(e, EXIT_USAGE, "--against: %s: has none of the configurations measured now (%s in it)", path,
             text(child(file, "configs")->value[0], "config"));
    else
        return file;
    yaml_free(file);
    return NULL;
}

static void show_entry(FILE *out, const Entry *x, const Yaml *old) {
    const Yaml *phases = child(old, "phases");
    double then = number(old, "tokens_per_second");
    fprintf(out, "\n%s (%s)\n%-20s %10s %10s %8s %11s %6s\n", x->name, entry_precision(x), "", "then", "now",
            "speed", "of limit", "now");
    fprintf(out, "%-20s %10.0f %10.0f %8.3f %10.1f%% %5.1f%%\n", "tokens/s, MFU", then, x->speed.median,
            x->speed.median / then, 100 * number(old, "mfu_nominal"), 100 * x->nominal.median);
    for (int p = 0; p < PHASES; p++) {
        const Yaml *phase = child(phases, phase_name(p));
        double ms = number(phase, "ms"), now = x->result.phase_ms[p];
        if (ms < 1e-3 || now < 1e-3) continue;
        fprintf(out, "%-20s %7.3f ms %7.3f ms %8.3f", phase_name(p), ms, now, ms / now);
        if (entry_share(x, p) > 0)
            fprintf(out, " %10.1f%% %5.1f%%", 100 * number(phase, "share"), 100 * entry_share(x, p));
        fprintf(out, "\n");
    }
}

void against_show(FILE *out, const Bench *b, const Yaml *file, const char *path) {
    fprintf(out, "\nagainst %s (commit %s, %s); speed: above 1 is faster now\n", path, text(file, "commit"),
            text(file, "date"));
    if (strcmp(text(file, "cpu"), b->machine.cpu) || (int)number(file, "threads") != b->machine.threads)
        fprintf(out, "that was on %s, %s threads: shares can be compared, speeds cannot\n", text(file, "cpu"),
                text(file, "threads"));
    for (int i = 0; i < b->n; i++) {
        const Yaml *old = former(file, &b->of[i]);
        if (old)
            show_entry(out, &b->of[i], old);
        else
            fprintf(out, "\n%s (%s): not in %s\n", b->of[i].name, entry_precision(&b->of[i]), path);
    }
}
