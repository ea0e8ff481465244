/* Owns: what the table of keys (train/config/config.c) offers to that which fills a configuration
 * (train/config/config_load.c: files, presets, settings). A row is the place of a key in the table.
 * Does not own: anything that the rest of the program may see (train/config/config.h). */
#ifndef SINKLAB_CONFIG_PRIVATE_H
#define SINKLAB_CONFIG_PRIVATE_H

#include "train/config/config.h"
#include "train/config/yaml.h"

enum { CONFIG_ROWS = 96, KEY_TEXT = 128 }; /* rows at most; bytes of a key or of a hint */

int config_row(const char *key); /* -1: there is no such key */
/* Returns false with "where: unknown key ..." and the nearest known one. */
bool config_unknown_key(const char *key, const char *where, Error *e);

/* The value of one key, checked by its type and bounds; c is left as it was on error. */
bool config_set_row(Config *c, int row, const char *text, const char *where, Error *e);
bool config_set_yaml(Config *c, int row, const Yaml *value, const char *where, Error *e);

#endif
