/* ./sinklab on a disk that loses its power. The changes that it makes to files are noted; at instants drawn
 * from a seed the disk is built again of what was synced and some of the rest. Then: the database is sound,
 * every checkpoint whose saving had ended is there with the rows up to it, no run is set aside or begins
 * anew, and the same command gives the files and figures of an undisturbed run. Without arguments a few cuts
 * of each scenario; else SEED and COUNT of all. */
#include "tests/faults/disk.h"
#include "tests/faults/draw.h"
#include "tests/faults/walk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const cut_scenarios[] = {"train", "go on", "sweep", "data", "merge"};
enum { SCENARIOS = sizeof cut_scenarios / sizeof *cut_scenarios };

static struct {
    uint64_t seed;
    int count;
} asked = {1, 20};

typedef struct Tally {
    int cuts, resumed, wrong;
} Tally;

/* What must be there after the cut. */
typedef struct Saved {
    const Walk *w;
    long newest; /* step */
    char *wrong;
} Saved;

/* path: r.db.d/KEY/step-NNNNNNNN. */
static void check_checkpoint(void *context, const char *path) {
    Saved *c = context;
    char key[64], sql[256];
    long step;
    if (c->wrong || sscanf(path, "r.db.d/%32[0-9a-f]/step-%ld", key, &step) != 2) return;
    if (walk_shell(c->w, "[ -s live/%s/model.safetensors ]", path))
        c->wrong = strdup("a saved checkpoint is gone");
    if (c->wrong) return;
    if (step > c->newest) c->newest = step;
    snprintf(sql, sizeof sql, "SELECT count(*) >= %ld FROM step JOIN run ON run.id = run_id WHERE key = '%s'",
             step, key);
    char *rows = walk_ask(c->w, "live", sql);
    if (strcmp(rows, "1\n")) {
        c->wrong = malloc(strlen(path) + strlen(rows) + 64);
        sprintf(c->wrong, "the rows up to %s are not there: %s", path, rows);
    }
    free(rows);
}

static char *judge(const Walk *w, Disk *d, int notes, Tally *t) {
    Saved c = {.w = w};
    char *wrong = walk_damage(w), from[64] = "";
    if (wrong) return wrong;
    disk_saved(d, notes, check_checkpoint, &c);
    if (c.wrong) return c.wrong;
    if (walk_run(w, "")) return strdup("run again, it fails");
    char *said = walk_text(w, "err"), *out = walk_text(w, "out"),
         *going = strstr(said, "going on from step ");
    snprintf(from, sizeof from, "%.60s", going ? going + 19 : "0");
    bool anew =
        c.newest && strstr(w->of->command, "train") && atol(from) < c.newest && !strstr(out, "done already");
    t->resumed += c.newest > 0;
    free(said);
    free(out);
    if (anew) return strdup("it goes on from an earlier step than that of its newest synced checkpoint");
    if (walk_shell(w, "[ -z \"$(find live -name '*.aside*')\" ]"))
        return strdup("a checkpoint was set aside");
    return walk_difference(w, true);
}

static void cut_once(const Walk *w, Disk *d, uint64_t *seed, Tally *t) {
    char live[96];
    int notes = (int)draw_below(seed, (uint64_t)disk_notes(d) + 1);
    uint64_t of = draw(seed);
    snprintf(live, sizeof live, "%s/live", w->folder);
    if (walk_shell(w, "rm -rf live")) abort();
    disk_cut(d, notes, of, live);
    char *wrong = judge(w, d, notes, t);
    t->cuts++;
    t->wrong += wrong != NULL;
    if (wrong) {
        char *said = walk_text(w, "err");
        printf("cut of %s after %d of %d changes (%llx): %s\n  said: %s\n", w->of->name, notes, disk_notes(d),
               (unsigned long long)of, wrong, said);
        fflush(stdout);
        free(said);
    }
    free(wrong);
}

static void cut_scenario(const Scenario *s, uint64_t seed, int count, Tally *all) {
    Walk w;
    Tally t = {0};
    char base[96], live[96], journal[96];
    walk_open(&w, s);
    walk_reset(&w);
    assert_int_equal(walk_run(&w, "SINKLAB_JOURNAL=../journal"), 0);
    snprintf(base, sizeof base, "%s/base", w.folder);
    snprintf(live, sizeof live, "%s/live", w.folder);
    snprintf(journal, sizeof journal, "%s/journal", w.folder);
    Disk *d = disk_open(base, live, journal);
    for (int i = 0; i < count; i++) cut_once(&w, d, &seed, &t);
    printf("cuts: %s: %d of power within %d changes, %d with a synced checkpoint, %d wrong\n", s->name,
           t.cuts, disk_notes(d), t.resumed, t.wrong);
    all->cuts += t.cuts, all->resumed += t.resumed, all->wrong += t.wrong;
    disk_close(d);
    walk_close(&w);
}

static void what_was_synced_is_gone_on_from_after_a_cut(void **state) {
    (void)state;
    if (!walk_is_possible()) skip();
    Tally all = {0};
    for (int i = 0; i < SCENARIOS; i++)
        for (int k = 0; k < n_scenarios; k++)
            if (!strcmp(scenarios[k].name, cut_scenarios[i]))
                cut_scenario(&scenarios[k], asked.seed + (uint64_t)i,
                             (asked.count + SCENARIOS - 1 - i) / SCENARIOS, &all);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.cuts, asked.count);
    assert_true(all.resumed > 0);
}

/* All that was synced is there whatever the draw, and after the last change all that was done may be. */
static void the_disk_keeps_what_was_synced(void **state) {
    (void)state;
    if (!walk_is_possible()) skip();
    char folder[] = "/tmp/sinklab-disk-XXXXXX", line[1024], base[64], live[64], journal[64], cut[64];
    assert_non_null(mkdtemp(folder));
    snprintf(base, sizeof base, "%s/base", folder);
    snprintf(live, sizeof live, "%s/live", folder);
    snprintf(journal, sizeof journal, "%s/journal", folder);
    snprintf(cut, sizeof cut, "%s/cut", folder);
    /* sync(1) FILE calls fsync, truncate(1) ftruncate, dd write; a synced name, a synced text, one of neither
     */
    snprintf(
        line, sizeof line,
        "mkdir %s %s && cd %s && export LD_PRELOAD=$OLDPWD/build/tests/faults/shim.so SINKLAB_JOURNAL=%s; "
        "mkdir sure; printf synced | dd of=sure/text 2>/dev/null; sync sure/text; sync sure; sync .; "
        "printf more | dd of=sure/text conv=notrunc 2>/dev/null; printf lost | dd of=other 2>/dev/null",
        base, live, live, journal);
    assert_int_equal(system(line), 0);
    Disk *d = disk_open(base, live, journal);
    int whole = 0, lost = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        disk_cut(d, disk_notes(d), seed, cut);
        snprintf(line, sizeof line, "cd %s && grep -qxE 'synced|moreed' sure/text", cut);
        assert_int_equal(system(line), 0);
        snprintf(line, sizeof line, "cd %s && grep -q moreed sure/text", cut);
        whole += !system(line);
        snprintf(line, sizeof line, "cd %s && [ ! -e other ]", cut);
        lost += !system(line);
        snprintf(line, sizeof line, "rm -r %s", cut);
        assert_int_equal(system(line), 0);
    }
    disk_close(d);
    snprintf(line, sizeof line, "rm -r %s", folder);
    assert_int_equal(system(line), 0);
    assert_in_range(whole, 10, 50);
    assert_in_range(lost, 10, 59);
}

int main(int argc, char **argv) {
    if (argc > 1) asked.seed = strtoull(argv[1], NULL, 10);
    if (argc > 2) asked.count = atoi(argv[2]);
    printf("seed %llu\n", (unsigned long long)asked.seed);
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_disk_keeps_what_was_synced),
                                       cmocka_unit_test(what_was_synced_is_gone_on_from_after_a_cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
