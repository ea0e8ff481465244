#include "ablations/sweep/tuning_progress.h"

#include "ablations/text_table.h"

#include <stdio.h>
#include <string.h>

/* Whether two runs are on one side of one stratum: only tuned axes tell them apart. */
static bool are_rivals(const Sweep *s, int a, int b) {
    for (int i = 0; i < s->axes; i++)
        if (s->place[s->axis[i].place].role != PLACE_TUNED &&
            strcmp(sweep_value(s, a, i), sweep_value(s, b, i)))
            return false;
    return true;
}

/* Sides times strata, as far as they are not excluded. */
static int count_choices(const Sweep *s) {
    int choices = 0;
    for (int cell = 0; cell < s->combinations; cell++) {
        bool first = true;
        for (int before = 0; first && before < cell; before++)
            first = !are_rivals(s, before * s->seeds, cell * s->seeds);
        choices += first;
    }
    return choices;
}

/* A cell that leads while the choice is open judges nothing yet. */
static const char stage_sql[] =
    "SELECT count(*) FILTER (WHERE NOT c.judges AND r.status IN ('done', 'diverged')),"
    " count(*) FILTER (WHERE c.judges AND c.cell = h.cell AND h.open = 0 AND r.status IN ('done', "
    "'diverged'))"
    " FROM sweep AS w JOIN sweep_cell AS c ON c.sweep = w.id JOIN sweep_run AS s USING (sweep, \"index\")"
    " JOIN run AS r ON r.id = s.run JOIN sweep_choice AS h USING (sweep, side, stratum)"
    " WHERE w.name = ?1 AND w.file = ?2";

bool stage_read(Stage *out, const Sweep *s, Store *store, Error *e) {
    *out = (Stage){.tuning = s->combinations * (s->seeds - s->judging),
                   .judging = count_choices(s) * s->judging};
    if (!store) return true;
    sqlite3_stmt *q = table_query(store, stage_sql, s->name, e);
    if (!q) return false;
    sqlite3_bind_text(q, 2, s->text, -1, SQLITE_STATIC);
    bool ok = sqlite3_step(q) == SQLITE_ROW || store_failed(store, "results: sweep", e);
    if (ok) {
        out->tuned = sqlite3_column_int(q, 0);
        out->judged = sqlite3_column_int(q, 1);
    }
    sqlite3_finalize(q);
    return ok;
}

void stage_tell(const Stage *s, char text[STAGE_TEXT]) {
    if (s->tuned < s->tuning)
        snprintf(text, STAGE_TEXT, "stage: tuning, %d of %d runs over; then %d runs judge the cells chosen",
                 s->tuned, s->tuning, s->judging);
    else if (s->judged < s->judging)
        snprintf(text, STAGE_TEXT, "stage: judging, %d of %d runs over (%d tuned before them)", s->judged,
                 s->judging, s->tuning);
    else
        snprintf(text, STAGE_TEXT, "stage: over, %d runs tuned and %d judged", s->tuning, s->judging);
}
