/* libFuzzer's two doors: the first word of the command line names the target. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const FuzzTarget *target;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    const char *name = *argc > 1 ? (*argv)[1] : "";
    for (target = fuzz_targets; target->name && strcmp(target->name, name);) target++;
    if (!target->name) {
        fprintf(stderr, "usage: fuzz TARGET [FOLDER or FILE ...], TARGET one of:\n");
        for (target = fuzz_targets; target->name; target++) puts(target->name);
        exit(2);
    }
    (*argv)[1] = (*argv)[0];
    ++*argv, --*argc;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    target->run(size ? (const char *)data : "", (int64_t)size);
    return 0;
}
