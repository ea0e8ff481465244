#include "data/base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool fail(Error *e, int code, const char *format, ...) {
    if (!e) return false;
    e->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    for (char *c = e->text; *c; c++)
        if (*c == '\n') *c = ' ';
    return false;
}
