#include "train/config/config.h"

#include "data/base/files.h"
#include "data/base/number.h"
#include "data/base/text.h"
#include "data/base/yaml.h"
#include "model/kernels/gemm_bf16.h"
#include "model/slots.h"
#include "train/config/config_private.h"
#include "train/config/did_you_mean.h"
#include "train/config/names_elsewhere.h"
#include "train/optim/optim.h"
#include "train/optim/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 1 << 30 };

typedef enum Type { INTEGER, SEED_OR_NULL, NUMBER, CHOICE, STRING, BOOLEAN, LIST, TYPES } Type;

typedef struct Row {
    const char *key;
    Type type;
    size_t offset, size;               /* of the field in Config */
    const char *fallback;              /* default as text; NULL: the first choice, as the model lists them */
    double low, high;                  /* both allowed; 2^53 at most, so that a double tells them apart */
    SlotKind slot;                     /* whose rows are the choices; else: */
    const char *(*names)(int i);       /* of a choice */
    const char *(*choice_help)(int i); /* what each of them is; NULL: the name tells */
    int since; /* NUMERICS when the key was born, after runs of these numerics; 0: before any */
    const char *help;
} Row;

static const char *precision_name(int i) {
    static const char *const names[PRECISIONS] = {[PRECISION_FP32] = "fp32", [PRECISION_BF16] = "bf16"};
    return i >= 0 && i < PRECISIONS ? names[i] : NULL;
}

static const char *decay_on_name(int i) {
    static const char *const names[DECAY_ONS] = {
        [DECAY_MATRICES] = "matrices", [DECAY_ALL] = "all", [DECAY_INPUT_GAINS] = "input_gains"};
    return i >= 0 && i < DECAY_ONS ? names[i] : NULL;
}

/* The i-th choice, NULL past the last. */
static const char *choice(const Row *row, int i) {
    return row->slot ? slot_row(row->slot, i)->name : row->names(i);
}
static const char *choice_help(const Row *row, int i) {
    return row->slot ? slot_row(row->slot, i)->help : row->choice_help ? row->choice_help(i) : NULL;
}

#define AT(field) offsetof(Config, field), sizeof(((Config *)0)->field)

/* The defaults are the demo's recipe with the usual weight decay. A new key is a row here, a field of Config,
 * and rows of train/config/conflicts.c where the key can clash or do nothing. `.since = 2`, today's NUMERICS,
 * says that runs without the key did what its default does: they keep their run keys
 * (train/config/run_key.c), and their checkpoints can be read. config_check may not turn such a default into
 * another value. */
static const Row rows[] = {
    {"variant", STRING, AT(variant), "baseline", .help = "preset of configs/variants.yaml"},
    {"seed", INTEGER, AT(seed), "0", 0, 0x1p53,
     .help = "of weights, order of the text and probes, but where seeds.* say otherwise"},

    {"model.layers", INTEGER, AT(model.layers), "4", 1, 1024, .help = "blocks"},
    {"model.width", INTEGER, AT(model.width), "128", 1, 65536, .help = "of the residual stream"},
    {"model.heads", INTEGER, AT(model.heads), "2", 1, 1024, .help = "a layer; divide the width"},
    {"model.head_dim", INTEGER, AT(model.head_dim), "0", 0, 65536, .since = 2,
     .help = "floats of a head; 0: width / heads"},
    {"model.kv_heads", INTEGER, AT(model.kv_heads), "0", 0, 1024,
     .help = "heads of keys and values, shared by groups of queries (arXiv 2305.13245); 0: heads"},
    {"model.context", INTEGER, AT(model.context), "32", 2, 1 << 20, .help = "tokens of a training row"},
    {"model.mlp_width", INTEGER, AT(model.mlp_width), "0", 0, 1 << 20,
     .help = "0: 8/3 width gated, down to a multiple of 32; 4 width not"},
    {"model.attention", CHOICE, AT(model.attention), .slot = SLOT_ATTENTION, .help = "scores to weights"},
    {"model.sink_heads", LIST, AT(model.sink_heads), "[]", .help = "heads with the null key; empty: all"},
    {"model.clip_gamma", NUMBER, AT(model.clip_gamma), "-0.03", -1e3, 0, .help = "of attention: clipped"},
    {"model.clip_zeta", NUMBER, AT(model.clip_zeta), "1", 1, 1e3, .help = "of attention: clipped"},
    {"model.window", INTEGER, AT(model.window), "0", 0, 1 << 20, .help = "last keys attended to; 0: all"},
    {"model.window_keep", INTEGER, AT(model.window_keep), "0", 0, 1 << 20,
     .help = "first keys seen past the window (arXiv 2309.17453)"},
    {"model.prefix", INTEGER, AT(model.prefix), "0", 0, 1 << 20,
     .help = "first positions that see each other (prefix LM); needs train.loss_from >= prefix - 1"},
    {"model.value_residual", NUMBER, AT(model.value_residual), "0", 0, 1,
     .help = "share of the first block's values in later ones (arXiv 2410.17897: 0.5)"},
    {"model.value_scale", BOOLEAN, AT(model.value_scale), "false", .since = 2,
     .help = "a learned number a layer and head on values and their gradient (arXiv 2603.17771)"},
    {"model.logit_cap", NUMBER, AT(model.logit_cap), "0", 0, 1e30, .since = 2,
     .help = "scores s = q.k of attention become c tanh(s / c) (Gemma 2, arXiv 2408.00118); 0: they do not"},
    {"model.final_logit_cap", NUMBER, AT(model.final_logit_cap), "0", 0, 1e30, .since = 2,
     .help = "the same of the logits that the loss is of; 0: none"},
    {"model.depth_capacity", NUMBER, AT(model.depth_capacity), "1", 1e-6, 1, .since = 2,
     .help =
         "share of a row's tokens, picked by a router, that every second block computes: losses are compared "
         "among such models alone (Mixture of Depths, arXiv 2404.02258); 1: all"},
    {"model.residual_clip", NUMBER, AT(model.residual_clip), "0", 0, 1e30, .since = 2,
     .help = "c of min(max(x, -c), c), of the stream after each block (arXiv 2601.22966); 0: none"},
    {"model.head_out", CHOICE, AT(model.head_out), .slot = SLOT_HEAD_OUT, .help = "on each head's output"},
    {"model.head_out_scale", NUMBER, AT(model.head_out_scale), "1", 0, 1e6,
     .help = "initial gain of head_out"},
    {"model.head_out_gain", CHOICE, AT(model.head_out_gain), "shared", .names = head_out_gain_name,
     .help = "one gain of head_out a layer, or one a head"},
    {"model.qk", CHOICE, AT(model.qk), .slot = SLOT_QK, .help = "on queries and keys"},
    {"model.position", CHOICE, AT(model.position), .slot = SLOT_POSITION, .help = "how a place is told"},
    {"model.rope_theta", NUMBER, AT(model.rope_theta), "10000", 1.5, 1e15, .since = 2,
     .help = "base of rope's rotations"},
    {"model.rope_dims", INTEGER, AT(model.rope_dims), "0", 0, 65536, .since = 2,
     .help = "floats of a head that rope turns, the first ones; 0: all"},
    {"model.rope_scaling", CHOICE, AT(model.rope_scaling), .names = rope_scaling_name, .since = 2,
     .help = "of rope's rates, for contexts longer than the original"},
    {"model.rope_factor", NUMBER, AT(model.rope_factor), "1", 1, 1e6, .since = 2,
     .help = "of rope_scaling: by which rates fall"},
    {"model.rope_original", INTEGER, AT(model.rope_original), "0", 0, 1 << 20, .since = 2,
     .help = "of rope_scaling: the context before; 0: model.context"},
    {"model.rope_low", NUMBER, AT(model.rope_low), "1", 1e-6, 1e6, .since = 2,
     .help = "pairs that turn less over rope_original are scaled whole (llama3, yarn)"},
    {"model.rope_high", NUMBER, AT(model.rope_high), "4", 1e-6, 1e6, .since = 2,
     .help = "pairs that turn more over rope_original are not scaled (llama3; yarn's paper: 32)"},
    {"model.norm", CHOICE, AT(model.norm), .slot = SLOT_NORM, .help = "where norms stand"},
    {"model.norm_kind", CHOICE, AT(model.norm_kind), .slot = SLOT_NORM_KIND, .help = "what they do"},
    {"model.norm_eps", NUMBER, AT(model.norm_eps), "1e-05", 0, 1, .since = 2,
     .help = "under the root of every norm"},
    {"model.parallel", CHOICE, AT(model.parallel), .names = parallel_name, .since = 2,
     .help = "the feed-forward beside attention: x + attention(norm x) + mlp(norm x), of two norms or one "
             "(arXiv 2204.06745)"},
    {"model.gate_rank", INTEGER, AT(model.gate_rank), "16", 1, 4096, .since = 2,
     .help = "of the gate of model.norm_kind: gated"},
    {"model.mlp", CHOICE, AT(model.mlp), .slot = SLOT_MLP, .help = "feed-forward"},
    {"model.embedding_std", NUMBER, AT(model.embedding_std), "0.02", 0, 1e3,
     .help = "of the initial embedding"},
    {"model.init", CHOICE, AT(model.init), .names = init_name, .help = "law of the initial weights"},
    {"model.bias", CHOICE, AT(model.bias), .names = bias_name,
     .help = "which linear layers of the blocks have biases"},
    {"model.tie", BOOLEAN, AT(model.tie), "false", .help = "classifier and embedding share weights"},
    {"model.interventions", LIST, AT(model.interventions), "[]", .help = "trained under these"},

    {"data.source", STRING, AT(data.source), "gcide",
     .help = "a corpus (sinklab fetch --help), the path of a text, PATH#FIELD of JSON lines, - (train, data: "
             "standard input, kept in the cache), or a task: bigram_backcopy[:SOURCE] (arXiv 2410.13835), "
             "trigger_mean (arXiv 2603.11487), retrieval (arXiv 2609.08574)"},
    {"data.limit", INTEGER, AT(data.limit), "0", 0, 0x1p53, .help = "training tokens used; 0: all"},
    {"data.tokenizer", CHOICE, AT(data.tokenizer), "bpe", .names = tokenizer_name, .help = "text to tokens"},
    {"data.vocab", INTEGER, AT(data.vocab), "4096", 2, 1 << 20,
     .help = "pieces asked of bpe; of ids, how many tokens there are"},
    {"data.eot", INTEGER, AT(data.eot), "-1", -1, 65535, .since = 2,
     .help = "of ids: the token that begins a document, and rows that begin with BOS (50256 of GPT-2's)"},
    {"data.bos", CHOICE, AT(data.bos), "row", .names = bos_policy_name, .help = "what begins with BOS"},
    {"data.mask", CHOICE, AT(data.mask), "causal", .names = mask_policy_name,
     .help = "how far back a token sees"},
    {"data.deal", INTEGER, AT(data.deal), "1", 1, 4096,
     .help = "blocks of 2,048 tokens whose rows are shuffled together; at 1 every context sees the same text "
             "a step"},
    {"data.fixed_token_at", INTEGER, AT(data.fixed_token_at), "-1", -1, 1 << 20,
     .help = "this position holds BOS, in probes too (at 0 in other_bos as in main); -1: none"},
    {"data.heldout", STRING, AT(data.heldout), "", .since = 2,
     .help = "a text of its own that is held out, as data.source; empty: a twentieth of the source"},
    {"data.separator", STRING, AT(data.separator), "", .since = 2,
     .help = "stands between the documents of a file, such as <|endoftext|>; empty: a file is one"},
    {"data.noop", NUMBER, AT(data.noop), "0.5", 0, 1, .since = 2,
     .help = "of retrieval: share of the scored positions at which nothing is asked"},

    {"train.steps", INTEGER, AT(train.steps), "2500", 1, MANY, .help = "updates"},
    {"train.batch_tokens", INTEGER, AT(train.batch_tokens), "2048", 1, MANY, .help = "a step; whole rows"},
    {"train.micro_rows", INTEGER, AT(train.micro_rows), "0", 0, MANY,
     .help = "rows in flight, in whole chunks of 256 tokens or a row; 0: chosen; under model.tie always one "
             "chunk; "
             "the last bits depend on it under model.attention: sink_token, all of the run under the "
             "intervention amplify(mu=batch)"},
    {"train.shares", INTEGER, AT(train.shares), "1", 1, 1024, .since = 2,
     .help = "of the rows of a step, a power of two: gradients are summed over each, then in pairs, so that "
             "as many "
             "processes or fewer (mpirun) give the same bits"},
    {"train.precision", CHOICE, AT(train.precision), "fp32", .names = precision_name,
     .help = "of the products"},
    {"train.loss_from", INTEGER, AT(train.loss_from), "0", 0, 1 << 20,
     .help = "first position whose target counts"},
    {"train.context_schedule", LIST, AT(train.context_schedule), "[]",
     .help = "STEP:CONTEXT, ...; empty: one"},
    {"train.sink_penalty", NUMBER, AT(train.sink_penalty), "0", -1e6, 1e6,
     .help = "c (first mass - target)^2 joins the loss"},
    {"train.sink_target", NUMBER, AT(train.sink_target), "0", 0, 1, .help = "of sink_penalty"},
    {"train.gate_balance", NUMBER, AT(train.gate_balance), "0", 0, 1e6, .since = 2,
     .help =
         "lambda of lambda sum_l H CV^2(G), G_h the mean of 1 - first mass, in the loss (arXiv 2602.01203)"},
    {"train.replace", NUMBER, AT(train.replace), "0", 0, 1, .since = 2,
     .help = "share of a training row's tokens, but BOS, that random ones replace; targets stay"},
    {"train.init_from", STRING, AT(train.init_from), "", .help = "checkpoint to start from; empty: random"},
    {"train.init_hash", STRING, AT(train.init_hash), "", .since = 2,
     .help = "of the weights at init_from, by which the run is known: filled in; one that is given must be "
             "theirs"},

    {"optim.name", CHOICE, AT(optim.name), "adamw", .names = optimiser_name, .choice_help = optimiser_help,
     .help = "optimiser"},
    {"optim.lr", NUMBER, AT(optim.lr), "1e-3", 0, 1e3, .help = "learning rate after warm-up"},
    {"optim.min_lr", NUMBER, AT(optim.min_lr), "-1", -1, 1e3, .help = "at the end; -1: lr / 10"},
    {"optim.schedule", CHOICE, AT(optim.schedule), "cosine", .names = schedule_name, .help = "of the rate"},
    {"optim.warmup", INTEGER, AT(optim.warmup), "100", 0, MANY, .help = "steps of linear rise"},
    {"optim.weight_decay", NUMBER, AT(optim.weight_decay), "0.1", 0, 1e3, .help = "decoupled, times lr"},
    {"optim.decay_on", CHOICE, AT(optim.decay_on), "matrices", .names = decay_on_name,
     .help =
         "all: gains and biases too; input_gains: matrices, and gains of the norms before attention and MLP "
         "(arXiv 2605.26895)"},
    {"optim.beta1", NUMBER, AT(optim.beta1), "0.9", 0, 0.999999, .help = "decay of the mean gradient"},
    {"optim.beta2", NUMBER, AT(optim.beta2), "0.95", 0, 0.999999, .help = "decay of the mean square"},
    {"optim.eps", NUMBER, AT(optim.eps), "1e-8", 1e-30, 1, .help = "added to the root mean square"},
    {"optim.clip", NUMBER, AT(optim.clip), "1", 0, 1e9, .help = "bound of the gradient's norm; 0: none"},

    {"seeds.init", SEED_OR_NULL, AT(seeds[SEED_INIT]), "null", 0, 0x1p53, .since = 2,
     .help = "of weights (and orthoadam's bases); null: seed"},
    {"seeds.data", SEED_OR_NULL, AT(seeds[SEED_DATA]), "null", 0, 0x1p53, .since = 2,
     .help = "of the order of the text; null: seed"},
    {"seeds.probe", SEED_OR_NULL, AT(seeds[SEED_PROBE]), "null", 0, 0x1p53, .since = 2,
     .help = "of the probes' rows; null: seed"},

    {"probe.every", INTEGER, AT(probe.every), "0", 0, MANY,
     .help = "steps; 0: 60 to 80 a run, dense at first"},
    {"probe.length", INTEGER, AT(probe.length), "64", 2, 1 << 20, .help = "tokens of a row, at most"},
    {"probe.sequences", INTEGER, AT(probe.sequences), "100", 1, 1 << 20, .help = "rows of a probe"},
    {"probe.maps", INTEGER, AT(probe.maps), "1", 0, 1 << 20, .help = "rows of main kept as attention maps"},
    {"probe.map_times", INTEGER, AT(probe.map_times), "40", 1, MANY, .help = "times a run they are, at most"},
    {"probe.gradients", INTEGER, AT(probe.gradients), "0", -1, MANY, .since = 2,
     .help = "steps between rows of step_layer and step_tensor; 0: a 128th of the run, 16 at the least; -1: "
             "none"},
    {"probe.do", LIST, AT(probe.under), "[]", .since = 2,
     .help = "heavy evaluations are made under each of these interventions, too (the view effect)"},

    {"run.threads", INTEGER, AT(run.threads), "0", 0, 4096,
     .help = "0: OMP_NUM_THREADS or the affinity mask"},
    {"run.checkpoint_every", INTEGER, AT(run.checkpoint_every), "0", 0, MANY,
     .help = "steps; 0: 20 times a run"},
    {"run.keep", LIST, AT(run.keep), "last",
     .help =
         "checkpoints kept beyond the two newest, as weights alone: last (none), all, log (after 1, 2, 3, 4, "
         "6, 8, "
         "11, ... steps and the last) or a list of steps, which are saved whatever checkpoint_every says"},
    {"run.log_every", INTEGER, AT(run.log_every), "0", 0, MANY,
     .help = "steps a line off a terminal and in the run's log; 0: a tenth of the run"},
    {"run.same_kernels", BOOLEAN, AT(run.same_kernels), "false",
     .help = "go on with a run under the kernels that it had, or not at all; else an event tells of others"},
    {"run.label", STRING, AT(label), "", .help = "a name for people; a done run takes a new one"},
};
enum { ROWS = sizeof rows / sizeof *rows };
_Static_assert(sizeof rows / sizeof *rows <= CONFIG_ROWS,
               "more keys than CONFIG_ROWS of train/config/config_private.h");

static const char *const type_nouns[TYPES] = {
    [INTEGER] = "an integer",     [SEED_OR_NULL] = "an integer or null",
    [NUMBER] = "a finite number", [CHOICE] = "one word",
    [STRING] = "a text",          [BOOLEAN] = "true or false",
    [LIST] = "a list of texts",
};

const char *config_key_name(int i) {
    return i >= 0 && i < ROWS ? rows[i].key : NULL;
}

const char *config_key_named(const char *word) {
    for (int i = 0; i < ROWS; i++) {
        const char *dot = strrchr(rows[i].key, '.');
        if (name_ends_as(word, dot ? dot + 1 : rows[i].key)) return rows[i].key;
    }
    const NameElsewhere *name = name_elsewhere(word);
    return name ? name->key : NULL;
}

const char *config_key_hint(const char *word, char *text, size_t room) {
    const NameElsewhere *name = name_elsewhere(word);
    const char *key = config_key_named(word), *remark = name ? name->remark : NULL;
    DidYouMean n = {.text = word};
    for (int i = 0; !name && !key && i < ROWS; i++) did_you_mean_offer(&n, rows[i].key);
    did_you_mean_hint(&n, text, room);
    if (key) snprintf(text, room, " (did you mean %s%s%s?)", key, remark ? ", " : "", remark ? remark : "");
    if (!key && remark) snprintf(text, room, " (%s)", remark);
    return text;
}

int config_row(const char *key) {
    for (int i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].key, key)) return i;
    return -1;
}

bool config_unknown_key(const char *key, const char *where, Error *e) {
    char hint[KEY_TEXT];
    return fail(e, EXIT_USAGE, "%s: unknown key %s%s", where, key, config_key_hint(key, hint, sizeof hint));
}

/* ---- Values: text to field and back, one pair a type ---- */

static bool mistyped(const Row *row, const char *text, const char *where, Error *e) {
    return fail(e, EXIT_USAGE, "%s: %s: expected %s, not \"%s\"", where, row->key, type_nouns[row->type],
                text);
}

static bool wrong_kind(const Row *row, YamlKind kind, const char *where, Error *e) {
    return fail(e, EXIT_USAGE, "%s: %s: expected %s, not a %s", where, row->key, type_nouns[row->type],
                kind == YAML_LIST ? "list" : "map");
}

static bool in_bounds(const Row *row, double value, const char *text, const char *where, Error *e) {
    if (value >= row->low && value <= row->high) return true;
    return fail(e, EXIT_USAGE, "%s: %s: %s is out of bounds (%.16g to %.16g)", where, row->key, text,
                row->low, row->high);
}

static bool read_number(void *field, const Row *row, const char *text, const char *where, Error *e) {
    double value;
    if (!number_read(text, &value)) return mistyped(row, text, where, e);
    if (!in_bounds(row, value, text, where, e)) return false;
    *(double *)field = value;
    return true;
}

/* Reads 1e6, too: every integer within bounds is exact as a double. */
static bool read_integer(void *field, const Row *row, const char *text, const char *where, Error *e) {
    double value;
    if (!number_read(text, &value) || value != floor(value)) return mistyped(row, text, where, e);
    if (!in_bounds(row, value, text, where, e)) return false;
    *(int64_t *)field = (int64_t)value;
    return true;
}

/* null is -1, which no integer within bounds is. */
static bool read_seed(void *field, const Row *row, const char *text, const char *where, Error *e) {
    if (strcmp(text, "null")) return read_integer(field, row, text, where, e);
    *(int64_t *)field = -1;
    return true;
}

static bool read_choice(void *field, const Row *row, const char *text, const char *where, Error *e) {
    DidYouMean n = {.text = text};
    char known[256] = "", hint[KEY_TEXT];
    for (int i = 0; choice(row, i); i++) {
        if (!strcmp(choice(row, i), text)) {
            *(int *)field = i;
            return true;
        }
        did_you_mean_offer(&n, choice(row, i));
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", choice(row, i));
    }
    return fail(e, EXIT_USAGE, "%s: %s: \"%s\" is none of %s%s", where, row->key, text, known,
                did_you_mean_hint(&n, hint, sizeof hint));
}

/* Copies a text into a field of `room` bytes; control characters have no place in a key's value. */
static bool copy_text(char *field, size_t room, const Row *row, const char *text, const char *where,
                      Error *e) {
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7F)
            return fail(e, EXIT_USAGE, "%s: %s: a control character in the text", where, row->key);
    size_t length = strlen(text);
    if (length >= room)
        return fail(e, EXIT_USAGE, "%s: %s: %zu bytes of text, at most %zu", where, row->key, length,
                    room - 1);
    memset(field, 0, room); /* equal configurations are equal bytes */
    memcpy(field, text, length);
    return true;
}

static bool read_string(void *field, const Row *row, const char *text, const char *where, Error *e) {
    return copy_text(field, row->size, row, text, where, e);
}

static bool read_boolean(void *field, const Row *row, const char *text, const char *where, Error *e) {
    bool yes = !strcmp(text, "true");
    if (!yes && strcmp(text, "false")) return mistyped(row, text, where, e);
    *(bool *)field = yes;
    return true;
}

static bool read_items(List *list, const Row *row, const Yaml *y, const char *where, Error *e) {
    if (y->n > LIST_ITEMS)
        return fail(e, EXIT_USAGE, "%s: %s: %d items, at most %d", where, row->key, y->n, LIST_ITEMS);
    List read = {.n = y->n};
    for (int i = 0; i < y->n; i++) {
        if (y->value[i]->kind != YAML_SCALAR) return wrong_kind(row, y->value[i]->kind, where, e);
        if (!copy_text(read.item[i], LIST_TEXT, row, y->value[i]->text, where, e)) return false;
    }
    *list = read;
    return true;
}

static bool read_list(void *field, const Row *row, const char *text, const char *where, Error *e) {
    if (*text != '[') {
        List one = {.n = *text != 0};
        if (!copy_text(one.item[0], LIST_TEXT, row, text, where, e)) return false;
        *(List *)field = one;
        return true;
    }
    Yaml *y = yaml_parse(text, strlen(text), where, NULL);
    bool ok = y && y->kind == YAML_LIST ? read_items(field, row, y, where, e) : mistyped(row, text, where, e);
    yaml_free(y);
    return ok;
}

static bool (*const readers[TYPES])(void *field, const Row *row, const char *text, const char *where,
                                    Error *e) = {
    [INTEGER] = read_integer, [SEED_OR_NULL] = read_seed, [NUMBER] = read_number, [CHOICE] = read_choice,
    [STRING] = read_string,   [BOOLEAN] = read_boolean,   [LIST] = read_list,
};

static void write_integer(FILE *out, const Row *row, const void *field) {
    (void)row;
    fprintf(out, "%lld", (long long)*(const int64_t *)field);
}

static void write_seed(FILE *out, const Row *row, const void *field) {
    if (*(const int64_t *)field < 0)
        fputs("null", out);
    else
        write_integer(out, row, field);
}

/* The shortest form that reads back the same; from 6 digits on, so that 1000 is not 1e+03. */
static void write_number(FILE *out, const Row *row, const void *field) {
    (void)row;
    double value = *(const double *)field;
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
}

static void write_choice(FILE *out, const Row *row, const void *field) {
    fputs(choice(row, *(const int *)field), out);
}

static void write_string(FILE *out, const Row *row, const void *field) {
    (void)row;
    fputs(field, out);
}

static void write_boolean(FILE *out, const Row *row, const void *field) {
    (void)row;
    fputs(*(const bool *)field ? "true" : "false", out);
}

static void write_list(FILE *out, const Row *row, const void *field) {
    (void)row;
    const List *list = field;
    for (int i = 0; i < list->n; i++) {
        fputc(i ? ',' : '[', out);
        json_string(out, list->item[i]);
    }
    fputs(list->n ? "]" : "[]", out);
}

static void (*const writers[TYPES])(FILE *out, const Row *row, const void *field) = {
    [INTEGER] = write_integer, [SEED_OR_NULL] = write_seed, [NUMBER] = write_number, [CHOICE] = write_choice,
    [STRING] = write_string,   [BOOLEAN] = write_boolean,   [LIST] = write_list,
};

bool config_set_row(Config *c, int row, const char *text, const char *where, Error *e) {
    return readers[rows[row].type]((char *)c + rows[row].offset, &rows[row], text, where, e);
}

/* As YAML 1.2 writes nothing, section 10.3.2. */
static bool is_null(const Yaml *y) {
    static const char *const words[] = {"null", "Null", "NULL", "~"};
    for (size_t i = 0; !y->quoted && i < sizeof words / sizeof *words; i++)
        if (!strcmp(y->text, words[i])) return true;
    return false;
}

/* A text that is nothing is empty. */
bool config_set_yaml(Config *c, int row, const Yaml *value, const char *where, Error *e) {
    if (value->kind == YAML_SCALAR)
        return config_set_row(c, row, rows[row].type == STRING && is_null(value) ? "" : value->text, where,
                              e);
    if (rows[row].type == LIST && value->kind == YAML_LIST)
        return read_items((List *)((char *)c + rows[row].offset), &rows[row], value, where, e);
    return wrong_kind(&rows[row], value->kind, where, e);
}

void config_defaults(Config *c) {
    memset(c, 0, sizeof *c);
    for (int i = 0; i < ROWS; i++)
        if (rows[i].fallback) config_set_row(c, i, rows[i].fallback, "default", NULL);
}

uint64_t config_seed(const Config *c, Seed which) {
    return (uint64_t)(c->seeds[which] < 0 ? c->seed : c->seeds[which]);
}

/* ---- The whole ---- */

/* malloc'ed. */
static char *value_text(const Config *c, const Row *row) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = text_open(&text, &length);
    writers[row->type](out, row, (const char *)c + row->offset);
    fclose(out);
    return text;
}

bool config_get(const Config *c, const char *key, char *text, size_t room) {
    int row = config_row(key);
    if (row < 0) return false;
    char *whole = value_text(c, &rows[row]);
    bool fits = strlen(whole) < room;
    if (fits) strcpy(text, whole);
    free(whole);
    return fits;
}

const char *config_differs(const Config *a, const Config *b, const char *begins) {
    for (int i = 0; i < ROWS; i++) {
        if (strncmp(rows[i].key, begins, strlen(begins))) continue;
        char *x = value_text(a, &rows[i]), *y = value_text(b, &rows[i]);
        bool same = !strcmp(x, y);
        free(x);
        free(y);
        if (!same) return rows[i].key;
    }
    return NULL;
}

/* A choice between yes, no and more, which was a boolean once: JSON stays what it was. */
static bool is_boolean(const char *text) {
    return !strcmp(text, "true") || !strcmp(text, "false");
}

static void write_json_value(FILE *out, const Row *row, const Config *c) {
    const void *field = (const char *)c + row->offset;
    if (row->type == STRING)
        json_string(out, field);
    else if (row->type == CHOICE && !is_boolean(choice(row, *(const int *)field)))
        json_string(out, choice(row, *(const int *)field));
    else
        writers[row->type](out, row, field);
}

int config_row_since(int row) {
    return rows[row].since;
}

bool config_row_is_default(const Config *c, int row) {
    Config defaults;
    config_defaults(&defaults);
    return !memcmp((const char *)c + rows[row].offset, (const char *)&defaults + rows[row].offset,
                   rows[row].size);
}

static bool keep_all(const Config *c, int row) {
    (void)c, (void)row;
    return true;
}

bool config_row_trains(const Config *c, int row) {
    (void)c;
    return strncmp(rows[row].key, "run.", 4) != 0;
}

/* Keys of one group stand together in the table: a group opens at its first key and closes at
 * the first key of another. */
char *config_json_of(const Config *c, bool (*keep)(const Config *c, int row)) {
    char *text = NULL;
    size_t length;
    FILE *out = text_open(&text, &length);
    const char *group = "", *comma = "{";
    size_t group_length = 0;
    for (int i = 0; i < ROWS; i++) {
        const char *key = rows[i].key, *dot = strchr(key, '.'), *name = dot ? dot + 1 : key;
        if (!keep(c, i)) continue;
        size_t key_group = (size_t)(name - key);
        if (key_group != group_length || strncmp(key, group, key_group)) {
            fprintf(out, "%s%s\"%.*s\":", group_length ? "}" : "", comma, (int)key_group - 1, key);
            group = key;
            group_length = key_group;
            comma = "{";
        }
        fprintf(out, "%s\"%s\":", comma, name);
        write_json_value(out, &rows[i], c);
        comma = ",";
    }
    fputs("}}", out);
    fclose(out);
    return text;
}

char *config_json(const Config *c, bool all) {
    return config_json_of(c, all ? keep_all : config_row_trains);
}

const char *config_settle(Config *c) {
    if (c->train.precision != PRECISION_BF16 || gemm_bf16_supported()) return NULL;
    c->train.precision = PRECISION_FP32;
    return "train.precision: bf16: this CPU has no instructions for it (avx512_bf16): trained in fp32, as "
           "the "
           "run of that precision";
}

static void help_bounds(FILE *out, const Row *row) {
    if (row->type == INTEGER || row->type == SEED_OR_NULL || row->type == NUMBER)
        fprintf(out, " [%.16g .. %.16g]", row->low, row->high);
    if (row->type != CHOICE) return;
    for (int i = 0; choice(row, i); i++)
        if (choice_help(row, i))
            fprintf(out, "\n      %-17s %s", choice(row, i), choice_help(row, i));
        else
            fprintf(out, "%s%s", i ? " | " : " [", choice(row, i));
    if (!choice_help(row, 0)) fputc(']', out);
}

void config_help(FILE *out) {
    static const char *const names[TYPES] = {
        [INTEGER] = "integer", [SEED_OR_NULL] = "integer", [NUMBER] = "number", [CHOICE] = "choice",
        [STRING] = "string",   [BOOLEAN] = "boolean",      [LIST] = "list",
    };
    for (int i = 0; i < ROWS; i++) {
        const Row *row = &rows[i];
        const char *fallback = row->fallback ? row->fallback : choice(row, 0);
        fprintf(out, "  %-21s %-8s %-9s %s", row->key, names[row->type], fallback, row->help);
        help_bounds(out, row);
        fputc('\n', out);
    }
}
