#include "ablations/sweep/sweep_metrics.h"

#include "train/config/did_you_mean.h"
#include "train/store/schema.h"

#include <string.h>

/* A run that has measured everything, and what the view says of it. */
static const char measured[] =
    "INSERT INTO run (key, variant, seed, config, status) VALUES ('', '', 0, '{}', 'done');"
    "INSERT INTO eval (run_id, step, probe, sink_rate_03) SELECT 1, 0, probe, 0 FROM probe",
                  metrics_sql[] = "SELECT metric FROM sweep_metrics ORDER BY instr(metric, '.') > 0",
                  columns_sql[] =
                      "SELECT s.name || '.' || c.name FROM sqlite_schema AS s, pragma_table_info(s.name) AS c"
                      " WHERE s.type = 'table' AND NOT c.pk"
                      " AND EXISTS (SELECT 1 FROM pragma_table_info(s.name) WHERE name = 'run_id')";

/* The names, from [1] on, of which there are *n; to be freed by sqlite3_free_table. */
static char **read_names(sqlite3 **db, const char *sql, int *n) {
    char **names = NULL;
    *n = 0;
    if (*db || (sqlite3_open(":memory:", db) == SQLITE_OK && schema_create(*db) == SQLITE_OK &&
                sqlite3_exec(*db, measured, NULL, NULL, NULL) == SQLITE_OK)) {
        sqlite3_get_table(*db, sql, &names, n, NULL, NULL);
        return names;
    }
    sqlite3_close(*db);
    *db = NULL;
    return NULL;
}

bool sweep_metric_known(sqlite3 **db, const char *metric, char *hint, size_t room) {
    int n, i = 1;
    char **names = read_names(db, metrics_sql, &n);
    while (i <= n && strcmp(metric, names[i])) i++;
    bool known = i <= n;
    const char *dot = strrchr(metric, '.');
    DidYouMean near = {.text = metric};
    for (i = 1; !known && i <= n; i++) did_you_mean_offer(&near, names[i]);
    if (!near.best && dot) near.text = dot + 1; /* no such probe, or not of this probe: the figure alone */
    for (i = 1; !known && i <= n; i++) did_you_mean_offer(&near, names[i]);
    did_you_mean_hint(&near, hint, room);
    sqlite3_free_table(names);
    return known;
}

bool sweep_column_known(sqlite3 **db, const char *column, char *hint, size_t room) {
    int n, i = 1;
    char **names = read_names(db, columns_sql, &n);
    DidYouMean near = {.text = column};
    while (i <= n && strcmp(column, names[i])) did_you_mean_offer(&near, names[i++]);
    did_you_mean_hint(&near, hint, room);
    sqlite3_free_table(names);
    return i <= n;
}
