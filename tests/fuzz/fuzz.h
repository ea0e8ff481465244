/* Owns: the form of a fuzz target, the table of them, and what they share: claims that abort, a folder of
 * their own, files cut out of one input. Does not own: which inputs there are (tests/fuzz/seeds, libFuzzer),
 * how often they run (tests/fuzz/fuzz.sh).
 *
 * To add one: a file NAME.c with a function, a row of fuzz_targets[], a folder seeds/NAME with an input that
 * is taken and one that is refused. */
#ifndef SINKLAB_FUZZ_H
#define SINKLAB_FUZZ_H

#include "data/base/files.h"

/* Reads an input in every way in which the program may meet one. The bytes end where `size` says: there is no
 * NUL. */
typedef struct FuzzTarget {
    const char *name; /* of its folder of seeds */
    void (*run)(const char *data, int64_t size);
} FuzzTarget;

extern const FuzzTarget fuzz_targets[]; /* ended by a NULL name */

/* Aborts, which libFuzzer takes for a crash, where the claim is false. */
#define MUST(claim) ((claim) ? (void)0 : fuzz_abort(#claim, __FILE__, __LINE__))
void fuzz_abort(const char *claim, const char *file, int line) __attribute__((noreturn));

/* An error of a reader is one printable line with a code; the input was the user's mistake, or the machine
 * refused. */
void fuzz_refused(const Error *e);

/* An empty folder, in memory where there is such a place, gone when the process ends. */
Path fuzz_folder(void);

/* Cuts an input at lines "=== NAME" into files of that folder. A name is one part or two, FOLDER/FILE; one
 * that is none is left out with its text. Text before the first such line is the file `input`. */
void fuzz_files(const char *folder, const char *data, int64_t size);

/* The input as a NUL-terminated text without a NUL inside; malloc'ed. */
char *fuzz_text(const char *data, int64_t size);

#endif
