/* Owns: main: whether this CPU has the instructions the program was built with, before one of them runs.
 * Compiled for any CPU of its kind (see Makefile). Does not own: the program (train/main.c). */
#include "model/needs.h"
#include "train/command.h"

#define LACKS(name) (program_needs.name && !__builtin_cpu_supports(#name))

static const char *missing(void) {
#if defined(__x86_64__)
    const struct {
        bool lacks;
        const char *name;
    } table[] = {
        {LACKS(avx), "avx"},
        {LACKS(avx2), "avx2"},
        {LACKS(fma), "fma"},
        {LACKS(bmi2), "bmi2"},
        {LACKS(avx512f), "avx512f"},
        {LACKS(avx512bw), "avx512bw"},
        {LACKS(avx512dq), "avx512dq"},
        {LACKS(avx512vl), "avx512vl"},
        {LACKS(avx512vbmi), "avx512vbmi"},
        {LACKS(avx512vnni), "avx512vnni"},
    };
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].lacks) return table[i].name;
#endif
    return NULL;
}

int main(int argc, char **argv) {
    const char *name = missing();
    if (!name) return program(argc, argv);
    fprintf(stderr,
            "sinklab: this CPU has no %s, which this program was built to use (build it here: make clean; "
            "make)\n",
            name);
    return EXIT_FAILED;
}
