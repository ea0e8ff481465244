/* Owns: the README.md of an exported model: which run it is of, what that was trained on, its figures, and
 * the keys by which it can be trained again. Does not own: the figures' definitions (train/schema.sql). */
#ifndef SINKLAB_MODEL_CARD_H
#define SINKLAB_MODEL_CARD_H

#include "train/config/config.h"

/* Writes folder/README.md of run `key` after `step` updates, from the database at `db`, with the figures of
 * the run's last evaluation by then. EXIT_USAGE: there is no such database, or it has no such run. */
bool model_card_write(const char *folder, const char *db, const char *key, int64_t step, const Config *c,
                      Error *e);

#endif
