#include "data/base/text.h"

#include "data/base/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct Text {
    char *at, **text;
    size_t size, room, *length;
} Text;

/* glibc's open_memstream leaves out what it finds no memory for, and ferror does not tell. */
static ssize_t take(void *cookie, const char *data, size_t n) {
    Text *t = cookie;
    if (t->size + n >= t->room) {
        t->room = 2 * (t->size + n) + 256;
        t->at = realloc(t->at, t->room);
        if (!t->at) out_of_memory();
    }
    memcpy(t->at + t->size, data, n);
    t->at[t->size += n] = 0;
    return (ssize_t)n;
}

/* Only where it stands: ftell asks. */
static int tell(void *cookie, off64_t *at, int whence) {
    const Text *t = cookie;
    if (*at || whence != SEEK_CUR) return -1;
    *at = (off64_t)t->size;
    return 0;
}

static int finish(void *cookie) {
    Text *t = cookie;
    *t->text = t->at;
    *t->length = t->size;
    free(t);
    return 0;
}

FILE *text_open(char **text, size_t *length) {
    Text *t = malloc(sizeof *t);
    if (!t) out_of_memory();
    *t = (Text){.text = text, .length = length};
    take(t, "", 0); /* an empty text is one, too */
    FILE *out = fopencookie(t, "w", (cookie_io_functions_t){NULL, take, tell, finish});
    if (!out) out_of_memory();
    return out;
}

char *text_copy(const char *text) {
    char *copy = strdup(text);
    if (!copy) out_of_memory();
    return copy;
}

bool text_ends(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}
