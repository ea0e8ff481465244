/* sinklab sweep: many runs from one file: planned, run, looked at, judged, exported. */
#include "ablations/page/report.h"
#include "ablations/sweep/known_sweep.h"
#include "ablations/sweep/plan_table.h"
#include "ablations/sweep/results.h"
#include "ablations/sweep/runner.h"
#include "ablations/sweep/sweep_answers.h"
#include "ablations/sweep/tuning_progress.h"
#include "ablations/sweep/verdict.h"
#include "ablations/text_table.h"
#include "data/base/files.h"
#include "train/commands/command.h"
#include "train/config/did_you_mean.h"
#include "train/other_work.h"
#include "train/progress.h"

#include <string.h>
#include <unistd.h>

enum { RUNS_UNASKED = 256 }; /* more need --yes */

static const double BUSY = 0.1; /* of the cores' time: less is no other work */

static const int64_t every_index = INT64_MIN;

typedef struct Options {
    const char *db, *cache, *results;
    int64_t jobs, index; /* every_index: not given */
    int64_t steps;       /* of --short; 0: not given */
    bool retry, yes, quiet, json, markdown, brief, csv;
} Options;

typedef bool Action(const Sweep *s, const Options *o, int *code, Error *e);

/* ---- plan and status ---- */

static bool plan_open(Plan *p, const Sweep *s, const Options *o, Error *e) {
    return plan_make(p, s, o->cache, o->quiet ? NULL : progress_line, e);
}

static void tell_adopted(const Plan *p) {
    if (p->adopted)
        fprintf(stderr,
                "sinklab: warning: %s: %d of %d runs are those of results files, of another version of their "
                "text than "
                "the one here, on which missing ones are run\n",
                p->sweep->path, p->adopted, p->runs);
}

/* The database as it is; a missing one holds nothing. */
static bool look(Plan *p, Stage *stage, const Options *o, Error *e) {
    Store *s = NULL;
    if (!access(o->db, F_OK) && !store_open(&s, o->db, STORE_READ, e)) return false;
    /* A stage is one of these runs, not of those that an earlier text or other words had. */
    bool ok = plan_look(p, s, e) && stage_read(stage, p->sweep, p->edited ? NULL : s, e);
    if (ok) tell_adopted(p);
    store_close(s);
    return ok;
}

static bool is_over(const PlannedRun *r) {
    return !strcmp(r->status, "done") || !strcmp(r->status, "failed") || !strcmp(r->status, "diverged");
}

/* Measures the speed on a missing run, the first of a few that lasts long enough; where none does the plan
 * has no time to go. */
static bool measure(const Plan *p, const Options *o, double *flops, Error *e) {
    enum { TRIES = 3 };
    double busy = other_work_busy();
    if (busy > BUSY)
        fprintf(stderr,
                "sinklab: the machine is busy: other work has %.0f %% of these cores, and the time to go "
                "is longer for it\n",
                100 * busy);
    Error why = {0};
    for (int i = 0, tries = 0; i < p->runs && tries < TRIES; i++) {
        if (is_over(&p->run[i])) continue;
        why = (Error){0};
        if (plan_measure(p, i, o->cache, flops, &why)) return true;
        if (why.code != EXIT_FAILED) return *e = why, false;
        tries++;
    }
    if (why.code) fprintf(stderr, "sinklab: %s (no time to go is told)\n", why.text);
    *flops = 0;
    return true;
}

static bool show_plan(const Sweep *s, const Options *o, bool measured, Error *e) {
    Plan p;
    Stage stage;
    double flops = 0;
    if (!plan_open(&p, s, o, e)) return false;
    bool ok = look(&p, &stage, o, e);
    if (ok && measured) ok = measure(&p, o, &flops, e);
    if (ok) (o->json ? plan_print_json : plan_print)(stdout, &p, &stage, flops);
    plan_free(&p);
    return ok;
}

static bool do_plan(const Sweep *s, const Options *o, int *code, Error *e) {
    (void)code;
    return show_plan(s, o, true, e);
}

static bool do_status(const Sweep *s, const Options *o, int *code, Error *e) {
    (void)code;
    return show_plan(s, o, false, e);
}

/* ---- run ---- */

/* The control that every mass is to be read beside, at each T of the sweep. */
static bool print_control(const Sweep *s, Store *store, Error *e) {
    int result;
    sqlite3_stmt *q = table_query(
        store, "SELECT DISTINCT T, uniform_mass FROM summary WHERE sweep = ?1 AND T IS NOT NULL", s->name, e);
    if (!q) return false;
    while ((result = sqlite3_step(q)) == SQLITE_ROW)
        printf("uniform control at T=%d: uniform attention has sink_mass %.4f and sink_rate_03 %d\n",
               sqlite3_column_int(q, 0), sqlite3_column_double(q, 1), sqlite3_column_double(q, 1) > 0.3);
    sqlite3_finalize(q);
    return result == SQLITE_DONE || store_failed(store, "results: summary", e);
}

/* The table for people, and the line that gives it again. A sweep's name needs no quoting. */
static bool print_summary(const Sweep *s, Store *store, const Options *o, Error *e) {
    char sql[256];
    snprintf(sql, sizeof sql, "SELECT * FROM summary WHERE sweep = '%s'", s->name);
    if (!o->json) printf("\nmedians over seeds; rates at eps 0.3 on probe main, T tokens a row\n");
    bool ok = table_of(stdout, store, sql, NULL, o->json ? TABLE_JSON : TABLE_TEXT, e);
    if (!ok || o->json) return ok;
    if (!print_control(s, store, e)) return false;
    printf("\nthe table again:  sqlite3 -box %s \"%s\"\n", o->db, sql);
    return true;
}

static bool print_results(const Sweep *s, Store *store, const Options *o, Error *e) {
    Path folder = path_of("%s.d", store_path(store)), page = path_of("%s/%s.html", folder.s, s->name);
    bool silent = o->quiet && !o->json;
    if ((!silent && !print_summary(s, store, o, e)) || !folder_make(folder.s, e) ||
        !report_write(store, s->name, page.s, &(SentenceSource){NULL, o->cache}, o->quiet, e))
        return false;
    if (!o->json && !silent) printf("the curves:       %s\n", page.s);
    return true;
}

/* Prints what became of the run of --index. */
static bool print_run(const PlannedRun *r, Store *store, Error *e) {
    return table_of(stdout, store,
                    "SELECT r.key, r.variant, r.seed, r.status, f.val_loss, f.val_loss_1, f.bits_per_byte,"
                    " f.sink_rate_03, f.sink_mass, f.uniform_mass, f.value_drain, f.norm_ratio, f.onset,"
                    " f.tokens, f.seconds FROM run AS r LEFT JOIN final AS f ON f.run_id = r.id"
                    " WHERE r.key = ?1",
                    r->key, TABLE_JSON, e);
}

static bool check_limits(const Plan *p, const Options *o, Error *e) {
    if (o->index >= p->runs)
        return fail(e, EXIT_USAGE, "command line: --index %lld: %s has runs 0 to %d", (long long)o->index,
                    p->sweep->path, p->runs - 1);
    if (p->runs > RUNS_UNASKED && o->index < 0 && !o->yes)
        return fail(e, EXIT_USAGE, "%s: %d runs, more than %d (--yes says that it is meant)", p->sweep->path,
                    p->runs, RUNS_UNASKED);
    return true;
}

static bool run_plan(Plan *p, const Options *o, int *code, Error *e) {
    Store *s;
    RunnerOptions runner = {.db = o->db,
                            .cache = o->cache,
                            .jobs = (int)o->jobs,
                            .only = o->index < 0 ? -1 : (int)o->index,
                            .retry = o->retry,
                            .quiet = o->quiet};
    if (!check_limits(p, o, e) || !store_open(&s, o->db, STORE_WRITE, e)) return false;
    bool ok = store_reap(s, e) && plan_look(p, s, e) && plan_register(p, runner.only, s, e);
    if (ok) {
        tell_adopted(p);
        if (p->edited && !o->quiet) plan_print_edit(stderr, p);
        *code = runner_run(p, s, &runner, e);
        ok = !e->text[0];
    }
    bool stopped = *code > 128; /* by a signal */
    if (ok && !stopped) ok = sweep_ask(p->sweep, s, e);
    if (ok && !stopped && runner.only < 0) ok = print_results(p->sweep, s, o, e);
    if (ok && !stopped && runner.only >= 0 && o->json) ok = print_run(&p->run[runner.only], s, e);
    store_close(s);
    return ok;
}

/* Under --json what is printed is JSON alone. */
static bool do_run(const Sweep *s, const Options *o, int *code, Error *e) {
    Plan p;
    Options run = *o;
    run.quiet = o->quiet || o->json;
    if (!plan_open(&p, s, &run, e)) return false;
    bool ok = run_plan(&p, &run, code, e);
    plan_free(&p);
    return ok;
}

/* ---- verdict and export ---- */

/* A database that knows the sweep's runs by results files alone is told of the sweep, which needs no text. */
static bool register_known(const Sweep *s, Store *store, Error *e) {
    Plan p;
    if (!plan_make_known(&p, s, e)) return false;
    bool ok = plan_look(&p, store, e) && (!p.adopted || plan_register(&p, p.runs, store, e));
    plan_free(&p);
    return ok;
}

static bool do_verdict(const Sweep *s, const Options *o, int *code, Error *e) {
    Store *store;
    bool known;
    (void)code;
    if (!store_open(&store, o->db, STORE_READ, e)) return false;
    bool ok = sweep_known(s, store, &known, e);
    if (ok && (!known || sweep_has_queries(s))) {
        store_close(store);
        if (!store_open(&store, o->db, STORE_WRITE, e)) return false;
        ok = known || register_known(s, store, e);
    }
    VerdictForm form = o->brief      ? VERDICT_BRIEF
                       : o->markdown ? VERDICT_MARKDOWN
                       : o->json     ? VERDICT_JSON
                                     : VERDICT_TEXT;
    ok = ok && sweep_ask(s, store, e) && verdict_print(stdout, s, store, form, e);
    store_close(store);
    return ok;
}

static bool export_results(const Sweep *s, Store *store, const Options *o, Error *e) {
    int runs;
    if (!verdict_known(s, store, e) || !results_write(o->results, s->name, store, &runs, e)) return false;
    if (!o->quiet) printf("%s: %d run%s of %s\n", o->results, runs, runs == 1 ? "" : "s", s->name);
    return true;
}

static bool do_export(const Sweep *s, const Options *o, int *code, Error *e) {
    Store *store;
    (void)code;
    if (o->csv && o->results)
        return fail(e, EXIT_USAGE, "command line: sweep export: in what form? (--csv or --results FOLDER)");
    if (!store_open(&store, o->db, STORE_READ, e)) return false;
    bool ok = o->results ? export_results(s, store, o, e) : sweep_csv(stdout, s, store, e);
    store_close(store);
    return ok;
}

/* ---- the command ---- */

typedef enum ActionName { PLAN, RUN, STATUS, VERDICT, EXPORT, ACTIONS } ActionName;

static const struct {
    const char *name;
    Action *action;
} actions[ACTIONS] = {
    [PLAN] = {"plan", do_plan},          [RUN] = {"run", do_run},          [STATUS] = {"status", do_status},
    [VERDICT] = {"verdict", do_verdict}, [EXPORT] = {"export", do_export},
};

/* The names of a set of actions, with commas between: bits 1 << ActionName. */
static const char *list_actions(unsigned set, char text[64]) {
    text[0] = 0;
    for (ActionName i = 0; i < ACTIONS; i++)
        if (set >> i & 1) strcat(strcat(text, *text ? ", " : ""), actions[i].name);
    return text;
}

/* The action of that name, or ACTIONS. */
static ActionName find_action(const char *name, Error *e) {
    const char *names[ACTIONS + 1] = {NULL};
    char hint[96];
    for (ActionName i = 0; i < ACTIONS; i++) {
        names[i] = actions[i].name;
        if (!strcmp(names[i], name)) return i;
    }
    fail(e, EXIT_USAGE, "command line: sweep: unknown action %s%s", name,
         did_you_mean_among(name, names, hint, sizeof hint));
    return ACTIONS;
}

/* An option that would go unheard is refused; where results and tokens are may be said to every action. */
static bool check_options(const Options *o, ActionName action, Error *e) {
    const struct {
        bool given;
        const char *name;
        unsigned heard; /* by these actions */
    } own[] = {{o->jobs, "--jobs", 1 << RUN},
               {o->index >= 0, "--index", 1 << RUN},
               {o->retry, "--retry", 1 << RUN},
               {o->yes, "--yes", 1 << RUN},
               {o->json, "--json", 1 << PLAN | 1 << RUN | 1 << STATUS | 1 << VERDICT},
               {o->markdown, "--markdown", 1 << VERDICT},
               {o->brief, "--brief", 1 << VERDICT},
               {o->csv, "--csv", 1 << EXPORT},
               {o->results, "--results", 1 << EXPORT}};
    char heard[64];
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].given && !(own[i].heard >> action & 1))
            return fail(e, EXIT_USAGE,
                        "command line: %s says nothing to sweep %s (leave it out: it is for %s)", own[i].name,
                        actions[action].name, list_actions(own[i].heard, heard));
    if (o->json + o->markdown + o->brief > 1)
        return fail(e, EXIT_USAGE,
                    "command line: two forms at once of --json, --markdown, --brief (leave one of them out)");
    return true;
}

static bool check_numbers(const Options *o, Error *e) {
    if (o->jobs < 0 || o->jobs > 4096)
        return fail(e, EXIT_USAGE, "command line: --jobs: %lld: expected 1 to 4096 processes",
                    (long long)o->jobs);
    if (o->index != every_index && (o->index < 0 || o->index > SWEEP_RUNS))
        return fail(e, EXIT_USAGE, "command line: --index: %lld: runs are counted from 0",
                    (long long)o->index);
    return true;
}

/* Whether a file that is no sweep is what `train` takes. */
static bool is_configuration(const char *path) {
    static const char *const sweeps[] = {"name", "grid", "zip", "seeds"};
    Yaml *tree = yaml_load(path, NULL);
    bool is = tree && tree->kind == YAML_MAP && tree->n;
    for (size_t i = 0; is && i < sizeof sweeps / sizeof *sweeps; i++) is = !yaml_get(tree, sweeps[i]);
    yaml_free(tree);
    Config c;
    return is && config_load(&c, path, NULL);
}

static bool shorten(Sweep *s, const Options *o, Error *e) {
    for (int i = 0; o->steps && i < s->axes; i++)
        if (!strcmp(s->axis[i].key, "train.steps"))
            return fail(e, EXIT_USAGE, "command line: --short: train.steps is an axis of %s", s->path);
    s->shortened = o->steps;
    return true;
}

static int sweep_main(int argc, char **argv, Error *e) {
    Options o = {.db = "results.db", .cache = "data/cache", .index = every_index};
    const Flag flags[] = {{"--db", FLAG_TEXT, &o.db},       {"--cache", FLAG_TEXT, &o.cache},
                          {"--jobs", FLAG_INT, &o.jobs},    {"--index", FLAG_INT, &o.index},
                          {"--retry", FLAG_BOOL, &o.retry}, {"--yes", FLAG_BOOL, &o.yes},
                          {"--quiet", FLAG_BOOL, &o.quiet}, {"--json", FLAG_BOOL, &o.json},
                          {"--csv", FLAG_BOOL, &o.csv},     {"--markdown", FLAG_BOOL, &o.markdown},
                          {"--brief", FLAG_BOOL, &o.brief}, {"--results", FLAG_TEXT, &o.results},
                          {"--short", FLAG_INT, &o.steps},  {NULL, FLAG_BOOL, NULL}};
    int words, code = EXIT_DONE;
    if (!flags_read(flags, argc, argv, &words, e) || !check_numbers(&o, e)) return e->code;
    ActionName action = words ? find_action(argv[0], e) : ACTIONS;
    if (words < 2 && (!words || action != ACTIONS))
        fail(e, EXIT_USAGE, "command line: sweep takes an action and a file (sinklab sweep --help)");
    if (words < 2 || action == ACTIONS || !check_options(&o, action, e)) return e->code;
    Sweep *s = sweep_load(argv[1], words - 2, argv + 2, e);
    if (!s && e->code == EXIT_USAGE && is_configuration(argv[1]))
        fail(e, EXIT_USAGE, "%s: a configuration, not a sweep (sinklab train %s)", argv[1], argv[1]);
    Path file;
    if (!s && access(argv[1], F_OK) && sweep_file(argv[1], &file))
        fail(e, EXIT_USAGE, "file: %s: No such file or directory (did you mean %s?)", argv[1], file.s);
    bool ok = s && shorten(s, &o, e) && actions[action].action(s, &o, &code, e);
    sweep_free(s);
    return ok ? code : e->code;
}

const Command sweep_command = {
    .name = "sweep",
    .usage = "plan|run|status|verdict|export FILE [key=value ...]",
    .summary = "many runs from one file: what is missing is run, then compared over seeds",
    .options =
        "  plan     every run with its key, cost and what is done already\n"
        "  run      does what is missing; Ctrl-C leaves everything resumable\n"
        "  status   the same table as plan, without measuring\n"
        "  verdict  each expectation: paired difference over seeds, and one word\n"
        "  export   the runs for other programs\n\n"
        "  --jobs N    run: processes at a time; cores are shared out (default: one run a core when\n"
        "              models are small and there is a run or more a core, else one run on all)\n"
        "  --index I   run: exactly run I, the same on every machine\n"
        "  --retry     run: failed and diverged runs too\n"
        "  --short N   a first look: N steps a run, with warm-up and cadences scaled to them\n"
        "  --yes       run: more than 256 runs\n"
        "  --db PATH   results (default results.db)\n"
        "  --cache DIR prepared tokens (default data/cache)\n"
        "  --json      plan, run, status, verdict: figures as JSON\n"
        "  --markdown  verdict: as Markdown\n"
        "  --brief     verdict: as a Markdown table alone, a row an expectation\n"
        "  --csv       export: one row a run, which is the default\n"
        "  --results FOLDER  export: the finished runs, thinned, into FOLDER/NAME.TABLE.csv.gz, which\n"
        "              `sinklab merge` reads back\n"
        "  --quiet     no progress, and of run no table\n\n"
        "the file (YAML; one to copy: ablations/example.yaml; KEY: of `sinklab train --help`, dotted or\n"
        "nested):\n"
        "  name: TEXT                    what results.db and the page call it\n"
        "  claim, source, note: TEXT     for people\n"
        "  base: FILE                    configuration under all runs\n"
        "  set: {KEY: VALUE}             of all runs\n"
        "  grid: {KEY: [VALUE, ...]}     every combination; a range in place of a list:\n"
        "          {log: [FROM, TO], n: N} or {linear: [FROM, TO], n: N}\n"
        "  zip: {KEY: [VALUE, ...]}      these advance together\n"
        "  exclude: [{KEY: VALUE}, ...]  combinations left out\n"
        "  seeds: N or [SEED, ...]       of every combination\n"
        "  compare: {axis: KEY, baseline: VALUE}\n"
        "  tune: {axes: [KEY, ...], seeds: N}  each side at its own best, by seeds that do not judge\n"
        "  expect: [{metric: NAME, direction: lower or higher, by: NUMBER}, ...]\n"
        "          or {query: FILE.sql, with: {NAME: VALUE}, at_least or at_most: NUMBER}: one number a\n"
        "          seed from its own runs, :NAME in the query being VALUE; asks: TEXT says what it is\n"
        "          val_loss, sink_rate_03, onset, ...; other_bos.val_loss: of that probe\n"
        "  tables: [FILE.sql, ...]       queries whose rows are shown beside the verdicts\n"
        "  fits: [{query: FILE.sql, of: COLUMN, on: [COLUMN, ...]}, ...]  least squares over the rows of\n"
        "                                a query, told with intervals by leaving one seed out\n"
        "  needs: [TABLE.COLUMN, ...]    what its queries read: runs that lack one are left out and "
        "counted\n",
    .run = sweep_main,
};
