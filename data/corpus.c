#include "data/corpus.h"

#include "data/fetch.h"
#include "data/json_lines.h"
#include "data/shards.h"
#include "data/sources.h"
#include "data/text_file.h"
#include "data/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* ---- documents ---------------------------------------------------------------------------- */

/* Closes the document whose text begins at `from`; an empty one is no document. */
static bool document_end(Corpus *c, int64_t from, Error *e) {
    if (c->text.size == from) {
        c->empty++;
        return true;
    }
    if (!c->ids && c->text.data[c->text.size - 1] != '\n' && !bytes_append(&c->text, "\n", 1, e))
        return false;
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

static bool take_tokens(Corpus *c, const char *path, const int64_t *id, int64_t n, Error *e) {
    int64_t from = c->text.size;
    for (int64_t i = 0; i < n; i++) {
        uint16_t token = (uint16_t)id[i];
        if (id[i] >= c->ids->vocab)
            return fail(e, EXIT_USAGE, "data.vocab: %lld, but %s has token %lld", (long long)c->ids->vocab,
                        path, (long long)id[i]);
        if (id[i] != c->ids->eot) {
            if (!bytes_append(&c->text, (const char *)&token, sizeof token, e)) return false;
            continue;
        }
        if (c->text.size > from && !document_end(c, from, e)) return false;
        from = c->text.size;
    }
    return c->text.size == from || document_end(c, from, e);
}

static bool read_tokens(Corpus *c, const char *path, Error *e) {
    int64_t *id = NULL, n;
    bool ok = shard_read(path, &id, &n, e) && take_tokens(c, path, id, n, e);
    free(id);
    return ok;
}

static bool read_files(Corpus *c, const FileList *files, Error *e) {
    bool ok = true;
    for (int64_t i = 0; ok && i < files->files; i++)
        ok = (c->ids         ? read_tokens
              : c->field     ? read_lines
              : c->separator ? read_separated
                             : read_text)(c, files->path[i], e);
    return ok;
}

/* Counts in one line what was left out, and bytes kept that are no characters. */
static void write_note(Corpus *c) {
    bool parts = c->field || c->separator;
    const struct {
        int64_t n;
        const char *what;
    } rows[] = {{c->hidden, "hidden names left out"},
                {c->empty, parts ? "empty texts left out" : "empty files left out"},
                {c->links, "links left out (to nothing, or to what is read already)"},
                {c->special, "left out that are neither file nor folder"},
                {c->ids ? 0 : utf8_invalid_bytes(c->text.data, c->text.size),
                 "bytes that are not UTF-8, kept as they are"}};
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

/* The dictionary GCIDE: each entry is a document, in the order of the text; index lines that share an entry
 * count once, the database's own 00-database entries are left out. Entries are printed in indented lines of
 * some 70 columns; they are unfolded, one space for any white space, so that a model learns English and not a
 * layout. */
static bool read_gcide(Corpus *c, const FileList *files, Error *e) {
    if (files->files != 2)
        return fail(e, EXIT_USAGE, "corpus: gcide: incomplete (remove it and fetch it again)");
    return corpus_read_dictd(c, files->path[0], files->path[1], e);
}

/* What makes documents of a named source's files, by the word of its row. */
static const struct {
    const char *read;
    bool (*files)(Corpus *c, const FileList *files, Error *e);
} readers[] = {{"", read_files}, {"gcide", read_gcide}};

static bool read_named(Corpus *c, const NamedSource *s, const FileList *files, Error *e) {
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (!strcmp(s->read, readers[i].read)) return readers[i].files(c, files, e);
    return fail(e, EXIT_FAILED, "sources: %s: read: %s: is not known", s->name, s->read);
}

/* Leaves the files that a named source is of. */
static void keep_read(FileList *files, const NamedSource *s) {
    int64_t n = 0;
    for (int64_t i = 0; i < files->files; i++)
        if (named_source_reads(s, files->path[i]))
            files->path[n++] = files->path[i];
        else
            free(files->path[i]);
    files->files = n;
}

/* The field of a source PATH#FIELD, which is cut to PATH; NULL: the source is a path as it is. */
static const char *cut_field(Path *path, const char *source) {
    const char *mark = strrchr(source, '#');
    if (!mark || !mark[1] || access(source, F_OK) == 0) return NULL;
    path->s[mark - source] = 0;
    return mark + 1;
}

/* Where a named source's text is: as held-out text, of one that has files for that, those. */
static Path named_path(const NamedSource *s, const char *cache_dir, bool heldout) {
    return path_of("%s/%s/%s", cache_dir, s->name, heldout && s->heldout.n ? "heldout" : "text");
}

typedef struct Place {
    const char *cache_dir;
    bool heldout;
} Place;

/* The files of a source, its row if it has a name, its field if it is JSON lines. */
static bool source_files(FileList *files, NamedSource *named, const char **field, const char *source,
                         Place in, Error *e) {
    char names[CORPUS_NAMES];
    bool has_name = named_source(source, named);
    Path path = has_name ? named_path(named, in.cache_dir, in.heldout) : path_of("%s", source);
    *field = has_name ? NULL : cut_field(&path, source);
    if (access(path.s, F_OK) == 0) {
        bool ok = files_list_linked(files, path.s, NULL, e);
        if (ok && has_name) keep_read(files, named);
        return ok;
    }
    if (has_name)
        return fail(e, EXIT_USAGE, "data.source: %s: not here yet (get it with: sinklab fetch %s)", source,
                    source);
    return fail(e, EXIT_USAGE, "data.source: %s: %s (a path, one of: %s, or a task: sinklab train --help)",
                source, strerror(errno), corpus_names(names, sizeof names));
}

/* The first line of the file; a text of the user's has none. It is cached, so that what cannot be read now is
 * an error.
 */
static bool read_licence(Corpus *c, const NamedSource *s, const char *cache_dir, Error *e) {
    Bytes line = {0};
    Error unknown = {0};
    bool ok = *s->name && file_read(path_of("%s/%s/licence", cache_dir, s->name).s, &line, &unknown) &&
              bytes_append(&line, "", 1, &unknown);
    if (ok) line.data[strcspn(line.data, "\n")] = 0;
    snprintf(c->licence, sizeof c->licence, "%s", ok && *line.data ? line.data : "unknown");
    bytes_free(&line);
    return unknown.code != EXIT_FAILED || fail(e, unknown.code, "%s", unknown.text);
}

/* Adds a source's documents to those that are there. A named one has a separator of its own or none. */
static bool add_source(Corpus *c, const char *source, Place in, NamedSource *s, Error *e) {
    FileList files;
    int64_t before = c->documents, empty = c->empty;
    const char *separator = c->separator;
    if (!source_files(&files, s, &c->field, source, in, e)) return false;
    if (c->ids && c->field) {
        files_free(&files);
        return fail(e, EXIT_USAGE, "data.source: %s: a field of text is no file of tokens", source);
    }
    if (*s->name) c->separator = *s->separator ? s->separator : NULL;
    bool ok = *s->name ? read_named(c, s, &files, e) : read_files(c, &files, e);
    c->separator = separator;
    if (ok && c->documents == before) ok = fail(e, EXIT_USAGE, "data.source: %s: the text is empty", source);
    if (*s->name) c->empty = empty;
    c->hidden += files.hidden;
    c->links += files.links;
    c->special += files.special;
    files_free(&files);
    return ok;
}

static bool check_separator(const Corpus *c, const TextSource *from, const NamedSource *s, Error *e) {
    if (!c->separator) return true;
    if (c->ids)
        return fail(e, EXIT_USAGE,
                    "data.separator: documents of tokens begin with data.eot (leave the key out)");
    if (*s->name || c->field)
        return fail(e, EXIT_USAGE, "data.separator: %s has documents of its own (leave the key out)",
                    from->source);
    return c->cuts || fail(e, EXIT_USAGE, "data.separator: %s: stands nowhere in the text", from->source);
}

bool corpus_read_all(Corpus *c, const TextSource *from, const char *cache_dir, Error *e) {
    NamedSource s, other;
    *c = (Corpus){.separator = from->separator, .ids = from->ids};
    bool ok = add_source(c, from->source, (Place){cache_dir, false}, &s, e) &&
              check_separator(c, from, &s, e) && read_licence(c, &s, cache_dir, e);
    if (ok && from->heldout) {
        c->heldout_from = c->documents;
        ok = add_source(c, from->heldout, (Place){cache_dir, true}, &other, e);
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

static bool stat_source(const char *source, Place in, char digest[HASH_HEX], Error *e) {
    FileList files;
    NamedSource named;
    const char *field;
    if (!source_files(&files, &named, &field, source, in, e)) return false;
    Bytes seen = {0};
    bool ok = !field || bytes_append(&seen, field, (int64_t)strlen(field) + 1, e);
    if (ok && *named.name)
        ok = bytes_append(&seen, named.separator, (int64_t)strlen(named.separator) + 1, e) &&
             bytes_append(&seen, named.read, (int64_t)strlen(named.read) + 1, e);
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

bool corpus_stat(const char *source, const char *cache_dir, char digest[HASH_HEX], Error *e) {
    return stat_source(source, (Place){cache_dir, false}, digest, e);
}

bool corpus_stat_all(const TextSource *from, const char *cache_dir, char digest[HASH_HEX], Error *e) {
    char other[HASH_HEX] = "";
    if (!corpus_stat(from->source, cache_dir, digest, e)) return false;
    if (!from->heldout && !from->separator && !from->ids) return true;
    if (from->heldout && !stat_source(from->heldout, (Place){cache_dir, true}, other, e)) return false;
    Path ids = from->ids ? path_of("\n%lld", (long long)from->ids->eot) : path_of("%s", "");
    Path all = path_of("%s\n%s\n%s%s", digest, other, from->separator ? from->separator : "", ids.s);
    hash_hex(all.s, (int64_t)strlen(all.s), digest);
    return true;
}

void corpus_hash(const Corpus *c, char hash[HASH_HEX]) {
    char part[2 * HASH_HEX];
    hash_hex(c->text.data, c->text.size, part);
    hash_hex(c->start, (c->documents + 1) * (int64_t)sizeof *c->start, part + HASH_HEX - 1);
    hash_hex(part, 2 * (HASH_HEX - 1), hash);
}

/* ---- names ---- */

const char *corpus_names(char *text, size_t room) {
    return named_sources(text, room);
}

bool corpus_fetch(const char *name, const char *cache_dir, void (*say)(const char *line), Error *e) {
    char names[CORPUS_NAMES];
    NamedSource s;
    if (!named_source(name, &s))
        return fail(e, EXIT_USAGE, "fetch: %s: no such corpus (one of: %s)", name,
                    corpus_names(names, sizeof names));
    return source_fetch(&s, cache_dir, say, e);
}
