#include "data/utf8.h"

#include <stddef.h>

int utf8_length(const unsigned char *s, int64_t left) {
    static const struct {
        unsigned char first, last, low, high; /* lead bytes, and the bounds of the byte after it */
        int length;
    } rows[] = {{0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
                {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int n = rows[i].length;
        if (*s < rows[i].first || *s > rows[i].last) continue;
        if (n > left || (n > 1 && (s[1] < rows[i].low || s[1] > rows[i].high))) return 0;
        for (int k = 2; k < n; k++)
            if ((s[k] & 0xC0) != 0x80) return 0;
        return n;
    }
    return 0;
}

int64_t utf8_invalid_bytes(const char *text, int64_t size) {
    int64_t invalid_bytes = 0;
    for (int64_t at = 0; at < size;) {
        int n = utf8_length((const unsigned char *)text + at, size - at);
        invalid_bytes += n == 0;
        at += n ? n : 1;
    }
    return invalid_bytes;
}
