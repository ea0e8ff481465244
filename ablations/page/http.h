/* Owns: an HTTP server for one machine: on the loopback address alone, GET alone, one thread.
 * Does not own: what is served. One of http_microhttpd.c and http_none.c is compiled (Makefile, HTTP). */
#ifndef SINKLAB_HTTP_H
#define SINKLAB_HTTP_H

#include "data/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct HttpReply {
    int status;       /* 200, 404, 500 */
    const char *type; /* of the body: "text/html; charset=utf-8" */
    char *body;       /* malloc'ed: the server frees it */
    size_t size;
    char tag[64]; /* who asks again with the same one is told that nothing has changed; "": no tag */
} HttpReply;

typedef struct HttpServer {
    void *self;
    void (*answer)(void *self, const char *path, HttpReply *out); /* *out: zeroed */
    void (*ready)(void *self, int port);                          /* once it listens */
    bool (*goes_on)(void *self);                                  /* asked a few times a second */
} HttpServer;

/* Serves on 127.0.0.1 until goes_on says no. port 0: a free one. A page of another site must not read what is
 * served: who asks for another host than this one is refused. EXIT_USAGE where the port is taken. */
bool http_serve(const HttpServer *s, int port, Error *e);

#endif
