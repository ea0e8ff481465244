/* Owns: the configuration of one run: the one table of keys (type, default, bounds, help),
 * and what walks it: YAML, key=value, --help, canonical JSON, the run key.
 * Does not own: sweeps (ablations/), what the values mean (the rooms they are for). */
#ifndef SINKLAB_CONFIG_H
#define SINKLAB_CONFIG_H

#include "data/base/error.h"
#include "data/data.h"
#include "model/model_config.h"

#include <stdio.h>

/* Raised whenever a change alters what training computes, weights or figures of steps, the second where only
 * under train.precision: bf16: a stale run is never taken for a done one. What an instrument computes has a
 * version of its own, a figure (the view figure_now of train/schema.sql), and makes no run stale. */
enum { NUMERICS = 2, NUMERICS_BF16 = 2 };

typedef enum Precision { PRECISION_FP32, PRECISION_BF16, PRECISIONS } Precision;
/* What draws random numbers of its own, and may have a seed of its own: weights, order of the text, probes.
 */
typedef enum Seed { SEED_INIT, SEED_DATA, SEED_PROBE, SEEDS } Seed;

typedef enum DecayOn { DECAY_MATRICES, DECAY_ALL, DECAY_INPUT_GAINS, DECAY_ONS } DecayOn;

typedef struct TrainConfig {
    int64_t steps;
    int64_t batch_tokens; /* tokens a step; a multiple of model.context */
    int64_t micro_rows;   /* rows in flight; 0 = chosen for the cache. Bits: see its help. */
    int64_t shares;    /* of a step's rows, a power of two, whose gradients are summed apart, then in pairs */
    int precision;     /* Precision */
    int64_t loss_from; /* targets of earlier positions of a row are not scored */
    double sink_penalty; /* c of c (mean mass of the first key - target)^2, of either sign; 0: none */
    double sink_target;
    double replace;        /* share of the input tokens that random ones replace */
    double gate_balance;   /* lambda of lambda sum_l H CV^2 of the heads' gates; 0: none */
    List context_schedule; /* "STEP:CONTEXT", ascending, the first at 0; empty: model.context throughout */
    char init_from[512];   /* checkpoint folder to start from; "" = random */
    char init_hash[33];    /* of the weights there; "": not looked at yet */
} TrainConfig;

typedef struct OptimConfig {
    int name; /* row of optimisers (train/optim/optim.h) */
    double lr;
    double min_lr;  /* at the end of the schedule; -1 = lr / 10 */
    int schedule;   /* row of schedules (train/optim/schedule.h) */
    int64_t warmup; /* steps */
    double weight_decay;
    int decay_on; /* DecayOn */
    double beta1, beta2, eps;
    double clip; /* bound of the global gradient norm; 0 = none */
} OptimConfig;

typedef struct ProbeConfig {
    int64_t every;     /* steps between light evaluations; 0 = 60 to 80 a run, dense at first */
    int64_t length;    /* tokens of a row of the probes main and other_bos */
    int64_t sequences; /* rows of a probe */
    int64_t maps;      /* rows of main whose attention maps are kept; 0 = none */
    int64_t map_times; /* how often in a run, at most */
    int64_t gradients; /* steps between rows of step_layer and step_tensor; 0 = 128 times a run; -1 = none */
    List under;        /* probe.do: heavy evaluations of the model under each, too (train/evaluate_under.h) */
} ProbeConfig;

typedef struct RunConfig {
    int64_t threads;          /* 0 = OMP_NUM_THREADS or the affinity mask */
    int64_t checkpoint_every; /* steps; 0 = twenty times a run */
    List keep; /* checkpoints beyond the two newest: last, all, log, or steps (train/when_due.h) */
    int64_t
        log_every; /* steps between progress lines off a terminal and in the log; 0 = a tenth of the run */
    bool same_kernels; /* a run is gone on with under the kernels that it had, or not at all */
} RunConfig;

enum { VARIANT_TEXT = 64 };

typedef struct Config {
    char variant[VARIANT_TEXT]; /* preset of slot and data keys, configs/variants.yaml */
    int64_t seed;
    int64_t seeds[SEEDS]; /* -1: seed */
    char label[128];      /* run.label: a name for people, outside the key */
    ModelConfig model;
    DataConfig data;
    TrainConfig train;
    OptimConfig optim;
    ProbeConfig probe;
    RunConfig run;
} Config;

/* Precedence, from the weakest: built-in defaults, the file's `base:` chain, the preset of the
 * effective variant, the file's own keys, settings (a sweep's `set:`, its grid and zip, then the
 * command line). There is one effective variant: the last one named. Its preset is the only one
 * applied, just below the own keys of the file that named it; when a setting named it, above
 * every file and below every other setting, wherever among the settings it stands. So
 * `train demo.yaml data.bos=row variant=no_bos` and a grid over `variant` do what they say:
 * the preset wins over configs/demo.yaml and loses to `set:` and to the command line. */

/* The names of the presets, in the order of their file; returns how many, `room` at most. */
int config_variants(char (*names)[VARIANT_TEXT], int room, Error *e);

void config_defaults(Config *c);

/* The seed of weights, of the order of the text, or of the probes: seeds.*, or where that is null `seed`. */
uint64_t config_seed(const Config *c, Seed which);

/* Reads a YAML file (or JSON, such as config_json wrote): defaults, its `base:` files (relative
 * to the file that names them), the variant's preset, its own keys. Keys may be dotted, nested or
 * both; one given twice in either form is refused. Errors carry file, line, column and the
 * nearest known key. */
bool config_load(Config *c, const char *path, Error *e);
/* Reads a configuration from text that is no file, such as a checkpoint's: errors call it `name`; `base:` is
 * refused. */
bool config_parse(Config *c, const char *text, size_t length, const char *name, Error *e);
/* The first wanted key, born before any run (no `.since`), that a text which can be read does not give
 * itself; NULL: the text gives them all. */
const char *config_missing(const char *text, size_t length, bool (*wanted)(const char *key));

/* A key and its value as text, as on the command line or in a sweep's cell. `where` names their
 * origin in errors ("command line", "sweep.yaml:7:3"). A list is written as YAML, "[a, b]"; any
 * other text is a list of one, and no text is the empty list. */
typedef struct Setting {
    const char *key, *text, *where;
} Setting;

/* A file (NULL: none) and the settings over it, weakest first, by the precedence above. This is
 * what a sweep's cell and a command line are built with. */
bool config_compose(Config *c, const char *path, const Setting *settings, int n, Error *e);

/* A first look at a checked recipe: so many steps in place of train.steps, and what is given in steps
 * (warm-up, cadences, stages of context, checkpoints that are kept) scaled with them, to one step at the
 * least. One that is as short already is left as it is. Checks it again. */
bool config_shorten(Config *c, int64_t steps, Error *e);

/* Composes and checks a configuration from the words of a command line, CONFIG [key=value ...]. */
bool config_from_words(Config *c, int n, char *const *words, Error *e);

/* Sets one key of a composed configuration. `variant` lays its preset over the configuration, too, but cannot
 * take back the preset of a variant named before: use config_compose where there may be one. */
bool config_set(Config *c, const char *key, const char *text, const char *where, Error *e);

/* The value of a key as config_set takes it; false if there is no such key or no room. */
bool config_get(const Config *c, const char *key, char *text, size_t room);

/* Canonical JSON on one line, keys in table order, nested by dots, numbers in the shortest form
 * that reads back as the same double; without run.* unless `all`. malloc'ed. */
char *config_json(const Config *c, bool all);

/* Of a model that another program trained: variant, seed, model.*, data.source, data.bos, train.steps, and
 * train.batch_tokens where it is not 0. All else of c is not known of it. */
char *config_json_imported(const Config *c);

/* Settles for what this machine can train: train.precision: bf16 becomes fp32 where the CPU lacks bf16's
 * instructions. To be called before a run is given its key, so that no figures of fp32 stand under that of
 * bf16. Returns NULL, or a line that says so. */
const char *config_settle(Config *c);

/* The run key, 32 hex digits: XXH3-128 of the canonical JSON without run.*, without train.init_from where the
 * hash of the weights there is known, and without keys that say what runs before their birth did anyway
 * (`.since` of train/config/config.c), the hashes of corpus and tokenizer, and NUMERICS; in bf16
 * NUMERICS_BF16 too. */
void config_key(const Config *c, const char *corpus_hash, const char *tokenizer_hash, char key[33]);

/* The first key whose name begins so and whose values in a and b differ; NULL: none. */
const char *config_differs(const Config *a, const Config *b, const char *begins);

/* One line a key: name, type, default, bounds, help. */
void config_help(FILE *out);

/* Walks the keys in table order: the i-th key's name, or NULL past the end. */
const char *config_key_name(int i);

/* The key whose last part is that of the word, "-" being "_" there, or what other programs call so
 * (train/config/names_elsewhere.h); NULL: there is none. */
const char *config_key_named(const char *word);

/* What a word that is no key was meant to be: " (did you mean KEY?)", why there is no such key, or "" when
 * nothing is near; written to text, which is returned. */
const char *config_key_hint(const char *word, char *text, size_t room);

#endif
