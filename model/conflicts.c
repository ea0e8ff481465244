/* Owns: the table of what a model cannot combine: predicate, keys, reason. Bounds of a single key are its
 * row's (train/config.c). */
#include "model/conflicts.h"

#include "model/slots.h"

#include <stdlib.h>
#include <string.h>

static const AttentionSlot *attention(const ModelConfig *c) {
    return &attention_slots[c->attention];
}

static bool kv_heads_do_not_divide(const ModelConfig *c) {
    return c->heads % config_kv_heads(c);
}

static bool odd_turn(const ModelConfig *c) {
    return position_slots[c->position].rotate_forward && c->width / c->heads / attention(c)->maps % 2;
}

static bool odd_maps(const ModelConfig *c) {
    return c->width / c->heads % attention(c)->maps;
}

static bool window_too_long(const ModelConfig *c) {
    return c->window > c->context;
}

static bool prefix_too_long(const ModelConfig *c) {
    return c->prefix > c->context;
}

static bool keeps_without_window(const ModelConfig *c) {
    return c->window_keep && !c->window;
}

static bool heads_without_null_key(const ModelConfig *c) {
    return c->sink_heads.n && !attention(c)->null_key;
}

static bool no_such_head(const ModelConfig *c) {
    for (int i = 0; i < c->sink_heads.n; i++) {
        char *end;
        long h = strtol(c->sink_heads.item[i], &end, 10);
        if (!*c->sink_heads.item[i] || *end || h < 0 || h >= c->heads) return true;
    }
    return false;
}

static bool gains_without_norm(const ModelConfig *c) {
    return c->head_out_gain == GAIN_HEAD && !head_out_slots[c->head_out].forward;
}

static bool std_of_no_law(const ModelConfig *c) {
    return !strcmp(init_name(c->init), "scaled") && c->embedding_std != 0.02;
}

static const struct {
    bool (*clash)(const ModelConfig *c);
    const char *reason;
} conflicts[] = {
    {kv_heads_do_not_divide, "model.kv_heads: does not divide model.heads (choose a divisor)"},
    {odd_maps, "model.attention: differential halves each head, but d_head is odd (change model.heads)"},
    {odd_turn,
     "model.position: rope turns pairs, but d_head (half of it under differential attention) is odd "
     "(change model.heads)"},
    {window_too_long, "model.window: longer than model.context (0 sees all)"},
    {prefix_too_long, "model.prefix: longer than model.context"},
    {keeps_without_window, "model.window_keep: nothing to keep without a model.window"},
    {heads_without_null_key,
     "model.sink_heads: this model.attention has no null key to give them (sink_logit, "
     "k_bias, ... have)"},
    {no_such_head, "model.sink_heads: not a head (numbers from 0 to model.heads - 1)"},
    {std_of_no_law, "model.embedding_std: model.init scaled draws the embedding by its own law (leave 0.02)"},
    {gains_without_norm, "model.head_out_gain: this model.head_out has no gain (rmsnorm has)"},
};

bool conflicts_check(const ModelConfig *c, Error *e) {
    for (size_t i = 0; i < sizeof conflicts / sizeof *conflicts; i++)
        if (conflicts[i].clash(c)) return fail(e, EXIT_USAGE, "%s", conflicts[i].reason);
    return true;
}
