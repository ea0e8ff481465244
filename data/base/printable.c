#include "data/base/printable.h"

#include "data/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_control(const unsigned char *c, int length) {
    return *c < 0x20 || *c == 0x7F || (length == 2 && *c == 0xC2 && c[1] < 0xA0);
}

void printable(const char *text, char *out, size_t room) {
    size_t left = strlen(text);
    while (left) {
        const unsigned char *c = (const unsigned char *)text;
        int length = utf8_length(c, (int64_t)left);
        bool raw = length && !is_control(c, length);
        size_t taken = length ? (size_t)length : 1, needed = raw ? taken : 4 * taken;
        if (needed >= room) break;
        if (raw) memcpy(out, text, taken);
        for (size_t i = 0; !raw && i < taken; i++) sprintf(out + 4 * i, "\\x%02x", c[i]);
        out += needed, room -= needed, text += taken, left -= taken;
    }
    *out = 0;
}
