/* Owns: `sinklab bench`: its words and options, which of them go together.
 * Does not own: a measurement (train/bench.h, train/cost.h), how it is shown (show.h), what is made of its
 * JSON (tests/perf.sh). */
#include "ablations/bench/processes.h"
#include "ablations/bench/rounds.h"
#include "ablations/bench/show.h"
#include "ablations/bench/variants.h"
#include "data/base/yaml.h"
#include "train/commands/command.h"
#include "train/cost.h"
#include "train/progress.h"
#include "train/team.h"

#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MANY_CONFIGS = 16, MANY_ROUNDS = 99, MANY_STEPS = 100000 };

/* The options of the command line. */
typedef struct Options {
    bool json, variants, instruments, mpi, quiet;
    const char *cache;
    int64_t steps, rounds; /* 0: not said */
} Options;

/* Words of the command line: configurations, and key=value for all of them. */
typedef struct Words {
    char **config, **set;
    int configs, sets;
} Words;

static bool is_setting(const char *word) {
    return strchr(word, '=') != NULL;
}

/* Moves the settings behind the configurations. */
static Words words_of(int n, char **words) {
    Words w = {.config = words};
    for (int i = 0; i < n; i++) {
        if (is_setting(words[i])) continue;
        char *word = words[i];
        memmove(words + w.configs + 1, words + w.configs, (size_t)(i - w.configs) * sizeof *words);
        words[w.configs++] = word;
    }
    w.set = words + w.configs;
    w.sets = n - w.configs;
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

/* ---- phases ---- */

static void name_entry(char *name, size_t room, const Words *w, int i) {
    int n = snprintf(name, room, "%s", w->config[i]);
    for (int k = 0; k < w->sets && n < (int)room; k++)
        n += snprintf(name + n, room - (size_t)n, " %s", w->set[k]);
}

static bool load_all(Bench *b, const Words *w, Error *e) {
    for (; b->n < w->configs; b->n++) {
        name_entry(b->of[b->n].name, sizeof b->of->name, w, b->n);
        if (!load(&b->of[b->n].c, w, b->n, e)) return false;
    }
    return true;
}

static bool show_phases(const Words *w, const Options *o, Error *e) {
    Bench b = {.of = calloc((size_t)w->configs, sizeof *b.of), .rounds = o->rounds ? (int)o->rounds : 1};
    bool ok = b.of ? load_all(&b, w, e) : fail(e, EXIT_FAILED, "bench: out of memory");
    ok = ok && rounds_measure(&b, (int)o->steps, o->quiet ? NULL : progress_line, e);
    if (ok) (o->json ? show_json : show_text)(stdout, &b);
    free(b.of);
    return ok;
}

/* ---- variants, instruments: one configuration after the other ---- */

static bool show_variants(const BenchMachine *m, const Words *w, int i, const Config *c, const Options *o,
                          Error *e) {
    (void)c;
    return variants_show(m, w->config[i], w->sets, w->set, (int)o->steps, o->json, e);
}

static void print_cost(const char *config, const Cost *c, int64_t steps) {
    printf("\n%s: what logging costs, of a step of %.2f ms without any\n", config, c->step_ms);
    printf("%-32s %7.2f %%\n%-32s %7.2f %%\n%-32s %7.2f %%\n%-32s %7.2f %%  (in %" PRId64
           " steps %d of %.1f ms, %d of %.1f, the last of %.1f; maps %d of %.1f)\n%-32s %7.2f %%\n",
           "step_head, in the pass", 100 * c->heads, "rows of every step", 100 * c->rows,
           "step_layer, step_tensor", 100 * c->gradients, "evaluations and maps", 100 * c->probes, steps,
           c->lights, c->light_ms, c->heavies, c->heavy_ms, c->last_ms, c->maps, c->maps_ms, "all",
           100 * (c->heads + c->rows + c->gradients + c->probes));
}

static void print_cost_json(const char *config, const Cost *c) {
    printf("{\"config\":");
    json_string(stdout, config);
    printf(",\"ms\":%.6g,\"step_head\":%.6g,\"rows\":%.6g,\"gradients\":%.6g,\"probes\":%.6g,\"all\":%.6g,"
           "\"light_ms\":%.6g,"
           "\"heavy_ms\":%.6g,\"last_ms\":%.6g,\"maps_ms\":%.6g}\n",
           c->step_ms, c->heads, c->rows, c->gradients, c->probes,
           c->heads + c->rows + c->gradients + c->probes, c->light_ms, c->heavy_ms, c->last_ms, c->maps_ms);
}

static bool show_cost(const BenchMachine *m, const Words *w, int i, const Config *c, const Options *o,
                      Error *e) {
    (void)m;
    Cost cost;
    if (!cost_measure(c, o->cache ? o->cache : "data/cache", (int)o->steps, &cost, e)) return false;
    if (o->json)
        print_cost_json(w->config[i], &cost);
    else
        print_cost(w->config[i], &cost, c->train.steps);
    return true;
}

/* ---- processes ---- */

static bool show_all(Processes *p, const Words *w, const Options *o, Error *e) {
    BenchMachine m;
    if (p->size == 1)
        return fail(e, EXIT_USAGE,
                    "bench: --mpi: one process has nobody to share with (make sinklab-mpi, then mpirun -n 2 "
                    "./sinklab-mpi bench --mpi)");
    /* Every process measures its peak at once: in the steps they compete for memory likewise. */
    bool ok = team_agree(p, bench_machine(&m, e), e);
    if (ok && !p->rank && !o->json) show_machine(stdout, &m);
    for (int i = 0; ok && i < w->configs; i++) {
        Config c;
        ok = team_agree(p, load(&c, w, i, e), e) &&
             processes_show(p, w->config[i], &c, (int)o->steps, o->json, e);
    }
    return ok;
}

static bool show_processes(const Words *w, const Options *o, Error *e) {
    Processes p;
    if (!processes_open(&p, e)) return false;
    bool ok = show_all(&p, w, o, e);
    team_close(&p, e);
    return ok;
}

/* ---- the command ---- */

/* A thing that bench measures: its option, and its configurations and steps where the user names none. */
typedef struct Mode {
    const char *option, *configs;
    int steps; /* 0: see bench_config */
    bool (*show)(const Words *w, const Options *o, Error *e);
    /* Or the i-th configuration alone. */
    bool (*show_one)(const BenchMachine *m, const Words *w, int i, const Config *c, const Options *o,
                     Error *e);
} Mode;

static const Mode modes[] = {{"", "configs/*.yaml", 0, show_phases, NULL},
                             {" --variants", "configs/reference.yaml", 3, NULL, show_variants},
                             {" --instruments", "configs/{demo,reference}.yaml", 9, NULL, show_cost},
                             {" --mpi", "configs/{demo,reference}.yaml", 7, show_processes, NULL}};

static bool show_each(const Mode *mode, const Words *w, const Options *o, Error *e) {
    BenchMachine m;
    Config c;
    if (!bench_machine(&m, e)) return false;
    if (!o->json) show_machine(stdout, &m);
    for (int i = 0; i < w->configs; i++)
        if (!load(&c, w, i, e) || !mode->show_one(&m, w, i, &c, o, e)) return false;
    return true;
}

/* variants.yaml is no configuration but the presets of all. */
static void usual_configs(Words *w, const Mode *mode, glob_t *found) {
    if (w->configs || glob(mode->configs, GLOB_BRACE, NULL, found)) return;
    w->config = found->gl_pathv;
    for (size_t i = 0; i < found->gl_pathc; i++)
        if (!strstr(w->config[i], "variants.yaml")) w->config[w->configs++] = w->config[i];
}

/* An option that would go unheard is refused. */
static bool check(const Options *o, const Words *w, const Mode *mode, Error *e) {
    bool rounds = o->rounds && mode->show != show_phases, cache = o->cache && mode->show_one != show_cost;
    if (rounds || cache)
        return fail(e, EXIT_USAGE, "command line: %s says nothing to bench%s (leave one of them out)",
                    rounds ? "--rounds" : "--cache", mode->option);
    if (o->variants + o->instruments + o->mpi > 1)
        return fail(
            e, EXIT_USAGE,
            "command line: --variants, --instruments and --mpi are measurements of their own (one at a "
            "time)");
    if (o->steps < 0 || o->steps > MANY_STEPS)
        return fail(e, EXIT_USAGE, "command line: --steps: 1 to %d", MANY_STEPS);
    if (o->rounds < 0 || o->rounds > MANY_ROUNDS)
        return fail(e, EXIT_USAGE, "command line: --rounds: 1 to %d", MANY_ROUNDS);
    if (!w->configs) return fail(e, EXIT_USAGE, "bench: no configs/*.yaml here (name a configuration)");
    if (w->configs > MANY_CONFIGS)
        return fail(e, EXIT_USAGE, "command line: %d configs, at most %d", w->configs, MANY_CONFIGS);
    return true;
}

static int bench(int argc, char **argv, Error *e) {
    Options o = {0};
    int words;
    const Flag flags[] = {{"--json", FLAG_BOOL, &o.json},
                          {"--steps", FLAG_INT, &o.steps},
                          {"--rounds", FLAG_INT, &o.rounds},
                          {"--cache", FLAG_TEXT, &o.cache},
                          {"--variants", FLAG_BOOL, &o.variants},
                          {"--instruments", FLAG_BOOL, &o.instruments},
                          {"--mpi", FLAG_BOOL, &o.mpi},
                          {"--quiet", FLAG_BOOL, &o.quiet},
                          {NULL, FLAG_BOOL, NULL}};
    glob_t found = {0};
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    Words w = words_of(words, argv);
    const Mode *mode = &modes[o.variants ? 1 : o.instruments ? 2 : o.mpi ? 3 : 0];
    usual_configs(&w, mode, &found);
    bool ok = check(&o, &w, mode, e);
    if (!o.steps) o.steps = mode->steps;
    ok = ok && (mode->show ? mode->show(&w, &o, e) : show_each(mode, &w, &o, e));
    globfree(&found);
    return ok ? EXIT_DONE : e->code;
}

const Command bench_command = {
    .name = "bench",
    .usage = "[CONFIG ...] [key=value ...]",
    .summary = "how fast configurations train here, phase by phase, beside what the machine can do",
    .options =
        "  CONFIG          default: each in configs/; with --variants configs/reference.yaml, with\n"
        "                  --instruments and --mpi configs/demo.yaml and configs/reference.yaml\n"
        "  --steps N       steps timed, after one that is not (default: what goes into 10 seconds, 2 to 7;\n"
        "                  with --variants 3, with --instruments 9, each in turn with and without them, "
        "with\n"
        "                  --mpi 7)\n"
        "  --rounds N      all configurations in turn, N times: medians, lowest and highest (default 1)\n"
        "  --json          figures for programs\n"
        "  --variants      instead: each preset's speed over the baseline's, steps in turn\n"
        "  --instruments   instead: what logging costs a run with its own cadence\n"
        "  --mpi           instead: several processes that share the rows of a step and average gradients, "
        "over\n"
        "                  one that has all rows: mpirun -n 2 ./sinklab-mpi bench --mpi (make sinklab-mpi)\n"
        "  --cache DIR     prepared tokens, for --instruments (default data/cache)\n"
        "  --quiet         no progress\n\n"
        "OMP_PROC_BIND=close keeps threads near the memory that they touched first, on machines of several\n"
        "sockets.\n",
    .run = bench,
};
