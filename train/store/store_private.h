/* Owns: what the files of the store share: its struct, and running one statement.
 * Does not own: anything that the rest of the program may see (train/store/store.h). */
#ifndef SINKLAB_STORE_PRIVATE_H
#define SINKLAB_STORE_PRIVATE_H

#include "train/store/store.h"

#include <stddef.h>

/* Tables that runs write, in the order of the rows of `table_specs` (train/store/store_write.c). */
typedef enum TableId {
    TABLE_STEP,
    TABLE_STEP_HEAD,
    TABLE_STEP_LAYER,
    TABLE_STEP_TENSOR,
    TABLE_EVAL,
    TABLE_EVAL_LAYER,
    TABLE_EVAL_HEAD,
    TABLE_EVAL_MASS,
    TABLE_METRIC,
    TABLE_MAP,
    TABLE_MAP_TOKEN,
    TABLE_EVENT,
    TABLES
} TableId;

enum { COLUMNS_MAX = 64, COLUMN_NAME = 48, STORE_PATH = 900, URI_TEXT = 3 * STORE_PATH + 32 };

/* One table as this database has it, and the statement that writes a row of it. */
typedef struct Table {
    int columns;
    char name[COLUMNS_MAX][COLUMN_NAME];
    bool integer[COLUMNS_MAX];
    sqlite3_stmt *insert;
} Table;

typedef struct Cell {
    enum { CELL_NULL, CELL_INTEGER, CELL_REAL, CELL_TEXT, CELL_BLOB } type;
    int bytes; /* of a text or blob */
    union {
        int64_t integer;
        double real;
        size_t text; /* offset into Batch.text; of a blob too */
    };
} Cell;

typedef struct BatchRow {
    TableId table;
    size_t cell; /* index of its first cell; it has as many as its table has columns */
} BatchRow;

/* Rows that wait for their transaction. */
typedef struct Batch {
    BatchRow *row;
    Cell *cell;
    char *text;
    size_t rows, rows_room, cells, cells_room, bytes, bytes_room;
    int steps;              /* rows of TABLE_STEP */
    double started;         /* seconds on the monotonic clock when the first row came */
    const char *checkpoint; /* of the run whose rows they are; "": none, NULL: as it was */
} Batch;

struct Store {
    sqlite3 *db;
    char path[STORE_PATH];
    char uri[URI_TEXT]; /* of the path, as it was opened */
    Table table[TABLES];
    Batch batch;
    bool entries_synced;  /* those of the database and of DB.d in their folder */
    double locked_since;  /* seconds, of the lock that is waited for */
    bool told, impatient; /* of that lock; a lock has lasted too long already */
};

/* Waits while another program holds the database: sqlite3_busy_handler's (train/store/store_file.c). */
int store_wait(void *store, int tries);

/* Path as SQLite has it, so that a database of two names has one folder of runs, one log
 * (train/store/store_file.c). */
bool store_resolve(Store *s, const char *path, bool create, Error *e);

/* Prepares the statements of all tables (train/store/store_write.c). */
bool tables_open(Store *s, Error *e);
void tables_close(Store *s);

/* Runs SQL without results. `what` says in errors what was being done. */
bool store_sql(Store *s, const char *sql, const char *what, Error *e);

/* Prepares one statement and binds values by `types`: one letter each, i int64_t, t const char *
 * (NULL is NULL), d double. NULL on error. */
sqlite3_stmt *store_prepare(Store *s, Error *e, const char *sql, const char *types, ...);

/* Finalizes a statement whose last step gave `result`, which should be SQLITE_DONE. */
bool store_ended(Store *s, sqlite3_stmt *statement, int result, Error *e);

/* Steps a statement to its end and ends it; NULL is let pass as failed. When `out` is not NULL
 * and there are rows, *out is the last one's first integer. */
bool store_finish(Store *s, sqlite3_stmt *statement, int64_t *out, Error *e);

/* BEGIN IMMEDIATE ... ends with COMMIT if ok, else with ROLLBACK; returns whether it was committed. */
bool store_begin(Store *s, Error *e);
bool store_end(Store *s, bool ok, Error *e);

#endif
