#include "ablations/page/watch.h"

#include "ablations/page/http.h"
#include "ablations/page/report.h"
#include "ablations/sweep/known_sweep.h"
#include "ablations/text_table.h"
#include "data/base/embed.h"
#include "data/base/files.h"
#include "data/base/text.h"
#include "train/commands/command.h"
#include "train/signals.h"
#include "train/store/column.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

EMBED(watch_js, "ablations/page/watch.js");
extern const char watch_js[];

/* ---- what is new ---- */

/* ?1: the sweep or NULL. Of each run 200 points of the loss at the most, and every evaluation. */
static const char figures_sql[] =
    "WITH asked AS (SELECT * FROM run WHERE ?1 IS NULL OR id IN (SELECT x.run FROM sweep_run AS x JOIN sweep "
    "AS w"
    "  ON w.id = x.sweep WHERE w.name = ?1)),"
    " shown AS (SELECT id FROM asked WHERE heartbeat IS NOT NULL"
    "  ORDER BY status = 'running' DESC, heartbeat DESC, id DESC LIMIT 8),"
    " at AS (SELECT r.*, (SELECT max(step) FROM step WHERE run_id = r.id) AS last,"
    "  coalesce((SELECT c.label FROM sweep_run AS x JOIN sweep_cell AS c USING (sweep, \"index\") JOIN sweep "
    "AS w ON w.id = x.sweep"
    "   WHERE x.run = r.id AND w.name = coalesce(?1, w.name) ORDER BY x.sweep DESC LIMIT 1),"
    "   nullif(r.label, ''), r.variant) || ' seed ' || r.seed AS name FROM run AS r JOIN shown USING (id))"
    " SELECT json_object('evaluations', (SELECT count(*) FROM eval WHERE run_id IN (SELECT id FROM asked)), "
    "'done', (SELECT count(*) FROM asked WHERE status = 'done'),"
    "  'all', (SELECT count(*) FROM asked), 'runs', json_group_array(json_object('key', key, 'name', name, "
    "'status', status,"
    "  'step', last, 'steps', steps,"
    "  'left', (SELECT avg(ms + coalesce(probe_ms, 0) + coalesce(save_ms, 0)) FROM step WHERE run_id = at.id "
    "AND step > last - 100)"
    "   * (steps - last) / 1000,"
    "  'loss', (SELECT json_group_array(json_array(step, round(loss, 4))) FROM step WHERE run_id = at.id"
    "   AND (step % max(1, last / 200) = 0 OR step = last OR step = 1)),"
    "  'sink', (SELECT json_group_array(json_array(step, round(sink_rate_03, 4))) FROM eval WHERE run_id = "
    "at.id"
    "   AND probe = 'main' AND sink_rate_03 IS NOT NULL)))) FROM (SELECT * FROM at ORDER BY id) AS at";

char *watch_figures(Store *s, const char *sweep, Error *e) {
    sqlite3_stmt *q = table_query(s, figures_sql, sweep, e);
    if (!q) return NULL;
    char *text = sqlite3_step(q) == SQLITE_ROW ? text_copy(column_text(q, 0)) : NULL;
    if (sqlite3_finalize(q) == SQLITE_OK && text) return text;
    free(text);
    store_failed(s, "watch", e);
    return NULL;
}

/* ---- what is served ---- */

/* A text that is made anew where the database has changed since. */
typedef struct Kept {
    Bytes text;
    int64_t version; /* of the database (store_changed) */
} Kept;

typedef struct Watch {
    Store *s;
    const char *sweep;
    bool quiet;
    long long began; /* tells this server's answers from those of another on its port */
    Kept page, figures;
    Path file; /* where report writes the page, beside no database */
} Watch;

/* A page that may ask this server, with the script that does. */
static bool add_script(const Bytes *page, Bytes *out, Error *e) {
    static const char alone[] = "default-src 'none';", ours[] = "default-src 'none'; connect-src 'self';";
    const char *end = page->data + page->size,
               *policy = memmem(page->data, (size_t)page->size, alone, sizeof alone - 1);
    const char *close = memmem(page->data, (size_t)page->size, "</body>", 7);
    const char *from = page->data;
    if (!close) return fail(e, EXIT_FAILED, "watch: the page has no end");
    if (policy) {
        if (!bytes_append(out, from, policy - from, e) || !bytes_append(out, ours, sizeof ours - 1, e))
            return false;
        from = policy + sizeof alone - 1;
    }
    for (const char *next; (next = memmem(close + 1, (size_t)(end - close - 1), "</body>", 7));) close = next;
    return bytes_append(out, from, close - from, e) &&
           bytes_append(out, "<script type=\"module\">\n", 23, e) &&
           bytes_append(out, watch_js, (int64_t)strlen(watch_js), e) &&
           bytes_append(out, "</script>\n", 10, e) && bytes_append(out, close, end - close, e);
}

static bool make_page(Watch *w, Bytes *out, Error *e) {
    Bytes page = {0};
    bool ok = report_write(w->s, w->sweep, w->file.s, NULL, true, e) && file_read(w->file.s, &page, e) &&
              add_script(&page, out, e);
    bytes_free(&page);
    return ok;
}

static bool make_figures(Watch *w, Bytes *out, Error *e) {
    char *text = watch_figures(w->s, w->sweep, e);
    bool ok = text && bytes_append(out, text, (int64_t)strlen(text), e);
    free(text);
    return ok;
}

static const struct Place {
    const char *path, *type;
    size_t kept; /* in Watch */
    bool (*make)(Watch *w, Bytes *out, Error *e);
} places[] = {{"/", "text/html; charset=utf-8", offsetof(Watch, page), make_page},
              {"/figures", "application/json", offsetof(Watch, figures), make_figures}};

static bool put(Watch *w, const struct Place *place, HttpReply *out, Error *e) {
    Kept *kept = (Kept *)((char *)w + place->kept);
    int64_t version = kept->version;
    if (store_changed(w->s, &version, e)) {
        Bytes text = {0};
        if (!place->make(w, &text, e)) return bytes_free(&text), false;
        bytes_free(&kept->text);
        *kept = (Kept){text, version};
    }
    out->size = (size_t)kept->text.size;
    out->body = e->code ? NULL : malloc(out->size);
    if (!out->body) return false;
    memcpy(out->body, kept->text.data, out->size);
    out->type = place->type;
    snprintf(out->tag, sizeof out->tag, "\"%llx-%lld\"", w->began, (long long)version);
    return true;
}

static void answer(void *self, const char *path, HttpReply *out) {
    Error e = {0};
    out->status = 404;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(places[i].path, path)) continue;
        out->status = 200;
        if (put(self, &places[i], out, &e)) return;
        *out = (HttpReply){.status = 500,
                           .type = "text/plain; charset=utf-8",
                           .body = text_copy(e.text),
                           .size = strlen(e.text)};
    }
}

static void ready(void *self, int port) {
    const Watch *w = self;
    if (w->quiet) return;
    printf("http://127.0.0.1:%d/#results=1 shows %s as it grows (Ctrl-C ends it)\n", port, store_path(w->s));
    fflush(stdout);
}

static bool goes_on(void *self) {
    const Watch *w = self;
    return !signals_stopped() && store_in_place(w->s, NULL);
}

static bool serve(Watch *w, int port, Error *e) {
    const HttpServer server = {.self = w, .answer = answer, .ready = ready, .goes_on = goes_on};
    Path folder;
    if (!folder_scratch("watch", &folder, e)) return false;
    w->file = path_of("%s/page.html", folder.s);
    bool ok = http_serve(&server, port, e);
    folder_remove(folder.s);
    bytes_free(&w->page.text);
    bytes_free(&w->figures.text);
    return ok && (signals_stopped() || store_in_place(w->s, e));
}

static int watch_main(int argc, char **argv, Error *e) {
    const char *db = "results.db";
    Watch w = {0};
    int64_t port = 8642;
    const Flag flags[] = {{"--db", FLAG_TEXT, &db},
                          {"--sweep", FLAG_TEXT, &w.sweep},
                          {"--port", FLAG_INT, &port},
                          {"--quiet", FLAG_BOOL, &w.quiet},
                          {NULL, FLAG_BOOL, NULL}};
    int words;
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (words || port < 0 || port > 65535) {
        fail(e, EXIT_USAGE,
             words ? "command line: watch takes no words (sinklab watch --help)"
                   : "command line: --port: from 0 to 65535");
        return e->code;
    }
    if (!store_open(&w.s, db, STORE_READ, e)) return e->code;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    w.began = now.tv_sec * 1000000000LL + now.tv_nsec;
    signals_watch();
    bool ok = sweep_is_known(w.s, w.sweep, "watch", e) && serve(&w, (int)port, e);
    store_close(w.s);
    return !ok ? e->code : signals_stopped() ? 128 + signals_stopped() : EXIT_DONE;
}

const Command watch_command = {
    .name = "watch",
    .usage = "",
    .summary = "the page of results.db in a browser, live while runs go on, on this machine alone",
    .options = "  --port N      on http://127.0.0.1:N/ (default 8642; 0: a free one)\n"
               "  --db PATH     results, which are only read (default results.db)\n"
               "  --sweep NAME  the runs of one sweep (default: all)\n"
               "  --quiet       no word of the address\n\n"
               "  New steps appear within two seconds, in as many browsers as look. From another machine:\n"
               "  ssh -L 8642:127.0.0.1:8642 THERE\n",
    .run = watch_main,
};
