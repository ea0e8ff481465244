/* Owns: which keys of a model cannot be combined. */
#ifndef SINKLAB_CONFLICTS_H
#define SINKLAB_CONFLICTS_H

#include "model/config.h"

/* The first conflict, with its reason, exit code 2. */
bool conflicts_check(const ModelConfig *c, Error *e);

#endif
