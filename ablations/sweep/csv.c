#include "ablations/sweep/csv.h"

#include "data/base/files.h"

#include <string.h>

bool csv_refuse(const Csv *c, Error *e, const char *why) {
    return fail(e, EXIT_USAGE, "results: %s:%d: %s (a results file? see ablations/README.md)", c->path,
                c->line, why);
}

/* The end of a quoted field, which is unquoted in place; NULL: it has none. */
static char *unquote(char *from, int *lines) {
    char *to = from;
    for (from++; *from; from++) {
        if (*from == '"' && *++from != '"') {
            *to = 0;
            return from;
        }
        *lines += *from == '\n';
        *to++ = *from;
    }
    return NULL;
}

bool csv_next(Csv *c, bool *more, Error *e) {
    char *p = c->at;
    c->line = c->lines + 1;
    for (*more = *p, c->fields = 0; *p;) {
        if (c->fields == CSV_COLUMNS) return csv_refuse(c, e, "too many columns");
        char *end = *p == '"' ? unquote(p, &c->lines) : p + strcspn(p, ",\r\n");
        if (!end) return csv_refuse(c, e, "a quotation mark is not closed");
        c->field[c->fields++] = p;
        char stop = *end;
        *end = 0;
        p = end + (stop != 0);
        if (stop == ',') continue;
        if (stop == '\r' && *p == '\n') stop = *p++;
        if (stop != '\n') return csv_refuse(c, e, "a record does not end with its line");
        c->lines++;
        break;
    }
    c->at = p;
    return true;
}

bool csv_open(Csv *c, const char *path, Error *e) {
    *c = (Csv){.path = path};
    bool more, ok = file_read(path, &c->text, e) && bytes_append(&c->text, "", 1, e);
    c->at = c->text.data;
    ok = ok && csv_next(c, &more, e) &&
         ((more && !strcmp(c->field[0], "key")) || csv_refuse(c, e, "no column key comes first"));
    if (!ok) csv_close(c);
    return ok;
}

void csv_close(Csv *c) {
    bytes_free(&c->text);
}
