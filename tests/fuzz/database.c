/* results.db as another may have made it. An input is SQL that is run on a database of ours, and, after a
 * NUL, changes of single bytes of its file: three bytes for the place, one for what stands there. Then every
 * command that reads a database is asked about it. */
#include "tests/fuzz/targets.h"

#include "train/commands/command.h"
#include "train/store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY "00112233445566778899aabbccddeeff"

/* Under a fuzzer SQLite takes its memory from the C library itself: the sanitizer's own, with a stack kept
 * for each of millions, is most of the time of an input. make SAN=address reads the seeds with it. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { HEAD = 16 }; /* before each piece: its size */

extern void *__libc_malloc(size_t size), *__libc_realloc(void *at, size_t size);
extern void __libc_free(void *at);

static void *with_size(char *at, int size) {
    if (!at) return NULL;
    memcpy(at, &size, sizeof size);
    return at + HEAD;
}
static void *take(int size) {
    return with_size(__libc_malloc((size_t)size + HEAD), size);
}
static void give_back(void *at) {
    if (at) __libc_free((char *)at - HEAD);
}
static void *resize(void *at, int size) {
    return with_size(__libc_realloc((char *)at - HEAD, (size_t)size + HEAD), size);
}
static int size_of(void *at) {
    int size = 0;
    if (at) memcpy(&size, (char *)at - HEAD, sizeof size);
    return size;
}
static int round_up(int size) {
    return (size + 7) & ~7;
}
static int begin(void *self) {
    return (void)self, SQLITE_OK;
}
static void end(void *self) {
    (void)self;
}

static void take_memory_elsewhere(void) {
    const sqlite3_mem_methods methods = {take, give_back, resize, size_of, round_up, begin, end, NULL};
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}
#else
static void take_memory_elsewhere(void) {}
#endif

/* A run with a step and an evaluation. */
static const char rows[] =
    "INSERT INTO run (id, key, variant, label, seed, config, status, steps) VALUES (1, '" KEY
    "', 'baseline', 'first', 0, '{\"variant\":\"baseline\"}', 'done', 10);"
    "INSERT INTO step (run_id, step, tokens, loss) VALUES (1, 1, 32, 5.5);"
    "INSERT INTO eval (run_id, step, probe, val_loss) VALUES (1, 10, 'main', 4.5)";

/* The file of such a database, made once. */
static const Bytes *template_of(const char *folder) {
    static Bytes file;
    Path path = path_of("%s/template.db", folder);
    Store *s;
    Error e = {0};
    if (file.size) return &file;
    take_memory_elsewhere();
    MUST(store_open(&s, path.s, STORE_WRITE, &e));
    MUST(sqlite3_exec(store_db(s), rows, NULL, NULL, NULL) == SQLITE_OK);
    store_close(s);
    MUST(file_read(path.s, &file, &e) && !unlink(path.s));
    return &file;
}

/* The user's own other files, a program that does not end, extensions: not what a database brings. */
static int only_here(void *self, int action, const char *a, const char *b, const char *c, const char *d) {
    (void)self, (void)a, (void)b, (void)c, (void)d;
    return action == SQLITE_ATTACH || action == SQLITE_DETACH ? SQLITE_DENY : SQLITE_OK;
}

static int stop(void *self) {
    return --*(int *)self < 0;
}

static void run_sql(const char *path, const char *sql) {
    sqlite3 *db;
    int left = 1000; /* thousands of operations */
    if (sqlite3_open(path, &db) == SQLITE_OK) {
        sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1 << 20);
        sqlite3_set_authorizer(db, only_here, NULL);
        sqlite3_progress_handler(db, 1000, stop, &left);
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
        sqlite3_exec(db, sql, NULL, NULL, NULL);
    }
    sqlite3_close(db);
}

static void change_bytes(const char *path, const unsigned char *at, int64_t size) {
    int fd = open(path, O_RDWR);
    off_t bytes = lseek(fd, 0, SEEK_END);
    for (; fd >= 0 && bytes > 0 && size >= 4; at += 4, size -= 4)
        MUST(pwrite(fd, at + 3, 1, (at[0] << 16 | at[1] << 8 | at[2]) % bytes) == 1);
    if (fd >= 0) close(fd);
}

/* Runs a command with its output thrown away; whether it took the database. */
static bool ask(const Command *command, char *const *words) {
    Error e = {0};
    char *argv[8];
    int n = 0, saved = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
    for (; words[n]; n++) argv[n] = words[n];
    fflush(stdout);
    dup2(nowhere, STDOUT_FILENO);
    int code = command->run(n, argv, &e);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved), close(nowhere);
    MUST(code == EXIT_DONE || code == e.code);
    if (code != EXIT_DONE) fuzz_refused(&e);
    return code == EXIT_DONE;
}

/* What is refused may be brought up to date; what is not is asked all, those that write last. */
static void ask_all(char *their, char *into) {
    static char sweep[] = "tests/fuzz/sweep.yaml", key[] = "0";
    char *const listed[] = {"list", "--db", their, NULL}, *const renewed[] = {their, NULL};
    const struct {
        const Command *command;
        char *word[6];
    } asked[] = {{&sweep_command, {"verdict", sweep, "--db", their}},
                 {&merge_command, {into, their}},
                 {&runs_command, {"show", key, "--db", their, "--json"}},
                 {&runs_command, {"diff", key, key, "--db", their}},
                 {&runs_command, {"note", key, "a", "--db", their}},
                 {&runs_command, {"delete", key, "--db", their}}};
    if (!ask(&runs_command, listed) && (!ask(&merge_command, renewed) || !ask(&runs_command, listed))) return;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) ask(asked[i].command, asked[i].word);
}

void fuzz_results(const char *data, int64_t size) {
    Error e = {0};
    Path folder = fuzz_folder(), victim = path_of("%s/victim", folder.s);
    const Bytes *file = template_of(folder.s);
    Path their = path_of("%s/their.db", folder.s), into = path_of("%s/ours.db", folder.s);
    MUST(file_write(their.s, file->data, file->size, &e) && file_write(into.s, file->data, file->size, &e));
    MUST(folder_make(victim.s, &e));
    const char *cut = memchr(data, 0, (size_t)size);
    char *sql = fuzz_text(data, cut ? cut - data : size);
    run_sql(their.s, sql);
    if (cut) change_bytes(their.s, (const unsigned char *)cut + 1, data + size - cut - 1);
    ask_all(their.s, into.s);
    MUST(!access(victim.s, F_OK));
    free(sql);
}

/* Results files of a folder, folded into a database, which is one of ours afterwards. */
void fuzz_results_files(const char *data, int64_t size) {
    static char zero[] = "0";
    Error e = {0};
    Path folder = fuzz_folder(), files = path_of("%s/files", folder.s),
         into = path_of("%s/ours.db", folder.s);
    const Bytes *file = template_of(folder.s);
    MUST(file_write(into.s, file->data, file->size, &e) && folder_make(files.s, &e));
    fuzz_files(files.s, data, size);
    ask(&merge_command, (char *const[]){into.s, files.s, NULL});
    MUST(ask(&runs_command, (char *const[]){"list", "--db", into.s, NULL}));
    ask(&runs_command, (char *const[]){"show", zero, "--db", into.s, NULL});
}
