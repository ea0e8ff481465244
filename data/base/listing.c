#include "data/base/listing.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Identity {
    dev_t device;
    ino_t inode;
} Identity;

/* A name that was met: a file, a folder to read, or a link to look behind. */
typedef struct Name {
    char *path;
    Identity is;
    bool linked; /* reached through a link */
} Name;

typedef struct Names { /* a growing array; all zero is empty */
    Name *at;
    int64_t n, capacity;
} Names;

/* Folders wait in a queue, since a stack would be as deep as the tree. */
typedef struct Walk {
    FileList *out;
    bool (*wanted)(const char *path);
    Names files, folders, links;
    int64_t read; /* folders[0 .. read) have been */
} Walk;

static Identity identity(const struct stat *s) {
    return (Identity){s->st_dev, s->st_ino};
}

static bool same(Identity a, Identity b) {
    return a.device == b.device && a.inode == b.inode;
}

static bool fail_at(Error *e, const char *path) {
    return fail(e, exit_code_of(errno), "file: %s: %s", path, strerror(errno));
}

static bool names_add(Names *names, const char *path, const struct stat *s, bool linked, Error *e) {
    if (names->n == names->capacity) {
        int64_t capacity = 2 * names->capacity + 16;
        if (!memory_grow((void **)&names->at, capacity, sizeof *names->at, e)) return false;
        names->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy) return fail(e, EXIT_FAILED, "memory: %s: none left", path);
    names->at[names->n++] = (Name){copy, identity(s), linked};
    return true;
}

static void names_free(Names *names) {
    for (int64_t i = 0; i < names->n; i++) free(names->at[i].path);
    free(names->at);
}

static bool has_folder(const Walk *w, const struct stat *s) {
    for (int64_t i = 0; i < w->folders.n; i++)
        if (same(w->folders.at[i].is, identity(s))) return true;
    return false;
}

/* Puts what stat says of a path where it belongs. */
static bool sort_in(Walk *w, const char *path, const struct stat *s, bool linked, Error *e) {
    if (S_ISLNK(s->st_mode)) return names_add(&w->links, path, s, linked, e);
    if (S_ISDIR(s->st_mode)) {
        if (!linked || !has_folder(w, s)) return names_add(&w->folders, path, s, linked, e);
        w->out->links++;
    } else if (S_ISREG(s->st_mode)) {
        return (w->wanted && !w->wanted(path)) || names_add(&w->files, path, s, linked, e);
    } else {
        w->out->special++;
    }
    return true;
}

static bool read_folder(Walk *w, Name folder, Error *e) {
    DIR *dir = opendir(folder.path);
    if (!dir) return fail_at(e, folder.path);
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        const char *name = entry->d_name;
        if (*name == '.') {
            w->out->hidden += strcmp(name, ".") && strcmp(name, "..");
            continue;
        }
        Path p = path_of("%s/%s", folder.path, name);
        struct stat s;
        if (!*p.s)
            ok = fail(e, EXIT_USAGE, "file: %.200s...: paths of more than %d bytes below it", folder.path,
                      PATH_BYTES - 1);
        else
            ok = lstat(p.s, &s) == 0 ? sort_in(w, p.s, &s, folder.linked, e) : fail_at(e, p.s);
    }
    closedir(dir);
    return ok;
}

static bool read_folders(Walk *w, Error *e) {
    bool ok = true;
    while (ok && w->read < w->folders.n) ok = read_folder(w, w->folders.at[w->read++], e);
    return ok;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const Name *)a)->path, ((const Name *)b)->path);
}

static void names_sort(Names *names) {
    if (names->n) qsort(names->at, (size_t)names->n, sizeof *names->at, by_path);
}

/* Follows the links that are known by now, in the order of their names; folders behind them may bring more
 * links. */
static bool follow_links(Walk *w, Error *e) {
    bool ok = true;
    while (ok && w->links.n) {
        Names links = w->links;
        w->links = (Names){0};
        names_sort(&links);
        for (int64_t i = 0; ok && i < links.n; i++) {
            struct stat s;
            if (stat(links.at[i].path, &s))
                w->out->links++;
            else
                ok = sort_in(w, links.at[i].path, &s, true, e) && read_folders(w, e);
        }
        names_free(&links);
    }
    return ok;
}

/* The folders that hold the first one count as read, so that no link leads back to them. */
static bool close_circle(Walk *w, const char *path, Error *e) {
    Path up;
    bool ok = realpath(path, up.s) || fail_at(e, path);
    for (char *slash; ok && (slash = strrchr(up.s, '/')) && up.s[1];) {
        slash[slash == up.s] = 0;
        struct stat s;
        if (stat(up.s, &s) == 0) ok = names_add(&w->folders, up.s, &s, false, e);
    }
    w->read = w->folders.n;
    return ok;
}

/* Orders names by file, and of one file's the name to keep first: no link, then the first in order. */
static int by_identity(const void *a, const void *b) {
    const Name *p = a, *q = b;
    if (p->is.device != q->is.device) return p->is.device < q->is.device ? -1 : 1;
    if (p->is.inode != q->is.inode) return p->is.inode < q->is.inode ? -1 : 1;
    if (p->linked != q->linked) return p->linked ? 1 : -1;
    return by_path(a, b);
}

/* Leaves out each file behind a link that is there already. */
static void drop_copies(Walk *w) {
    Names *f = &w->files;
    int64_t kept = 0;
    if (f->n) qsort(f->at, (size_t)f->n, sizeof *f->at, by_identity);
    for (int64_t i = 0; i < f->n; i++) {
        bool copy = kept && f->at[i].linked && same(f->at[kept - 1].is, f->at[i].is);
        if (copy)
            free(f->at[i].path);
        else
            f->at[kept++] = f->at[i];
        w->out->links += copy;
    }
    f->n = kept;
}

/* Moves the names, sorted, to where the caller wants them. */
static bool hand_over(Walk *w, Error *e) {
    if (!memory_grow((void **)&w->out->path, w->files.n, sizeof *w->out->path, e)) return false;
    names_sort(&w->files);
    for (int64_t i = 0; i < w->files.n; i++) w->out->path[i] = w->files.at[i].path;
    w->out->files = w->files.n;
    w->files.n = 0;
    return true;
}

static bool list(FileList *out, const char *path, bool (*wanted)(const char *), bool follow, Error *e) {
    *out = (FileList){0};
    Walk w = {.out = out};
    struct stat s;
    if (stat(path, &s)) return fail_at(e, path);
    if (!S_ISDIR(s.st_mode) && !S_ISREG(s.st_mode))
        return fail(e, EXIT_USAGE, "file: %s: neither a file nor a folder", path);
    if (S_ISDIR(s.st_mode)) w.wanted = wanted;
    bool ok = (!follow || !S_ISDIR(s.st_mode) || close_circle(&w, path, e)) &&
              sort_in(&w, path, &s, false, e) && read_folders(&w, e);
    if (ok && follow) ok = follow_links(&w, e);
    out->links += w.links.n;
    drop_copies(&w);
    ok = ok && hand_over(&w, e);
    names_free(&w.files), names_free(&w.folders), names_free(&w.links);
    if (!ok) files_free(out);
    return ok;
}

bool files_list(FileList *out, const char *path, bool (*wanted)(const char *), Error *e) {
    return list(out, path, wanted, false, e);
}

bool files_list_linked(FileList *out, const char *path, bool (*wanted)(const char *), Error *e) {
    return list(out, path, wanted, true, e);
}

void files_free(FileList *list) {
    for (int64_t i = 0; i < list->files; i++) free(list->path[i]);
    free(list->path);
    *list = (FileList){0};
}
