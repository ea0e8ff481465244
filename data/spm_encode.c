/* Owns: running spm_encode over a text, in parts, several at once. */
#include "data/base/process.h"
#include "data/sentencepiece.h"

#include <errno.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS = 16 };

typedef struct Text {
    const char *data;
    const Span *span;
    int64_t documents;
} Text;

/* A place between two segments. */
typedef struct Place {
    int64_t document, at;
} Place;

/* To the next document that has something; start (may be NULL) is told of those that begin. */
static void settle(const Text *t, Place *p, int64_t *start, int64_t tokens) {
    while (p->document < t->documents && p->at == t->span[p->document].end) {
        if (++p->document < t->documents) p->at = t->span[p->document].begin;
        if (start) start[p->document] = tokens;
    }
}

static Place first_place(const Text *t, int64_t *start, int64_t tokens) {
    Place p = {0, t->documents ? t->span[0].begin : 0};
    if (start) start[0] = tokens;
    return p;
}

/* ---- a part ---- */

typedef struct Job {
    Place from, to;
    char lines[32], ids[32], log[32];
    Process process;
} Job;

/* Writes the lines of the next part, and where it ends. */
static bool write_part(Job *j, const Text *t, const char *folder, Error *e) {
    Path path = path_of("%s/%s", folder, j->lines);
    FILE *f = fopen(path.s, "wb");
    if (!f) return fail(e, EXIT_FAILED, "tokenizer: %s: %s", path.s, strerror(errno));
    j->to = j->from;
    for (int64_t left = PART_BYTES; left > 0; settle(t, &j->to, NULL, 0)) {
        if (j->to.document == t->documents) break;
        Segment s = segment_at(t->data, j->to.at, t->span[j->to.document].end);
        if (!s.raw) segment_write(f, t->data, s);
        left -= s.end - s.begin;
        j->to.at = s.end;
    }
    bool ok = !ferror(f);
    int why = errno;
    if (fclose(f) && ok) ok = false, why = errno;
    return ok || fail(e, EXIT_FAILED, "tokenizer: %s: %s", path.s, strerror(why));
}

static bool start_job(Job *j, int number, const Text *t, const char *model, const char *folder, Error *e) {
    snprintf(j->lines, sizeof j->lines, "spm-lines-%d", number);
    snprintf(j->ids, sizeof j->ids, "spm-ids-%d", number);
    snprintf(j->log, sizeof j->log, "spm-log-%d", number);
    Path with = path_of("--model=%.4000s", model), in = path_of("--input=%s", j->lines),
         out = path_of("--output=%s", j->ids);
    const char *const argv[] = {"spm_encode", with.s, "--output_format=id", in.s, out.s, NULL};
    return write_part(j, t, folder, e) &&
           process_start(&j->process, argv, folder, j->log, "sentencepiece", e);
}

static bool push_line(FILE *f, char **line, size_t *capacity, const Pieces *p, const char *folder,
                      Tokens *out, Error *e) {
    errno = 0; /* stays 0 at the end of the file */
    if (getline(line, capacity, f) < 0)
        return fail(e, EXIT_FAILED, "tokenizer: spm_encode: output cut short: %s",
                    errno ? strerror(errno) : folder_lacks_room(folder));
    char *at = *line;
    for (char *end;; at = end) {
        long id = strtol(at, &end, 10);
        if (end == at) return true;
        if (id < 0 || id >= p->count)
            return fail(e, EXIT_FAILED, "tokenizer: spm_encode: id %ld of another model", id);
        if (!tokens_push(out, (int32_t)id, e)) return false;
    }
}

/* Joins the encoded segments of a part, with the raw bytes between them. */
static bool join(const Job *j, FILE *f, const Pieces *p, const char *folder, const Text *t, Tokens *out,
                 int64_t *start, Error *e) {
    char *line = NULL;
    size_t capacity = 0;
    bool ok = true;
    for (Place at = j->from; ok && (at.document != j->to.document || at.at != j->to.at);) {
        Segment s = segment_at(t->data, at.at, t->span[at.document].end);
        ok = s.raw ? tokens_push(out, p->byte[(unsigned char)t->data[at.at]], e)
                   : push_line(f, &line, &capacity, p, folder, out, e);
        at.at = s.end;
        settle(t, &at, start, out->n);
    }
    free(line);
    return ok;
}

static void remove_files(const Job *j, const char *folder) {
    unlink(path_of("%s/%s", folder, j->lines).s);
    unlink(path_of("%s/%s", folder, j->ids).s);
    unlink(path_of("%s/%s", folder, j->log).s);
}

/* Of a job that came to nothing it is only waited for the end. */
static bool end_job(Job *j, bool wanted, const Pieces *p, const char *folder, const Text *t, Tokens *out,
                    int64_t *start, Error *e) {
    Error unwanted = {0};
    bool ok = j->process.pid && process_end(&j->process, wanted ? e : &unwanted) && wanted;
    FILE *f = ok ? fopen(path_of("%s/%s", folder, j->ids).s, "rb") : NULL;
    if (ok && !f) ok = fail(e, EXIT_FAILED, "tokenizer: spm_encode: no output: %s", strerror(errno));
    if (ok) ok = join(j, f, p, folder, t, out, start, e);
    if (f) fclose(f);
    remove_files(j, folder);
    return ok;
}

/* ---- all ---- */

bool sentencepiece_encode(const Pieces *p, const char *model, const char *folder, const char *text,
                          const Span *span, int64_t documents, Tokens *out, int64_t *start, Error *e) {
    Path absolute;
    if (!realpath(model, absolute.s)) return fail(e, EXIT_USAGE, "tokenizer: %s: missing", model);
    Text t = {text, span, documents};
    Job job[JOBS];
    int most = omp_get_max_threads() < JOBS ? omp_get_max_threads() : JOBS, first = 0, running = 0;
    Place at = first_place(&t, start, out->n);
    settle(&t, &at, start, out->n);
    bool ok = true;
    while ((ok && at.document < documents) || running) {
        bool starts = ok && at.document < documents && running < most;
        if (!starts) {
            ok = end_job(&job[first], ok, p, folder, &t, out, start, e) && ok;
            first = (first + 1) % JOBS;
            running--;
            continue;
        }
        int next = (first + running) % JOBS;
        job[next] = (Job){.from = at};
        ok = start_job(&job[next], next, &t, absolute.s, folder, e);
        running++;
        at = job[next].to;
    }
    return ok;
}
