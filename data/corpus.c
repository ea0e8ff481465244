#include "data/corpus.h"

#include "data/base/process.h"
#include "data/json_lines.h"
#include "data/text_file.h"
#include "data/utf8.h"
#include "data/workspace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* A corpus that Debian packages. */
typedef struct Package {
    const char *name, *package;
    const char *folder; /* the one folder of the package that is kept, as cache_dir/NAME/text */
    const char *licence;
    bool (*wanted)(const char *path);
    bool (*read)(Corpus *c, const FileList *files, Error *e);
} Package;

/* ---- documents ---------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* Closes the document whose text begins at `from`; an empty one is no document. */
static bool document_end(Corpus *c, int64_t from, Error *e) {
    if (c->text.size == from) {
        c->empty++;
        return true;
    }
    if (c->text.data[c->text.size - 1] != '\n' && !bytes_append(&c->text, "\n", 1, e)) return false;
    bool full = (c->documents & (c->documents + 1)) == 0; /* grows to the next power of two */
    if (full && !memory_grow((void **)&c->start, 2 * c->documents + 2, sizeof *c->start, e)) return false;
    c->start[c->documents++] = from;
    c->start[c->documents] = c->text.size;
    return true;
}

static bool read_text(Corpus *c, const char *path, Error *e) {
    int64_t from = c->text.size;
    return text_file_read(path, &c->text, e) && document_end(c, from, e);
}

static bool take_document(void *self, const char *text, int64_t size, Error *e) {
    Corpus *c = self;
    int64_t from = c->text.size;
    return bytes_append(&c->text, text, size, e) && document_end(c, from, e);
}

/* A separator takes one newline with it that stands behind it; what is behind the last is a document if there
 * is anything. */
static bool read_separated(Corpus *c, const char *path, Error *e) {
    Bytes text = {0};
    size_t length = strlen(c->separator);
    bool ok = text_file_read(path, &text, e);
    for (const char *at = text.data, *end = at + text.size; ok && at < end;) {
        const char *cut = memmem(at, (size_t)(end - at), c->separator, length);
        ok = take_document(c, at, (cut ? cut : end) - at, e);
        c->cuts += cut != NULL;
        at = cut ? cut + length : end;
        if (cut && at < end && *at == '\n') at++;
    }
    bytes_free(&text);
    return ok;
}

static bool read_lines(Corpus *c, const char *path, Error *e) {
    Bytes lines = {0};
    bool ok = file_read(path, &lines, e) &&
              json_lines_parse(lines.data, lines.size, path, c->field, take_document, c, e);
    bytes_free(&lines);
    return ok;
}

static bool read_files(Corpus *c, const FileList *files, Error *e) {
    bool ok = true;
    for (int64_t i = 0; ok && i < files->files; i++)
        ok = (c->field ? read_lines : c->separator ? read_separated : read_text)(c, files->path[i], e);
    return ok;
}

/* Counts in one line what was left out, and bytes kept that are no characters. */
static void write_note(Corpus *c) {
    bool parts = c->field || c->separator;
    const struct {
        int64_t n;
        const char *what;
    } rows[] = {
        {c->hidden, "hidden names left out"},
        {c->empty, parts ? "empty texts left out" : "empty files left out"},
        {c->links, "links left out (to nothing, or to what is read already)"},
        {c->special, "left out that are neither file nor folder"},
        {utf8_invalid_bytes(c->text.data, c->text.size), "bytes that are not UTF-8, kept as they are"}};
    size_t used = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && used < sizeof c->note; i++)
        if (rows[i].n)
            used += (size_t)snprintf(c->note + used, sizeof c->note - used, "%s%lld %s", used ? ", " : "",
                                     (long long)rows[i].n, rows[i].what);
}

/* ---- dictd -------------------------------------------------------------------------------- */

typedef struct Entry {
    int64_t offset, length;
    bool hidden; /* the database's own notes */
} Entry;

typedef struct Entries {
    Entry *entry;
    int64_t entries, capacity;
} Entries;

static int64_t base64_number(const char *s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int64_t n = 0;
    for (; *s; s++) {
        const char *digit = strchr(digits, *s);
        if (!digit || n >> 57) return -1;
        n = n * 64 + (digit - digits);
    }
    return n;
}

static bool entries_add(Entries *list, char *line, Error *e) {
    const char *headword = strsep(&line, "\t"), *offset = strsep(&line, "\t"), *length = strsep(&line, "\t");
    if (!length)
        return fail(e, EXIT_USAGE, "corpus: dictd index: a line without three fields: %.80s", headword);
    if (list->entries == list->capacity) {
        list->capacity = list->capacity * 2 + 64;
        if (!memory_grow((void **)&list->entry, list->capacity, sizeof *list->entry, e)) return false;
    }
    bool hidden = strncmp(headword, "00-database", strlen("00-database")) == 0;
    list->entry[list->entries++] = (Entry){base64_number(offset), base64_number(length), hidden};
    return true;
}

/* Orders entries by their place in the text; of lines that share an entry the one that hides it comes first.
 */
static int by_offset(const void *a, const void *b) {
    const Entry *p = a, *q = b;
    if (p->offset != q->offset) return p->offset < q->offset ? -1 : 1;
    if (p->length != q->length) return p->length < q->length ? -1 : 1;
    return q->hidden - p->hidden;
}

static bool entries_read(Entries *list, Bytes *index, Error *e) {
    bool ok = bytes_append(index, "", 1, e);
    char *rest = index->data;
    for (char *line; ok && (line = strsep(&rest, "\n"));)
        if (*line) ok = entries_add(list, line, e);
    if (ok && list->entries) qsort(list->entry, (size_t)list->entries, sizeof *list->entry, by_offset);
    return ok;
}

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\t';
}

/* Appends an entry unfolded: its words with one space between them. */
static bool append_unfolded(Bytes *out, const char *text, int64_t size, Error *e) {
    int64_t from = out->size;
    for (int64_t i = 0, end; i < size; i = end) {
        while (i < size && is_space(text[i])) i++;
        for (end = i; end < size && !is_space(text[end]);) end++;
        bool first = out->size == from;
        if (end > i &&
            ((!first && !bytes_append(out, " ", 1, e)) || !bytes_append(out, text + i, end - i, e)))
            return false;
    }
    return true;
}

/* Appends the entries that lie within the text. Entries may share text, but all of them together are not
 * longer than the text twice. */
static bool add_entries(Corpus *c, const char *name, const Bytes *dict, const Entries *list, Error *e) {
    bool ok = true;
    int64_t left = 2 * dict->size;
    for (int64_t i = 0; ok && i < list->entries; i++) {
        Entry now = list->entry[i];
        if (now.offset < 0 || now.length < 0 || now.length > dict->size ||
            now.offset > dict->size - now.length)
            ok = fail(e, EXIT_USAGE, "corpus: %s: an entry lies outside of the text (fetch it again)", name);
        bool again = i && list->entry[i - 1].offset == now.offset && list->entry[i - 1].length == now.length;
        if (!ok || again || now.hidden || !now.length) continue; /* an empty text has no place */
        if ((left -= now.length) < 0)
            return fail(e, EXIT_USAGE, "corpus: %s: its entries overlap (fetch it again)", name);
        int64_t from = c->text.size;
        ok = append_unfolded(&c->text, dict->data + now.offset, now.length, e) && document_end(c, from, e);
    }
    return ok;
}

bool corpus_add_dictd(Corpus *c, const char *name, const Bytes *dict, Bytes *index, Error *e) {
    if (index->size && memchr(index->data, 0, (size_t)index->size))
        return fail(e, EXIT_USAGE, "corpus: %s: no index of dictd (fetch it again)", name);
    Entries list = {0};
    bool ok = entries_read(&list, index, e) && add_entries(c, name, dict, &list, e);
    free(list.entry);
    return ok;
}

bool corpus_read_dictd(Corpus *c, const char *dict, const char *index, Error *e) {
    Bytes text = {0}, lines = {0};
    bool ok = file_read(dict, &text, e) && file_read(index, &lines, e) &&
              corpus_add_dictd(c, index, &text, &lines, e);
    bytes_free(&text);
    bytes_free(&lines);
    return ok;
}

/* ---- named corpora ------------------------------------------------------------------------ */

static bool is_gcide(const char *path) {
    return ends_with(path, "/gcide.dict.dz") || ends_with(path, "/gcide.index");
}

/* The kernel's documentation: each source under Documentation/ is a document, sorted by path. */
static bool is_documentation(const char *path) {
    static const char *const ends[] = {".rst", ".rst.gz", ".txt", ".txt.gz"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(path, ends[i])) return true;
    return false;
}

/* The dictionary GCIDE: each entry is a document, in the order of the text; index lines that share an entry
 * count once, the database's own 00-database entries are left out. Entries are printed in indented lines of
 * some 70 columns; they are unfolded, one space for any white space, so that a model learns English and not a
 * layout. */
static bool read_gcide(Corpus *c, const FileList *files, Error *e) {
    if (files->files != 2)
        return fail(e, EXIT_USAGE, "corpus: gcide: incomplete (remove it and fetch it again)");
    return corpus_read_dictd(c, files->path[0], files->path[1], e);
}

/* To add a corpus: a row, from which messages and help take its name; a function that says which of the
 * package's files are wanted, and read_files, or a reader of its own where a file is not a document; a test
 * of both in tests/data/corpus_test.c. model/README.md has one as an example. */
static const Package packages[] = {
    {"gcide", "dict-gcide", "usr/share/dictd", "GPL-2+", is_gcide, read_gcide},
    {"kernel-doc", "linux-doc-6.1", "usr/share/doc/linux-doc-6.1/Documentation", "GPL-2", is_documentation,
     read_files},
};
enum { PACKAGES = sizeof packages / sizeof *packages };

static const Package *package_named(const char *name) {
    for (int i = 0; i < PACKAGES; i++)
        if (strcmp(packages[i].name, name) == 0) return &packages[i];
    return NULL;
}

const char *corpus_names(char *text, size_t room) {
    size_t used = 0;
    for (int i = 0; i < PACKAGES && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", packages[i].name);
    return text;
}

static Path package_path(const Package *p, const char *cache_dir) {
    return path_of("%s/%s", cache_dir, p->name);
}

/* The field of a source PATH#FIELD, which is cut to PATH; NULL: the source is a path as it is. */
static const char *cut_field(Path *path, const char *source) {
    const char *mark = strrchr(source, '#');
    if (!mark || !mark[1] || access(source, F_OK) == 0) return NULL;
    path->s[mark - source] = 0;
    return mark + 1;
}

/* The files of a source, its package if it is a named corpus, its field if it is JSON lines. */
static bool source_files(FileList *files, const Package **package, const char **field, const char *source,
                         const char *cache_dir, Error *e) {
    char names[CORPUS_NAMES];
    const Package *p = *package = package_named(source);
    Path path = p ? path_of("%s/text", package_path(p, cache_dir).s) : path_of("%s", source);
    *field = p ? NULL : cut_field(&path, source);
    if (access(path.s, F_OK) == 0) return files_list_linked(files, path.s, p ? p->wanted : NULL, e);
    if (p)
        return fail(e, EXIT_USAGE, "data.source: %s: not here yet (get it with: sinklab fetch %s)", source,
                    source);
    return fail(e, EXIT_USAGE,
                "data.source: %s: %s (a path, or one of: %s, bigram_backcopy, trigger_mean, retrieval)",
                source, strerror(errno), corpus_names(names, sizeof names));
}

/* The first line of the file; a text of the user's has none. It is cached, so that what cannot be read now is
 * an error.
 */
static bool read_licence(Corpus *c, const Package *p, const char *cache_dir, Error *e) {
    Bytes line = {0};
    Error unknown = {0};
    bool ok = p && file_read(path_of("%s/licence", package_path(p, cache_dir).s).s, &line, &unknown) &&
              bytes_append(&line, "", 1, &unknown);
    if (ok) line.data[strcspn(line.data, "\n")] = 0;
    snprintf(c->licence, sizeof c->licence, "%s", ok && *line.data ? line.data : "unknown");
    bytes_free(&line);
    return unknown.code != EXIT_FAILED || fail(e, unknown.code, "%s", unknown.text);
}

/* Adds a source's documents to those that are there. */
static bool add_source(Corpus *c, const char *source, const char *cache_dir, const Package **p, Error *e) {
    FileList files;
    int64_t before = c->documents, empty = c->empty;
    if (!source_files(&files, p, &c->field, source, cache_dir, e)) return false;
    bool ok = *p ? (*p)->read(c, &files, e) : read_files(c, &files, e);
    if (ok && c->documents == before) ok = fail(e, EXIT_USAGE, "data.source: %s: the text is empty", source);
    if (*p) c->empty = empty;
    c->hidden += files.hidden;
    c->links += files.links;
    c->special += files.special;
    files_free(&files);
    return ok;
}

static bool check_separator(const Corpus *c, const TextSource *from, const Package *p, Error *e) {
    if (!c->separator) return true;
    if (p || c->field)
        return fail(e, EXIT_USAGE, "data.separator: %s has documents of its own (leave the key out)",
                    from->source);
    return c->cuts || fail(e, EXIT_USAGE, "data.separator: %s: stands nowhere in the text", from->source);
}

bool corpus_read_all(Corpus *c, const TextSource *from, const char *cache_dir, Error *e) {
    const Package *p, *other;
    *c = (Corpus){.separator = from->separator};
    bool ok = add_source(c, from->source, cache_dir, &p, e) && check_separator(c, from, p, e) &&
              read_licence(c, p, cache_dir, e);
    if (ok && from->heldout) {
        c->heldout_from = c->documents;
        ok = add_source(c, from->heldout, cache_dir, &other, e);
    }
    if (ok)
        write_note(c);
    else
        corpus_free(c);
    return ok;
}

bool corpus_read(Corpus *c, const char *source, const char *cache_dir, Error *e) {
    return corpus_read_all(c, &(TextSource){.source = source}, cache_dir, e);
}

void corpus_free(Corpus *c) {
    bytes_free(&c->text);
    free(c->start);
    *c = (Corpus){0};
}

bool corpus_stat(const char *source, const char *cache_dir, char digest[HASH_HEX], Error *e) {
    FileList files;
    const Package *p;
    const char *field;
    if (!source_files(&files, &p, &field, source, cache_dir, e)) return false;
    Bytes seen = {0};
    bool ok = !field || bytes_append(&seen, field, (int64_t)strlen(field) + 1, e);
    for (int64_t i = 0; ok && i < files.files; i++) {
        struct stat s;
        if (stat(files.path[i], &s)) {
            ok = fail(e, exit_code_of(errno), "data.source: %s: %s", files.path[i], strerror(errno));
            break;
        }
        int64_t facts[] = {s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec, s.st_ctim.tv_sec,
                           s.st_ctim.tv_nsec};
        ok = bytes_append(&seen, files.path[i], (int64_t)strlen(files.path[i]) + 1, e) &&
             bytes_append(&seen, facts, sizeof facts, e);
    }
    hash_hex(seen.data, seen.size, digest);
    bytes_free(&seen);
    files_free(&files);
    return ok;
}

bool corpus_stat_all(const TextSource *from, const char *cache_dir, char digest[HASH_HEX], Error *e) {
    char other[HASH_HEX] = "";
    if (!corpus_stat(from->source, cache_dir, digest, e)) return false;
    if (!from->heldout && !from->separator) return true;
    if (from->heldout && !corpus_stat(from->heldout, cache_dir, other, e)) return false;
    Path all = path_of("%s\n%s\n%s", digest, other, from->separator ? from->separator : "");
    hash_hex(all.s, (int64_t)strlen(all.s), digest);
    return true;
}

void corpus_hash(const Corpus *c, char hash[HASH_HEX]) {
    char part[2 * HASH_HEX];
    hash_hex(c->text.data, c->text.size, part);
    hash_hex(c->start, (c->documents + 1) * (int64_t)sizeof *c->start, part + HASH_HEX - 1);
    hash_hex(part, 2 * (HASH_HEX - 1), hash);
}

/* ---- fetching ----------------------------------------------------------------------------- */

static bool is_package_file(const char *path) {
    return ends_with(path, ".deb");
}

/* The version stands in the file's name: PACKAGE_VERSION_ARCHITECTURE.deb. */
static bool write_licence(const Package *p, const char *deb, const char *folder, Error *e) {
    const char *name = strrchr(deb, '/') + 1, *version = strchr(name, '_');
    int length = version ? (int)strcspn(version + 1, "_") : 0;
    Path line = path_of("%s (%s %.*s)\n", p->licence, p->package, length, length ? version + 1 : "");
    return file_write(path_of("%s/licence", folder).s, line.s, (int64_t)strlen(line.s), e);
}

/* Downloads and unpacks into `folder`, leaving there `corpus` with the text and its licence. */
static bool fetch_into(const Package *p, const char *folder, Error *e) {
    const char *const download[] = {"apt-get", "-q", "download", p->package, NULL};
    Error why = {0};
    if (!process_run(download, folder, "log", "apt", &why))
        return fail(e, why.code, "fetch: %s: %s (is there a network? has `apt-get update` been run?)",
                    p->name, why.text);
    FileList debs;
    if (!files_list(&debs, folder, is_package_file, e)) return false;
    Path corpus = path_of("%s/corpus", folder), unpacked = path_of("%s/unpacked", folder);
    bool ok = debs.files == 1 || fail(e, EXIT_FAILED, "fetch: %s: apt-get left no package file", p->name);
    if (ok) {
        const char *const unpack[] = {"dpkg-deb", "-x", strrchr(debs.path[0], '/') + 1, "unpacked", NULL};
        ok = process_run(unpack, folder, "log", "dpkg", e) && folder_make(corpus.s, e) &&
             write_licence(p, debs.path[0], corpus.s, e);
    }
    files_free(&debs);
    Path from = path_of("%s/%s", unpacked.s, p->folder), to = path_of("%s/text", corpus.s);
    if (ok && rename(from.s, to.s))
        ok = fail(e, EXIT_FAILED, "fetch: %s: the package has no %s", p->name, p->folder);
    return ok;
}

bool corpus_fetch(const char *name, const char *cache_dir, void (*say)(const char *line), Error *e) {
    char names[CORPUS_NAMES];
    const Package *p = package_named(name);
    if (!p)
        return fail(e, EXIT_USAGE, "fetch: %s: no such corpus (one of: %s)", name,
                    corpus_names(names, sizeof names));
    Path home = package_path(p, cache_dir);
    if (access(home.s, F_OK) == 0) return true;
    Workspace w;
    if (!workspace_open(&w, cache_dir, e)) return false;
    if (say) say(path_of("fetch: %s: apt-get download %s", p->name, p->package).s);
    bool ok =
        fetch_into(p, w.path.s, e) && workspace_publish(&w, path_of("%s/corpus", w.path.s).s, home.s, e);
    workspace_close(&w);
    return ok;
}
