/* Owns: what the table of keys (train/config/config.c) offers to what fills a configuration
 * (train/config/config_load.c: files, presets, settings) and to the run key (train/config/run_key.c). A row
 * is the place of a key in the table. Does not own: anything that the rest of the program may see
 * (train/config/config.h). */
#ifndef SINKLAB_CONFIG_PRIVATE_H
#define SINKLAB_CONFIG_PRIVATE_H

#include "data/base/yaml.h"
#include "train/config/config.h"

enum { CONFIG_ROWS = 160, KEY_TEXT = 128 }; /* rows at most; bytes of a key or of a hint */

int config_row(const char *key); /* -1: there is no such key */
/* Returns false with "where: unknown key ..." and the nearest known one. */
bool config_unknown_key(const char *key, const char *where, Error *e);

/* The value of one key, checked by its type and bounds; c is left as it was on error. */
bool config_set_row(Config *c, int row, const char *text, const char *where, Error *e);
bool config_set_yaml(Config *c, int row, const Yaml *value, const char *where, Error *e);

/* NUMERICS under which the key was born, after runs of these numerics; 0: before any. */
int config_row_since(int row);
bool config_row_is_default(const Config *c, int row);
/* Whether the key is outside run.*. */
bool config_row_trains(const Config *c, int row);
/* config_json of the keys that `keep` takes. */
char *config_json_of(const Config *c, bool (*keep)(const Config *c, int row));

#endif
