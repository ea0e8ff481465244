#include "ablations/bench/show.h"

#include "data/base/yaml.h"
#include "model/kernels/gemm_bf16.h"
#include "train/host.h"

#include <inttypes.h>
#include <time.h>

/* ---- text ---- */

void show_machine(FILE *out, const BenchMachine *m) {
    fprintf(out, "%s, %d thread%s, BLIS %s\npeak fp32 %.0f GF/s", m->cpu, m->threads,
            m->threads > 1 ? "s" : "", m->blas_arch, m->fp32 * 1e-9);
    if (m->bf16 > 0) fprintf(out, ", bf16 %.0f GF/s (%s)", m->bf16 * 1e-9, gemm_bf16_name());
    fprintf(out, ", memory %.1f GB/s\n", m->bytes * 1e-9);
}

static void text_phase(FILE *out, const Entry *x, int p) {
    static const char *const units[] = {[WORK_NONE] = "", [WORK_FLOPS] = "GF/s", [WORK_BYTES] = "GB/s"};
    const BenchResult *r = &x->result;
    fprintf(out, "%-20s %9.3f %6.1f%% ", phase_name(p), r->phase_ms[p], 100 * r->phase_ms[p] / r->ms);
    if (r->pieces[p])
        fprintf(out, "%7" PRId64, r->pieces[p]);
    else
        fprintf(out, "%7s", "");
    if (entry_share(x, p) > 0)
        fprintf(out, " %7.1f %s %9.0f%%", entry_rate(x, p) * 1e-9, units[phase_unit(p)],
                100 * entry_share(x, p));
    fprintf(out, "\n");
}

static void text_entry(FILE *out, const Entry *x, int rounds) {
    const BenchResult *r = &x->result;
    fprintf(out, "\n%s (%s)\n%-20s %9s %7s %7s %12s %10s\n", x->name, entry_precision(x), "phase", "ms",
            "share", "pieces", "rate", "of limit");
    for (int p = 0; p < PHASES; p++)
        if (r->phase_ms[p] >= 1e-3) text_phase(out, x, p);
    fprintf(out, "%-20s %9.3f  (median of %d, quartiles %.3f to %.3f)\n", "step", r->ms, r->steps, r->low,
            r->high);
    fprintf(out,
            "%.0f tokens/s; MFU nominal %.1f %%, executed %.1f %%; at most %.0f MB\n"
            "up to %d threads have work for half of their time\n",
            x->speed.median, 100 * x->nominal.median, 100 * x->executed.median, r->memory * 1e-6, r->threads);
    if (rounds > 1)
        fprintf(out,
                "medians of %d rounds: %.0f to %.0f tokens/s, MFU nominal %.1f to %.1f %%; phases of the "
                "median one\n",
                rounds, x->speed.low, x->speed.high, 100 * x->nominal.low, 100 * x->nominal.high);
}

void show_text(FILE *out, const Bench *b) {
    show_machine(out, &b->machine);
    for (int i = 0; i < b->n; i++) text_entry(out, &b->of[i], b->rounds);
    fprintf(
        out,
        "\nMFU = tokens/s x FLOPs a token / peak of the precision. Nominal FLOPs a token: 6 a weight of "
        "every\n"
        "matrix product + 12 L T d; executed: attention halved, since half of it is masked. Memory-bound "
        "phases\n"
        "may pass 100 %% of the limit where their arrays stay in cache. Pieces: what a phase of a pass falls "
        "into,\n"
        "of which a thread takes whole ones.\n");
}

/* ---- JSON ---- */

static void json_spread(FILE *out, const char *name, Spread s) {
    fprintf(out, "\"%s\":%.6g,\"%s_low\":%.6g,\"%s_high\":%.6g,", name, s.median, name, s.low, name, s.high);
}

static void json_entry(FILE *out, const Entry *x) {
    const BenchResult *r = &x->result;
    fprintf(out, "{\"config\":");
    json_string(out, x->name);
    fprintf(out, ",\"precision\":\"%s\",\"steps\":%d,\"ms\":%.6g,\"ms_low\":%.6g,\"ms_high\":%.6g,",
            entry_precision(x), r->steps, r->ms, r->low, r->high);
    json_spread(out, "tokens_per_second", x->speed);
    json_spread(out, "mfu_nominal", x->nominal);
    json_spread(out, "mfu_executed", x->executed);
    fprintf(out, "\"memory\":%.0f,\"threads\":%d,\"phases\":{", r->memory, r->threads);
    for (int p = 0; p < PHASES; p++)
        fprintf(out,
                "%s\"%s\":{\"ms\":%.6g,\"rate\":%.6g,\"share\":%.6g,\"flops\":%.6g,\"bytes\":%.6g,"
                "\"pieces\":%" PRId64 "}",
                p ? "," : "", phase_name(p), r->phase_ms[p], entry_rate(x, p), entry_share(x, p),
                r->phase_work[p].flops, r->phase_work[p].bytes, r->pieces[p]);
    fprintf(out, "}}");
}

void show_json(FILE *out, const Bench *b) {
    const BenchMachine *m = &b->machine;
    char date[16];
    time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
    fprintf(out, "{\"cpu\":");
    json_string(out, m->cpu);
    fprintf(out,
            ",\"threads\":%d,\"blas_arch\":\"%s\",\"commit\":\"%s\",\"date\":\"%s\",\"rounds\":%d,"
            "\"peak_fp32\":%.6g,\"peak_bf16\":%.6g,\"peak_bytes\":%.6g,\"configs\":[",
            m->threads, m->blas_arch, host_git(), date, b->rounds, m->fp32, m->bf16, m->bytes);
    for (int i = 0; i < b->n; i++) {
        fprintf(out, i ? ",\n" : "\n");
        json_entry(out, &b->of[i]);
    }
    fprintf(out, "\n]}\n");
}
