/* sinklab watch as browsers see it: a process that serves the page of a database that others write. */
#include "tests/train/store_fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char CONFIG[] = "{\"optim\":{\"lr\":0.001}}";

typedef struct Watched {
    Place p;
    Store *s; /* the writer's */
    int64_t run;
    pid_t pid;
    int port;
} Watched;

/* A database whose one run has made `steps` updates and an evaluation, with a label that must stay text. */
static void plant(Watched *w, int steps) {
    RunIdentity id = identity("aa11aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "baseline", 3, CONFIG);
    id.label = "</script><b>x";
    Figures f = {0};
    w->s = open_or_fail(w->p.db, STORE_WRITE);
    OK(store_enqueue(w->s, &id, &w->run, &e));
    OK(store_status(w->s, w->run, "running", NULL, &e));
    figures_add(&f, "sink_rate_03", -1, -1, 0.25);
    OK(store_eval(w->s, w->run, 0, "main", &f, &e));
    figures_free(&f);
    for (int i = 1; i <= steps; i++)
        OK(store_step(w->s, w->run, &(StepRow){.step = i, .loss = 8 - i, .ms = 1000}, &e));
    OK(store_flush(w->s, &e));
}

/* Starts it on a free port, which its first line tells. */
static void start(Watched *w) {
    int said[2];
    char line[256] = "";
    assert_int_equal(pipe(said), 0);
    w->pid = fork();
    if (w->pid == 0) {
        dup2(said[1], 1);
        execl("./sinklab", "sinklab", "watch", "--db", w->p.db, "--port", "0", (char *)NULL);
        _exit(127);
    }
    close(said[1]);
    FILE *f = fdopen(said[0], "r");
    assert_non_null(fgets(line, sizeof line, f));
    if (sscanf(line, "http://127.0.0.1:%d/", &w->port) != 1) fail_msg("%s", line);
    fclose(f);
}

static int connected(const Watched *w) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)w->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(s, (struct sockaddr *)&to, sizeof to), 0);
    return s;
}

/* What comes back until the server closes, to be freed. */
static char *read_all(int s) {
    size_t size = 0, room = 1 << 20;
    char *text = malloc(room + 1);
    for (ssize_t n; (n = read(s, text + size, room - size)) > 0;)
        if ((size += (size_t)n) == room) text = realloc(text, (room *= 2) + 1);
    text[size] = 0;
    close(s);
    return text;
}

static void ask_for(const Watched *w, int s, const char *method, const char *path, const char *host,
                    const char *more) {
    char head[512];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n%s\r\n",
                     method, path, host, w->port, more);
    assert_int_equal(write(s, head, (size_t)n), n);
}

static char *get(const Watched *w, const char *path) {
    int s = connected(w);
    ask_for(w, s, "GET", path, "127.0.0.1", "");
    return read_all(s);
}

static void assert_status(const Watched *w, const char *method, const char *path, const char *host,
                          const char *more, const char *status) {
    int s = connected(w);
    ask_for(w, s, method, path, host, more);
    char *text = read_all(s);
    if (strncmp(text + strlen("HTTP/1.1 "), status, 3))
        fail_msg("%s %s of %s: %.80s", method, path, host, text);
    free(text);
}

static int setup(void **state) {
    Watched *w = calloc(1, sizeof *w);
    w->p = place_make();
    plant(w, 3);
    start(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    Watched *w = *state;
    int status;
    kill(w->pid, SIGTERM);
    waitpid(w->pid, &status, 0);
    store_close(w->s);
    place_remove(&w->p);
    free(w);
    return WIFEXITED(status) && WEXITSTATUS(status) == 143 ? 0 : -1;
}

static void the_page_comes_with_the_script_that_asks(void **state) {
    char *page = get(*state, "/");
    assert_non_null(strstr(page, "HTTP/1.1 200"));
    assert_non_null(strstr(page, "fetch(\"/figures\""));
    assert_null(strstr(page, "</script><b>x"));
    const char *policy = strstr(page, "default-src 'none'"); /* the page that moves has one */
    if (policy) assert_non_null(strstr(policy, "connect-src 'self'"));
    free(page);
}

/* What another connection writes is in the next answer; who asks with the old answer's tag is told if nothing
 * is new. */
static void new_steps_are_in_the_next_answer(void **state) {
    Watched *w = *state;
    char *before = get(w, "/figures"), tag[64], known[96];
    assert_non_null(strstr(
        before,
        "\"name\":\"</script><b>x seed 3\",\"status\":\"running\",\"step\":3,\"steps\":100,\"left\":97.0,"
        "\"loss\":[[1,7.0],[2,6.0],[3,5.0]],\"sink\":[[0,0.25]]"));
    assert_int_equal(sscanf(strstr(before, "ETag: "), "ETag: %63s", tag), 1);
    snprintf(known, sizeof known, "If-None-Match: %s\r\n", tag);
    assert_status(w, "GET", "/figures", "localhost", known, "304");
    OK(store_step(w->s, w->run, &(StepRow){.step = 4, .loss = 4, .ms = 1000}, &e));
    OK(store_flush(w->s, &e));
    assert_status(w, "GET", "/figures", "localhost", known, "200");
    char *after = get(w, "/figures");
    assert_non_null(strstr(after, "\"step\":4"));
    assert_non_null(strstr(after, "[4,4.0]]"));
    free(before);
    free(after);
}

static void several_readers_are_answered(void **state) {
    enum { READERS = 16 };
    int s[READERS];
    for (int i = 0; i < READERS; i++) s[i] = connected(*state); /* all at once, before any is read */
    for (int i = 0; i < READERS; i++) ask_for(*state, s[i], "GET", i % 2 ? "/" : "/figures", "127.0.0.1", "");
    for (int i = 0; i < READERS; i++) {
        char *text = read_all(s[i]);
        assert_non_null(strstr(text, "HTTP/1.1 200"));
        free(text);
    }
}

static void others_and_other_questions_are_refused(void **state) {
    assert_status(*state, "GET", "/", "evil.example", "", "403"); /* a name of theirs that leads here */
    assert_status(*state, "POST", "/figures", "127.0.0.1", "Content-Length: 0\r\n", "405");
    assert_status(*state, "DELETE", "/", "127.0.0.1", "", "405");
    assert_status(*state, "GET", "/../../etc/passwd", "127.0.0.1", "", "404");
    assert_status(*state, "GET", "/figures/", "127.0.0.1", "", "404");
}

static void the_database_is_as_it_was(void **state) {
    Watched *w = *state;
    char before[256], after[256];
    ask(w->s, "PRAGMA data_version", before); /* counts what other connections have written */
    free(get(w, "/"));
    free(get(w, "/figures"));
    assert_string_equal(ask(w->s, "PRAGMA data_version", after), before);
}

/* report --every: the page is made anew once there is more, not before. */
static void a_page_is_made_again_when_there_is_more(void **state) {
    Watched *w = *state;
    char page[128], line[384];
    snprintf(page, sizeof page, "%s/again.html", w->p.folder);
    pid_t pid = fork();
    if (pid == 0) {
        execl("./sinklab", "sinklab", "report", "--quiet", "--every", "1", "-o", page, "--db", w->p.db,
              (char *)NULL);
        _exit(127);
    }
    snprintf(line, sizeof line, "timeout 60 sh -c 'until [ -s %s ]; do sleep .05; done; rm %s'", page, page);
    assert_int_equal(system(line), 0);
    OK(store_step(w->s, w->run, &(StepRow){.step = 5, .loss = 3, .ms = 1000}, &e));
    OK(store_flush(w->s, &e));
    assert_int_equal(system(line), 0);
    int status;
    kill(pid, SIGINT);
    waitpid(pid, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 130);
}

static void bad_use_is_exit_2(void **state) {
    Watched *w = *state;
    char line[256];
    snprintf(line, sizeof line, "./sinklab watch --db %s --port %d >/dev/null 2>&1", w->p.db,
             w->port); /* taken */
    assert_int_equal(WEXITSTATUS(system(line)), 2);
    snprintf(line, sizeof line, "./sinklab watch --db %s --port 70000 >/dev/null 2>&1", w->p.db);
    assert_int_equal(WEXITSTATUS(system(line)), 2);
    snprintf(line, sizeof line, "./sinklab watch --db %s/nowhere.db >/dev/null 2>&1", w->p.folder);
    assert_int_equal(WEXITSTATUS(system(line)), 2);
}

int main(void) {
    signal(SIGINT, SIG_DFL); /* ignored where the tests run in the background of a script */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_comes_with_the_script_that_asks),
        cmocka_unit_test(new_steps_are_in_the_next_answer),
        cmocka_unit_test(several_readers_are_answered),
        cmocka_unit_test(others_and_other_questions_are_refused),
        cmocka_unit_test(the_database_is_as_it_was),
        cmocka_unit_test(a_page_is_made_again_when_there_is_more),
        cmocka_unit_test(bad_use_is_exit_2),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
