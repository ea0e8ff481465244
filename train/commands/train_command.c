#include "data/base/yaml.h"
#include "data/standard_input.h"
#include "train/commands/command.h"
#include "train/config/conflicts.h"
#include "train/run.h"
#include "train/team.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --dry-run: what would be trained, and how large it is. */
static int describe(Config *c, int processes, Error *e) {
    RunSize size;
    const char *settled = config_settle(c);
    if (settled) fprintf(stderr, "sinklab: %s\n", settled);
    if (!run_init_hash(c, e) || !run_check(c, data_vocab(&c->data), e) ||
        !run_size(c, data_vocab(&c->data), processes, &size, e))
        return e->code;
    char *json = config_json(c, true);
    printf("%s\n", json);
    free(json);
    fflush(stdout);
    fprintf(stderr,
            "parameters %" PRId64 ", %.3g MFLOP a token, %.0f MB, %" PRId64
            " tokens, up to %d threads have work for half of their time\n",
            size.parameters, size.flops_per_token * 1e-6, size.bytes * 1e-6,
            c->train.steps * c->train.batch_tokens, size.threads);
    return EXIT_DONE;
}

/* Whether a file that is no configuration is what `sweep` takes. */
static bool is_sweep(const char *path) {
    static const char *const sweeps[] = {"grid", "zip", "seeds"};
    Yaml *tree = yaml_load(path, NULL);
    bool is = false;
    for (size_t i = 0; tree && tree->kind == YAML_MAP && i < sizeof sweeps / sizeof *sweeps; i++)
        is = is || yaml_get(tree, sweeps[i]);
    yaml_free(tree);
    return is;
}

enum { NOT_SHORT = -1 }; /* steps of --short that nobody asks for */

static bool configure(Config *c, int words, char *const *word, int64_t steps, Error *e) {
    if (config_from_words(c, words, word, e)) return steps == NOT_SHORT || config_shorten(c, steps, e);
    if (e->code != EXIT_USAGE || !words || !is_sweep(*word)) return false;
    return fail(e, EXIT_USAGE, "%s: a sweep, not a configuration (sinklab sweep run %s)", *word, *word);
}

/* Standard input is the first process's alone. */
static bool keep_input(DataConfig *c, const char *cache, const Processes *p, Error *e) {
    if (p->size == 1 || strcmp(c->source, "-")) return standard_input_keep(c, cache, e);
    return fail(e, EXIT_USAGE, "data.source: -: standard input cannot be shared by processes (give a file)");
}

static int train_in(Processes *p, int argc, char **argv, Error *e) {
    RunOptions o = {.db = "results.db", .cache = "data/cache", .processes = p->size > 1 ? p : NULL};
    bool dry = false;
    int64_t steps = NOT_SHORT;
    int words;
    Config c;
    const Flag flags[] = {
        {"--db", FLAG_TEXT, &o.db},       {"--cache", FLAG_TEXT, &o.cache}, {"--again", FLAG_BOOL, &o.again},
        {"--retry", FLAG_BOOL, &o.retry}, {"--quiet", FLAG_BOOL, &o.quiet}, {"--dry-run", FLAG_BOOL, &dry},
        {"--short", FLAG_INT, &steps},    {"--name", FLAG_TEXT, &o.name},   {NULL, FLAG_BOOL, NULL}};
    bool ok = flags_read(flags, argc, argv, &words, e) && configure(&c, words, argv, steps, e) &&
              team_shares(&c, p, e) && config_check(&c, e) && keep_input(&c.data, o.cache, p, e);
    if (!team_agree(p, ok, e)) return e->code;
    if (!dry) return run_train(&c, &o, e);
    return p->rank ? EXIT_DONE : describe(&c, p->size, e);
}

/* One process, or all that mpirun started, of which the first one speaks. */
static int train(int argc, char **argv, Error *e) {
    Processes p;
    if (!processes_open(&p, e)) return e->code;
    int code = train_in(&p, argc, argv, e);
    team_close(&p, e);
    return code;
}

static void list_keys(FILE *out) {
    fprintf(out, "\nkeys (name, type, default, meaning, bounds), in CONFIG or as key=value:\n");
    config_help(out);
}

const Command train_command = {
    .name = "train",
    .usage = "CONFIG [key=value ...]",
    .summary = "one run: trains, or goes on with an interrupted run, into results.db",
    .options = "  --db PATH     results (default results.db); a run's files lie in PATH.d/KEY\n"
               "  --cache DIR   prepared tokens (default data/cache)\n"
               "  --again       repeat a run that is done\n"
               "  --retry       try a failed or diverged run again\n"
               "  --short N     a first look: N steps, with warm-up and cadences scaled to them\n"
               "  --dry-run     say what would be trained, as JSON, and stop\n"
               "  --name TEXT   what progress calls it (default: variant and seed)\n"
               "  --quiet       no progress\n",
    .list = list_keys,
    .run = train,
};
