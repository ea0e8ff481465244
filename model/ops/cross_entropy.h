/* Owns: the loss of a chunk of logits and its gradient in their place. Does not own: the products with the
 * head's weights around it, chunk by chunk (model/pass.c): the logits of a whole batch never exist. */
#ifndef SINKLAB_CROSS_ENTROPY_H
#define SINKLAB_CROSS_ENTROPY_H

#include <stdint.h>

/* loss[n] = logsumexp(logits[n]) - logits[n][target[n]], nats; 0 where target is -1.
 * With scale != 0 the logits become scale * d loss / d logits. logits (N, V) in rows of ld
 * floats. */
void cross_entropy(float *logits, int64_t ld, const int32_t *target, float *loss, int64_t N, int V,
                   float scale);

#endif
