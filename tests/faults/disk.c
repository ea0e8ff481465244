#include "tests/faults/disk.h"

#include "tests/faults/draw.h"
#include "tests/faults/shim/shim.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- nodes: files and folders, as the program sees them (live) and as they are certain (kept) ---- */

enum { LIVE, KEPT, SIDES };

typedef struct Node Node;
typedef struct Entries {
    struct Entry {
        char name[256];
        Node *node;
    } * at;
    int n;
} Entries;

struct Node {
    bool folder;
    uint64_t file; /* inode number, as the journal has it */

    Entries in[SIDES];
    char *data; /* certain contents */
    int64_t size;
    const Note **pending;
    int n_pending;
    uint64_t until; /* of a cut: changes of entries up to this one are kept */
    Node *next;     /* all nodes */
};

/* A change of entries: node leaves `from` and enters `to`, either may be NULL; exchanged with `other`. */
typedef struct Move {
    Node *node, *other, *from, *to;
    char name[256], new_name[256];
    bool kept;
} Move;

struct Disk {
    char root[4096];
    const char *base;
    char *journal;
    const Note **note;
    int notes;
    Node *top, *all;
    Move *move;
    int moves;
};

static void *grown(void *at, size_t n, size_t size) {
    at = realloc(at, n * size);
    if (!at) abort();
    return at;
}

static Node *node_new(Disk *d, bool folder) {
    Node *n = calloc(1, sizeof *n);
    if (!n) abort();
    *n = (Node){.folder = folder, .next = d->all};
    return d->all = n;
}

static struct Entry *entry_of(Entries *in, const char *name) {
    for (int i = 0; i < in->n; i++)
        if (!strcmp(in->at[i].name, name)) return &in->at[i];
    return NULL;
}

static void entry_set(Entries *in, const char *name, Node *node) {
    struct Entry *e = entry_of(in, name);
    if (!e) {
        in->at = grown(in->at, (size_t)in->n + 1, sizeof *in->at);
        e = &in->at[in->n++];
        snprintf(e->name, sizeof e->name, "%s", name);
    }
    e->node = node;
}

/* Only if it is that node: a name may be another's by then. */
static void entry_clear(Entries *in, const char *name, const Node *node) {
    struct Entry *e = entry_of(in, name);
    if (e && e->node == node) *e = in->at[--in->n];
}

static char *read_whole(const char *path, int64_t *size) {
    FILE *f = fopen(path, "rb");
    if (!f) abort();
    fseek(f, 0, SEEK_END);
    *size = ftell(f);
    rewind(f);
    char *data = grown(NULL, (size_t)*size + 1, 1);
    if (fread(data, 1, (size_t)*size, f) != (size_t)*size) abort();
    fclose(f);
    return data;
}

static void load_folder(Disk *d, Node *to, const char *path) {
    DIR *dir = opendir(path);
    if (!dir) abort();
    for (struct dirent *entry; (entry = readdir(dir));) {
        char below[4096];
        struct stat s;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        snprintf(below, sizeof below, "%.3800s/%s", path, entry->d_name);
        if (lstat(below, &s)) abort();
        Node *n = node_new(d, S_ISDIR(s.st_mode));
        for (int side = 0; side < SIDES; side++) entry_set(&to->in[side], entry->d_name, n);
        if (n->folder)
            load_folder(d, n, below);
        else
            n->data = read_whole(below, &n->size);
    }
    closedir(dir);
}

/* The live node of a path below root, its folder, its name; NULL: elsewhere, or not there. */
static Node *find(Disk *d, const char *path, Node **folder, char name[256]) {
    size_t root = strlen(d->root);
    char rest[4096], *save = NULL;
    Node *at = d->top, *above = NULL;
    if (folder) *folder = NULL;
    if (strncmp(path, d->root, root) || (path[root] && path[root] != '/')) return NULL;
    snprintf(rest, sizeof rest, "%s", path + root);
    for (char *word = strtok_r(rest, "/", &save); word; word = strtok_r(NULL, "/", &save)) {
        if (!strcmp(word, ".")) continue;
        if (!at) return NULL;
        above = at;
        struct Entry *e = entry_of(&above->in[LIVE], word);
        if (name) snprintf(name, 256, "%s", word);
        at = e ? e->node : NULL;
    }
    if (folder) *folder = above;
    return at;
}

/* ---- changes ---- */

static void move_live(const Move *m) {
    if (m->from) entry_clear(&m->from->in[LIVE], m->name, m->node);
    if (m->to) entry_set(&m->to->in[LIVE], m->new_name, m->node);
    if (m->other) entry_set(&m->from->in[LIVE], m->name, m->other);
}

static void move_kept(const Move *m) {
    if (m->from) entry_clear(&m->from->in[KEPT], m->name, m->node);
    if (m->to) entry_set(&m->to->in[KEPT], m->new_name, m->node);
    if (m->other) entry_set(&m->from->in[KEPT], m->name, m->other);
}

static void add_move(Disk *d, Move m) {
    d->move = grown(d->move, (size_t)d->moves + 1, sizeof *d->move);
    d->move[d->moves++] = m;
    move_live(&m);
}

static void make(Disk *d, const char *path, bool folder, uint64_t file) {
    Move m = {0};
    find(d, path, &m.to, m.new_name);
    if (!m.to) return;
    m.node = node_new(d, folder);
    m.node->file = file;
    add_move(d, m);
}

static void rename_to(Disk *d, const char *from, const char *to, bool exchange) {
    Move m = {0};
    Node *there;
    m.node = find(d, from, &m.from, m.name);
    there = find(d, to, &m.to, m.new_name);
    if (exchange) m.other = there;
    if (m.node && m.to) add_move(d, m);
}

static Node *by_file(Disk *d, uint64_t file) {
    for (Node *n = d->all; n; n = n->next)
        if (n->file == file && !n->folder) return n; /* the newest: numbers are used again */
    return NULL;
}

static void change_data(Node *n, const Note *note, int64_t from, int64_t to) {
    const char *data = (const char *)(note + 1) + note->path + note->other;
    if (note->kind == NOTE_TRUNCATE) {
        n->data = grown(n->data, (size_t)note->offset + 1, 1);
        if (note->offset > n->size) memset(n->data + n->size, 0, (size_t)(note->offset - n->size));
        n->size = note->offset;
        return;
    }
    if (note->offset + to > n->size) {
        n->data = grown(n->data, (size_t)(note->offset + to) + 1, 1);
        memset(n->data + n->size, 0, (size_t)(note->offset + to - n->size));
        n->size = note->offset + to;
    }
    memcpy(n->data + note->offset + from, data + from, (size_t)(to - from));
}

static void sync_file(Node *n) {
    for (int i = 0; i < n->n_pending; i++) change_data(n, n->pending[i], 0, n->pending[i]->length);
    n->n_pending = 0;
}

static void sync_folder(Disk *d, const Node *folder) {
    for (int i = 0; i < d->moves; i++) {
        Move *m = &d->move[i];
        if (!m->kept && (m->from == folder || m->to == folder)) move_kept(m), m->kept = true;
    }
}

static void follow(Disk *d, const Note *note) {
    const char *path = (const char *)(note + 1), *other = path + note->path;
    Node *n =
        note->kind == NOTE_WRITE || note->kind == NOTE_TRUNCATE || (note->kind == NOTE_SYNC && !note->path)
            ? by_file(d, note->file)
            : find(d, path, NULL, NULL);
    Move m = {.node = n};
    switch (note->kind) {
    case NOTE_OPEN:
        if (note->made || !n)
            make(d, path, false, note->file);
        else
            n->file = note->file;
        break;
    case NOTE_WRITE:
    case NOTE_TRUNCATE:
        if (!n) break;
        n->pending = grown(n->pending, (size_t)n->n_pending + 1, sizeof *n->pending);
        n->pending[n->n_pending++] = note;
        break;
    case NOTE_SYNC:
        if (n && n->folder) sync_folder(d, n);
        if (n && !n->folder) sync_file(n);
        break;
    case NOTE_MKDIR:
        make(d, path, true, 0);
        break;
    case NOTE_REMOVE:
        if (find(d, path, &m.from, m.name)) add_move(d, m);
        break;
    default:
        rename_to(d, path, other, note->kind == NOTE_EXCHANGE);
    }
}

/* ---- a cut ---- */

static void forget(Disk *d) {
    for (Node *n = d->all, *next; n; n = next) {
        next = n->next;
        free(n->in[LIVE].at), free(n->in[KEPT].at), free(n->data), free(n->pending), free(n);
    }
    d->all = NULL;
    d->moves = 0;
}

static void play(Disk *d, int notes) {
    forget(d);
    d->top = node_new(d, true);
    load_folder(d, d->top, d->base);
    for (int i = 0; i < notes; i++) follow(d, d->note[i]);
}

/* Of what was written to a file since its sync: all, nothing, or some of it, torn at sectors. */
static void tear(Node *n, uint64_t *seed) {
    enum { ALL, NOTHING, SOME, WAYS, SECTOR = 512 };
    int way = (int)draw_below(seed, WAYS);
    for (int i = 0; i < n->n_pending && way != NOTHING; i++) {
        int64_t length = n->pending[i]->length, sectors = (length + SECTOR - 1) / SECTOR, from = 0,
                to = length;
        if (way == SOME && draw_below(seed, 2)) continue;
        if (way == SOME && sectors > 1) {
            from = (int64_t)draw_below(seed, (uint64_t)sectors) * SECTOR;
            to = from + SECTOR * (1 + (int64_t)draw_below(seed, (uint64_t)sectors));
            if (to > length) to = length;
        }
        change_data(n, n->pending[i], from, to);
    }
}

static void write_folder(const Node *n, const char *to) {
    if (mkdir(to, 0777)) abort();
    for (int i = 0; i < n->in[KEPT].n; i++) {
        const struct Entry *e = &n->in[KEPT].at[i];
        char path[4096];
        snprintf(path, sizeof path, "%.3800s/%s", to, e->name);
        if (e->node->folder) {
            write_folder(e->node, path);
            continue;
        }
        FILE *f = fopen(path, "wb");
        if (!f ||
            fwrite(e->node->data ? e->node->data : "", 1, (size_t)e->node->size, f) !=
                (size_t)e->node->size ||
            fclose(f))
            abort();
    }
}

void disk_cut(Disk *d, int notes, uint64_t seed, const char *to) {
    play(d, notes);
    for (Node *n = d->all; n; n = n->next) {
        n->until = draw_below(&seed, (uint64_t)d->moves + 1);
        if (!n->folder) tear(n, &seed);
    }
    for (int i = 0; i < d->moves; i++) {
        const Move *m = &d->move[i];
        const Node *folder = m->to ? m->to : m->from;
        if (!m->kept && (uint64_t)i < folder->until) move_kept(m);
    }
    write_folder(d->top, to);
}

static void look(const Node *n, const char *path, void (*found)(void *context, const char *path),
                 void *context) {
    for (int i = 0; i < n->in[LIVE].n; i++) {
        struct Entry *e = &n->in[LIVE].at[i], *kept = entry_of((Entries *)&n->in[KEPT], e->name);
        char below[4096];
        int end = 0;
        long step;
        if (!e->node->folder) continue;
        snprintf(below, sizeof below, "%.3800s/%s", path, e->name);
        bool saved = sscanf(e->name, "step-%ld%n", &step, &end) == 1 && !e->name[end];
        if (saved && kept && kept->node == e->node) found(context, below + 1);
        look(e->node, below, found, context);
    }
}

void disk_saved(Disk *d, int notes, void (*found)(void *context, const char *path), void *context) {
    play(d, notes);
    look(d->top, "", found, context);
}

/* ---- the journal ---- */

Disk *disk_open(const char *base, const char *root, const char *journal) {
    Disk *d = calloc(1, sizeof *d);
    int64_t size;
    if (!d) abort();
    snprintf(d->root, sizeof d->root, "%s", root);
    d->base = base;
    d->journal = read_whole(journal, &size);
    for (int64_t at = 0; at < size;) {
        Note *n = grown(NULL, 1, sizeof *n);
        memcpy(n, d->journal + at, sizeof *n);
        bool data = n->kind == NOTE_WRITE;
        int64_t bytes = (int64_t)sizeof *n + n->path + n->other + (data ? n->length : 0);
        n = grown(n, 1, (size_t)bytes); /* aligned */
        memcpy(n, d->journal + at, (size_t)bytes);
        d->note = grown(d->note, (size_t)d->notes + 1, sizeof *d->note);
        d->note[d->notes++] = n;
        at += bytes;
    }
    return d;
}

void disk_close(Disk *d) {
    forget(d);
    for (int i = 0; i < d->notes; i++) free((void *)d->note[i]);
    free(d->note), free(d->move), free(d->journal), free(d);
}

int disk_notes(const Disk *d) {
    return d->notes;
}
