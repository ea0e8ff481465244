#include "train/progress.h"

#include "data/base/columns.h"
#include "data/base/printable.h"

#include <math.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

enum { TENTHS = 10, NAME_LEAST = 12, LINE_TEXT = 512 };

void progress_start(Progress *p, const char *name, const char *variant, int64_t seed, const char *log) {
    if (name)
        printable(name, p->name, sizeof p->name);
    else
        snprintf(p->name, sizeof p->name, "%s seed %lld", variant, (long long)seed);
    p->terminal = isatty(STDERR_FILENO);
    p->sink_rate = NAN;
    p->log = log ? fopen(log, "ae") : NULL;
}

/* ---- what a line says ---- */

static const char *time_left(double seconds, char *out, size_t room) {
    long s = lround(seconds);
    if (s >= 3600)
        snprintf(out, room, "  %ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, room, "  %ld:%02ld left", s / 60, s % 60);
    return out;
}

const char *progress_figures(int64_t step, int64_t steps, double loss, double sink_rate, double seconds_left,
                             char out[PROGRESS_FIGURES]) {
    char said[32] = "", sink[32] = "", left[32] = "";
    if (!isnan(loss)) snprintf(said, sizeof said, "  loss %.4f", loss);
    if (!isnan(sink_rate)) snprintf(sink, sizeof sink, "  sink rate %.3f", sink_rate);
    if (isfinite(seconds_left)) time_left(seconds_left, left, sizeof left);
    snprintf(out, PROGRESS_FIGURES, "step %lld of %lld%s%s%s", (long long)step, (long long)steps, said, sink,
             left);
    return out;
}

int progress_tenth(int64_t step, int64_t steps) {
    if (step <= 0) return 0;
    return step >= steps ? TENTHS + 1 : 1 + (int)(step * TENTHS / steps);
}

static const char *figures(const Progress *p, int64_t step, double loss, char out[PROGRESS_FIGURES]) {
    return progress_figures(step, p->steps, loss, p->sink_rate, (double)(p->steps - step) * p->ms * 1e-3,
                            out);
}

/* What stands behind where there is room. */
static const char *speed(const Progress *p, char *out, size_t room) {
    char share[32] = "";
    if (p->peak > 0)
        snprintf(share, sizeof share, "  %.1f %% of peak", 100 * p->flops / (p->train_ms * 1e-3) / p->peak);
    snprintf(out, room, "  %.0f tokens/s%s", (double)p->tokens / (p->train_ms * 1e-3), share);
    return out;
}

static void write_plain(const Progress *p, FILE *out, int64_t step, double loss) {
    char said[PROGRESS_FIGURES], fast[64];
    fprintf(out, "%s  %s%s\n", p->name, figures(p, step, loss, said), speed(p, fast, sizeof fast));
    fflush(out);
}

/* A line that wrapped could not be drawn over: the speed goes first, then the end of the name. */
static void draw(const Progress *p, int64_t step, double loss) {
    char said[PROGRESS_FIGURES], fast[64], line[LINE_TEXT];
    int width = columns_of_terminal(STDERR_FILENO) - 1;
    int room = width - 2 - (int)strlen(figures(p, step, loss, said));
    if (room < NAME_LEAST) room = NAME_LEAST;
    int name = (int)columns_fit(p->name, room);
    snprintf(line, sizeof line, "%.*s  %s%s", name, p->name, said, speed(p, fast, sizeof fast));
    fprintf(stderr, "\r%.*s\033[K", (int)columns_fit(line, width), line);
    fflush(stderr);
}

/* ---- when ---- */

static double smooth(double old, double now, int64_t step) {
    return step > 1 && old > 0 ? 0.95 * old + 0.05 * now : now;
}

static bool is_due(const Progress *p, int64_t step) {
    if (step == 1 || step == p->steps) return true;
    return p->every ? step % p->every == 0
                    : progress_tenth(step, p->steps) != progress_tenth(step - 1, p->steps);
}

void progress_step(Progress *p, int64_t step, double loss, double ms, double all_ms) {
    p->ms = smooth(p->ms, all_ms, step);
    p->train_ms = smooth(p->train_ms, ms, step);
    bool due = is_due(p, step);
    if (due && p->log) write_plain(p, p->log, step, loss);
    if (p->quiet) return;
    if (due && !p->terminal) write_plain(p, stderr, step, loss);
    double now = omp_get_wtime();
    if (!p->terminal || (now - p->last <= 0.2 && step < p->steps)) return;
    p->last = now;
    draw(p, step, loss);
}

void progress_end(Progress *p) {
    if (!p->quiet && p->terminal && p->last > 0) fprintf(stderr, "\n");
    if (p->log) fclose(p->log);
    p->log = NULL;
}

void progress_say(Progress *p, const char *line) {
    if (p->log) {
        fprintf(p->log, "%s\n", line);
        fflush(p->log);
    }
    if (p->quiet) return;
    fprintf(stderr, "%s%s\n", p->terminal && p->last > 0 ? "\r\033[K" : "", line);
}

void progress_line(const char *line) {
    fprintf(stderr, "%s\n", line);
}
