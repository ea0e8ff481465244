#include "train/cpu_check.h"

#include <stdio.h>

CpuFeatures cpu_has(void) {
#if defined(__x86_64__)
#define HAS(name, macro) .name = __builtin_cpu_supports(#name),
    return (CpuFeatures){CPU_FEATURES(HAS)};
#else
    return program_features; /* features are checked on x86 alone: other builds use the architecture's base */
#endif
}

bool cpu_suffices(const CpuFeatures *needed, const CpuFeatures *there, char *line, size_t room) {
#define ROW(name, macro) {needed->name && !there->name, #name},
    const struct {
        bool lacks;
        const char *name;
    } table[] = {CPU_FEATURES(ROW)};
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        if (!table[i].lacks) continue;
        snprintf(
            line, room,
            "sinklab: this CPU has no %s, which this program was built to use (build it here: make clean; "
            "make)",
            table[i].name);
        return false;
    }
    return true;
}
