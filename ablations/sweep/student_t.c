#include "ablations/sweep/student_t.h"

#include <math.h>
#include <stddef.h>

/* The finite series for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4):
 * with tan(a) = x / sqrt(df), products of cos^2(a) times (1/2)(3/4)... or (2/3)(4/5)... */
double student_t_within(double x, int df) {
    double a = atan(x / sqrt(df)), cosine = cos(a), sum = 0;
    double term = df % 2 ? cosine : 1;
    for (int k = df % 2 ? 3 : 2; k <= df; k += 2) {
        sum += term;
        term *= cosine * cosine * (k - 1) / k;
    }
    return df % 2 ? 2 / M_PI * (a + sin(a) * sum) : sin(a) * sum;
}

double student_t_two_sided(double p, int df) {
    double low = 0, high = 1;
    while (1 - student_t_within(high, df) > p) high *= 2;
    for (int i = 0; i < 100 && low < high; i++) {
        double middle = (low + high) / 2;
        if (middle == low || middle == high) break;
        if (1 - student_t_within(middle, df) > p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static bool insert_all(Store *s, sqlite3_stmt *insert, int shares, Error *e) {
    for (int share = 1; share <= shares; share++)
        for (int df = 1; df <= T_MOST_DF; df++) {
            sqlite3_bind_int(insert, 1, share);
            sqlite3_bind_int(insert, 2, df);
            sqlite3_bind_double(insert, 3, student_t_two_sided(0.05 / share, df));
            if (sqlite3_step(insert) != SQLITE_DONE) return store_failed(s, "results: t_quantile", e);
            sqlite3_reset(insert);
        }
    return true;
}

bool t_quantile_fill(Store *s, int shares, Error *e) {
    sqlite3_stmt *insert = NULL;
    if (sqlite3_prepare_v2(store_db(s), "INSERT OR IGNORE INTO t_quantile (share, df, t) VALUES (?1, ?2, ?3)",
                           -1, &insert, NULL) != SQLITE_OK)
        return store_failed(s, "results: t_quantile", e);
    bool ok = insert_all(s, insert, shares, e);
    sqlite3_finalize(insert);
    return ok;
}
