#include "data/standard_input.h"

#include "data/base/files.h"

#include <string.h>
#include <unistd.h>

static bool keep(DataConfig *c, const Bytes *text, const char *cache_dir, Error *e) {
    char hash[HASH_HEX];
    if (!text->size) return fail(e, EXIT_USAGE, "data.source: -: standard input is empty");
    hash_hex(text->data, text->size, hash);
    Path folder = path_of("%s/stdin", cache_dir), path = path_of("%s/%s.txt", folder.s, hash);
    if (strlen(path.s) >= sizeof c->source)
        return fail(e, EXIT_USAGE, "data.source: -: %s: the path is too long", path.s);
    if (!folder_make(folder.s, e)) return false;
    if (access(path.s, F_OK) && !file_replace(path.s, text->data, text->size, e)) return false;
    strcpy(c->source, path.s);
    return true;
}

bool standard_input_keep(DataConfig *c, const char *cache_dir, Error *e) {
    Bytes text = {0};
    if (strcmp(c->source, "-")) return true;
    bool ok = file_read_descriptor(STDIN_FILENO, "standard input", &text, e) && keep(c, &text, cache_dir, e);
    bytes_free(&text);
    return ok;
}
