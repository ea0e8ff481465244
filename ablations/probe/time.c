/* The cost of the instruments: milliseconds of a pass of the rows through the model as it is, under the light
 * instruments, under light and heavy ones; the median of REPEATS, taken in turn. */
#include "ablations/probe/modes.h"
#include "model/instruments/instrument.h"
#include "model/instruments/stats.h"

#include <omp.h>
#include <string.h>

enum { REPEATS = 7 };

static double milliseconds(const ProbedModel *s, Tape *t, int set) {
    const ProbeRows *p = &s->main;
    Probe probe = {.m = s->m, .rows = p->rows, .T = p->T, .kind = p->at.kind};
    Figures f = {0};
    double start = omp_get_wtime();
    instruments_measure(&probe, t, p->at.x, p->at.y, p->at.doc_start, set, &f, NULL);
    double ms = 1e3 * (omp_get_wtime() - start);
    figures_free(&f);
    return ms;
}

bool time_show(ProbedModel *s, Error *e) {
    static const struct {
        const char *name;
        int set;
    } sets[] = {{"forward alone", 0}, {"light", LIGHT}, {"light and heavy", LIGHT | HEAVY}};
    enum { SETS = sizeof sets / sizeof *sets };
    double ms[SETS][REPEATS];
    Tape *t = NULL;
    if (!probed_model_tape(s, &s->main, false, false, &t, e)) return false;
    for (int r = -1; r < REPEATS; r++) /* one for warmth */
        for (int i = 0; i < SETS; i++) {
            double x = milliseconds(s, t, sets[i].set);
            if (r >= 0) ms[i][r] = x;
        }
    tape_free(t);
    Sheet sheet = sheet_make("time", "milliseconds", SETS, 1);
    strcpy(sheet.col[0], "median");
    for (int i = 0; i < SETS; i++) {
        strcpy(sheet.row[i].name, sets[i].name);
        *sheet_cell(&sheet, i, 0) = median_of(ms[i], REPEATS);
    }
    probed_model_show(s, &sheet);
    return true;
}
