/* Owns: attention as a stage of the block: which row of the table, what its heads own, who sees whom, and
 * its tap. Does not own: the products (model/ops/attention.c), the weight functions (model/ops). */
#ifndef SINKLAB_ATTEND_H
#define SINKLAB_ATTEND_H

#include "model/stage.h"

/* a->qkv -> a->o, a->stat */
void attend(const Pass *p, int l, Acts *a);
/* t->dy, the gradient of a->o, -> t->dqkv */
void attend_backward(const Pass *p, int l, const Acts *a);

#endif
