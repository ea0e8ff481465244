/* Owns: what the tests of model/ share: arrays filled by formula, the normalised mean square error
 * with its tolerance, one gradient check for every op, a small model with a batch.
 * Does not own: any op's reference; each test writes its own naive forward in double.
 *
 * Tolerance. A result that is `roundings` fp32 operations deep carries at worst that many relative
 * errors of 2^-24; cancellation (a difference of sums, a projection) may cost two bits more. So
 *     NMSE = sum (got - want)^2 / sum want^2  <=  (4 roundings 2^-24)^2.
 * A lost term, a sign or a shifted index gives an NMSE of 1e-4 and more, ten orders above. */
#ifndef SINKLAB_TESTS_MODEL_SUPPORT_H
#define SINKLAB_TESTS_MODEL_SUPPORT_H

/* Before cmocka, whose macro fail() would take the name. */
#include "data/base/error.h"
#include "model/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

/* Memory that is given back at the end of its scope. */
#define OWNED __attribute__((cleanup(release)))
void release(void *pointer);

/* n normals of that standard deviation, a pure function of (seed, index). */
float *normals(uint64_t seed, size_t n, double std);
float *constants(size_t n, float value);
double *doubles_of(const float *x, size_t n);

/* Names, in the messages of failures, the row of a table that is checked from here on; NULL: none. */
void check_row(const char *name);
void check_close(const char *what, const float *got, const double *want, size_t n, double roundings);

/* ---- one op: its forward in double, as a naive loop writes it ---- */

enum { NAIVE_INPUTS = 3 };
typedef struct Naive {
    const void *shape;
    void (*forward)(const void *shape, const double *const *in, double *out);
    int inputs;
    size_t n[NAIVE_INPUTS], n_out;
} Naive;

void check_forward(const Naive *f, const float *const *in, const float *out, double roundings);

/* got - base against d (sum dout out) / d in[which], by central differences of the naive forward: all
 * coordinates, or 160 spread over the array. The five-point stencil at h = 1e-3 of the input's
 * rms is wrong by about 1e-12, nothing beside fp32. */
void check_gradient(const Naive *f, const float *const *in, const float *dout, int which, const float *got,
                    float base, double roundings);

/* ---- a whole model ---- */

typedef struct Rig {
    Model *m;
    int rows, T;
    int32_t *x, *y, *doc_start; /* (rows, T) */
} Rig;

/* Number of the row of that name; a table without one fails the test. */
int row_named(SlotKind kind, const char *name);
/* The first row of every slot; d_head 12, width and vocabulary no multiple of a vector. */
ModelConfig small_config(void);
/* Weights of order one, so that every stage matters: matrices N(0, 1 / cols), gains around their start.
 * Random tokens, one target in seven not scored; documents of that many tokens behind a mask, or no mask (0).
 */
Rig rig_of(const ModelConfig *c, int rows, int T, int documents);
void rig_free(Rig *r);
/* Other weights of that kind; draw 0 are those of rig_of. */
void rig_draw(Rig *r, uint64_t draw);
/* Rows row0 .. row0+rows-1 of the rig. */
Batch rig_batch(const Rig *r, int row0, int rows);
Tape *rig_tape(const Rig *r, int rows, bool train);

#endif
