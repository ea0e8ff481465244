#include "ablations/sweep/progress_table.h"

#include "data/base/columns.h"
#include "data/base/printable.h"
#include "train/progress.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

/* RECENT: steps whose mean time gives the time left. HEIGHT: of a terminal that does not tell it. */
enum { RECENT = 100, HEIGHT = 24, LINE_TEXT = LABEL_TEXT + 160 };

/* Lines to which the table is cut: one that scrolled away cannot be drawn over. */
static int terminal_lines(void) {
    struct winsize size = {0};
    return ioctl(1, TIOCGWINSZ, &size) || !size.ws_row ? HEIGHT : size.ws_row;
}

const char *progress_table_name(const Plan *p, int run, char out[LABEL_TEXT + 32]) {
    sweep_label(p->sweep, run, LABEL_ALL, out);
    sprintf(out + strlen(out), " seed %lld", (long long)p->run[run].config.seed);
    return out;
}

/* ---- what results.db has of a run ---- */

static const char reading_sql[] =
    "SELECT s.step, s.loss, (SELECT sink_rate_03 FROM eval WHERE run_id = r.id AND probe = 'main'"
    "  AND sink_rate_03 IS NOT NULL ORDER BY step DESC LIMIT 1),"
    " (SELECT avg(ms + coalesce(probe_ms, 0) + coalesce(save_ms, 0)) FROM step"
    "  WHERE run_id = r.id AND step > s.step - ?2)"
    " FROM run AS r JOIN step AS s ON s.run_id = r.id WHERE r.key = ?1 ORDER BY s.step DESC LIMIT 1";

typedef struct Reading {
    int64_t step; /* 0: no update yet */
    double loss, sink_rate, ms;
} Reading;

static double column(sqlite3_stmt *q, int i) {
    return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

static Reading read_run(const PlannedRun *r, Store *s) {
    Reading out = {.loss = NAN, .sink_rate = NAN, .ms = NAN};
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(store_db(s), reading_sql, -1, &q, NULL) != SQLITE_OK) return out;
    sqlite3_bind_text(q, 1, r->key, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 2, RECENT);
    if (sqlite3_step(q) == SQLITE_ROW)
        out = (Reading){sqlite3_column_int64(q, 0), column(q, 1), column(q, 2), column(q, 3)};
    sqlite3_finalize(q);
    return out;
}

/* Figures of a run that goes, or "starting". */
static const char *figures(const PlannedRun *r, const Reading *x, bool going, char out[PROGRESS_FIGURES]) {
    int64_t steps = r->config.train.steps;
    double left = going ? x->ms * 1e-3 * (double)(steps - x->step) : NAN;
    if (!x->step) return strcpy(out, "starting");
    return progress_figures(x->step, steps, x->loss, x->sink_rate, left, out);
}

void progress_table_figures(const Plan *p, int run, Store *s, char *out, size_t room) {
    char said[PROGRESS_FIGURES];
    Reading x = read_run(&p->run[run], s);
    snprintf(out, room, "%s%s", x.step ? "  " : "", x.step ? figures(&p->run[run], &x, false, said) : "");
}

/* ---- the two forms ---- */

/* A run's line, figures and seed before the cell, which may be cut. */
static void draw_run(const Plan *p, Store *s, int run, int width) {
    char cell[LABEL_TEXT], said[PROGRESS_FIGURES], line[LINE_TEXT], safe[4 * LINE_TEXT];
    const PlannedRun *r = &p->run[run];
    Reading x = read_run(r, s);
    sweep_label(p->sweep, run, LABEL_ALL, cell);
    snprintf(line, sizeof line, "  %s  seed %lld  %s", figures(r, &x, true, said), (long long)r->config.seed,
             cell);
    printable(line, safe, sizeof safe);
    printf("%.*s\033[K\n", (int)columns_fit(safe, width), safe);
}

static void erase(ProgressTable *t) {
    if (t->lines) printf("\033[%dA\033[J", t->lines);
    t->lines = 0;
}

static void draw_table(ProgressTable *t, const Plan *p, Store *s, const int *going, int n,
                       const char *counts) {
    erase(t);
    int lines = terminal_lines(), shown = n < lines - 2 ? n : lines - 2, width = columns_of_terminal(1) - 1;
    for (int i = 0; i < shown; i++) draw_run(p, s, going[i], width);
    printf("  %.*s\n", width - 2, counts);
    fflush(stdout);
    t->lines = (shown > 0 ? shown : 0) + 1;
}

/* A plain line where the run has come into another tenth; the end is told by who sees the run end. */
static void tell_tenth(ProgressTable *t, const Plan *p, Store *s, int run) {
    char name[LABEL_TEXT + 32], said[PROGRESS_FIGURES];
    int64_t steps = p->run[run].config.train.steps;
    Reading x = read_run(&p->run[run], s);
    char tenth = (char)(progress_tenth(x.step, steps) + 1);
    if (tenth == t->tenth[run] || x.step >= steps) return;
    t->tenth[run] = tenth;
    progress_table_say(t, "%s  %s", progress_table_name(p, run, name), figures(&p->run[run], &x, true, said));
}

void progress_table_draw(ProgressTable *t, const Plan *p, Store *s, const int *going, int n,
                         const char *counts) {
    if (t->quiet) return;
    if (t->terminal) draw_table(t, p, s, going, n, counts);
    for (int i = 0; i < n && !t->terminal; i++) tell_tenth(t, p, s, going[i]);
}

void progress_table_say(ProgressTable *t, const char *format, ...) {
    char line[4 * LINE_TEXT], safe[4 * LINE_TEXT];
    if (t->quiet) return;
    va_list args;
    erase(t);
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    printable(line, safe, sizeof safe);
    puts(safe);
    fflush(stdout);
}
