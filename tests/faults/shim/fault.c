/* One call of the program fails, chosen by its kind, the place that it is made from, and how often that has
 * been. */
#include "tests/faults/shim/shim.h"

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES = 48, MODULES = 64, NEAR = 1, DEEP = 6 };

typedef struct Module {
    uintptr_t from, to, base;
} Module;

static struct {
    bool ready, listing, fired;
    const char *kinds; /* those that are listed */
    char kind, mode;
    unsigned site;
    int nth, code, list, modules;
    int seen[128];          /* calls of each kind */
    Module module[MODULES]; /* the first is the program */
    const char *done;
} plan;
static __thread bool inside; /* of this library: its own calls count for nothing */

static int add_module(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    for (int i = 0; i < info->dlpi_phnum && plan.modules < MODULES; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + p->p_vaddr;
        if (p->p_type == PT_LOAD && p->p_flags & PF_X)
            plan.module[plan.modules++] = (Module){from, from + p->p_memsz, info->dlpi_addr};
    }
    return 0;
}

static const Module *module_of(const void *at) {
    for (int i = 0; i < plan.modules; i++)
        if ((uintptr_t)at >= plan.module[i].from && (uintptr_t)at < plan.module[i].to) return &plan.module[i];
    return NULL;
}

static bool is_ours(const Module *m) {
    return m && m == module_of((const void *)(uintptr_t)fault);
}

/* A hash of where a call is made from: the DEEP innermost places of the program, and the NEAR innermost ones
 * of the libraries that it has called. trace, unless NULL: the places as text. */
static unsigned site_of_call(char kind, char *trace, size_t room) {
    void *frame[FRAMES];
    unsigned hash = 2166136261u ^ (unsigned char)kind;
    int n = backtrace(frame, FRAMES), near = 0, deep = 0;
    for (int i = 0; i < n; i++) {
        const Module *m = module_of(frame[i]);
        if (!m || is_ours(m) || (m == plan.module ? deep++ >= DEEP : near++ >= NEAR)) continue;
        uintptr_t at = (uintptr_t)frame[i] - m->base;
        hash = (hash ^ (unsigned)(at * 31 + (uintptr_t)(m - plan.module))) * 16777619u;
        if (trace) {
            int length =
                snprintf(trace, room, " %s%lx", m == plan.module ? "" : "lib+", (unsigned long)at - 1);
            trace += length, room -= (size_t)length;
        }
    }
    return hash ? hash : 1;
}

__attribute__((constructor)) static void read_plan(void) {
    const char *text = getenv("SINKLAB_FAULT"), *sites = getenv("SINKLAB_SITES");
    void *frame[4];
    char mode[8] = "";
    inside = true;
    backtrace(frame, 4); /* loads what unwinds */
    dl_iterate_phdr(add_module, NULL);
    plan.done = getenv("SINKLAB_FAULT_DONE");
    plan.kinds = getenv("SINKLAB_KINDS");
    if (sites && plan.kinds &&
        (plan.list = open(sites, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) >= 0)
        plan.listing = plan.ready = true;
    else if (text && plan.done &&
             sscanf(text, "%c,%x,%d,%d,%7s", &plan.kind, &plan.site, &plan.nth, &plan.code, mode) == 5) {
        plan.mode = *mode;
        plan.fired = !access(plan.done, F_OK);
        plan.ready = !plan.fired || plan.mode == 'a';
    }
    inside = false;
}

static void list_call(char kind, int nth) {
    char line[48];
    int n = snprintf(line, sizeof line, "%c %08x %d\n", kind, site_of_call(kind, NULL, 0), nth);
    if (write(plan.list, line, (size_t)n) != n) abort();
}

/* Says that it has happened, unless another process did so first. */
static bool fire(char kind) {
    char trace[1024] = "", line[1100];
    unsigned site = site_of_call(kind, trace, sizeof trace - 64);
    int fd = open(plan.done, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    int n = snprintf(line, sizeof line, "%c %08x%s\n", kind, site, trace);
    plan.fired = true;
    if (write(fd, line, (size_t)n) != n) abort();
    close(fd);
    if (!plan.code) kill(getpid(), SIGKILL);
    return true;
}

static bool is_disk(char kind) {
    return kind == CALL_CREATE || kind == CALL_WRITE || kind == CALL_SYNC;
}

static Fault decide(char kind) {
    int nth = ++plan.seen[(unsigned char)kind];
    if (plan.listing) {
        if (strchr(plan.kinds, kind)) list_call(kind, nth);
        return FAULT_NONE;
    }
    if (plan.fired) return plan.mode == 'a' && is_disk(kind) ? FAULT_FAILS : FAULT_NONE;
    if (kind != plan.kind || nth != plan.nth || (plan.site && plan.site != site_of_call(kind, NULL, 0)))
        return FAULT_NONE;
    return !fire(kind) ? FAULT_NONE : plan.mode == 's' ? FAULT_SHORT : FAULT_FAILS;
}

Fault fault(char kind) {
    int before = errno;
    if (!plan.ready || inside) return FAULT_NONE;
    inside = true;
    Fault f = decide(kind);
    inside = false;
    errno = f == FAULT_FAILS ? plan.code : before;
    return f;
}
