#include "ablations/bench/variants.h"

#include "data/base/yaml.h"
#include "model/instruments/stats.h"
#include "train/step.h"

#include <stdlib.h>
#include <string.h>

enum { MANY_VARIANTS = 128 };

typedef struct Row {
    double ms, baseline_ms; /* medians of steps that took turns */
    double flops;           /* nominal, a token */
} Row;

/* The last `variant` counts, and its preset lies under what else is set. */
static bool open_variant(BenchRun **out, char *config, int sets, char *const *set, const char *name,
                         Error *e) {
    char variant[VARIANT_TEXT + 16], *line[2 + sets];
    Config c;
    snprintf(variant, sizeof variant, "variant=%s", name);
    line[0] = config;
    memcpy(line + 1, set, (size_t)sets * sizeof *line);
    line[1 + sets] = variant;
    return config_from_words(&c, 2 + sets, line, e) && bench_open(out, &c, e);
}

static bool compare(BenchRun *baseline, BenchRun *variant, int steps, Row *out, Error *e) {
    double *ms = calloc((size_t)steps * 2, sizeof *ms);
    if (!ms) return fail(e, EXIT_FAILED, "bench: out of memory");
    for (int i = 0; i < steps; i++) {
        ms[i] = bench_step(baseline, true, NULL);
        ms[steps + i] = bench_step(variant, true, NULL);
    }
    const Trainer *t = bench_trainer(variant);
    *out = (Row){quantile_of(ms + steps, steps, 0.5), quantile_of(ms, steps, 0.5),
                 model_flops_per_token(t->model, t->T)};
    free(ms);
    return true;
}

static void print_row(const BenchMachine *m, const BenchRun *run, const char *name, const Row *r, bool json,
                      bool first) {
    const Config *c = bench_trainer((BenchRun *)run)->c;
    double tokens = (double)c->train.batch_tokens / (r->ms * 1e-3);
    double share = tokens * r->flops / (trainer_in_bf16(c) ? m->bf16 : m->fp32);
    if (!json) {
        printf("%-16s %10.1f %10.0f %9.3f %6.1f%%\n", name, r->ms, tokens, r->baseline_ms / r->ms,
               100 * share);
        fflush(stdout);
        return;
    }
    printf("%s{\"variant\":\"%s\",\"ms\":%.6g,\"baseline_ms\":%.6g,\"speed\":%.6g,\"tokens_per_second\":%.6g,"
           "\"mfu_nominal\":%.6g}",
           first ? "" : ",", name, r->ms, r->baseline_ms, r->baseline_ms / r->ms, tokens, share);
}

static void print_head(const char *config, bool json) {
    if (!json) {
        printf("\n%s: speed of each preset over that of the baseline, step by step in turn\n", config);
        printf("%-16s %10s %10s %9s %7s\n", "variant", "ms", "tokens/s", "speed", "MFU");
        return;
    }
    printf("{\"config\":");
    json_string(stdout, config);
    printf(",\"variants\":[");
}

bool variants_show(const BenchMachine *m, char *config, int sets, char *const *set, int steps, bool json,
                   Error *e) {
    char(*names)[VARIANT_TEXT] = calloc(MANY_VARIANTS, sizeof *names);
    BenchRun *baseline = NULL;
    if (!names) return fail(e, EXIT_FAILED, "bench: out of memory");
    int n = config_variants(names, MANY_VARIANTS, e);
    bool ok = n && open_variant(&baseline, config, sets, set, "baseline", e);
    if (ok) print_head(config, json);
    for (int i = 0; ok && i < n; i++) {
        BenchRun *variant = NULL;
        Row row = {0};
        ok = open_variant(&variant, config, sets, set, names[i], e) &&
             compare(baseline, variant, steps, &row, e);
        if (ok) print_row(m, variant, names[i], &row, json, !i);
        bench_close(variant);
    }
    if (ok && json) printf("]}\n");
    bench_close(baseline);
    free(names);
    return ok;
}
