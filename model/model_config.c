#include "model/model_config.h"

#include <math.h>
#include <stdlib.h>

int config_kv_heads(const ModelConfig *c) {
    return (int)(c->kv_heads ? c->kv_heads : c->heads);
}

int64_t config_head_dim(const ModelConfig *c) {
    return c->head_dim ? c->head_dim : c->width / c->heads;
}

int64_t config_heads_width(const ModelConfig *c) {
    return c->heads * config_head_dim(c);
}

bool config_routes(const ModelConfig *c) {
    return c->depth_capacity > 0 && c->depth_capacity < 1;
}

bool config_is_routed(const ModelConfig *c, int layer) {
    return config_routes(c) && layer >= 0 && layer % 2;
}

int config_routed_tokens(const ModelConfig *c, int T) {
    return config_routes(c) ? (int)ceil(c->depth_capacity * T) : T;
}

static const char *name_of(const char *const *names, int count, int i) {
    return i >= 0 && i < count ? names[i] : NULL;
}

const char *rope_scaling_name(int i) {
    static const char *const names[SCALINGS] = {[SCALING_NONE] = "none",
                                                [SCALING_LINEAR] = "linear",
                                                [SCALING_LLAMA3] = "llama3",
                                                [SCALING_YARN] = "yarn"};
    return name_of(names, SCALINGS, i);
}

const char *parallel_name(int i) {
    static const char *const names[PARALLELS] = {
        [PARALLEL_NONE] = "none", [PARALLEL_TWO_NORMS] = "two_norms", [PARALLEL_ONE_NORM] = "one_norm"};
    return name_of(names, PARALLELS, i);
}

const char *bias_name(int i) {
    static const char *const names[BIASED] = {[BIASED_NONE] = "false",
                                              [BIASED_ALL] = "true",
                                              [BIASED_QKV] = "qkv",
                                              [BIASED_ATTENTION] = "attention",
                                              [BIASED_MLP] = "mlp"};
    return name_of(names, BIASED, i);
}

bool config_has_null(const ModelConfig *c, int h) {
    for (int i = 0; i < c->sink_heads.n; i++)
        if (atoi(c->sink_heads.item[i]) == h) return true;
    return !c->sink_heads.n;
}
