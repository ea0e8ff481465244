/* Owns: the tables of the instruments' figures: the whole model, the chain by layer, by head, before and
 * after an intervention. Does not own: the figures (model/instruments). */
#ifndef SINKLAB_CHAIN_H
#define SINKLAB_CHAIN_H

#include "ablations/probe/probed_model.h"

bool chain_show(ProbedModel *s, Error *e);

#endif
