/* Fetching from the web, from a server of this process's on this machine, which cuts, changes and refuses. */
#include "tests/data/fixture.h"

#include "data/fetch.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 100000, CUT = 60000 };

/* What the server does, shared with it. */
typedef struct Server {
    int port;
    pid_t process;
    int requests;
    long range[16]; /* of each request: the first byte asked for; 0: all */
    char version;   /* of the contents and their ETag */
    bool cuts_first, knows_no_parts;
} Server;

static char byte_at(char version, long i) {
    return (char)('a' + (i * 7 + i / 251 + version) % 26);
}

static void send_all(int to, const char *data, size_t n) {
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(to, data + sent, n - sent, MSG_NOSIGNAL);
        if (k <= 0) return;
        sent += (size_t)k;
    }
}

static void answer(Server *s, int to) {
    char ask[4096] = "", head[512], etag[16];
    size_t n = 0;
    while (n < sizeof ask - 1 && !strstr(ask, "\r\n\r\n")) {
        ssize_t k = recv(to, ask + n, sizeof ask - 1 - n, 0);
        if (k <= 0) return;
        ask[n += (size_t)k] = 0;
    }
    const char *range = strcasestr(ask, "\nRange: bytes="), *same = strcasestr(ask, "\nIf-Range: ");
    long from = range ? atol(range + 14) : 0;
    int number = s->requests++;
    if (number < 16) s->range[number] = from;
    snprintf(etag, sizeof etag, "\"v%c\"", s->version);
    if (strstr(ask, "GET /missing")) {
        snprintf(head, sizeof head,
                 "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        send_all(to, head, strlen(head));
        return;
    }
    if (s->knows_no_parts || (same && strncmp(same + 11, etag, strlen(etag)))) from = 0;
    char *data = malloc(BYTES);
    for (long i = from; i < BYTES; i++) data[i - from] = byte_at(s->version, i);
    snprintf(
        head, sizeof head,
        "HTTP/1.1 %s\r\nETag: %s\r\nContent-Length: %ld\r\nContent-Range: bytes %ld-%d/%d\r\nConnection: "
        "close\r\n\r\n",
        from ? "206 Partial Content" : "200 OK", etag, BYTES - from, from, BYTES - 1, BYTES);
    send_all(to, head, strlen(head));
    send_all(to, data, s->cuts_first && !number ? CUT : (size_t)(BYTES - from));
    free(data);
}

static Server *serve(void) {
    Server *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && !bind(fd, (struct sockaddr *)&at, size) && !listen(fd, 8) &&
                !getsockname(fd, (struct sockaddr *)&at, &size));
    s->port = ntohs(at.sin_port);
    s->version = '1';
    pid_t process = fork(); /* not into what both of us have */
    if (!process) prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!process)
        for (int to; (to = accept(fd, NULL, NULL)) >= 0; close(to)) answer(s, to);
    assert_true(process > 0);
    s->process = process;
    close(fd);
    return s;
}

static void stop(Server *s) {
    kill(s->process, SIGKILL);
    waitpid(s->process, NULL, 0);
    munmap(s, sizeof *s);
}

static NamedSource source(const Server *s, const char *file) {
    NamedSource n = {.name = "served", .licence = "CC0", .address.n = 1};
    snprintf(n.address.at[0], SOURCE_TEXT, "http://127.0.0.1:%d/%s", s->port, file);
    return n;
}

static void expect_contents(const char *path, char version) {
    Bytes b = {0};
    Error e = {0};
    check(file_read(path, &b, &e), &e);
    assert_int_equal(b.size, BYTES);
    for (long i = 0; i < BYTES; i++)
        if (b.data[i] != byte_at(version, i)) fail_msg("byte %ld of %s", i, path);
    bytes_free(&b);
}

static void a_file_that_is_cut_is_gone_on_with(void **state) {
    const char *cache = ((Path *)*state)->s;
    Error e = {0};
    Server *s = serve();
    NamedSource n = source(s, "a.txt");
    s->cuts_first = true;
    check(source_fetch(&n, cache, NULL, &e), &e);
    expect_contents(path_of("%s/served/text/a.txt", cache).s, '1');
    assert_int_equal(s->requests, 2);
    assert_int_equal(s->range[1], CUT);
    Bytes licence = {0};
    check(file_read(path_of("%s/served/licence", cache).s, &licence, &e), &e);
    assert_memory_equal(licence.data, "CC0\n", 4);
    bytes_free(&licence);
    check(source_fetch(&n, cache, NULL, &e), &e); /* it is there */
    assert_int_equal(s->requests, 2);
    stop(s);
}

/* As a fetch that was killed leaves it. */
static void plant_part(const char *cache, const char *etag) {
    Error e = {0};
    char part[CUT];
    for (long i = 0; i < CUT; i++) part[i] = byte_at('1', i);
    check(folder_make(path_of("%s/served.part/text", cache).s, &e), &e);
    check(file_write(path_of("%s/served.part/text/a.txt.part", cache).s, part, CUT, &e), &e);
    write_text(path_of("%s/served.part/text/a.txt.part.etag", cache).s, etag);
}

static void a_fetch_that_was_killed_is_gone_on_with_if_the_file_is_the_same(void **state) {
    static const struct {
        const char *etag;
        char version;
        bool knows_no_parts;
        int requests;
        long first;
    } cases[] = {{"\"v1\"\r\n", '1', false, 1, CUT},
                 {"\"v1\"\r\n", '2', false, 2, CUT},
                 {"", '2', false, 1, 0},
                 {"W/\"v1\"\r\n", '1', false, 1, 0},
                 {"\"v1\"\r\n", '1', true, 2, CUT}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Path cache = path_of("%s/%zu", ((Path *)*state)->s, i);
        Error e = {0};
        Server *s = serve();
        NamedSource n = source(s, "a.txt");
        s->version = cases[i].version;
        s->knows_no_parts = cases[i].knows_no_parts;
        plant_part(cache.s, cases[i].etag);
        check(source_fetch(&n, cache.s, NULL, &e), &e);
        expect_contents(path_of("%s/served/text/a.txt", cache.s).s, cases[i].version);
        assert_int_equal(s->requests, cases[i].requests);
        assert_int_equal(s->range[0], cases[i].first);
        stop(s);
    }
}

static void a_later_fetch_must_be_what_the_first_recorded(void **state) {
    const char *cache = ((Path *)*state)->s;
    Error e = {0};
    Server *s = serve();
    NamedSource n = source(s, "a.txt");
    Path home = path_of("%s/served", cache), record = path_of("%s/sources/served", cache);
    check(source_fetch(&n, cache, NULL, &e), &e);
    folder_remove(home.s);
    check(source_fetch(&n, cache, NULL, &e), &e); /* the same again */
    folder_remove(home.s);
    s->version = '2';
    assert_false(source_fetch(&n, cache, NULL, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, "not those of the first fetch"));
    assert_int_not_equal(access(home.s, F_OK), 0);
    assert_int_equal(unlink(record.s), 0);
    check(source_fetch(&n, cache, NULL, &e), &e);
    expect_contents(path_of("%s/text/a.txt", home.s).s, '2');
    stop(s);
}

static void a_file_that_is_not_there_is_told_by_its_address(void **state) {
    const char *cache = ((Path *)*state)->s;
    Error e = {0};
    Server *s = serve();
    NamedSource n = source(s, "missing.txt");
    assert_false(source_fetch(&n, cache, NULL, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "/missing.txt: curl"));
    assert_non_null(strstr(e.text, "404"));
    assert_int_equal(s->requests, 1);
    assert_int_not_equal(access(path_of("%s/served", cache).s, F_OK), 0);
    snprintf(n.address.at[0], SOURCE_TEXT, "file:///etc/passwd");
    assert_false(source_fetch(&n, cache, NULL, &e));
    stop(s);
}

/* ---- the list of names ---- */

static void a_row_that_is_not_understood_is_refused_by_name(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"x: {adress: [a]}", "sources: x: adress: is not understood"},
                                           {"x: {address: a}", "sources: x: address: is not understood"},
                                           {"x: {licence: [a]}", "sources: x: licence: is not understood"},
                                           {"x: {address: [a,a,a,a,a,a,a,a,a]}", "x: address"},
                                           {"x: 1", "sources: x: is no row"},
                                           {"[x]", "is no map of names"},
                                           {"x: {", "sources:2:1: "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        NamedSource n;
        Error e = {0};
        assert_false(named_source_in(cases[i][0], strlen(cases[i][0]), "x", &n, &e));
        if (!strstr(e.text, cases[i][1])) fail_msg("%s, not %s", e.text, cases[i][1]);
    }
}

static void every_row_says_where_it_is_from_and_under_what_licence(void **state) {
    (void)state;
    char names[CORPUS_NAMES], *rest = names;
    NamedSource n;
    int rows = 0;
    assert_false(named_source("nope", &n));
    named_sources(names, sizeof names);
    for (char *name; (name = strsep(&rest, ",")); rows++) {
        assert_true(named_source(name + (*name == ' '), &n));
        assert_true(*n.licence && (*n.package != 0) != (n.address.n > 0));
        assert_true(!*n.package || (*n.folder != 0) != (*n.archive != 0));
    }
    assert_true(rows >= 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void) {
    setenv("no_proxy", "127.0.0.1",
           1); /* the server is this machine, whatever the user's settings for others */
    setenv("CURL_HOME", "/nonexistent", 1);
    setenv("HOME", "/nonexistent", 1);
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_is_cut_is_gone_on_with),
        TEST(a_fetch_that_was_killed_is_gone_on_with_if_the_file_is_the_same),
        TEST(a_later_fetch_must_be_what_the_first_recorded),
        TEST(a_file_that_is_not_there_is_told_by_its_address),
        cmocka_unit_test(a_row_that_is_not_understood_is_refused_by_name),
        cmocka_unit_test(every_row_says_where_it_is_from_and_under_what_licence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
