#include "data/base/error.h"

#include "data/base/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int exit_code_of(int why) {
    static const int users[] = {ENOENT, EACCES, EROFS, ENOTDIR, EPERM, ELOOP, ENAMETOOLONG};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        if (why == users[i]) return EXIT_USAGE;
    return EXIT_FAILED;
}

bool fail(Error *e, int code, const char *format, ...) {
    if (!e) return false;
    char text[sizeof e->text];
    e->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if (*c == '\n') *c = ' ';
    printable(text, e->text, sizeof e->text);
    return false;
}

void out_of_memory(void) {
    static const char line[] = "sinklab: out of memory\n";
    ssize_t told = write(STDERR_FILENO, line, sizeof line - 1);
    (void)told;
    _exit(EXIT_FAILED);
}
