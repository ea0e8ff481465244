/* Loss by position (TransformerLens#108): mean over the targets of positions 0, 1, 2-3, 4-7, ... of held-out
 * rows as long as the context, ROWS of them or fewer (a user's text: its rows), with the standard error over
 * these targets; under --do where that is given. Where a task tells classes of tokens apart, by the class of
 * the input, too. A model that only counts bigrams is as good at every position; what falls with the position
 * is learned from the row. */
#include "ablations/probe/modes.h"
#include "model/instruments/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1024 };

static const char *const kind_names[TOKEN_KINDS] = {"other tokens", "triggers", "no-ops"};

static int group_of(int t) {
    int group = 0;
    for (; t; t /= 2) group++;
    return group;
}

static void add(LossSum *to, double loss) {
    to->sum += loss;
    to->squares += loss * loss;
    to->n++;
}

void positions_add(const ProbeRows *p, int row, const float *losses, int rows, LossSum *of) {
    for (int i = 0; i < rows * p->T; i++) {
        int64_t at = (int64_t)row * p->T + i;
        if (p->at.y[at] < 0) continue;
        add(&of[group_of(i % p->T)], (double)losses[i]);
        if (p->at.kind) add(&of[POSITION_GROUPS + p->at.kind[at]], (double)losses[i]);
    }
}

bool positions_measure(const ProbedModel *s, const ProbeRows *p, bool changed, LossSum *of, Error *e) {
    ProbeRows room = {.rows = p->rows < s->main.rows ? p->rows : s->main.rows, .T = p->T};
    Tape *t = NULL;
    if (!probed_model_tape(s, &room, changed, false, &t, e)) return false;
    memset(of, 0, POSITION_SUMS * sizeof *of);
    for (int row = 0; row < p->rows; row += room.rows) {
        int64_t at = (int64_t)row * p->T;
        int rows = p->rows - row < room.rows ? p->rows - row : room.rows;
        model_forward(s->m, t, &(Batch){rows, p->T, p->at.x + at, p->at.y + at, p->at.doc_start + at, row});
        positions_add(p, row, tape_losses(t), rows, of);
    }
    tape_free(t);
    return true;
}

/* The rows, with BOS or without; those of the user's text stay the probe's. */
static bool draw(const ProbedModel *s, bool changed, ProbeRows *p, Error *e) {
    bool none = changed && s->no_bos;
    if (!s->data || s->text_rows) return *p = none ? s->other : s->main, true;
    bool ok = probe_rows_draw(p, CONTEXT, s->data, config_seed(&s->c, SEED_PROBE), ROWS, s->m->config.context,
                              s->c.data.bos == BOS_ROW && !none, e);
    if (ok) rows_hide_targets(&p->at, p->rows, p->T, s->m->config.prefix);
    return ok;
}

static void name_row(Sheet *sheet, int i, int sum, int T) {
    char *name = sheet->row[i].name;
    int from = sum ? 1 << (sum - 1) : 0, last = sum && 2 * from <= T ? 2 * from - 1 : T - 1;
    if (sum >= POSITION_GROUPS)
        strcpy(name, kind_names[sum - POSITION_GROUPS]);
    else if (sum < 2)
        snprintf(name, SHEET_NAME, "position %d", sum);
    else
        snprintf(name, SHEET_NAME, "positions %d to %d", from, last);
}

static void fill(const LossSum *x, Sheet *sheet, int i, int j) {
    double n = (double)x->n, mean = x->sum / n, variance = (x->squares - n * mean * mean) / (n - 1);
    *sheet_cell(sheet, i, j) = mean;
    *sheet_error(sheet, i, j) = x->n > 1 ? sqrt(fmax(variance, 0) / n) : NAN;
}

bool positions_show(ProbedModel *s, Error *e) {
    int both = s->changes.n || s->no_bos ? 2 : 1, rows = 0;
    LossSum of[2][POSITION_SUMS];
    ProbeRows p[2] = {{0}};
    bool ok = true;
    for (int j = 0; ok && j < both; j++)
        ok = draw(s, j, &p[j], e) && positions_measure(s, &p[j], j, of[j], e);
    for (int i = 0; ok && i < POSITION_SUMS; i++) rows += of[0][i].n > 0;
    if (ok) {
        Sheet sheet = sheet_make("positions", "loss by position", rows, both);
        for (int j = 0; j < both; j++) strcpy(sheet.col[j], j ? "under --do" : "loss");
        for (int sum = 0, i = 0; sum < POSITION_SUMS; sum++) {
            if (!of[0][sum].n) continue;
            name_row(&sheet, i, sum, p[0].T);
            for (int j = 0; j < both; j++) fill(&of[j][sum], &sheet, i, j);
            i++;
        }
        probed_model_show(s, &sheet, s->text_rows || !s->data ? &s->main : &p[0], p[0].rows);
    }
    for (int j = 0; j < both && s->data && !s->text_rows; j++) probe_rows_free(&p[j]);
    return ok;
}
