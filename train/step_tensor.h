/* Owns: norms of a step's gradient, weights and update, tensor by tensor, taken while the optimiser goes from
 * tensor to tensor. Does not own: at which steps (train/when_due.h), where figures are kept. */
#ifndef SINKLAB_STEP_TENSOR_H
#define SINKLAB_STEP_TENSOR_H

#include "train/optim/optim.h"

/* L2 over a tensor, squares added in double in a fixed order. */
typedef struct TensorNorms {
    double gradient; /* of the whole batch, before the clip */
    double weight;   /* before the update */
    double update;   /* weights after it minus weights before it, decay included */
} TensorNorms;

typedef struct StepTensors {
    TensorNorms *norms; /* [n_tensors] of the last step looked at */
    float *before;      /* weights of the tensor that is being updated */
    UpdateWatch watch;  /* the optimiser's, at the steps looked at */
} StepTensors;

bool step_tensors_create(StepTensors *s, const Model *m, Error *e);
void step_tensors_free(StepTensors *s);
/* Bytes that step_tensors_create takes. */
double step_tensors_bytes(const Model *m);

#endif
