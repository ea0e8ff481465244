#include "ablations/sweep/progress_table.h"

#include "data/base/printable.h"

#include <math.h>
#include <stdarg.h>
#include <sys/ioctl.h>

/* RECENT: steps whose mean time gives the time left. WIDTH, HEIGHT: the size of a terminal that does not tell
 * it. */
enum { RECENT = 100, WIDTH = 80, HEIGHT = 24, LINE_TEXT = LABEL_TEXT + 160 };

/* The terminal's size, to which the table is cut: a line that wrapped or scrolled away cannot be drawn over.
 */
static struct winsize terminal_size(void) {
    struct winsize size = {0};
    if (ioctl(1, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
        size = (struct winsize){.ws_row = HEIGHT, .ws_col = WIDTH};
    return size;
}

static const char reading_sql[] =
    "SELECT s.step, s.loss, (SELECT sink_rate_03 FROM eval WHERE run_id = r.id AND probe = 'main'"
    "  AND sink_rate_03 IS NOT NULL ORDER BY step DESC LIMIT 1),"
    " (SELECT avg(ms + coalesce(probe_ms, 0) + coalesce(save_ms, 0)) FROM step"
    "  WHERE run_id = r.id AND step > s.step - ?2)"
    " FROM run AS r JOIN step AS s ON s.run_id = r.id WHERE r.key = ?1 ORDER BY s.step DESC LIMIT 1";

static double column(sqlite3_stmt *q, int i) {
    return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

/* A run's line, figures before the label, which may be cut. */
static void draw_run(const Plan *p, sqlite3_stmt *q, int index, int width) {
    char label[LABEL_TEXT], line[LINE_TEXT];
    const PlannedRun *r = &p->run[index];
    sweep_label(p->sweep, index, LABEL_ALL, label);
    sqlite3_bind_text(q, 1, r->key, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 2, RECENT);
    if (sqlite3_step(q) == SQLITE_ROW) {
        int64_t step = sqlite3_column_int64(q, 0);
        double left = column(q, 3) * (double)(r->config.train.steps - step) / 1000;
        snprintf(line, sizeof line, "  step %lld of %lld  loss %.3f  sink %.3f  %d:%02d left  seed %lld  %s",
                 (long long)step, (long long)r->config.train.steps, column(q, 1), column(q, 2),
                 (int)left / 60, (int)left % 60, (long long)r->config.seed, label);
    } else {
        snprintf(line, sizeof line, "  starting  seed %lld  %s", (long long)r->config.seed, label);
    }
    printf("%.*s\033[K\n", width, line);
    sqlite3_reset(q);
}

static void erase(ProgressTable *t) {
    if (t->lines) printf("\033[%dA\033[J", t->lines);
    t->lines = 0;
}

void progress_table_draw(ProgressTable *t, const Plan *p, Store *s, const int *going, int n,
                         const char *counts) {
    sqlite3_stmt *q;
    if (t->quiet || !t->terminal) return;
    if (sqlite3_prepare_v2(store_db(s), reading_sql, -1, &q, NULL) != SQLITE_OK) return;
    erase(t);
    struct winsize size = terminal_size();
    int shown = n < size.ws_row - 2 ? n : size.ws_row - 2, width = size.ws_col - 1;
    for (int i = 0; i < shown; i++) draw_run(p, q, going[i], width);
    printf("  %.*s\n", width - 2, counts);
    fflush(stdout);
    t->lines = (shown > 0 ? shown : 0) + 1;
    sqlite3_finalize(q);
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
