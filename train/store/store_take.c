/* What a run takes over from a done one that begins as it does. */
#include "data/base/bytes.h"
#include "data/base/text.h"
#include "train/store/column.h"
#include "train/store/schema.h"
#include "train/store/store_private.h"

#include <stdio.h>
#include <stdlib.h>

static void read_done(sqlite3_stmt *q, DoneRun *out) {
    const char *kernels = column_text(q, 3);
    *out = (DoneRun){.id = sqlite3_column_int64(q, 0), .steps = sqlite3_column_int64(q, 1)};
    snprintf(out->key, sizeof out->key, "%s", column_text(q, 2));
    snprintf(out->kernels, sizeof out->kernels, "%s", kernels ? kernels : "");
    out->config = text_copy(column_text(q, 4));
}

bool store_done_runs(Store *s, const char *corpus, const char *tokenizer, int64_t steps, DoneRun **out,
                     int *n, Error *e) {
    *out = NULL;
    *n = 0;
    sqlite3_stmt *q = store_prepare(
        s, e,
        "SELECT id, steps, key, blas_arch, config FROM run WHERE status = 'done' AND origin IS NULL AND"
        " corpus_hash = ?1 AND tokenizer_hash = ?2 AND steps < ?3 ORDER BY steps DESC, id",
        "tti", corpus, tokenizer, steps);
    if (!q) return false;
    bool ok = true;
    int result = SQLITE_DONE;
    while (ok && (result = sqlite3_step(q)) == SQLITE_ROW) {
        ok = memory_grow((void **)out, *n + 1, sizeof **out, e);
        if (ok) read_done(q, &(*out)[(*n)++]);
    }
    return store_ended(s, q, ok ? result : SQLITE_DONE, e) && ok;
}

void store_done_runs_free(DoneRun *runs, int n) {
    for (int i = 0; i < n; i++) free(runs[i].config);
    free(runs);
}

/* ?1, ?2: from, to; of every table that has both columns. step_layer and step_tensor are had at the step
 * itself or not. */
static const char take_sql[] =
    "SELECT group_concat('INSERT INTO ' || name || ' (' || columns || ') SELECT ' ||"
    " replace(columns, '\"run_id\"', ?2) || ' FROM ' || name || ' WHERE run_id = ' || ?1 || ' AND step ' ||"
    " CASE WHEN name IN ('step', 'step_head') THEN '<= %1$lld'"
    " WHEN name LIKE 'step%%' THEN '< %1$lld + %2$d'"
    " WHEN name = 'event' THEN '< %1$lld AND kind = ''nan''' ELSE '< %1$lld' END, ';') FROM ("
    "SELECT s.name, (SELECT group_concat('\"' || c.name || '\"') FROM pragma_table_info(s.name) AS c) AS "
    "columns FROM sqlite_schema AS s WHERE s.type = 'table' AND 2 = (SELECT count(*) FROM"
    " pragma_table_info(s.name) WHERE name IN ('run_id', 'step')));"
    "SELECT 'DELETE FROM figure_version WHERE run_id = ' || ?2;"
    "SELECT 'INSERT INTO figure_version SELECT ' || ?2 || ', figure, version FROM figure_version WHERE "
    "run_id = '"
    " || ?1";

static bool take_rows(Store *s, int64_t from, int64_t to, int64_t step, bool gradients, Error *e) {
    char sql[sizeof take_sql + 128], ids[2][24];
    snprintf(sql, sizeof sql, take_sql, (long long)step, gradients);
    snprintf(ids[0], sizeof ids[0], "%lld", (long long)from);
    snprintf(ids[1], sizeof ids[1], "%lld", (long long)to);
    return sql_generated(s->db, sql, ids[0], ids[1]) == SQLITE_OK || store_failed(s, "results", e);
}

bool store_take_rows(Store *s, int64_t from, int64_t to, int64_t step, bool gradients, Error *e) {
    return store_flush(s, e) && store_begin(s, e) &&
           store_end(s, take_rows(s, from, to, step, gradients, e), e);
}
