/* Robustness against the worst substitution of one token (HotFlip, arXiv 1712.06751), at the first position
 * and at others: of all tokens but BOS the n whose vector promises the largest rise of the loss, (E_v - E_x)
 * . g with g the gradient of a row's loss by the vector of position `pos`, are tried in its place, and the
 * worst of them is kept, row by row; beside it n random tokens, their mean and their worst. The loss is over
 * the row's targets from `pos` on, which stay those of the text (the target before it would ask for the token
 * that was taken away). What the kept token moves, |dx_t| / |x_t| of the last stream at t > pos, is the
 * spread of --perturb. Under --do where that is given. A model that parks on its first token loses most by an
 * attack there. */
#include "ablations/probe/modes.h"
#include "data/base/rng.h"
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAW = 2, PLACES = 6, MOST = 64 };

/* One attack: the rows with another token, and what a pass of them is held against. */
typedef struct Place {
    const ProbedModel *s;
    const ProbeRows *p;
    Tape *t;
    int pos, n;
    int32_t bos;
    int32_t *x;      /* (rows, T) of the pass */
    int32_t *choice; /* (rows, n) */
    double *loss;    /* (rows, n) */
} Place;

typedef struct Seen {
    int pos;
    int64_t width;
    float *at; /* (rows, width) gradient at the position */
} Seen;

static void see_gradient(void *self, const View *v) {
    Seen *g = self;
    for (int row = 0; row < v->rows; row++)
        memcpy(g->at + row * g->width, v->data + ((int64_t)row * v->T + g->pos) * v->ld,
               (size_t)g->width * sizeof *g->at);
}

static bool gradient_at(const Place *a, float *at, Error *e) {
    const ProbeRows *p = a->p;
    Tape *t = NULL;
    if (!probed_model_tape(a->s, p, true, true, &t, e)) return false;
    float *scratch = model_arena(a->s->m);
    Seen g = {a->pos, a->s->m->config.width, at};
    Observer eye = {1u << TAP_EMBED_GRAD, &g, see_gradient, NULL};
    tape_observe(t, (Observers){&eye, 1});
    if (scratch)
        model_slopes(a->s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0}, 1, scratch);
    tape_free(t);
    free(scratch);
    return scratch || fail(e, EXIT_FAILED, "--attack: out of memory");
}

static bool may_stand(const Place *a, int32_t token, int32_t was) {
    return token != was && token != a->bos;
}

/* The n tokens of the largest E_v . g, by insertion; equal ones by their number. */
static void by_gradient(const Place *a, int32_t was, const float *g, int32_t *choice) {
    const Tensor *E = model_tensor(a->s->m, -1, STAGE_EMBED, 0);
    double rise[MOST];
    int found = 0;
    for (int32_t v = 0; v < (int32_t)E->rows; v++) {
        double x = dot_floats(a->s->m->params + E->offset + v * E->cols, g, E->cols);
        if (!may_stand(a, v, was) || (found == a->n && !(x > rise[found - 1]))) continue;
        int at = found < a->n ? found++ : found - 1;
        for (; at && x > rise[at - 1]; at--) rise[at] = rise[at - 1], choice[at] = choice[at - 1];
        rise[at] = x;
        choice[at] = v;
    }
}

static void at_random(const Place *a, int row, int32_t was, int32_t *choice) {
    uint64_t V = (uint64_t)a->s->m->config.vocab, seed = config_seed(&a->s->c, SEED_PROBE), draw = 0;
    for (int i = 0; i < a->n; i++) do
            choice[i] = (int32_t)rng_below(seed, RNG_SKETCH, DRAW + (uint64_t)a->pos,
                                           ((uint64_t)row << 32) + draw++, V);
        while (!may_stand(a, choice[i], was));
}

/* Mean loss of each row over its targets from the position on; NAN where it has none. */
static void row_losses(const Place *a, const int32_t *x, double *loss, int64_t ld) {
    const ProbeRows *p = a->p;
    model_forward(a->s->m, a->t, &(Batch){p->rows, p->T, x, p->at.y, p->at.doc_start, 0});
    for (int row = 0; row < p->rows; row++) {
        double sum = 0;
        int n = 0;
        for (int t = a->pos; t < p->T; t++)
            if (p->at.y[(int64_t)row * p->T + t] >= 0)
                sum += (double)tape_losses(a->t)[(int64_t)row * p->T + t], n++;
        loss[row * ld] = quotient(sum, n);
    }
}

static void put(const Place *a, int choice) {
    for (int row = 0; row < a->p->rows; row++)
        a->x[(int64_t)row * a->p->T + a->pos] = a->choice[row * a->n + choice];
}

/* Tries all choices; leaves the rows with the worst of each in x. mean, worst: over the rows. */
static bool try_all(const Place *a, double *mean, double *worst, double *spread, Error *e) {
    int rows = a->p->rows, T = a->p->T, layers = (int)a->s->m->config.layers;
    double most[rows], moved[layers * T];
    for (int i = 0; i < a->n; i++) {
        put(a, i);
        row_losses(a, a->x, a->loss + i, a->n);
    }
    for (int row = 0; row < rows; row++) {
        const double *loss = a->loss + row * a->n;
        int at = 0;
        for (int i = 1; i < a->n; i++) at = loss[i] > loss[at] ? i : at;
        most[row] = loss[at];
        a->x[(int64_t)row * T + a->pos] = a->choice[row * a->n + at];
    }
    *mean = mean_of(a->loss, (int64_t)rows * a->n);
    *worst = mean_of(most, rows);
    memset(moved, 0, sizeof moved);
    bool ok = perturb_measure(a->s, a->p, a->x, moved, e);
    *spread = a->pos < T - 1 ? 0 : NAN;
    for (int t = a->pos + 1; t < T; t++) *spread += moved[(layers - 1) * T + t] / (T - 1 - a->pos);
    return ok;
}

static bool attack(Place *a, Attack *out, Error *e) {
    const ProbeRows *p = a->p;
    int64_t d = a->s->m->config.width;
    double before[p->rows], ignored;
    float *g = instrument_memory((size_t)(p->rows * d), sizeof *g);
    row_losses(a, p->at.x, before, 1);
    out->before = mean_of(before, p->rows);
    bool ok = gradient_at(a, g, e);
    for (int row = 0; ok && row < p->rows; row++)
        at_random(a, row, p->at.x[(int64_t)row * p->T + a->pos], a->choice + row * a->n);
    ok = ok && try_all(a, &out->random, &out->random_worst, &out->random_spread, e);
    for (int row = 0; ok && row < p->rows; row++)
        by_gradient(a, p->at.x[(int64_t)row * p->T + a->pos], g + row * d, a->choice + row * a->n);
    ok = ok && try_all(a, &ignored, &out->worst, &out->spread, e);
    free(g);
    return ok;
}

bool attack_measure(const ProbedModel *s, const ProbeRows *p, int pos, int n, Attack *out, Error *e) {
    size_t N = (size_t)p->rows * (size_t)p->T, tried = (size_t)p->rows * (size_t)n;
    Place a = {.s = s, .p = p, .pos = pos, .n = n, .bos = s->data ? dataset_info(s->data)->bos : -1};
    if (!probed_model_tape(s, p, true, false, &a.t, e)) return false;
    a.x = instrument_memory(N, sizeof *a.x);
    a.choice = instrument_memory(tried, sizeof *a.choice);
    a.loss = instrument_memory(tried, sizeof *a.loss);
    memcpy(a.x, p->at.x, N * sizeof *a.x);
    bool ok = attack(&a, out, e);
    tape_free(a.t);
    free(a.x);
    free(a.choice);
    free(a.loss);
    return ok;
}

bool attack_check(const ProbedModel *s, Error *e) {
    int64_t most = s->m->config.vocab - 2 < MOST ? s->m->config.vocab - 2 : MOST;
    return (s->o->attack >= 1 && s->o->attack <= most) ||
           fail(e, EXIT_USAGE, "--attack: %lld: not a number of tokens to try (1 to %lld)",
                (long long)s->o->attack, (long long)most);
}

bool attack_show(ProbedModel *s, Error *e) {
    static const char *const columns[] = {"loss from there",   "random token",   "worst random",
                                          "worst by gradient", "spread, random", "spread"};
    const ProbeRows *p = s->no_bos ? &s->other : &s->main;
    const int places[PLACES] = {0, 1, 2, p->T / 4, p->T / 2, 3 * p->T / 4};
    Sheet sheet = sheet_make("attack", "loss under the worst substitution of one token", PLACES, 6);
    bool ok = true;
    int rows = 0;
    for (int j = 0; j < 6; j++) strcpy(sheet.col[j], columns[j]);
    for (int i = 0; ok && i < PLACES; i++) {
        Attack x;
        if (i && places[i] <= places[i - 1]) continue; /* of short rows */
        snprintf(sheet.row[rows].name, SHEET_NAME, "at position %d", places[i]);
        ok = attack_measure(s, p, places[i], (int)s->o->attack, &x, e);
        const double of[] = {x.before, x.random, x.random_worst, x.worst, x.random_spread, x.spread};
        for (int j = 0; ok && j < 6; j++) *sheet_cell(&sheet, rows, j) = of[j];
        rows++;
    }
    sheet.rows = rows;
    if (ok)
        probed_model_show(s, &sheet, p, p->rows);
    else
        sheet_free(&sheet);
    return ok;
}
