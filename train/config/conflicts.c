#include "train/config/conflicts.h"

#include "model/interventions/intervention.h"
#include "model/slots.h"
#include "train/context_schedule.h"
#include "train/optim/optim.h"
#include "train/when_due.h"

#include <stdlib.h>
#include <string.h>

/* ---- sizes of the model ---- */

static const AttentionSlot *attention(const Config *c) {
    return &attention_slots[c->model.attention];
}

static int64_t d_head(const Config *c) {
    return config_head_dim(&c->model);
}

static bool heads_do_not_divide(const Config *c) {
    return !c->model.head_dim && c->model.width % c->model.heads;
}

static bool kv_heads_do_not_divide(const Config *c) {
    return c->model.heads % config_kv_heads(&c->model);
}

static bool odd_maps(const Config *c) {
    return d_head(c) % slot_maps(attention(c));
}

static bool no_rope(const Config *c) {
    return !position_slots[c->model.position].rotate_forward;
}

static bool odd_turn(const Config *c) {
    return !no_rope(c) && !c->model.rope_dims && d_head(c) / slot_maps(attention(c)) % 2;
}

static bool odd_dims(const Config *c) {
    return c->model.rope_dims % 2;
}

static bool many_dims(const Config *c) {
    return c->model.rope_dims > d_head(c) / slot_maps(attention(c));
}

static bool parallel_elsewhere(const Config *c) {
    return c->model.parallel && strcmp(slot_row(SLOT_NORM, c->model.norm)->name, "pre");
}

static bool not_scaled(const Config *c) {
    return no_rope(c) || c->model.rope_scaling == SCALING_NONE;
}

static bool not_blended(const Config *c) {
    return not_scaled(c) || c->model.rope_scaling == SCALING_LINEAR;
}

static bool crossed_turns(const Config *c) {
    return !not_blended(c) && c->model.rope_low >= c->model.rope_high;
}

static bool long_window(const Config *c) {
    return c->model.window > c->model.context;
}

static bool long_prefix(const Config *c) {
    return c->model.prefix > c->model.context;
}

/* The i-th item of model.sink_heads; -1: not a number. */
static long sink_head(const Config *c, int i) {
    const char *text = c->model.sink_heads.item[i];
    return *text && strspn(text, "0123456789") == strlen(text) ? strtol(text, NULL, 10) : -1;
}

static bool no_such_head(const Config *c) {
    for (int i = 0; i < c->model.sink_heads.n; i++)
        if (sink_head(c, i) < 0 || sink_head(c, i) >= c->model.heads) return true;
    return false;
}

static bool head_twice(const Config *c) {
    for (int i = 0; i < c->model.sink_heads.n; i++)
        for (int k = 0; k < i; k++)
            if (sink_head(c, i) == sink_head(c, k)) return true;
    return false;
}

/* ---- what leaves a key nothing to do ---- */

static bool no_window(const Config *c) {
    return !c->model.window;
}

static bool no_null_key(const Config *c) {
    return !attention(c)->null_key;
}

static bool not_clipped(const Config *c) {
    return strcmp(attention(c)->head.name, "clipped");
}

/* Whether model.init leaves model.embedding_std unused. Sinusoids are scaled by that key under any law. */
static bool own_law(const Config *c) {
    return !strcmp(init_name(c->model.init), "scaled") &&
           strcmp(slot_row(SLOT_POSITION, c->model.position)->name, "sinusoidal");
}

static bool one_layer(const Config *c) {
    return c->model.layers == 1;
}

static bool no_pieces(const Config *c) {
    return !strcmp(tokenizer_name(c->data.tokenizer), "bytes");
}

static bool no_ids(const Config *c) {
    return strcmp(tokenizer_name(c->data.tokenizer), "ids");
}

static bool no_document_begins(const Config *c) {
    return !no_ids(c) && c->data.eot < 0;
}

static bool eot_past_vocab(const Config *c) {
    return !no_ids(c) && c->data.eot >= c->data.vocab;
}

static bool no_maps(const Config *c) {
    return !c->probe.maps;
}

static bool no_norm_of_heads(const Config *c) {
    return head_out_slots[c->model.head_out].head.tensors[0].rows != SIZE_GAIN;
}

static bool no_gate_of_norms(const Config *c) {
    return strcmp(slot_row(SLOT_NORM_KIND, c->model.norm_kind)->name, "gated");
}

static bool no_init_from(const Config *c) {
    return !*c->train.init_from;
}
static bool no_penalty(const Config *c) {
    return !c->train.sink_penalty;
}

static bool synthetic(const Config *c) {
    return data_is_task(&c->data);
}

static bool no_beta1(const Config *c) {
    return !(optimisers[c->optim.name].keys & KEY_BETA1);
}

static bool no_beta2(const Config *c) {
    return !(optimisers[c->optim.name].keys & KEY_BETA2);
}

static bool no_eps(const Config *c) {
    return !(optimisers[c->optim.name].keys & KEY_EPS);
}

/* ---- routed blocks: their tokens are some of a row, at places of their own ---- */

static bool routed(const Config *c) {
    return config_routes(&c->model);
}
static bool routed_distances(const Config *c) {
    return routed(c) && position_slots[c->model.position].slope;
}
static bool routed_window(const Config *c) {
    return routed(c) && c->model.window;
}
static bool routed_prefix(const Config *c) {
    return routed(c) && c->model.prefix;
}
static bool routed_documents(const Config *c) {
    return routed(c) && c->data.mask == MASK_DOCUMENT;
}
static bool routed_token(const Config *c) {
    return routed(c) && attention(c)->token;
}
static bool routed_values(const Config *c) {
    return routed(c) && c->model.value_residual;
}
static bool routed_changes(const Config *c) {
    return routed(c) && c->model.interventions.n;
}
static bool routed_penalty(const Config *c) {
    return routed(c) && c->train.sink_penalty;
}
static bool routed_balance(const Config *c) {
    return routed(c) && c->train.gate_balance;
}

/* ---- rows and what of them is scored ---- */

static bool no_source(const Config *c) {
    return !c->data.source[0];
}

static bool no_noops(const Config *c) {
    return !data_has_noops(&c->data);
}

static bool rows_before_labels(const Config *c) {
    return contexts_at(c, 1) < data_shortest_row(&c->data);
}

static bool bos_of_no_task(const Config *c) {
    return synthetic(c) && (c->data.bos == BOS_NONE || c->data.bos == BOS_DOCUMENT);
}

static bool part_of_a_row(const Config *c) {
    return c->train.batch_tokens % c->model.context;
}

static int64_t whole_rows(const Config *c) {
    int64_t T = c->model.context;
    return (c->train.batch_tokens + T - 1) / T * T;
}

static bool unpaired(const Config *c) {
    return c->train.shares & (c->train.shares - 1);
}

/* The longest rows are the fewest. */
static bool split_rows(const Config *c) {
    return c->train.batch_tokens / c->model.context % c->train.shares;
}

static bool two_first_tokens(const Config *c) {
    return c->data.bos == BOS_RANDOM_FIRST && c->data.fixed_token_at == 0;
}

static bool fixed_past_rows(const Config *c) {
    return c->data.fixed_token_at >= contexts_at(c, 1);
}

static bool prefix_in_sight(const Config *c) {
    return c->train.loss_from < c->model.prefix - 1;
}

static bool nothing_scored(const Config *c) {
    return c->train.loss_from >= contexts_at(c, 1);
}

static bool no_share(const Config *c) {
    return attention(c)->unnormalised || slot_maps(attention(c)) > 1;
}

static bool no_mass(const Config *c) {
    return c->train.sink_penalty && no_share(c);
}

static bool no_gates(const Config *c) {
    return c->train.gate_balance && no_share(c);
}

static bool one_head(const Config *c) {
    return c->model.heads == 1;
}

/* ---- steps ---- */

static bool long_warmup(const Config *c) {
    return c->optim.warmup > c->train.steps;
}

static bool negative_min_lr(const Config *c) {
    return c->optim.min_lr < 0 && c->optim.min_lr != -1;
}

static bool high_min_lr(const Config *c) {
    return c->optim.min_lr > c->optim.lr;
}

static bool kept_unread(const Config *c) {
    return !when_due_keep_read(&c->run.keep, c->train.steps);
}

static bool on_input_gains(const Config *c) {
    return c->optim.decay_on == DECAY_INPUT_GAINS;
}

static bool no_input_norm(const Config *c) {
    return on_input_gains(c) && !norm_stands(&c->model, STAGE_NORM_ATTN);
}

static bool no_decay(const Config *c) {
    return on_input_gains(c) && !c->optim.weight_decay;
}

/* Weights are read, and the optimiser draws nothing. */
static bool no_weights_drawn(const Config *c) {
    return *c->train.init_from && !optimisers[c->optim.name].prepare;
}

/* ---- the table ---- */

typedef struct Conflict {
    bool (*clash)(const Config *c);
    const char *key, *why, *with, *hint; /* with: NULL where one key tells it */
    int64_t (*better)(const Config *c);  /* a number before the hint */
    bool idle;                           /* a conflict only where the key is not at its default */
} Conflict;

#define CLASH(clash, key, why, with, hint)                                                                   \
    { clash, key, why, with, hint, NULL, false }
#define IDLE(clash, key, with, hint)                                                                         \
    { clash, key, "does nothing with", with, hint, NULL, true }

/* The conflicts are tried in this order: a divisor is checked before the rows that divide by it. */
static const Conflict conflicts[] = {
    CLASH(heads_do_not_divide, "model.heads", "does not divide", "model.width", "choose a divisor"),
    CLASH(kv_heads_do_not_divide, "model.kv_heads", "does not divide", "model.heads", "choose a divisor"),
    CLASH(odd_maps, "model.attention", "halves each head, but d_head is odd with", "model.heads",
          "change it"),
    CLASH(odd_turn, "model.position",
          "turns pairs, but d_head (half of it under differential attention) is odd with", "model.heads",
          "change it"),
    CLASH(parallel_elsewhere, "model.parallel", "reads norms that stand before, not", "model.norm",
          "pre has them"),
    CLASH(odd_dims, "model.rope_dims", "is odd", NULL, "pairs are turned"),
    CLASH(many_dims, "model.rope_dims", "is more than a head has with", "model.heads", "0 turns all"),
    IDLE(no_rope, "model.rope_theta", "model.position", "it is of rope"),
    IDLE(no_rope, "model.rope_dims", "model.position", "it is of rope"),
    IDLE(no_rope, "model.rope_scaling", "model.position", "it is of rope"),
    IDLE(not_scaled, "model.rope_factor", "model.rope_scaling", "nothing is scaled"),
    IDLE(not_scaled, "model.rope_original", "model.rope_scaling", "nothing is scaled"),
    IDLE(not_blended, "model.rope_low", "model.rope_scaling", "it is of llama3 and yarn"),
    IDLE(not_blended, "model.rope_high", "model.rope_scaling", "it is of llama3 and yarn"),
    CLASH(crossed_turns, "model.rope_low", "is not below", "model.rope_high", "rates blend between them"),
    CLASH(long_window, "model.window", "is longer than", "model.context", "0 sees all"),
    CLASH(long_prefix, "model.prefix", "is longer than", "model.context", "0: none"),
    CLASH(no_such_head, "model.sink_heads", "has one that is not below", "model.heads", "numbers from 0"),
    CLASH(head_twice, "model.sink_heads", "names a head twice", NULL, "once is enough"),
    IDLE(no_null_key, "model.sink_heads", "model.attention", "sink_logit, k_bias, ... have a null key"),
    IDLE(not_clipped, "model.clip_gamma", "model.attention", "it is of clipped"),
    IDLE(not_clipped, "model.clip_zeta", "model.attention", "it is of clipped"),
    IDLE(no_window, "model.window_keep", "model.window", "there is nothing to keep"),
    IDLE(no_norm_of_heads, "model.head_out_gain", "model.head_out", "rmsnorm has a gain"),
    IDLE(no_gate_of_norms, "model.gate_rank", "model.norm_kind", "it is of gated"),
    IDLE(own_law, "model.embedding_std", "model.init", "it draws the embedding by its own law"),
    IDLE(one_layer, "model.depth_capacity", "model.layers", "the first block is not routed"),
    CLASH(routed_distances, "model.depth_capacity", "takes tokens out of the distances of", "model.position",
          "rope, learned and others give tokens places of their own"),
    CLASH(routed_window, "model.depth_capacity", "has no last keys for", "model.window", "0 sees all"),
    CLASH(routed_prefix, "model.depth_capacity", "has no first positions for", "model.prefix", "0: none"),
    CLASH(routed_documents, "model.depth_capacity", "parts no documents for", "data.mask", "causal"),
    CLASH(routed_token, "model.depth_capacity", "has no place for x* of", "model.attention",
          "choose another"),
    CLASH(routed_values, "model.depth_capacity", "skips tokens whose first values are mixed in by",
          "model.value_residual", "0: none"),
    CLASH(routed_changes, "model.depth_capacity", "has other tokens at the positions of",
          "model.interventions", "[]: none"),
    CLASH(routed_penalty, "model.depth_capacity", "hides masses from", "train.sink_penalty", "0: none"),
    CLASH(routed_balance, "model.depth_capacity", "hides gates from", "train.gate_balance", "0: none"),
    IDLE(one_layer, "model.value_residual", "model.layers", "there are no later ones"),

    CLASH(no_source, "data.source", "is empty", NULL, "such as gcide, or the path of a text"),
    CLASH(bos_of_no_task, "data.bos", "is not what rows begin with in", "data.source",
          "row or random_first: the task puts BOS there"),
    CLASH(rows_before_labels, "data.source", "has no target in the shortest rows, of", "model.context",
          "or the first of train.context_schedule"),
    IDLE(no_noops, "data.noop", "data.source", "it is of retrieval"),
    IDLE(synthetic, "data.mask", "data.source", "the task has no documents"),
    IDLE(synthetic, "data.tokenizer", "data.source", "the task has its own symbols"),
    IDLE(synthetic, "data.vocab", "data.source", "the task has its own symbols"),
    IDLE(synthetic, "data.heldout", "data.source", "the task is drawn without end"),
    IDLE(synthetic, "data.separator", "data.source", "the task has no documents"),
    IDLE(no_pieces, "data.vocab", "data.tokenizer", "there are 256 bytes"),
    IDLE(no_ids, "data.eot", "data.tokenizer", "it is of ids"),
    CLASH(no_document_begins, "data.eot", "is the token that begins a document with", "data.tokenizer",
          "such as 50256 of GPT-2's"),
    CLASH(eot_past_vocab, "data.eot", "is not below", "data.vocab", "tokens are numbers from 0"),
    CLASH(two_first_tokens, "data.fixed_token_at", "is where a token is put by", "data.bos",
          "choose another"),
    CLASH(fixed_past_rows, "data.fixed_token_at", "is not a position of the shortest rows, of",
          "model.context", "or the first of train.context_schedule"),

    {part_of_a_row, "train.batch_tokens", "is not a multiple of", "model.context", "is", whole_rows, false},
    CLASH(unpaired, "train.shares", "is no power of two", NULL, "sums are made in pairs"),
    CLASH(split_rows, "train.shares", "does not divide the rows of a step of", "train.batch_tokens",
          "each has as many"),
    CLASH(contexts_unread, "train.context_schedule", "is not STEP:CONTEXT, ...", NULL,
          "such as 0:32, 1000:64"),
    CLASH(contexts_late, "train.context_schedule", "does not begin at step 0", NULL, "such as 0:32, 1000:64"),
    CLASH(contexts_fall, "train.context_schedule", "does not ascend", NULL, "steps and contexts both"),
    CLASH(contexts_past, "train.context_schedule", "has a stage that no step reaches of", "train.steps",
          "stages begin before the last step"),
    CLASH(contexts_end, "train.context_schedule", "does not end at", "model.context",
          "the last one must be it"),
    CLASH(contexts_split, "train.context_schedule", "has a context that does not divide",
          "train.batch_tokens", "a step holds whole rows"),
    CLASH(contexts_cut, "train.context_schedule", "has a context that does not divide 2048", NULL,
          "the text is dealt out in blocks of 2048"),
    CLASH(prefix_in_sight, "model.prefix", "positions see their own targets, which are scored from",
          "train.loss_from", "set it to model.prefix - 1 or more"),
    CLASH(nothing_scored, "train.loss_from", "leaves no target of the shortest rows, of", "model.context",
          "or the first of train.context_schedule"),
    CLASH(no_mass, "train.sink_penalty", "finds no mass to shift in the weights of", "model.attention",
          "their rows do not sum to one"),
    CLASH(no_gates, "train.gate_balance", "finds no share of the first key in the weights of",
          "model.attention", "their rows do not sum to one"),
    IDLE(one_head, "train.gate_balance", "model.heads", "there is nothing to balance"),
    IDLE(no_penalty, "train.sink_target", "train.sink_penalty", "it is the penalty's"),

    IDLE(no_init_from, "train.init_hash", "train.init_from", "there are no weights to have one"),

    CLASH(long_warmup, "optim.warmup", "is more than", "train.steps", "that many or less"),
    CLASH(negative_min_lr, "optim.min_lr", "is below 0", NULL, "only -1, lr / 10, is"),
    CLASH(high_min_lr, "optim.min_lr", "is above", "optim.lr", "-1 is lr / 10"),
    IDLE(no_beta1, "optim.beta1", "optim.name", "it has no such key"),
    IDLE(no_beta2, "optim.beta2", "optim.name", "it has no such key"),
    IDLE(no_eps, "optim.eps", "optim.name", "it has no such key"),

    IDLE(no_input_norm, "optim.decay_on", "model.norm", "no norm stands at an input"),
    IDLE(no_decay, "optim.decay_on", "optim.weight_decay", "nothing decays"),
    IDLE(no_weights_drawn, "seeds.init", "train.init_from", "the weights are read there"),

    IDLE(no_maps, "probe.map_times", "probe.maps", "no row is kept"),
    CLASH(kept_unread, "run.keep", "is not last, all, log or steps from 1 to", "train.steps",
          "such as [100, 1000]"),
};
_Static_assert(DATA_BLOCK == 2048, "as the table says");

enum { VALUE = 192 };

static const char *value_of(const Config *c, const char *key, char text[VALUE]) {
    if (!config_get(c, key, text, VALUE)) strcpy(text, "...");
    return text;
}

static bool refuse(const Conflict *k, const Config *c, const char *fallback, Error *e) {
    char value[VALUE], other[VALUE], with[VALUE + 64] = "", hint[2 * VALUE];
    value_of(c, k->key, value);
    if (k->with) snprintf(with, sizeof with, " %s, %s", k->with, value_of(c, k->with, other));
    snprintf(hint, sizeof hint, "%s", k->hint);
    if (k->better) snprintf(hint, sizeof hint, "%lld %s", (long long)k->better(c), k->hint);
    if (k->idle) snprintf(hint, sizeof hint, "%s; leave it at %s", k->hint, fallback);
    return fail(e, EXIT_USAGE, "%s: %s%s%s%s (%s)", k->key, value, *value ? " " : "", k->why, with, hint);
}

/* The first conflict. */
static bool check_table(const Config *c, Error *e) {
    Config plain;
    config_defaults(&plain);
    for (const Conflict *k = conflicts; k < conflicts + sizeof conflicts / sizeof *conflicts; k++) {
        char value[VALUE], fallback[VALUE];
        if (!k->clash(c)) continue;
        bool set = strcmp(value_of(c, k->key, value), value_of(&plain, k->key, fallback));
        if (set || !k->idle) return refuse(k, c, fallback, e);
    }
    return true;
}

/* Interventions as the shortest rows meet them, with as many tokens as the data will have. */
static bool check_changes(const Config *c, Error *e) {
    ModelConfig shape = c->model;
    shape.vocab = data_vocab(&c->data);
    return changes_read(&shape, contexts_at(c, 1), &(Changes){0}, e);
}

bool config_check(Config *c, Error *e) {
    if (!check_table(c, e) || !check_changes(c, e) || !model_config_check(&c->model, e)) return false;
    if (c->optim.min_lr == -1) c->optim.min_lr = c->optim.lr / 10;
    return true;
}
