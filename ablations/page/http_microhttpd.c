#include "ablations/page/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MS = 200, CONNECTIONS = 64 };

typedef struct Daemon {
    const HttpServer *s;
    int port;
} Daemon;

static enum MHD_Result send_reply(struct MHD_Connection *c, const HttpReply *r) {
    struct MHD_Response *response = MHD_create_response_from_buffer(r->size, r->body, MHD_RESPMEM_MUST_FREE);
    if (!response) return free(r->body), MHD_NO;
    if (r->type) MHD_add_response_header(response, "Content-Type", r->type);
    if (*r->tag) MHD_add_response_header(response, "ETag", r->tag);
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    enum MHD_Result sent = MHD_queue_response(c, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return sent;
}

/* A name that leads to this machine may be another site's (DNS rebinding). */
static bool is_ours(struct MHD_Connection *c, int port) {
    static const char *const names[] = {"127.0.0.1", "localhost"};
    const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
    for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
        char ours[32];
        snprintf(ours, sizeof ours, "%s:%d", names[i], port);
        if (!strcmp(host, ours)) return true;
    }
    return false;
}

static enum MHD_Result answer(void *self, struct MHD_Connection *c, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **seen) {
    (void)version, (void)upload;
    const Daemon *d = self;
    HttpReply r = {0};
    if (!*seen) { /* its head alone has come */
        *seen = self;
        return MHD_YES;
    }
    if (*upload_size) return *upload_size = 0, MHD_YES;
    if (strcmp(method, "GET") && strcmp(method, "HEAD"))
        r.status = MHD_HTTP_METHOD_NOT_ALLOWED;
    else if (!is_ours(c, d->port))
        r.status = MHD_HTTP_FORBIDDEN;
    else
        d->s->answer(d->s->self, url, &r);
    const char *known = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
    if (r.status == MHD_HTTP_OK && *r.tag && known && !strcmp(known, r.tag)) {
        free(r.body);
        r.body = NULL;
        r.size = 0;
        r.status = MHD_HTTP_NOT_MODIFIED;
    }
    return send_reply(c, &r);
}

bool http_serve(const HttpServer *s, int port, Error *e) {
    Daemon d = {s, port};
    struct sockaddr_in here = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_AUTO, (uint16_t)port, NULL, NULL, answer, &d, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&here,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_END);
    if (!daemon)
        return fail(e, EXIT_USAGE, "watch: port %d: %s (give another --port, or 0 for a free one)", port,
                    strerror(errno));
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    d.port = info ? info->port : port;
    s->ready(s->self, d.port);
    while (s->goes_on(s->self)) MHD_run_wait(daemon, ASKED_MS);
    MHD_stop_daemon(daemon);
    return true;
}
