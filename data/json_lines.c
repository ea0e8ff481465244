#include "data/json_lines.h"

#include <jansson.h>
#include <string.h>

static bool is_blank(const char *line, size_t n) {
    size_t i = 0;
    while (i < n && strchr(" \t\r", line[i]) && line[i]) i++;
    return i == n;
}

static bool read_line(const char *line, size_t n, const char *where, const char *field, TextTaker *take,
                      void *self, Error *e) {
    json_error_t why;
    json_t *object = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!object) return fail(e, EXIT_USAGE, "text: %s: no JSON: %s", where, why.text);
    json_t *text = json_object_get(object, field);
    bool ok = json_is_string(text)
                  ? take(self, json_string_value(text), (int64_t)json_string_length(text), e)
                  : fail(e, EXIT_USAGE, "text: %s: has no text \"%s\" (data.source: PATH#FIELD names it)",
                         where, field);
    json_decref(object);
    return ok;
}

bool json_lines_parse(const char *data, int64_t size, const char *name, const char *field, TextTaker *take,
                      void *self, Error *e) {
    const char *end = data + size;
    long long number = 1;
    for (const char *line = data, *stop; line < end; line = stop + 1, number++) {
        char where[1024];
        stop = memchr(line, '\n', (size_t)(end - line));
        if (!stop) stop = end;
        snprintf(where, sizeof where, "%.900s:%lld", name, number);
        if (!is_blank(line, (size_t)(stop - line)) &&
            !read_line(line, (size_t)(stop - line), where, field, take, self, e))
            return false;
    }
    return true;
}
