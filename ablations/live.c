#include "ablations/live.h"

#include <math.h>
#include <stdarg.h>

enum { RECENT = 100 }; /* steps that the time left is reckoned from */

static const char reading_sql[] =
    "SELECT s.step, s.loss, (SELECT sink_rate_03 FROM eval WHERE run_id = r.id AND probe = 'main'"
    "  AND sink_rate_03 IS NOT NULL ORDER BY step DESC LIMIT 1),"
    " (SELECT avg(ms + coalesce(probe_ms, 0) + coalesce(save_ms, 0)) FROM step"
    "  WHERE run_id = r.id AND step > s.step - ?2)"
    " FROM run AS r JOIN step AS s ON s.run_id = r.id WHERE r.key = ?1 ORDER BY s.step DESC LIMIT 1";

static double column(sqlite3_stmt *q, int i) {
    return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

static void draw_run(const Plan *p, sqlite3_stmt *q, int index) {
    char label[LABEL_TEXT];
    const PlannedRun *r = &p->run[index];
    sweep_label(p->sweep, index, LABEL_ALL, label);
    printf("  %s seed %lld", label, (long long)r->config.seed);
    sqlite3_bind_text(q, 1, r->key, -1, SQLITE_STATIC);
    sqlite3_bind_int(q, 2, RECENT);
    if (sqlite3_step(q) == SQLITE_ROW) {
        int64_t step = sqlite3_column_int64(q, 0);
        double left = column(q, 3) * (double)(r->config.train.steps - step) / 1000;
        printf("  step %lld of %lld  loss %.3f  sink %.3f  %d:%02d left", (long long)step,
               (long long)r->config.train.steps, column(q, 1), column(q, 2), (int)left / 60, (int)left % 60);
    } else {
        printf("  starting");
    }
    printf("\033[K\n");
    sqlite3_reset(q);
}

static void erase(Live *l) {
    if (l->lines) printf("\033[%dA\033[J", l->lines);
    l->lines = 0;
}

void live_draw(Live *l, const Plan *p, Store *s, const int *going, int n, const char *counts) {
    sqlite3_stmt *q;
    if (l->quiet || !l->terminal) return;
    if (sqlite3_prepare_v2(store_db(s), reading_sql, -1, &q, NULL) != SQLITE_OK) return;
    erase(l);
    for (int i = 0; i < n; i++) draw_run(p, q, going[i]);
    printf("  %s\n", counts);
    fflush(stdout);
    l->lines = n + 1;
    sqlite3_finalize(q);
}

void live_say(Live *l, const char *format, ...) {
    if (l->quiet) return;
    va_list args;
    erase(l);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}
