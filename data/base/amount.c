#include "data/base/amount.h"

#include <stddef.h>
#include <stdio.h>

const char *amount_text(double x, const char *unit, char text[AMOUNT_TEXT]) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t i = 0;
    for (; x >= 999.5 && i + 1 < sizeof prefixes / sizeof *prefixes; i++) x /= 1000; /* 999.6 reads 1000 */
    snprintf(text, AMOUNT_TEXT, "%.3g%s%s%s", x, *prefixes[i] || *unit ? " " : "", prefixes[i], unit);
    return text;
}

const char *duration_text(double seconds, char text[AMOUNT_TEXT]) {
    static const struct Unit {
        double below, seconds; /* told in this unit, of so many seconds, below so many of them */
        int digits;
        const char *name;
    } units[] = {{99.5, 1, 0, "s"},
                 {9.95, 60, 1, "min"},
                 {99.5, 60, 0, "min"},
                 {72, 3600, 1, "h"},
                 {1e9, 86400, 1, "days"}};
    const struct Unit *u = units;
    while (seconds >= u->below * u->seconds && u + 1 < units + sizeof units / sizeof *units) u++;
    if (seconds <= 0)
        snprintf(text, AMOUNT_TEXT, "-");
    else if (seconds < 1)
        snprintf(text, AMOUNT_TEXT, "<1 s");
    else
        snprintf(text, AMOUNT_TEXT, "%.*f %s", u->digits, seconds / u->seconds, u->name);
    return text;
}
