/* Owns: main: nothing of the program runs before it is known that this CPU can run it. Compiled for any CPU
 * of its kind (see Makefile). Does not own: the check (train/cpu_check.h), the program (train/main.c). */
#include "train/commands/command.h"
#include "train/cpu_check.h"

int main(int argc, char **argv) {
    char line[256];
    CpuFeatures there = cpu_has();
    if (cpu_suffices(&program_features, &there, line, sizeof line)) return program(argc, argv);
    fprintf(stderr, "%s\n", line);
    return EXIT_FAILED;
}
