#include "ablations/sweep/known_sweep.h"

#include "ablations/text_table.h"
#include "data/base/listing.h"
#include "data/base/text.h"
#include "train/config/did_you_mean.h"
#include "train/store/column.h"

#include <string.h>
#include <unistd.h>

#define RUNS_END ".run.csv.gz" /* of the file of a sweep's runs */

bool sweep_file(const char *name, Path *out) {
    static const char *const folders[] = {"", "ablations/", "ablations/claims/"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders && *name; i++) {
        *out = path_of("%s%s.yaml", folders[i], name);
        if (!access(out->s, R_OK)) return true;
    }
    return false;
}

enum { NAMES = 8, NAME_ROOM = 128, HINT_TEXT = 256 };

/* The file that makes a sweep of runs which are there, another name that was meant, or else what makes one.
 */
static void hint(sqlite3_stmt *names, const char *name, char text[HINT_TEXT]) {
    char known[NAMES][NAME_ROOM];
    DidYouMean near = {.text = name};
    Path file;
    for (int i = 0; i < NAMES && sqlite3_step(names) == SQLITE_ROW; i++) {
        snprintf(known[i], NAME_ROOM, "%s", column_text(names, 0));
        did_you_mean_offer(&near, known[i]);
    }
    if (sweep_file(name, &file))
        snprintf(text, HINT_TEXT, " (sinklab sweep verdict %.160s makes it of runs that are there)", file.s);
    else if (!*did_you_mean_hint(&near, text, HINT_TEXT))
        snprintf(text, HINT_TEXT, " (sinklab sweep run makes one; of merged runs sweep verdict FILE)");
}

bool sweep_is_known(Store *s, const char *name, const char *command, Error *e) {
    char text[HINT_TEXT];
    if (!name) return true;
    sqlite3_stmt *names = table_query(s, "SELECT name FROM sweep ORDER BY name <> ?1, id DESC", name, e);
    int result = names ? sqlite3_step(names) : SQLITE_ERROR;
    bool known = result == SQLITE_ROW && !strcmp(column_text(names, 0), name);
    if (names && result != SQLITE_ROW && result != SQLITE_DONE) {
        store_failed(s, command, e);
    } else if (names && !known) {
        sqlite3_reset(names);
        hint(names, name, text);
        fail(e, EXIT_USAGE, "%s: %s has no sweep called %s%s", command, store_path(s), name, text);
    }
    sqlite3_finalize(names);
    return known;
}

static bool is_table_of_runs(const char *path) {
    return text_ends(path, RUNS_END);
}

/* *file: of the first one for which there is one here. */
static bool count_missing(Store *s, const FileList *tables, int *missing, Path *file, Error *e) {
    bool found = false;
    for (int64_t i = 0; i < tables->files; i++) {
        Error why = {0};
        const char *name = strrchr(tables->path[i], '/') + 1;
        Path sweep = path_of("%.*s", (int)(strlen(name) - strlen(RUNS_END)), name);
        if (sweep_is_known(s, sweep.s, "merge", &why)) continue;
        if (why.code == EXIT_FAILED) return *e = why, false;
        ++*missing;
        found = found || sweep_file(sweep.s, file);
    }
    if (!found) *file = path_of("FILE");
    return true;
}

bool sweeps_tell_missing(Store *s, const char *folder, Error *e) {
    FileList tables = {0};
    Path file;
    int missing = 0;
    bool ok =
        files_list(&tables, folder, is_table_of_runs, e) && count_missing(s, &tables, &missing, &file, e);
    files_free(&tables);
    if (ok && missing)
        printf("%s: %d sweep%s not recorded with results; for a verdict and the page, %sby its file:\n"
               "    sinklab sweep verdict %s --db %s\n",
               folder, missing, missing > 1 ? "s are" : " is", missing > 1 ? "each " : "", file.s,
               store_path(s));
    return ok;
}
