#include "data/seal.h"

#include "data/base/listing.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static bool append_line(Bytes *b, const char *kind, const char *name, const char *hash, Error *e) {
    Path line = path_of("%s%s %s\n", kind, name, hash);
    return bytes_append(b, line.s, (int64_t)strlen(line.s), e);
}

static bool hash_file(const char *path, char hash[HASH_HEX], Error *e) {
    const void *data;
    int64_t size;
    if (!file_map(path, &data, &size, e)) return false;
    hash_hex(data ? data : "", size, hash);
    if (data) munmap((void *)data, (size_t)size);
    return true;
}

bool folder_seal(const char *folder, const char *facts, Error *e) {
    Bytes meta = {0};
    FileList files;
    char hash[HASH_HEX];
    if (!files_list(&files, folder, NULL, e)) return false;
    bool ok = bytes_append(&meta, facts, (int64_t)strlen(facts), e);
    for (int64_t i = 0; ok && i < files.files; i++)
        ok = hash_file(files.path[i], hash, e) &&
             append_line(&meta, "file ", files.path[i] + strlen(folder) + 1, hash, e);
    files_free(&files);
    hash_hex(meta.data, meta.size, hash);
    ok = ok && append_line(&meta, "", "meta", hash, e) &&
         file_write(path_of("%s/meta", folder).s, meta.data, meta.size, e);
    bytes_free(&meta);
    return ok;
}

bool seal_parse(const char *meta, int64_t size, Bytes *facts, Bytes *files, Error *e) {
    char last[sizeof "meta \n" + HASH_HEX], hash[HASH_HEX];
    int64_t body = size - (int64_t)strlen("meta \n") - (HASH_HEX - 1);
    if (body > 0) hash_hex(meta, body, hash);
    if (body > 0) snprintf(last, sizeof last, "meta %s\n", hash);
    if (body <= 0 || memcmp(meta + body, last, (size_t)(size - body)) || memchr(meta, 0, (size_t)body))
        return fail(e, EXIT_FAILED, "meta: damaged");
    const char *first = memmem(meta, (size_t)body, "\nfile ", strlen("\nfile "));
    int64_t split = first ? first + 1 - meta : body;
    return bytes_append(facts, meta, split, e) && bytes_append(facts, "", 1, e) &&
           bytes_append(files, meta + split, body - split, e) && bytes_append(files, "", 1, e);
}

/* Compares a file with its line "file NAME HASH"; a name is that of a file in the folder itself. */
static bool check_line(const char *folder, char *line, Error *e) {
    const char *kind = strsep(&line, " "), *name = strsep(&line, " ");
    char hash[HASH_HEX];
    Error why = {0};
    if (!line || strcmp(kind, "file") || strchr(name, '/')) return fail(e, EXIT_FAILED, "meta: damaged");
    if (!hash_file(path_of("%s/%s", folder, name).s, hash, &why)) return fail(e, EXIT_FAILED, "%s", why.text);
    return strcmp(hash, line) ? fail(e, EXIT_FAILED, "%s: damaged", name) : true;
}

bool folder_check(const char *folder, Bytes *facts, Error *e) {
    Bytes meta = {0}, files = {0};
    bool ok = file_read(path_of("%s/meta", folder).s, &meta, e) &&
              seal_parse(meta.data, meta.size, facts, &files, e);
    char *rest = files.data;
    for (char *line; ok && (line = strsep(&rest, "\n"));)
        if (*line) ok = check_line(folder, line, e);
    bytes_free(&meta);
    bytes_free(&files);
    return ok;
}

bool fact_read(const char *facts, const char *name, char *value, size_t room) {
    size_t n = strlen(name);
    for (const char *line = facts; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        if (strncmp(line, name, n) || line[n] != ' ') continue;
        size_t length = strcspn(line + n + 1, "\n");
        if (length >= room) return false;
        memcpy(value, line + n + 1, length);
        value[length] = 0;
        return true;
    }
    return false;
}
