/* Owns: what a step told of gradients on its way into results.db. Does not own: the figures
 * (train/step_tensor.h, model/instruments/step_layer.h), when they are taken (train/when_due.h). */
#ifndef SINKLAB_STORE_GRADIENTS_H
#define SINKLAB_STORE_GRADIENTS_H

#include "train/step.h"
#include "train/store/store.h"

/* The rows of step_layer and step_tensor of update `step`, which the trainer has just made; none where it did
 * not look (Trainer.gradients). */
bool store_gradients(const Trainer *t, Store *s, int64_t run, int64_t step, Error *e);

#endif
