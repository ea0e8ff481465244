/* ./sinklab with one call failing: every place from which it opens, writes, syncs, renames, removes, or takes
 * memory. After each: one true line and exit 1, or all is done; the database is sound; the same command
 * without a fault gives the files and figures of an undisturbed run. Without arguments some places of each
 * kind; else SEED and COUNT of them, COUNT 0: all; then a scenario, and letters of calls
 * (tests/faults/shim/shim.h), for those alone. */
#include "tests/faults/draw.h"
#include "tests/faults/shim/shim.h"
#include "tests/faults/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is done to which kinds of calls, and what a line must say of it. */
static const struct Way {
    const char *kinds, *mode;
    int code; /* 0: killed there */
    const char *words[5];
} ways[] = {
    {"cw",
     "once",
     ENOSPC,
     {"No space left on device", "no space left on device", "is the disk full", "disk is full",
      "the disk does not answer"}},
    {"cw",
     "always",
     ENOSPC,
     {"No space left on device", "no space left on device", "is the disk full", "disk is full",
      "the disk does not answer"}},
    {"u", "once", EIO, {NULL}}, /* it may be of no consequence until later */
    {"codwsr",
     "once",
     EIO,
     {"Input/output error", "the disk does not answer", "is the disk full", "does the disk answer"}},
    {"w", "short", EIO, {NULL}},
    {"m", "once", ENOMEM, {"memory", "Memory"}},
    {"cwsru", "kill", 0, {NULL}},
};
enum { WAYS = sizeof ways / sizeof *ways };

typedef struct Site {
    char kind;
    unsigned at;
    int nth;
} Site;

typedef struct Case {
    Site site;
    const struct Way *way;
} Case;

typedef struct Tally {
    int cases, fired, failed, killed, wrong;
} Tally;

static struct {
    uint64_t seed;
    int count;
    const char *only, *kinds;
} asked = {1, 24, NULL, "codwsrum"};

static int by_place(const void *a, const void *b) {
    const Site *x = a, *y = b;
    if (x->kind != y->kind) return x->kind - y->kind;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->nth - y->nth;
}

/* The places from which an undisturbed run makes calls: the first and, but for memory, the last of each. */
static Site *list_sites(const Walk *w, const char *kinds, int *n) {
    char environment[64];
    snprintf(environment, sizeof environment, "SINKLAB_SITES=../sites SINKLAB_KINDS=%s", kinds);
    walk_reset(w);
    assert_int_equal(walk_run(w, environment), 0);
    char *text = walk_text(w, "sites");
    Site *site = malloc(strlen(text) / 12 * sizeof *site);
    int all = 0, kept = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), all++)
        assert_int_equal(sscanf(line, "%c %x %d", &site[all].kind, &site[all].at, &site[all].nth), 3);
    qsort(site, (size_t)all, sizeof *site, by_place);
    for (int i = 0; i < all; i++) {
        bool first = !i || site[i].kind != site[i - 1].kind || site[i].at != site[i - 1].at;
        bool last = i + 1 == all || site[i].kind != site[i + 1].kind || site[i].at != site[i + 1].at;
        if (first || (last && site[i].kind != CALL_MEMORY)) site[kept++] = site[i];
    }
    free(text);
    *n = kept;
    return site;
}

static Case *list_cases(const Site *site, int n, int *cases) {
    Case *c = malloc((size_t)n * WAYS * sizeof *c);
    *cases = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < WAYS; k++)
            if (strchr(ways[k].kinds, site[i].kind)) c[(*cases)++] = (Case){site[i], &ways[k]};
    return c;
}

/* One line of error that says why; a sweep's runs have theirs, perhaps in a log. OpenMP ends the process with
 * a line of its own. */
static const char *fault_of_line(const char *said, const char *log, const struct Way *way, bool sweeps) {
    int lines = 0;
    for (const char *at = said; *at; at = strchr(at, '\n') + 1) {
        if (!strchr(at, '\n')) return "a line without its end";
        lines += (!strncmp(at, "sinklab: ", 9) && strncmp(at, "sinklab: warning: ", 18)) ||
                 !strncmp(at, "libgomp: Out of memory", 22);
    }
    if (!lines) return "no line of error";
    if (lines > 1 && !sweeps) return "more than one line of error";
    if (!way->words[0]) return NULL;
    for (int i = 0; i < 5 && way->words[i]; i++)
        if (strstr(said, way->words[i]) || strstr(log, way->words[i])) return NULL;
    return "the line does not say why";
}

/* BLIS finds no memory: it ends the process itself, with lines of its own. */
static bool is_end_of_blis(const char *said, int code) {
    return code == 134 && strstr(said, "libblis: malloc() returned NULL");
}

/* What is wrong after a run that ended with this code; NULL: nothing. free() it. */
static char *judge(const Walk *w, const Case *c, int code) {
    const struct Way *way = c->way;
    /* What was not removed, or not found when others of its kind were, may be there. */
    bool litter = c->site.kind == CALL_REMOVE || !way->code || (c->site.kind == CALL_MEMORY && code) ||
                  (c->site.kind == CALL_OPEN && !code);
    bool sweeps = !strcmp(w->of->name, "sweep");
    walk_shell(w, "cat live/r.db.d/*/log.txt >log 2>/dev/null");
    char *said = walk_text(w, "err"), *log = walk_text(w, "log");
    const char *fault = NULL;
    if (code == 124)
        fault = "it hangs";
    else if (code == 2)
        fault = "called the user's mistake";
    else if (is_end_of_blis(said, code))
        fault = NULL;
    else if (code && code != (way->code ? 1 : 137) && !(sweeps && code == 1))
        fault = "it crashed";
    else if (way->code && code)
        fault = fault_of_line(said, log, way, sweeps);
    free(said);
    free(log);
    if (fault) return strdup(fault);
    char *wrong = walk_damage(w);
    if (wrong || !code) return wrong ? wrong : walk_difference(w, litter);
    /* What a killed delete had taken away by then is not there to be named again. */
    bool gone = code == 137 && !strcmp(w->of->name, "delete");
    if (walk_run(w, "") && !gone) return strdup("run again, it fails");
    return walk_difference(w, litter);
}

static void tell(const Walk *w, const Case *c, int code, const char *said, const char *wrong) {
    char *done = walk_text(w, "done"), *then = walk_text(w, "err"),
         *same = strcmp(said, then) ? then : "the same\n";
    printf("%s: %s %s (errno %d): exit %d: %s\n  said: %s  then: %s  site: %s", w->of->name, c->way->mode,
           c->way->code ? strerror(c->way->code) : "killed", c->way->code, code, wrong, said, same, done);
    fflush(stdout);
    free(done);
    free(then);
}

static void try_case(const Walk *w, const Case *c, Tally *t) {
    char environment[160];
    snprintf(environment, sizeof environment, "SINKLAB_FAULT=%c,%x,%d,%d,%s SINKLAB_FAULT_DONE=../done",
             c->site.kind, c->site.at, c->site.nth, c->way->code, c->way->mode);
    walk_reset(w);
    walk_shell(w, "rm -f done");
    int code = walk_run(w, environment);
    char *said = walk_text(w, "err"), *done = walk_text(w, "done"), *wrong = judge(w, c, code);
    t->cases++;
    t->fired += *done != 0;
    t->killed += code == 137;
    t->failed += code && code != 137;
    t->wrong += wrong != NULL;
    if (wrong) tell(w, c, code, said, wrong);
    free(said);
    free(done);
    free(wrong);
}

static void shuffle(Case *c, int n, uint64_t seed) {
    for (int i = n - 1; i > 0; i--) {
        int j = (int)draw_below(&seed, (uint64_t)i + 1);
        Case kept = c[i];
        c[i] = c[j], c[j] = kept;
    }
}

static void walk_scenario(const Scenario *s, uint64_t seed, int count, Tally *all) {
    Walk w;
    Tally t = {0};
    int sites, cases;
    walk_open(&w, s);
    /* Of many calls for memory the places take seconds to list: a few cases leave them to commands that make
     * fewer. */
    bool few = count && count < 10 &&
               (strstr(s->command, "train") || strstr(s->command, "sweep") || strstr(s->command, "probe"));
    Site *site = list_sites(&w, few ? "codwsru" : asked.kinds, &sites);
    Case *c = list_cases(site, sites, &cases);
    shuffle(c, cases, seed);
    for (int i = 0; i < cases && (!count || i < count); i++) try_case(&w, &c[i], &t);
    printf(
        "faults: %s: %d of %d cases at %d places, %d reached, %d ended with an error, %d killed, %d wrong\n",
        s->name, t.cases, cases, sites, t.fired, t.failed, t.killed, t.wrong);
    fflush(stdout);
    all->cases += t.cases, all->fired += t.fired, all->wrong += t.wrong;
    free(c);
    free(site);
    walk_close(&w);
}

static void a_call_that_fails_is_told_and_loses_nothing(void **state) {
    (void)state;
    if (!walk_is_possible()) skip();
    Tally all = {0};
    for (int i = 0; i < n_scenarios; i++) {
        int count = asked.count ? (asked.count + n_scenarios - 1 - i) / n_scenarios : 0;
        if (asked.only && strcmp(asked.only, scenarios[i].name)) continue;
        if (!asked.count || count) walk_scenario(&scenarios[i], asked.seed + (uint64_t)i, count, &all);
    }
    assert_int_equal(all.wrong, 0);
    assert_true(all.fired > all.cases / 2); /* at another pace a command makes other calls */
}

int main(int argc, char **argv) {
    if (argc > 1) asked.seed = strtoull(argv[1], NULL, 10);
    if (argc > 2) asked.count = atoi(argv[2]);
    if (argc > 3 && *argv[3]) asked.only = argv[3];
    if (argc > 4) asked.kinds = argv[4];
    printf("seed %llu\n", (unsigned long long)asked.seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_call_that_fails_is_told_and_loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
