#include "ablations/probe/text_rows.h"

#include <stdlib.h>
#include <string.h>

static void cut_rows(ProbeRows *p, const int32_t *tokens, bool bos, int32_t bos_token) {
    for (int row = 0; row < p->rows; row++)
        for (int t = 0; t < p->T; t++) {
            int64_t at = (int64_t)row * p->T + t;
            p->at.x[at] = bos && t == 0 ? bos_token : tokens[at];
            p->at.y[at] = tokens[at + 1];
        }
}

static void cut_short_row(ProbeRows *p, const int32_t *tokens, bool bos, int32_t bos_token) {
    for (int t = 0; t < p->T; t++) {
        p->at.x[t] = !bos ? tokens[t] : t ? tokens[t - 1] : bos_token;
        p->at.y[t] = bos ? tokens[t] : t + 1 < p->T ? tokens[t + 1] : -1;
    }
}

bool text_rows_cut(TextRows *out, const int32_t *tokens, int64_t n, int32_t bos_token, int64_t T,
                   int64_t most, bool bos, const char *where, Error *e) {
    out->tokens = n;
    bool is_short = out->tokens <= T;
    if (is_short) T = out->tokens;
    out->rows = is_short ? 1 : (out->tokens - 1) / T;
    int64_t rows = out->rows < most ? out->rows : most;
    bool ok = (T >= 2 || fail(e, EXIT_USAGE, "%s: %lld token%s: at least 2 (a longer text)", where,
                              (long long)T, T == 1 ? "" : "s")) &&
              probe_rows_create(&out->as_trained, rows, T, e) &&
              (bos_token < 0 || probe_rows_create(&out->other, rows, T, e));
    for (int i = 0; ok && i < (bos_token < 0 ? 1 : 2); i++)
        (is_short ? cut_short_row : cut_rows)(i ? &out->other : &out->as_trained, tokens, bos != i,
                                              bos_token);
    return ok;
}
