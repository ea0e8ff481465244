#include "data/fetch.h"

#include "data/base/listing.h"
#include "data/base/process.h"
#include "data/base/text.h"
#include "data/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_in_deb(const char *path) {
    return text_ends(path, ".deb");
}

static bool write_licence(const char *folder, const char *licence, const char *of, Error *e) {
    Path line = path_of("%s%s\n", licence, of);
    return file_write(path_of("%s/licence", folder).s, line.s, (int64_t)strlen(line.s), e);
}

static bool move(const NamedSource *s, const char *from, const char *to, const char *what, Error *e) {
    return !rename(from, to) || fail(e, EXIT_FAILED, "fetch: %s: the package has no %s", s->name, what);
}

/* ---- Debian ---- */

/* The version stands in the file's name: PACKAGE_VERSION_ARCHITECTURE.deb. */
static bool licence_of_deb(const NamedSource *s, const char *deb, const char *folder, Error *e) {
    const char *name = strrchr(deb, '/') + 1, *version = strchr(name, '_');
    int length = version ? (int)strcspn(version + 1, "_") : 0;
    return write_licence(folder, s->licence,
                         path_of(" (%s %.*s)", s->package, length, length ? version + 1 : "").s, e);
}

/* Of an archive the files that are read alone. */
static bool unpack_archive(const NamedSource *s, const char *folder, Error *e) {
    enum { FIXED = 8 };
    const char *argv[FIXED + SOURCE_LIST + 1] = {"tar", "-x", "-C", "tree", "-f"};
    char name[SOURCE_LIST][SOURCE_TEXT + 1];
    Path archive = path_of("unpacked/%s", s->archive);
    int n = 5;
    argv[n++] = archive.s;
    argv[n++] = "--wildcards";
    for (int i = 0; i < s->files.n; i++) {
        snprintf(name[i], sizeof name[i], "*%s", s->files.at[i]);
        argv[n++] = name[i];
    }
    return folder_make(path_of("%s/tree", folder).s, e) &&
           process_run(argv, folder, "log", "tar xz-utils", e);
}

static bool unpack_deb(const NamedSource *s, const char *deb, const char *folder, Error *e) {
    const char *const unpack[] = {"dpkg-deb", "-x", strrchr(deb, '/') + 1, "unpacked", NULL};
    Path text = path_of("%s/corpus/text", folder), kept = path_of("%s/unpacked/%s", folder, s->folder);
    if (!process_run(unpack, folder, "log", "dpkg", e) || !folder_make(path_of("%s/corpus", folder).s, e) ||
        !licence_of_deb(s, deb, path_of("%s/corpus", folder).s, e))
        return false;
    if (!*s->archive) return move(s, kept.s, text.s, s->folder, e);
    return unpack_archive(s, folder, e) && move(s, path_of("%s/tree", folder).s, text.s, s->archive, e);
}

/* Downloads and unpacks into `folder`, leaving there `corpus` with the text and its licence. */
static bool fetch_package(const NamedSource *s, const char *folder, Error *e) {
    const char *const download[] = {"apt-get", "-q", "download", s->package, NULL};
    Error why = {0};
    FileList debs;
    if (!process_run(download, folder, "log", "apt", &why))
        return fail(e, why.code, "fetch: %s: %s (is there a network? has `apt-get update` been run?)",
                    s->name, why.text);
    if (!files_list(&debs, folder, ends_in_deb, e)) return false;
    bool ok = debs.files == 1 || fail(e, EXIT_FAILED, "fetch: %s: apt-get left no package file", s->name);
    ok = ok && unpack_deb(s, debs.path[0], folder, e);
    files_free(&debs);
    return ok;
}

/* ---- the web ---- */

/* The last ETag that the server told, a line; "": none. A weak one does not tell of bytes. */
static Path etag_of(const char *part) {
    Bytes text = {0};
    Error none = {0};
    Path tag = {""};
    if (file_read(path_of("%s.etag", part).s, &text, &none) && bytes_append(&text, "", 1, &none)) {
        char *rest = text.data;
        for (char *line; (line = strsep(&rest, "\r\n"));)
            if (*line) tag = path_of("%s", line);
    }
    bytes_free(&text);
    if (*tag.s != '"') *tag.s = 0;
    return tag;
}

static bool run_curl(const char *address, const char *folder, const char *name, Error *e) {
    Path part = path_of("%s/%s", folder, name), tag = etag_of(part.s);
    if (!*tag.s) unlink(part.s); /* nothing says that the rest would fit it */
    bool goes_on = !access(part.s, F_OK);
    Path header = path_of("If-Range: %s", tag.s), keep = path_of("%s.etag", name);
    const char *const argv[] = {
        "curl",       "--fail",        "--silent",    "--show-error",
        "--location", "--proto",       "=http,https", "--connect-timeout",
        "30",         "--speed-limit", "1",           "--speed-time",
        "60",         "--etag-save",   keep.s,        "--output",
        name,         "--url",         address,       goes_on ? "--continue-at" : NULL,
        "-",          "--header",      header.s,      NULL};
    return process_run(argv, folder, "log", "curl", e);
}

static int64_t size_of(const char *path) {
    struct stat st;
    return stat(path, &st) ? 0 : (int64_t)st.st_size;
}

/* One file. Where a try got on, the next goes on with it; a server that sends the whole again (the file is
 * another by now, or it knows no parts) is begun anew. */
static bool get_file(const char *address, const char *folder, const char *name, Error *e) {
    enum { TRIES = 5 };
    Path part = path_of("%s/%s", folder, name);
    for (int left = TRIES;; left--) {
        Error why = {0};
        int64_t before = *etag_of(part.s).s ? size_of(part.s) : 0;
        if (run_curl(address, folder, name, &why)) return true;
        bool whole = strstr(why.text, "(33)") || strstr(why.text, "byte ranges");
        if (whole) unlink(part.s);
        if (why.code != EXIT_FAILED || left == 1 || (!whole && size_of(part.s) <= before))
            return fail(e, why.code, "fetch: %s: %s%s", address, why.text,
                        *etag_of(part.s).s ? " (what was got is kept)" : "");
    }
}

/* The name of a file on the web, as it is kept. */
static const char *file_name(const char *address) {
    const char *slash = strrchr(address, '/');
    return slash && slash[1] && !strchr(slash, '?') ? slash + 1 : "text";
}

static bool get_list(const NamedSource *s, const SourceList *list, const char *folder,
                     void (*say)(const char *), Error *e) {
    if (list->n && !folder_make(folder, e)) return false;
    for (int i = 0; i < list->n; i++) {
        Path part = path_of("%s.part", file_name(list->at[i])),
             whole = path_of("%s/%s", folder, file_name(list->at[i]));
        if (!access(whole.s, F_OK)) continue;
        if (say) say(path_of("fetch: %s: %s", s->name, list->at[i]).s);
        if (!get_file(list->at[i], folder, part.s, e)) return false;
        if (rename(path_of("%s/%s", folder, part.s).s, whole.s))
            return fail(e, exit_code_of(errno), "fetch: %s: %s", whole.s, strerror(errno));
        unlink(path_of("%s/%s.etag", folder, part.s).s);
        unlink(path_of("%s/log", folder).s);
    }
    return true;
}

/* A line a file: bytes, checksum (XXH3-128), name. */
static bool describe(const SourceList *list, const char *folder, Bytes *out, Error *e) {
    char hash[HASH_HEX];
    for (int i = 0; i < list->n; i++) {
        Path path = path_of("%s/%s", folder, file_name(list->at[i]));
        if (!file_hash(path.s, hash, e)) return false;
        Path line = path_of("%" PRId64 " %s %s\n", size_of(path.s), hash, file_name(list->at[i]));
        if (!bytes_append(out, line.s, (int64_t)strlen(line.s), e)) return false;
    }
    return true;
}

/* Records what the files are at the first fetch, and holds later ones against it. */
static bool check_record(const NamedSource *s, const char *cache_dir, const Bytes *now, Error *e) {
    Path record = path_of("%s/sources/%s", cache_dir, s->name);
    Bytes then = {0};
    if (access(record.s, F_OK))
        return folder_make(path_of("%s/sources", cache_dir).s, e) &&
               file_replace(record.s, now->data, now->size, e);
    bool ok = file_read(record.s, &then, e);
    if (ok && (then.size != now->size || memcmp(then.data, now->data, (size_t)now->size)))
        ok = fail(e, EXIT_USAGE,
                  "fetch: %s: its files are not those of the first fetch, %s (if they are meant to be "
                  "others, remove "
                  "that file)",
                  s->name, record.s);
    bytes_free(&then);
    return ok;
}

static bool get_all(const NamedSource *s, const char *cache_dir, const char *folder,
                    void (*say)(const char *), Error *e) {
    Path text = path_of("%s/text", folder), heldout = path_of("%s/heldout", folder);
    Bytes now = {0};
    bool ok = get_list(s, &s->address, text.s, say, e) && get_list(s, &s->heldout, heldout.s, say, e) &&
              describe(&s->address, text.s, &now, e) && describe(&s->heldout, heldout.s, &now, e);
    if (ok && !check_record(s, cache_dir, &now, e)) {
        folder_remove(folder);
        ok = false;
    }
    bytes_free(&now);
    return ok && write_licence(folder, s->licence, "", e);
}

/* In a folder of its own, which a fetch that is cut leaves for the next; one process at a time. */
static bool fetch_addresses(const NamedSource *s, const char *cache_dir, Path *folder,
                            void (*say)(const char *), Error *e) {
    *folder = path_of("%s/%s.part", cache_dir, s->name);
    if (!folder_make(folder->s, e)) return false;
    int lock = open(folder->s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = lock >= 0 && !flock(lock, LOCK_EX | LOCK_NB);
    int why = errno;
    if (!ok)
        fail(e, why == EWOULDBLOCK ? EXIT_FAILED : exit_code_of(why), "fetch: %s: %s", s->name,
             why == EWOULDBLOCK ? "another process is at it" : strerror(why));
    ok = ok && get_all(s, cache_dir, folder->s, say, e);
    if (lock >= 0) close(lock);
    return ok;
}

/* ---- either ---- */

bool source_fetch(const NamedSource *s, const char *cache_dir, void (*say)(const char *line), Error *e) {
    Path home = path_of("%s/%s", cache_dir, s->name), made;
    Workspace w;
    if (access(home.s, F_OK) == 0) return true;
    if (!workspace_open(&w, cache_dir, e)) return false;
    made = path_of("%s/corpus", w.path.s);
    if (*s->package && say) say(path_of("fetch: %s: apt-get download %s", s->name, s->package).s);
    bool ok = (*s->package ? fetch_package(s, w.path.s, e) : fetch_addresses(s, cache_dir, &made, say, e)) &&
              workspace_publish(&w, made.s, home.s, e);
    workspace_close(&w);
    return ok;
}
