#include "ablations/page/http.h"

bool http_serve(const HttpServer *s, int port, Error *e) {
    (void)s, (void)port;
    return fail(
        e, EXIT_FAILED,
        "watch: this program was built without libmicrohttpd (report --every 30 writes the page anew)");
}
