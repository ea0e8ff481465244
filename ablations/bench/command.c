/* Owns: `sinklab bench`: the table, the JSON, the comparison with a former one. Here and not in train/, since
 * it compares runs and draws. Does not own: a measurement (train/bench.h, train/cost.h). */
#include "train/command.h"
#include "ablations/bench/roofline.h"
#include "ablations/bench/variants.h"
#include "train/bench.h"
#include "train/cost.h"
#include "train/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MANY_CONFIGS = 16, STEPS = 7, VARIANT_STEPS = 3, COST_ROUNDS = 9 };

typedef struct Bench {
    BenchMachine machine;
    const char *name[MANY_CONFIGS];
    BenchResult result[MANY_CONFIGS];
    int n;
} Bench;

/* What a phase is held against: the peak of its precision, or of memory; 0: nothing. */
static double limit_of(const Bench *b, const BenchResult *r, int phase) {
    bool product = phase < PHASE_ATTENTION_FORWARD;
    const double limit[] = {[WORK_NONE] = 0,
                            [WORK_FLOPS] = product && r->bf16 ? b->machine.bf16 : b->machine.fp32,
                            [WORK_BYTES] = b->machine.bytes};
    return limit[phase_unit(phase)];
}

/* In the unit that holds the phase back. */
static double work_of(const BenchResult *r, int phase) {
    const Work *w = &r->phase_work[phase];
    return phase_unit(phase) == WORK_FLOPS ? w->flops : w->bytes;
}

static double rate_of(const BenchResult *r, int phase) {
    return r->phase_ms[phase] > 0 ? work_of(r, phase) / (r->phase_ms[phase] * 1e-3) : 0;
}

static double tokens_per_second(const BenchResult *r) {
    return (double)r->tokens / (r->ms * 1e-3);
}

static double mfu(const Bench *b, const BenchResult *r, double flops) {
    return tokens_per_second(r) * flops / (r->bf16 ? b->machine.bf16 : b->machine.fp32);
}

/* ---- text ---- */

static void print_machine(const BenchMachine *m) {
    printf("%s, %d thread%s, BLIS %s\npeak fp32 %.0f GF/s", m->cpu, m->threads, m->threads > 1 ? "s" : "",
           m->blas_arch, m->fp32 * 1e-9);
    if (m->bf16 > 0) printf(", bf16 %.0f GF/s", m->bf16 * 1e-9);
    printf(", memory %.1f GB/s\n", m->bytes * 1e-9);
}

static void print_result(const Bench *b, int i) {
    static const char *const units[] = {[WORK_NONE] = "", [WORK_FLOPS] = "GF/s", [WORK_BYTES] = "GB/s"};
    const BenchResult *r = &b->result[i];
    printf("\n%s%s\n%-20s %9s %7s %7s %12s %10s\n", b->name[i], r->bf16 ? " (bf16)" : "", "phase", "ms",
           "share", "pieces", "rate", "of limit");
    for (int p = 0; p < PHASES; p++) {
        if (r->phase_ms[p] < 1e-3) continue;
        double limit = limit_of(b, r, p), rate = rate_of(r, p);
        printf("%-20s %9.3f %6.1f%% ", phase_name(p), r->phase_ms[p], 100 * r->phase_ms[p] / r->ms);
        if (r->pieces[p])
            printf("%7" PRId64, r->pieces[p]);
        else
            printf("%7s", "");
        if (limit > 0) printf(" %7.1f %s %9.0f%%", rate * 1e-9, units[phase_unit(p)], 100 * rate / limit);
        printf("\n");
    }
    printf("%-20s %9.3f  (quartiles %.3f to %.3f)\n", "step", r->ms, r->low, r->high);
    printf("%.0f tokens/s; MFU nominal %.1f %%, executed %.1f %%; at most %.0f MB\n"
           "up to %d threads have work for half of their time\n",
           tokens_per_second(r), 100 * mfu(b, r, r->flops_nominal), 100 * mfu(b, r, r->flops_executed),
           r->memory * 1e-6, r->threads);
}

static void print_text(const Bench *b) {
    print_machine(&b->machine);
    for (int i = 0; i < b->n; i++) print_result(b, i);
    printf(
        "\nMFU = tokens/s x FLOPs a token / peak of the precision. Nominal FLOPs a token: 6 a weight of "
        "every\n"
        "matrix product + 12 L T d; executed: attention halved, since half of it is masked. Memory-bound "
        "phases\n"
        "may pass 100 %% of the limit where their arrays stay in cache. Pieces: what a phase of a pass falls "
        "into,\n"
        "of which a thread takes whole ones.\n");
}

/* ---- JSON ---- */

static void print_json_result(const Bench *b, int i) {
    const BenchResult *r = &b->result[i];
    printf("%s{\"config\":", i ? "," : "");
    json_string(stdout, b->name[i]);
    printf(",\"precision\":\"%s\",\"ms\":%.6g,\"ms_low\":%.6g,\"ms_high\":%.6g,\"tokens_per_second\":%.6g,"
           "\"mfu_nominal\":%.6g,\"mfu_executed\":%.6g,\"memory\":%.0f,\"threads\":%d,\"phases\":{",
           r->bf16 ? "bf16" : "fp32", r->ms, r->low, r->high, tokens_per_second(r),
           mfu(b, r, r->flops_nominal), mfu(b, r, r->flops_executed), r->memory, r->threads);
    for (int p = 0; p < PHASES; p++) {
        double limit = limit_of(b, r, p);
        printf("%s\"%s\":{\"ms\":%.6g,\"rate\":%.6g,\"share\":%.6g,\"flops\":%.6g,\"bytes\":%.6g,"
               "\"pieces\":%" PRId64 "}",
               p ? "," : "", phase_name(p), r->phase_ms[p], rate_of(r, p),
               limit > 0 ? rate_of(r, p) / limit : 0, r->phase_work[p].flops, r->phase_work[p].bytes,
               r->pieces[p]);
    }
    printf("}}");
}

static void print_json(const Bench *b) {
    const BenchMachine *m = &b->machine;
    printf("{\"cpu\":");
    json_string(stdout, m->cpu);
    printf(",\"threads\":%d,\"blas_arch\":\"%s\",\"peak_fp32\":%.6g,\"peak_bf16\":%.6g,\"peak_bytes\":%.6g,"
           "\"configs\":[",
           m->threads, m->blas_arch, m->fp32, m->bf16, m->bytes);
    for (int i = 0; i < b->n; i++) print_json_result(b, i);
    printf("]}\n");
}

/* ---- against a former one ---- */

static const Yaml *child(const Yaml *y, const char *key) {
    return y && y->kind == YAML_MAP ? yaml_get(y, key) : NULL;
}

static double number(const Yaml *y, const char *key) {
    const Yaml *value = child(y, key);
    return value && value->kind == YAML_SCALAR ? atof(value->text) : 0;
}

static const Yaml *former(const Yaml *file, const char *name, bool bf16) {
    const Yaml *configs = child(file, "configs");
    for (int i = 0; configs && configs->kind == YAML_LIST && i < configs->n; i++) {
        const Yaml *config = child(configs->value[i], "config"),
                   *precision = child(configs->value[i], "precision");
        if (config && precision && !strcmp(config->text, name) &&
            !strcmp(precision->text, bf16 ? "bf16" : "fp32"))
            return configs->value[i];
    }
    return NULL;
}

/* Former time over present time: above 1 is faster now. */
static void compare(const Bench *b, const Yaml *file) {
    for (int i = 0; i < b->n; i++) {
        const BenchResult *r = &b->result[i];
        const Yaml *old = former(file, b->name[i], r->bf16), *phases = child(old, "phases");
        if (!old) continue;
        printf("\n%s: speed now over speed then\n%-20s %9.3f\n", b->name[i], "step",
               number(old, "ms") / r->ms);
        for (int p = 0; p < PHASES; p++) {
            double then = number(child(phases, phase_name(p)), "ms");
            if (then >= 1e-3 && r->phase_ms[p] >= 1e-3)
                printf("%-20s %9.3f\n", phase_name(p), then / r->phase_ms[p]);
        }
    }
}

/* ---- the command ---- */

/* Words of the command line: configurations, and key=value for all of them. */
typedef struct Words {
    char **config, **set;
    int configs, sets;
} Words;

static bool is_setting(const char *word) {
    return strchr(word, '=') != NULL;
}

/* Moves the settings behind the configurations; without any, the demo and R, or R alone for variants. */
static Words words_of(int n, char **words, bool variants) {
    static char *usual[] = {"configs/demo.yaml", "configs/reference.yaml"};
    Words w = {.config = words};
    for (int i = 0; i < n; i++) {
        if (is_setting(words[i])) continue;
        char *word = words[i];
        memmove(words + w.configs + 1, words + w.configs, (size_t)(i - w.configs) * sizeof *words);
        words[w.configs++] = word;
    }
    w.set = words + w.configs;
    w.sets = n - w.configs;
    if (!w.configs) w.config = usual + variants, w.configs = 2 - variants;
    return w;
}

static bool load(Config *c, const Words *w, int i, Error *e) {
    char *line[1 + w->sets];
    line[0] = w->config[i];
    memcpy(line + 1, w->set, (size_t)w->sets * sizeof *line);
    if (!config_from_words(c, 1 + w->sets, line, e)) return false;
    const char *settled = config_settle(c);
    if (settled) fprintf(stderr, "sinklab: %s: %s\n", w->config[i], settled);
    return true;
}

/* What the command line asks for. */
typedef struct Asked {
    bool json, unwatched, variants, instruments;
    const char *against, *plot, *cache;
    int64_t steps; /* 0: not said */
} Asked;

static int steps_of(const Asked *a, int usual) {
    return a->steps ? (int)a->steps : usual;
}

static bool plot(const Bench *b, const char *path, Error *e) {
    FILE *out = fopen(path, "w");
    if (!out) return fail(e, EXIT_USAGE, "%s: cannot write: %s", path, strerror(errno));
    roofline_draw(out, &(Roofline){&b->machine, b->name, b->result, b->n});
    return fclose(out) == 0 || fail(e, EXIT_FAILED, "%s: cannot write: %s", path, strerror(errno));
}

static bool show_phases(Bench *b, const Words *w, const Asked *a, Error *e) {
    Yaml *file = a->against ? yaml_load(a->against, e) : NULL;
    if (a->against && !file) return false;
    bool ok = true;
    for (; ok && b->n < w->configs; b->n++) {
        Config c;
        b->name[b->n] = w->config[b->n];
        ok = load(&c, w, b->n, e) && bench_config(&c, steps_of(a, STEPS), !a->unwatched, &b->result[b->n], e);
    }
    if (ok) (a->json ? print_json : print_text)(b);
    if (ok && file && !a->json) compare(b, file);
    yaml_free(file);
    return ok && (!a->plot || plot(b, a->plot, e));
}

static bool show_variants(Bench *b, const Words *w, const Asked *a, Error *e) {
    if (!a->json) print_machine(&b->machine);
    Config c;
    for (int i = 0; i < w->configs; i++)
        if (!load(&c, w, i, e) || !variants_show(&b->machine, w->config[i], w->sets, w->set,
                                                 steps_of(a, VARIANT_STEPS), a->json, e))
            return false;
    return true;
}

static void print_cost(const char *config, const Cost *c, int64_t steps) {
    printf("\n%s: what logging costs, of a step of %.2f ms without any\n", config, c->step_ms);
    printf("%-32s %7.2f %%\n%-32s %7.2f %%\n%-32s %7.2f %%  (in %" PRId64
           " steps %d of %.1f ms, %d of %.1f, the last of %.1f; maps %d of %.1f)\n%-32s %7.2f %%\n",
           "step_head, in the pass", 100 * c->heads, "rows of every step", 100 * c->rows,
           "evaluations and maps", 100 * c->probes, steps, c->lights, c->light_ms, c->heavies, c->heavy_ms,
           c->last_ms, c->maps, c->maps_ms, "all", 100 * (c->heads + c->rows + c->probes));
}

static void print_cost_json(const char *config, const Cost *c) {
    printf("{\"config\":");
    json_string(stdout, config);
    printf(",\"ms\":%.6g,\"step_head\":%.6g,\"rows\":%.6g,\"probes\":%.6g,\"all\":%.6g,\"light_ms\":%.6g,"
           "\"heavy_ms\":%.6g,\"last_ms\":%.6g,\"maps_ms\":%.6g}\n",
           c->step_ms, c->heads, c->rows, c->probes, c->heads + c->rows + c->probes, c->light_ms, c->heavy_ms,
           c->last_ms, c->maps_ms);
}

static bool show_cost(Bench *b, const Words *w, const Asked *a, Error *e) {
    if (!a->json) print_machine(&b->machine);
    for (int i = 0; i < w->configs; i++) {
        Config c;
        Cost cost;
        if (!load(&c, w, i, e) || !cost_measure(&c, a->cache, steps_of(a, COST_ROUNDS), &cost, e))
            return false;
        if (a->json)
            print_cost_json(w->config[i], &cost);
        else
            print_cost(w->config[i], &cost, c.train.steps);
    }
    return true;
}

static int bench(int argc, char **argv, Error *e) {
    Asked a = {.cache = "data/cache"};
    int words;
    const Flag flags[] = {{"--json", FLAG_BOOL, &a.json},
                          {"--against", FLAG_TEXT, &a.against},
                          {"--plot", FLAG_TEXT, &a.plot},
                          {"--steps", FLAG_INT, &a.steps},
                          {"--cache", FLAG_TEXT, &a.cache},
                          {"--unwatched", FLAG_BOOL, &a.unwatched},
                          {"--variants", FLAG_BOOL, &a.variants},
                          {"--instruments", FLAG_BOOL, &a.instruments},
                          {NULL, FLAG_BOOL, NULL}};
    Bench b = {0};
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    Words w = words_of(words, argv, a.variants);
    if (a.steps < 0 || a.steps > 100000)
        fail(e, EXIT_USAGE, "command line: --steps: 1 to 100000");
    else if (w.configs > MANY_CONFIGS)
        fail(e, EXIT_USAGE, "command line: %d configs, at most %d", w.configs, MANY_CONFIGS);
    else if (bench_machine(&b.machine, e))
        (a.variants ? show_variants : a.instruments ? show_cost : show_phases)(&b, &w, &a, e);
    return e->code;
}

const Command bench_command = {
    .name = "bench",
    .usage = "[CONFIG ...] [key=value ...]",
    .summary = "how fast configurations train here, phase by phase, beside what the machine can do",
    .options =
        "  --steps N       steps timed, after one that is not (default 7)\n"
        "  --json          figures for programs\n"
        "  --against FILE  speeds over those of a former --json\n"
        "  --plot FILE     a roofline of the phases, SVG\n"
        "  --unwatched     without what is measured of every head at every step\n"
        "  --variants      instead: each preset's speed over the baseline's, steps in turn (default: 3 "
        "steps\n"
        "                  of configs/reference.yaml)\n"
        "  --instruments   instead: what logging costs a run with its own cadence (default: 9 rounds)\n"
        "  --cache DIR     prepared tokens, for --instruments (default data/cache)\n",
    .run = bench,
};
