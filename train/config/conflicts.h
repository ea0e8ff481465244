/* Owns: the one table of what cannot be combined, and of keys that would do nothing where they stand; those
 * that a recipe sets for what a variant, a sweep or one more key=value may choose are let pass
 * (model.head_out_scale, optim.min_lr, optim.decay_on, data.deal). Does not own: the bounds of a single key
 * (train/config/config.c), what only the data or a checkpoint can tell. */
#ifndef SINKLAB_CONFLICTS_H
#define SINKLAB_CONFLICTS_H

#include "train/config/config.h"

/* Checks values that do not fit each other (batch_tokens and context, heads and width, ...): fails with the
 * first conflict, exit code 2, "KEY: VALUE why OTHER, VALUE (hint)". Fills defaults that depend on other keys
 * (optim.min_lr, and what model_config_check fills; model.vocab is 0 until the data is known). The JSON and
 * the run key are those of a checked configuration. */
bool config_check(Config *c, Error *e);

#endif
