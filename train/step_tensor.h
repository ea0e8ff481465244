/* Owns: norms of a step's gradient, weights and update, tensor by tensor, taken while the optimiser goes from
 * tensor to tensor, in each process over its part. Does not own: at which steps (train/when_due.h), where
 * figures are kept. */
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
    const Model *m;
    TensorNorms *norms;  /* [n_tensors] of the last step looked at */
    TensorNorms *blocks; /* squares, of each block of each tensor; 0 between steps */
    float *before;       /* weights of the tensor that is being updated */
    UpdateWatch watch;   /* the optimiser's, at the steps looked at */
} StepTensors;

bool step_tensors_create(StepTensors *s, const Model *m, Error *e);
/* After an update that was watched: the norms, of what all processes saw. */
void step_tensors_take(StepTensors *s, const Parts *parts);
void step_tensors_free(StepTensors *s);
/* Bytes that step_tensors_create takes. */
double step_tensors_bytes(const Model *m);

#endif
