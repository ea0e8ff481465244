#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_abort(const char *claim, const char *file, int line) {
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, claim);
    abort();
}

void fuzz_refused(const Error *e) {
    MUST(e->code == EXIT_USAGE || e->code == EXIT_FAILED);
    MUST(*e->text);
    for (const char *c = e->text; *c; c++) MUST((unsigned char)*c >= ' ' && *c != 127);
}

static Path own_folder;

static void remove_own_folder(void) {
    folder_remove(own_folder.s);
}

Path fuzz_folder(void) {
    if (*own_folder.s) {
        folder_remove(own_folder.s);
        MUST(folder_make(own_folder.s, NULL));
        return own_folder;
    }
    own_folder = path_of("%s/sinklab-fuzz-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    MUST(mkdtemp(own_folder.s));
    atexit(remove_own_folder);
    return own_folder;
}

static const char mark[] = "=== ";
enum { MARK = sizeof mark - 1, NAME_MOST = 60 };

/* Where the next line with a name begins, or the end. */
static const char *next_mark(const char *at, const char *end) {
    for (const char *line = at; line < end; line++) {
        if (end - line >= MARK && !memcmp(line, mark, MARK)) return line;
        line = memchr(line, '\n', (size_t)(end - line));
        if (!line) break;
    }
    return end;
}

static bool is_part(const char *part) {
    return *part && strcmp(part, ".") && strcmp(part, "..");
}

static void write_named(const char *folder, char *name, const char *data, int64_t size) {
    char *slash = strchr(name, '/'), *second = slash ? slash + 1 : NULL;
    if (slash) *slash = 0;
    if (!is_part(name) || (second && (!is_part(second) || strchr(second, '/')))) return;
    Path path = path_of("%s/%s", folder, name);
    if (second) {
        if (!folder_make(path.s, NULL)) return;
        path = path_of("%s/%s/%s", folder, name, second);
    }
    file_write(path.s, data, size, NULL); /* a folder may have the name */
}

void fuzz_files(const char *folder, const char *data, int64_t size) {
    const char *end = data + size, *at = next_mark(data, end);
    if (at > data) file_write(path_of("%s/input", folder).s, data, at - data, NULL);
    while (at < end) {
        const char *name = at + MARK, *line = memchr(name, '\n', (size_t)(end - name));
        const char *text = line ? line + 1 : end, *next = next_mark(text, end);
        char copy[NAME_MOST + 1];
        int64_t length = (line ? line : end) - name;
        snprintf(copy, sizeof copy, "%.*s", (int)(length < NAME_MOST ? length : NAME_MOST), name);
        write_named(folder, copy, text, next - text);
        at = next;
    }
}

char *fuzz_text(const char *data, int64_t size) {
    char *text = malloc((size_t)size + 1);
    MUST(text);
    for (int64_t i = 0; i < size; i++) text[i] = data[i] ? data[i] : ' ';
    text[size] = 0;
    return text;
}
