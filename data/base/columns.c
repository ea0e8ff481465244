#include "data/base/columns.h"

#include <limits.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

enum { UNTOLD = 80 };

/* Walks whole characters while they fit; returns the bytes walked, and the columns in *columns. */
static size_t walk(const char *text, int most, int *columns) {
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL), before = uselocale(utf8);
    mbstate_t state = {0};
    size_t at = 0, left = strlen(text);
    *columns = 0;
    while (at < left) {
        wchar_t c;
        size_t bytes = mbrtowc(&c, text + at, left - at, &state);
        int width = bytes > left ? -1 : wcwidth(c);
        if (bytes > left) {
            bytes = 1;
            state = (mbstate_t){0};
        }
        if (width < 0) width = 1;
        if (*columns + width > most) break;
        *columns += width;
        at += bytes;
    }
    uselocale(before);
    if (utf8) freelocale(utf8);
    return at;
}

int columns_of(const char *text) {
    int columns;
    walk(text, INT_MAX, &columns);
    return columns;
}

size_t columns_fit(const char *text, int most) {
    int columns;
    return walk(text, most, &columns);
}

int columns_of_terminal(int file) {
    struct winsize size = {0};
    return ioctl(file, TIOCGWINSZ, &size) || !size.ws_col ? UNTOLD : size.ws_col;
}
