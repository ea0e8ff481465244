#include "ablations/probe/steps.h"

#include "model/instruments/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which ---- */

static int place_of(const FoundModel *f, int64_t step) {
    for (int i = 0; i < f->n; i++)
        if (f->at[i].step == step) return i;
    return -1;
}

static bool not_there(const FoundModel *f, const char *item, Error *e) {
    char there[256] = "";
    for (int i = 0; i < f->n; i++) {
        size_t used = strlen(there);
        bool room = used + 32 < sizeof there;
        snprintf(there + used, sizeof there - used, room ? "%s%lld" : ", ...", i ? ", " : "",
                 (long long)f->at[i].step);
        if (!room) break;
    }
    return fail(e, EXIT_USAGE, "--steps: %.40s: no checkpoint after so many steps (there are %s)", item,
                there);
}

static bool want_listed(const FoundModel *f, const char *text, bool *wanted, Error *e) {
    static const char apart[] = " ,[]";
    int named = 0;
    for (const char *at = text + strspn(text, apart); *at; at += strspn(at, apart), named++) {
        size_t length = strcspn(at, apart);
        char item[41], *end;
        snprintf(item, sizeof item, "%.*s", (int)(length < 40 ? length : 40), at);
        int64_t step = strtoll(item, &end, 10);
        if (*end || *item == '-' || *item == '+')
            return fail(e, EXIT_USAGE, "--steps: %s: expected all, log or steps, such as 100,200", item);
        int place = place_of(f, step);
        if (place < 0) return not_there(f, item, e);
        wanted[place] = true;
        at += length;
    }
    return named || fail(e, EXIT_USAGE, "--steps: empty (all, log or steps, such as 100,200)");
}

static void want_log(const FoundModel *f, bool *wanted) {
    for (int k = 0, i = 0; i < f->n; k++) {
        while (i < f->n && f->at[i].step < llround(exp2(k / 2.0))) i++;
        if (i < f->n) wanted[i] = true;
    }
    wanted[f->n - 1] = true;
}

bool steps_choose(FoundModel *f, const char *text, Error *e) {
    if (!*f->folder)
        return fail(e, EXIT_USAGE, "--steps: %s: is one checkpoint (give the run it is of, or the folder)",
                    f->path);
    bool *wanted = instrument_memory((size_t)f->n, sizeof *wanted), ok = true;
    int n = 0;
    if (!strcmp(text, "all"))
        memset(wanted, true, (size_t)f->n * sizeof *wanted);
    else if (!strcmp(text, "log"))
        want_log(f, wanted);
    else
        ok = want_listed(f, text, wanted, e);
    for (int i = 0; i < f->there; i++) {
        if (!wanted[i]) continue;
        FoundStep chosen = f->at[i];
        memmove(f->at + n + 1, f->at + n, (size_t)(i - n) * sizeof chosen);
        f->at[n++] = chosen;
    }
    free(wanted);
    f->n = n;
    if (ok) found_model_path(f, n - 1, f->path);
    return ok;
}

/* ---- what they are ---- */

static const struct {
    const char *name, *figure; /* NULL: the rows' loss */
} columns[] = {{"loss", NULL},
               {"sink rate 0.3", "sink_rate_03"},
               {"sink mass", "sink_mass"},
               {"value drain", "value_drain"},
               {"norm ratio", "norm_ratio"},
               {"massive ratio", "massive_ratio"}};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* One row of the sheet, each figure beside itself under --do. */
static bool measure(ProbedModel *s, Sheet *sheet, int row, int n, Error *e) {
    for (int k = 0; k < n; k++) {
        Measured m;
        if (!probed_model_measure(s, k == 1, &m, e)) return false;
        for (int j = 0; j < COLUMNS; j++)
            *sheet_cell(sheet, row, j * n + k) =
                columns[j].figure ? figures_get(&m.main, columns[j].figure, -1, -1) : m.loss;
        measured_free(&m);
    }
    return true;
}

bool steps_show(ProbedModel *s, const FoundModel *f, Error *e) {
    int n = s->o->changes.n ? 2 : 1;
    Sheet sheet = sheet_make("steps", "the whole model by step", f->n, COLUMNS * n);
    bool ok = true;
    for (int j = 0; j < COLUMNS; j++)
        for (int k = 0; k < n; k++)
            snprintf(sheet.col[j * n + k], SHEET_NAME, "%s%s", columns[j].name, k ? " after" : "");
    for (int i = 0; ok && i < f->n; i++) {
        snprintf(sheet.row[i].name, SHEET_NAME, "step %lld", (long long)f->at[i].step);
        ok = probed_model_load(s, f, i, e) && measure(s, &sheet, i, n, e);
    }
    if (ok)
        probed_model_show(s, &sheet, &s->main, s->main.rows);
    else
        sheet_free(&sheet);
    return ok;
}
