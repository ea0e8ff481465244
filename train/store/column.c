#include "train/store/column.h"

#include "data/base/error.h"

const char *column_text(sqlite3_stmt *q, int column) {
    bool null =
        sqlite3_column_type(q, column) == SQLITE_NULL; /* asked first: without memory it says so after */
    const char *text = (const char *)sqlite3_column_text(q, column);
    if (!text && !null) out_of_memory();
    return text;
}
