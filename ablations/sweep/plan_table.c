#include "ablations/sweep/plan_table.h"

#include "data/base/amount.h"
#include "data/base/columns.h"
#include "data/base/printable.h"
#include "data/base/yaml.h"

#include <string.h>
#include <unistd.h>

enum { WIDE = 120 }; /* columns of a terminal on which every run's costs find room */

/* ---- hours, at so many FLOP/s ---- */

/* Hours that a run still needs; steps that are in results.db do not count. */
static double hours_left(const PlannedRun *r, double flops) {
    double share = strcmp(r->status, "done") ? 1 - (double)r->step / (double)r->config.train.steps : 0;
    return share * r->tokens * r->size.flops_per_token / flops / 3600;
}

/* Hours of all runs that are needed: every one that tunes, and of those that may judge as many as the choices
 * leave. */
static double hours_needed(const Plan *p, const Stage *stage, double flops) {
    double tuning = 0, judging = 0;
    int judges = 0;
    for (int i = 0; i < p->runs; i++) {
        double hours = hours_left(&p->run[i], flops);
        if (sweep_judges(p->sweep, i)) {
            judging += hours;
            judges += hours > 0;
        } else {
            tuning += hours;
        }
    }
    if (sweep_is_tuned(p->sweep) && judges) judging *= (double)(stage->judging - stage->judged) / judges;
    return tuning + judging;
}

/* ---- the table ---- */

typedef struct Totals {
    double tokens, work, memory, disk, checkpoints; /* memory: of the largest run */
    int done;
} Totals;

static Totals total(const Plan *p) {
    Totals t = {0};
    for (int i = 0; i < p->runs; i++) {
        const PlannedRun *r = &p->run[i];
        t.done += !strcmp(r->status, "done");
        t.tokens += r->tokens;
        t.work += r->tokens * r->size.flops_per_token;
        t.memory = r->size.bytes > t.memory ? r->size.bytes : t.memory;
        t.disk += r->rows_disk + r->checkpoints_disk;
        t.checkpoints += r->checkpoints_disk;
    }
    return t;
}

/* What a run takes is left out where a line has no room for it; the totals have it. */
static bool is_wide(FILE *out) {
    return !isatty(fileno(out)) || columns_of_terminal(fileno(out)) >= WIDE;
}

static void print_run(FILE *out, const Plan *p, int i, double flops) {
    const PlannedRun *r = &p->run[i];
    char label[LABEL_TEXT];
    sweep_label(p->sweep, i, LABEL_ALL, label);
    char first[AMOUNT_TEXT], second[AMOUNT_TEXT];
    fprintf(out, "%5d  %.8s  %-11s %6lld/%-6lld  %5lld%s", i, r->key, r->status, (long long)r->step,
            (long long)r->config.train.steps, (long long)r->config.seed,
            sweep_judges(p->sweep, i) ? " " : "t");
    if (is_wide(out))
        fprintf(out, "  %7s  %7s", amount_text(r->tokens, "", first),
                amount_text(r->tokens * r->size.flops_per_token, "", second));
    if (flops > 0) fprintf(out, "  %8s", duration_text(3600 * hours_left(r, flops), first));
    if (is_wide(out))
        fprintf(out, "  %7s  %7s", amount_text(r->size.bytes, "B", first),
                amount_text(r->rows_disk + r->checkpoints_disk, "B", second));
    fprintf(out, "  %s\n", label);
}

static void print_totals(FILE *out, const Plan *p, const Stage *stage, double flops) {
    Totals t = total(p);
    char text[STAGE_TEXT], tokens[AMOUNT_TEXT], work[AMOUNT_TEXT], memory[AMOUNT_TEXT], disk[AMOUNT_TEXT];
    fprintf(out, "\n%d runs, %d done: %s tokens, %s, %s of memory a run,\n", p->runs, t.done,
            amount_text(t.tokens, "", tokens), amount_text(t.work, "FLOP", work),
            amount_text(t.memory, "B", memory));
    fprintf(out, "%s of disk, with ", amount_text(t.disk, "B", disk));
    fprintf(out, "%s of checkpoints (run.keep)\n", amount_text(t.checkpoints, "B", disk));
    if (!p->sweep->base)
        fprintf(out, "no base: in the file: what it does not set is built in (sinklab train --help)\n");
    stage_tell(stage, text);
    if (sweep_is_tuned(p->sweep)) fprintf(out, "%s\n", text);
    if (flops > 0)
        fprintf(out, "to go: %s at the %s measured here\n(training alone, all cores on one run)\n",
                duration_text(3600 * hours_needed(p, stage, flops), work),
                amount_text(flops, "FLOP/s", disk));
    plan_print_edit(out, p);
}

void plan_print(FILE *out, const Plan *p, const Stage *stage, double flops) {
    bool wide = is_wide(out);
    fprintf(out, "%5s  %-8s  %-11s %13s  %6s", "index", "key", "status", "step", "seed");
    if (wide) fprintf(out, "  %7s  %7s", "tokens", "FLOP");
    if (flops > 0) fprintf(out, "  %8s", "to go");
    if (wide) fprintf(out, "  %7s  %7s", "memory", "disk");
    fprintf(out, "  cell\n");
    for (int i = 0; i < p->runs; i++) print_run(out, p, i, flops);
    print_totals(out, p, stage, flops);
}

/* ---- an edit ---- */

static void print_kept(FILE *out, const char *what, const char *key, const char *status, const char *label,
                       int64_t seed) {
    char safe[4 * LABEL_TEXT];
    printable(label, safe, sizeof safe);
    fprintf(out, "  %-6s  %.8s  %-11s  %s seed %lld\n", what, key, status, safe, (long long)seed);
}

static void print_matches(FILE *out, const Plan *p) {
    char label[LABEL_TEXT];
    int matches = 0;
    for (int i = 0; i < p->runs; i++) matches += strcmp(p->run[i].status, "new") != 0;
    fprintf(out, "%s %s: %d of its %d runs match what is there\n", p->sweep->path,
            p->rewritten ? "has changed since it was last run" : "was last run with other words on the line",
            matches, p->runs);
    for (int i = 0; i < p->runs; i++) {
        const PlannedRun *r = &p->run[i];
        if (!strcmp(r->status, "new")) continue;
        sweep_label(p->sweep, i, LABEL_ALL, label);
        print_kept(out, "match", r->key, r->status, label, r->config.seed);
    }
}

void plan_print_edit(FILE *out, const Plan *p) {
    if (p->edited) print_matches(out, p);
    if (!p->orphans) return;
    fprintf(out, "%d run%s of %s %s no part of it now; results stay in the database\n", p->orphans,
            p->orphans > 1 ? "s" : "",
            p->rewritten || !p->edited ? "an earlier text of this file" : "other words or an earlier text",
            p->orphans > 1 ? "are" : "is");
    for (int i = 0; i < p->orphans; i++) {
        const Orphan *o = &p->orphan[i];
        print_kept(out, "orphan", o->key, o->status, o->label, o->seed);
    }
}

/* ---- JSON ---- */

static void json_field(FILE *out, const char *name, const char *text) {
    fprintf(out, "\"%s\": ", name);
    json_string(out, text);
    fputs(", ", out);
}

static void json_number(FILE *out, const char *name, double value, const char *after) {
    fprintf(out, "\"%s\": %.17g%s", name, value, after);
}

static void json_run(FILE *out, const Plan *p, int i, double flops) {
    const PlannedRun *r = &p->run[i];
    char label[LABEL_TEXT];
    sweep_label(p->sweep, i, LABEL_ALL, label);
    fprintf(out, "%s\n  {\"index\": %d, ", i ? "," : "", i);
    json_field(out, "key", r->key);
    json_field(out, "status", r->status);
    json_field(out, "cell", label);
    fprintf(out, "\"seed\": %lld, \"judges\": %d, \"step\": %lld, \"steps\": %lld, ",
            (long long)r->config.seed, sweep_judges(p->sweep, i), (long long)r->step,
            (long long)r->config.train.steps);
    json_number(out, "tokens", r->tokens, ", ");
    json_number(out, "flops", r->tokens * r->size.flops_per_token, ", ");
    if (flops > 0) json_number(out, "hours", hours_left(r, flops), ", ");
    json_number(out, "memory", r->size.bytes, ", ");
    json_number(out, "checkpoints", r->checkpoints_disk, ", ");
    json_number(out, "disk", r->rows_disk + r->checkpoints_disk, "}");
}

static void json_orphan(FILE *out, const Orphan *o, bool first) {
    fprintf(out, "%s\n  {", first ? "" : ",");
    json_field(out, "key", o->key);
    json_field(out, "status", o->status);
    json_field(out, "cell", o->label);
    fprintf(out, "\"seed\": %lld}", (long long)o->seed);
}

void plan_print_json(FILE *out, const Plan *p, const Stage *stage, double flops) {
    Totals t = total(p);
    fputs("{", out);
    json_field(out, "sweep", p->sweep->name);
    fprintf(out, "\"changed\": %s, \"done\": %d, ", p->edited ? "true" : "false", t.done);
    if (sweep_is_tuned(p->sweep))
        fprintf(out, "\"stage\": {\"tuning\": %d, \"tuned\": %d, \"judging\": %d, \"judged\": %d}, ",
                stage->tuning, stage->tuned, stage->judging, stage->judged);
    if (flops > 0) {
        json_number(out, "flops_per_second", flops, ", ");
        json_number(out, "hours_left", hours_needed(p, stage, flops), ", ");
    }
    fputs("\"runs\": [", out);
    for (int i = 0; i < p->runs; i++) json_run(out, p, i, flops);
    fputs("],\n\"orphans\": [", out);
    for (int i = 0; i < p->orphans; i++) json_orphan(out, &p->orphan[i], !i);
    fputs("]}\n", out);
}
