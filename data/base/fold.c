#include "data/base/fold.h"

#include "data/base/columns.h"

#include <string.h>

/* Where the lines below one begin. */
static size_t hang_of(const char *line, size_t length, int room) {
    size_t begin = strspn(line, " ");
    const char *gap = begin < length ? strstr(line + begin, "  ") : NULL;
    if (!gap || gap >= line + length) return begin;
    size_t hang = (size_t)(gap - line) + strspn(gap, " ");
    return hang < (size_t)room / 2 ? hang : begin + 4;
}

/* Bytes of the part of a line that goes before the break; all where there is no blank to break at. */
static size_t part_of(const char *line, size_t length, int room) {
    size_t part = columns_fit(line, room);
    if (part >= length) return length;
    while (part && line[part] != ' ') part--;
    while (part && line[part - 1] == ' ') part--;
    return part ? part : length;
}

static void print_line(FILE *out, const char *line, size_t length, int room) {
    size_t hang = hang_of(line, length, room), begin = strspn(line, " ");
    fprintf(out, "%.*s", (int)begin, line);
    for (size_t at = begin, left = begin; at < length; left = hang) {
        size_t part = part_of(line + at, length - at, room - (int)left);
        fprintf(out, "%s%*s%.*s", at > begin ? "\n" : "", at > begin ? (int)hang : 0, "", (int)part,
                line + at);
        at += part;
        at += at < length ? strspn(line + at, " ") : 0;
    }
    fputc('\n', out);
}

void fold_print(FILE *out, const char *text, int room) {
    while (*text) {
        size_t length = strcspn(text, "\n");
        print_line(out, text, length, room);
        text += length + (text[length] == '\n');
    }
}
