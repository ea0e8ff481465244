#include "ablations/sweep/fit.h"

#include "ablations/sweep/student_t.h"
#include "data/base/error.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- least squares ---- */

static bool of_seed(const Points *p, int i, int64_t seed, bool without) {
    return (p->seed[i] == seed) != without;
}

/* The least squares of the m rows of A (columns, m) and b, in b; columns are scaled to one, so that the rank
 * does not depend on their units. */
static bool solve_rows(double *A, double *b, int m, int columns) {
    double scale[FIT_COLUMNS];
    lapack_int pivot[FIT_COLUMNS] = {0}, rank = 0;
    if (m < columns) return false;
    for (int c = 0; c < columns; c++) {
        scale[c] = 0;
        for (int i = 0; i < m; i++) scale[c] = fmax(scale[c], fabs(A[c * m + i]));
        if (scale[c] == 0) return false;
        for (int i = 0; i < m; i++) A[c * m + i] /= scale[c];
    }
    lapack_int info = LAPACKE_dgelsy(LAPACK_COL_MAJOR, m, columns, 1, A, m, b, m, pivot, 1e-9, &rank);
    if (info == LAPACK_WORK_MEMORY_ERROR) out_of_memory();
    if (info || rank < columns) return false;
    for (int c = 0; c < columns; c++) b[c] /= scale[c];
    return true;
}

/* The coefficients on one seed's points, or on all others'. */
static bool solve(const Points *p, int64_t seed, bool without, double *coefficient) {
    double *A = malloc(sizeof(double) * (size_t)p->n * (size_t)(p->columns + 1)), *b = A + p->n * p->columns;
    int m = 0;
    if (!A) out_of_memory();
    for (int i = 0; i < p->n; i++) m += of_seed(p, i, seed, without);
    for (int i = 0, row = 0; i < p->n; i++) {
        if (!of_seed(p, i, seed, without)) continue;
        for (int c = 0; c < p->columns; c++) A[c * m + row] = p->x[c * p->n + i];
        b[row++] = p->y[i];
    }
    bool ok = solve_rows(A, b, m, p->columns);
    if (ok) memcpy(coefficient, b, sizeof(double) * (size_t)p->columns);
    free(A);
    return ok;
}

/* The sum of squares on a seed's points, of these coefficients and of the mean of all other points. */
static int seed_squares(const Points *p, int64_t seed, const double *coefficient, double *fit, double *mean) {
    double others = 0;
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        if (of_seed(p, i, seed, true)) others += p->y[i];
        n += of_seed(p, i, seed, false);
    }
    *fit = *mean = 0;
    for (int i = 0; i < p->n; i++) {
        if (!of_seed(p, i, seed, false)) continue;
        double y = 0, rest = p->y[i] - others / (p->n - n);
        for (int c = 0; c < p->columns; c++) y += coefficient[c] * p->x[c * p->n + i];
        *fit += (p->y[i] - y) * (p->y[i] - y);
        *mean += rest * rest;
    }
    return n;
}

static double mean_of(const double *x, int n, double *error) {
    double mean = 0, squares = 0;
    for (int i = 0; i < n; i++) mean += x[i] / n;
    for (int i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    *error = n > 1 ? sqrt(squares / (n - 1) / n) : NAN;
    return n > 1 ? mean : NAN;
}

/* The seeds, each once, in the order of the points. */
static int seeds_of(const Points *p, int64_t *seed) {
    int n = 0;
    for (int i = 0, k; i < p->n; i++) {
        for (k = 0; k < n && seed[k] != p->seed[i]; k++) continue;
        if (k == n) seed[n++] = p->seed[i];
    }
    return n;
}

/* Terms by the fits of single seeds; where one of those has none, there is no error. own: room for a value a
 * seed. */
static void fit_seeds(const Points *p, const int64_t *seed, FitResult *out, double *own) {
    bool all = true;
    double(*each)[FIT_COLUMNS] = calloc((size_t)out->seeds, sizeof *each);
    if (!each) out_of_memory();
    for (int k = 0; all && k < out->seeds; k++) all = solve(p, seed[k], false, each[k]);
    for (int c = 0; c < p->columns; c++) {
        for (int k = 0; all && k < out->seeds; k++) own[k] = each[k][c];
        out->term[c].mean = mean_of(own, all ? out->seeds : 0, &out->term[c].error);
    }
    free(each);
}

static const char *leave_out(const Points *p, const int64_t *seed, FitResult *out) {
    double squares = 0, spread = 0, coefficient[FIT_COLUMNS];
    for (int k = 0; out->seeds > 1 && k < out->seeds; k++) {
        double fit, mean;
        if (!solve(p, seed[k], true, coefficient))
            return "its terms cannot be told apart without one of the seeds";
        int n = seed_squares(p, seed[k], coefficient, &fit, &mean);
        out->left_out[k] = sqrt(fit / n);
        squares += fit;
        spread += mean;
    }
    out->explained = out->seeds > 1 && spread > 0 ? 1 - squares / spread : NAN;
    return NULL;
}

const char *fit_points(const Points *p, FitResult *out) {
    double coefficient[FIT_COLUMNS];
    *out = (FitResult){.explained = NAN};
    if (p->n < p->columns) return "too few points";
    if (!solve(p, INT64_MIN, true, coefficient)) return "its terms cannot be told apart";
    int64_t *seed = malloc(sizeof *seed * (size_t)p->n);
    out->left_out = malloc(2 * sizeof *out->left_out * (size_t)p->n);
    if (!seed || !out->left_out) out_of_memory();
    out->seeds = seeds_of(p, seed);
    for (int c = 0; c < p->columns; c++) out->term[c].value = coefficient[c];
    fit_seeds(p, seed, out, out->left_out + p->n);
    const char *why = leave_out(p, seed, out);
    free(seed);
    return why;
}

/* ---- the figures ---- */

static void points_free(Points *p) {
    free(p->x);
    free(p->y);
    free(p->seed);
    *p = (Points){0};
}

static int column_named(sqlite3_stmt *q, const char *name) {
    int i = sqlite3_column_count(q) - 1;
    while (i >= 0 && strcmp(sqlite3_column_name(q, i), name)) i--;
    return i;
}

/* Where the query's rows have the seed, y, and the terms. */
static bool find_columns(const Fit *f, sqlite3_stmt *q, int *at, Error *e) {
    for (int i = 0; i < f->terms + 2; i++) {
        const char *name = i == 0 ? "seed" : i == 1 ? f->of : f->on[i - 2];
        if ((at[i] = column_named(q, name)) < 0)
            return fail(e, EXIT_USAGE, "%s: its rows have no column %s", f->query.name, name);
    }
    return true;
}

static bool add_point(Points *p, const Fit *f, sqlite3_stmt *row, const int *at, int room, Error *e) {
    for (int i = 0; i < f->terms + 2; i++) {
        int type = sqlite3_column_type(row, at[i]);
        if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
            return fail(e, EXIT_USAGE, "%s: row %d: %s is no number", f->query.name, p->n + 1,
                        sqlite3_column_name(row, at[i]));
    }
    p->seed[p->n] = sqlite3_column_int64(row, at[0]);
    p->y[p->n] = sqlite3_column_double(row, at[1]);
    p->x[p->n] = 1;
    for (int i = 0; i < f->terms; i++) p->x[(i + 1) * room + p->n] = sqlite3_column_double(row, at[i + 2]);
    p->n++;
    return true;
}

static int count_rows(sqlite3_stmt *q) {
    int n = 0;
    while (sqlite3_step(q) == SQLITE_ROW) n++;
    sqlite3_reset(q);
    return n;
}

static bool read_points(const Fit *f, sqlite3_stmt *q, Points *p, Error *e) {
    int at[FIT_TERMS + 2], room = count_rows(q), result;
    *p = (Points){.columns = f->terms + 1};
    if (!find_columns(f, q, at, e)) return false;
    p->x = malloc(sizeof *p->x * (size_t)(room + 1) * (size_t)p->columns);
    p->y = malloc(sizeof *p->y * (size_t)(room + 1));
    p->seed = malloc(sizeof *p->seed * (size_t)(room + 1));
    bool ok = (p->x && p->y && p->seed) || fail(e, EXIT_FAILED, "%s: out of memory", f->query.name);
    while (ok && (result = sqlite3_step(q)) == SQLITE_ROW && p->n < room)
        ok = add_point(p, f, q, at, room, e);
    return ok && (result == SQLITE_DONE ||
                  fail(e, EXIT_USAGE, "%s: %s", f->query.name, sqlite3_errmsg(sqlite3_db_handle(q))));
}

static bool ask_points(const Fit *f, Store *store, Points *p, Error *e) {
    sqlite3_stmt *q = NULL;
    bool ok = true;
    if (sqlite3_prepare_v2(store_db(store), f->query.text, -1, &q, NULL) != SQLITE_OK)
        ok = fail(e, EXIT_USAGE, "%s: %s", f->query.name, sqlite3_errmsg(store_db(store)));
    else if (!q || !sqlite3_stmt_readonly(q))
        ok = fail(e, EXIT_USAGE, "%s: not a SELECT", f->query.name);
    ok = ok && read_points(f, q, p, e);
    sqlite3_finalize(q);
    return ok;
}

/* ---- tables ---- */

static bool execute(Store *store, char *sql, Error *e) {
    bool ok = sql && sqlite3_exec(store_db(store), sql, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_free(sql);
    return ok || store_failed(store, "results: fits", e);
}

/* A number as SQL has it. */
typedef struct Literal {
    char s[32];
} Literal;

static Literal literal(double x) {
    Literal l = {"NULL"};
    if (isfinite(x)) snprintf(l.s, sizeof l.s, "%.17g", x);
    return l;
}

static char *formula(const Fit *f) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    sqlite3_str_appendf(s, "%s on ", f->of);
    for (int i = 0; i < f->terms; i++) sqlite3_str_appendf(s, "%s%s", i ? ", " : "", f->on[i]);
    return sqlite3_str_finish(s);
}

static double half_width(double error, int seeds) {
    return seeds > 1 ? error * student_t_two_sided(0.05, seeds - 1) : NAN;
}

static bool write_terms(const Fit *f, int place, const FitResult *r, Store *store, Error *e) {
    bool ok = true;
    for (int c = 0; ok && c <= f->terms; c++) {
        const FitTerm *t = &r->term[c];
        double half = half_width(t->error, r->seeds);
        ok = execute(store,
                     sqlite3_mprintf("INSERT INTO temp.fit_term VALUES (%d, %Q, %s, %s, %s, %s)", place,
                                     c ? f->on[c - 1] : "1", literal(t->value).s, literal(t->mean).s,
                                     literal(t->mean - half).s, literal(t->mean + half).s),
                     e);
    }
    return ok;
}

/* By how much its errors are above those of the first fit, seed by seed; NaN where it has none. */
static double above_first(const FitResult *r, const FitResult *first, double *half) {
    double more[r->seeds + 1], error;
    bool both = r != first && r->seeds > 1 && r->seeds == first->seeds;
    for (int k = 0; both && k < r->seeds; k++) more[k] = r->left_out[k] - first->left_out[k];
    double mean = mean_of(more, both ? r->seeds : 0, &error);
    *half = half_width(error, r->seeds);
    return mean;
}

static bool write_fit(const Fit *f, int place, const Points *p, const FitResult *r, const FitResult *first,
                      const char *note, Store *store, Error *e) {
    double spread, half, above = above_first(r, first, &half);
    char *text = formula(f);
    bool ok =
        text &&
        execute(store,
                sqlite3_mprintf("INSERT INTO temp.fit VALUES (%d, %Q, %d, %d, %s, %s, %s, %s, %s, %Q)", place,
                                text, p->n, r->seeds, literal(mean_of(r->left_out, r->seeds, &spread)).s,
                                literal(r->explained).s, literal(above).s, literal(above - half).s,
                                literal(above + half).s, note),
                e);
    sqlite3_free(text);
    return ok && (note || write_terms(f, place, r, store, e));
}

static bool fit_one(const Fit *f, int place, FitResult *r, const FitResult *first, Store *store, Error *e) {
    Points p = {0};
    bool ok = ask_points(f, store, &p, e);
    const char *note = ok ? fit_points(&p, r) : NULL;
    if (note) r->seeds = 0; /* without a fit there is nothing to hold others against */
    ok = ok && write_fit(f, place, &p, r, first, note, store, e);
    points_free(&p);
    return ok;
}

bool fit_all(const Sweep *s, Store *store, Error *e) {
    FitResult *r = calloc((size_t)s->fits + 1, sizeof *r);
    bool ok = (r || fail(e, EXIT_FAILED, "results: fits: out of memory")) &&
              execute(store,
                      sqlite3_mprintf("DROP TABLE IF EXISTS temp.fit; DROP TABLE IF EXISTS temp.fit_term;"
                                      "CREATE TEMP TABLE fit (place, formula, points, seeds, error, "
                                      "explained, above, low, high, note);"
                                      "CREATE TEMP TABLE fit_term (place, term, value, mean, low, high)"),
                      e);
    for (int i = 0; ok && i < s->fits; i++) ok = fit_one(&s->fit[i], i, &r[i], &r[0], store, e);
    for (int i = 0; r && i < s->fits; i++) free(r[i].left_out);
    free(r);
    return ok;
}
