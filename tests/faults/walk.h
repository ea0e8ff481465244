/* Owns: what the walk over faults and the cuts of power share: scenarios of ./sinklab in a folder, how one is
 * run, what must hold after each. Does not own: which fault, which cut. */
#ifndef SINKLAB_TESTS_WALK_H
#define SINKLAB_TESTS_WALK_H

#include <stdbool.h>

/* One command of the program on a small model, from a state that others have prepared. Shell: $S is the
 * program, the working folder is the scenario's. The same command given again must be able to finish what it
 * has begun. */
typedef struct Scenario {
    const char *name, *prepare, *command;
    const char *db; /* whose digest is compared; NULL: files only */
} Scenario;

extern const Scenario scenarios[];
extern const int n_scenarios;

typedef struct Walk {
    const Scenario *of;
    char folder[64]; /* base: as prepared; calm: after an undisturbed run; live: under test */
    char *digest;    /* of calm */
} Walk;

/* Makes the folder, prepares, runs undisturbed. */
void walk_open(Walk *w, const Scenario *s);
void walk_close(Walk *w);

/* Runs the scenario's command in live with more of an environment, standard error in FOLDER/err. Its exit
 * code; below zero a signal. */
int walk_run(const Walk *w, const char *environment);
/* live as prepared. */
void walk_reset(const Walk *w);
/* Runs a line for the shell in FOLDER. */
int walk_shell(const Walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* All of a file of FOLDER, "" where there is none; free() it. */
char *walk_text(const Walk *w, const char *name);
/* All that a query answers of a database of live, or the error. */
char *walk_ask(const Walk *w, const char *where, const char *sql);

/* NULL: live has the files and figures of calm, and a sound database; with litter, more files may be there.
 * Else what is wrong; free() it. */
char *walk_difference(const Walk *w, bool litter);
/* NULL: the database of live, where there is one, is sound. */
char *walk_damage(const Walk *w);

/* The tests need the program as it is: no sanitizer, whose memory is not the C library's. */
bool walk_is_possible(void);

#endif
