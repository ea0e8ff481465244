#include "data/base/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool number_read(const char *text, double *value) {
    char *end;
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text)) return false;
    *value = strtod(text, &end) + 0.0; /* -0 becomes 0: they are one value, and one run key */
    return !*end && isfinite(*value);
}
