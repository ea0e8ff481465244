/* Sweeps where they cannot write: a disk that is full, for real, and databases and folders that are
 * read-only, locked, foreign. One clear line, an exit code, nothing lost; and the sweep goes on when it can.
 */
#include "data/base/error.h"
#include "tests/ablations/small_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int setup(void **state) {
    Place *p = place_make("disk");
    if (!p) return -1;
    setenv("OMP_NUM_THREADS", "1", 1);
    write_text(p);
    write_sweep(p, "plain", "grid: {model.head_out: [none, rmsnorm]}\nseeds: 1\n");
    *state = p;
    return sweep(p, "run", "plain", "calm.db", "--quiet");
}

/* A test that failed has left its disk where it mounted it: without this the folder would stay. */
static int teardown(void **state) {
    const Place *p = *state;
    char disk[96];
    snprintf(disk, sizeof disk, "%s/disk", p->folder);
    umount2(disk, MNT_DETACH);
    return place_remove(*state);
}

static void read_said(const Place *p, const char *db, char text[4096]) {
    char name[64];
    snprintf(name, sizeof name, "%s.out", db);
    FILE *f = open_file(p, name, "r");
    text[fread(text, 1, 4095, f)] = 0;
    fclose(f);
}

/* What was said is one line, the program's. */
static void assert_one_line(const Place *p, const char *db, const char *words) {
    char text[4096];
    read_said(p, db, text);
    if (strncmp(text, "sinklab: ", 9) || strchr(text, '\n') != text + strlen(text) - 1 ||
        !strstr(text, words))
        fail_msg("not one line with '%s': %s", words, text);
}

/* ---- read-only, locked, foreign ---- */

/* Root writes everything, so this is tried as nobody, who may read. */
static int sweep_as_nobody(const Place *p, const char *db) {
    pid_t child = fork();
    if (!child) {
        if (!geteuid() && setuid(65534)) _exit(99);
        _exit(sweep(p, "run", "plain", db, "--quiet"));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void chmod_or_fail(const Place *p, const char *name, mode_t mode) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    assert_int_equal(chmod(path, mode), 0);
}

static void copy(const Place *p, const char *db) {
    char line[512];
    snprintf(line, sizeof line, "cd %s && rm -rf %s* && cp calm.db %s && cp -r calm.db.d %s.d && : >%s.out",
             p->folder, db, db, db, db);
    assert_int_equal(shell(line), 0);
    chmod_or_fail(p, db, 0666);
    chmod_or_fail(p, "closed.db.out", 0666);
}

static void what_is_read_only_is_said_and_left_alone(void **state) {
    const Place *p = *state;
    chmod_or_fail(p, ".", 0777);
    copy(p, "closed.db");
    chmod_or_fail(p, "closed.db", 0444);
    assert_int_equal(sweep_as_nobody(p, "closed.db"), EXIT_USAGE);
    assert_one_line(p, "closed.db", "closed.db: read-only (give another --db or make it writable)");
    assert_same_results(p, "closed.db", "calm.db");
    chmod_or_fail(p, "closed.db", 0666);
    chmod_or_fail(p, ".", 0755); /* the folder: no write-ahead log can be made beside it */
    assert_int_equal(sweep_as_nobody(p, "closed.db"), EXIT_USAGE);
    assert_one_line(p, "closed.db", "closed.db: ");
    assert_same_results(p, "closed.db", "calm.db");
}

/* Another program writes for a moment: the sweep waits. That a lock which stays is told is store_test's. */
static void a_short_lock_is_waited_for(void **state) {
    const Place *p = *state;
    char path[160];
    sqlite3 *other;
    copy(p, "locked.db");
    free(ask(p, "locked.db", "DELETE FROM sweep"));
    snprintf(path, sizeof path, "%s/locked.db", p->folder);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    pid_t child = fork();
    if (!child) {
        char line[1024];
        command_line(p, "run", "plain", "locked.db", "--quiet", line);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    usleep(500000);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0); /* it has not given up */
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_answer(p, "locked.db", "SELECT name FROM sweep", "plain|\n");
    assert_same_results(p, "locked.db", "calm.db");
}

/* ---- full ---- */

static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) return;
    (void)!write(fd, text, strlen(text));
    close(fd);
}

/* Mounts of this process alone: as root, or as root of a user namespace where the kernel gives one. */
static bool may_mount(void) {
    char map[64];
    unsigned uid = getuid(), gid = getgid();
    if (!unshare(CLONE_NEWNS)) return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) return false;
    snprintf(map, sizeof map, "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", gid);
    write_file("/proc/self/gid_map", map);
    return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static bool disk_of(const char *folder, int kilobytes, int flags) {
    char size[32];
    snprintf(size, sizeof size, "size=%dk", kilobytes);
    return !mount("tmpfs", folder, "tmpfs", (unsigned long)flags, size);
}

static void assert_clean(const Place *p) {
    char line[160];
    assert_answer(p, "disk/full.db", "PRAGMA integrity_check", "ok|\n");
    snprintf(line, sizeof line, "! ls -d %s/disk/full.db.d/*/*.tmp 2>/dev/null", p->folder);
    assert_int_equal(shell(line), 0); /* half a checkpoint is no checkpoint, and takes room */
}

/* From hardly any room on, an eighth and a little more each time: the sweep is stopped by the schema, a row,
 * a checkpoint, its page, whatever comes next. */
static void room_by_room(const Place *p, const char *jobs, int more) {
    char folder[96], words[64];
    int full = 0, code = 1, kilobytes = more;
    snprintf(folder, sizeof folder, "%s/disk", p->folder);
    assert_true(!mkdir(folder, 0777) || errno == EEXIST);
    assert_true(disk_of(folder, kilobytes, 0));
    snprintf(words, sizeof words, "--quiet --jobs %s", jobs);
    for (; code && kilobytes <= 32768; kilobytes += more + kilobytes / 8) {
        assert_true(disk_of(folder, kilobytes, MS_REMOUNT));
        code = sweep(p, "run", "plain", "disk/full.db", words);
        assert_true(code == 0 || code == 1);
        if (!code) break;
        full++;
        char text[4096];
        read_said(p, "full.db", text);
        if (!strstr(text, "disk is full") && !strstr(text, "No space left"))
            fail_msg("%d kB: %s", kilobytes, text);
        if (kilobytes > 512) assert_clean(p);
    }
    assert_int_equal(code, 0);
    assert_true(full > 2); /* a run of the sweep alone takes several steps of room */
    assert_same_results(p, "disk/full.db", "calm.db");
    assert_clean(p);
    assert_int_equal(umount(folder), 0);
}

static void a_full_disk_stops_a_sweep_until_there_is_room(void **state) {
    const Place *p = *state;
    if (!may_mount()) {
        print_message("this user may not mount: skipped\n");
        skip();
    }
    room_by_room(p, "1", 160);
    if (host_cores() > 1) room_by_room(p, "2", 256);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_only_is_said_and_left_alone),
        cmocka_unit_test(a_short_lock_is_waited_for),
        cmocka_unit_test(a_full_disk_stops_a_sweep_until_there_is_room),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
