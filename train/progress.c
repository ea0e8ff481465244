#include "train/progress.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

void progress_start(Progress *p, const char *variant, int64_t seed) {
    snprintf(p->name, sizeof p->name, "%s seed %lld", variant, (long long)seed);
    p->terminal = isatty(STDERR_FILENO);
    p->sink_rate = NAN;
}

static void time_left(double seconds, char *out, size_t room) {
    long s = lround(seconds);
    if (s >= 3600)
        snprintf(out, room, "%ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, room, "%ld:%02ld left", s / 60, s % 60);
}

static void draw(const Progress *p, int64_t step, double loss) {
    char left[32], share[32] = "", sink[32] = "";
    double rate = (double)p->tokens / (p->train_ms * 1e-3);
    time_left((double)(p->steps - step) * p->ms * 1e-3, left, sizeof left);
    if (p->peak > 0)
        snprintf(share, sizeof share, "  %4.1f %% of peak", 100 * p->flops / (p->train_ms * 1e-3) / p->peak);
    if (!isnan(p->sink_rate)) snprintf(sink, sizeof sink, "  sink rate %.3f", p->sink_rate);
    fprintf(stderr, "%s%-22s %6lld/%lld  loss %.4f  %7.0f tokens/s%s%s  %s%s", p->terminal ? "\r" : "",
            p->name, (long long)step, (long long)p->steps, loss, rate, share, sink, left,
            p->terminal ? "\033[K" : "\n");
    fflush(stderr);
}

static double smooth(double old, double now, int64_t step) {
    return step > 1 && old > 0 ? 0.95 * old + 0.05 * now : now;
}

void progress_step(Progress *p, int64_t step, double loss, double ms, double all_ms) {
    p->ms = smooth(p->ms, all_ms, step);
    p->train_ms = smooth(p->train_ms, ms, step);
    if (p->quiet) return;
    double now = omp_get_wtime();
    bool due =
        p->terminal ? now - p->last > 0.2 || step == p->steps : step % p->every == 0 || step == p->steps;
    if (!due) return;
    p->last = now;
    draw(p, step, loss);
}

void progress_end(Progress *p) {
    if (!p->quiet && p->terminal && p->last > 0) fprintf(stderr, "\n");
}

void progress_say(Progress *p, const char *line) {
    if (p->quiet) return;
    fprintf(stderr, "%s%s\n", p->terminal && p->last > 0 ? "\r\033[K" : "", line);
}

void progress_line(const char *line) {
    fprintf(stderr, "%s\n", line);
}
