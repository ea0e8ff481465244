/* Owns: what the symbolic sizes of tensors are in a model, the MLP's width where none is given, and which
 * linear layers have biases. */
#include "model/slots.h"

int64_t config_mlp_width(const ModelConfig *c) {
    if (c->mlp_width) return c->mlp_width;
    if (mlp_slots[c->mlp].parts == 1) return 4 * c->width;
    int64_t f = 8 * c->width / 3 / 32 * 32;
    return f ? f : 32;
}

int64_t size_of(const ModelConfig *c, Size s) {
    switch (s) {
    case SIZE_NONE:
    case SIZE_ONE:
        return 1;
    case SIZE_V:
        return c->vocab;
    case SIZE_T:
        return c->context;
    case SIZE_D:
        return c->width;
    case SIZE_H:
        return c->heads;
    case SIZE_KVH:
        return config_kv_heads(c);
    case SIZE_KV:
        return config_kv_heads(c) * config_head_dim(c);
    case SIZE_GAIN:
        return c->head_out_gain == GAIN_HEAD ? config_heads_width(c) : config_head_dim(c);
    case SIZE_HEADS:
        return config_heads_width(c);
    case SIZE_HEAD:
        return config_head_dim(c);
    case SIZE_F:
        return c->mlp_width;
    case SIZE_RANK:
        return c->gate_rank;
    }
    return 0;
}

int64_t tensor_floats(const ModelConfig *c, const TensorSpec *t) {
    return size_of(c, t->rows) * size_of(c, t->cols);
}

bool bias_stands(const ModelConfig *c, Stage s) {
    static const uint32_t stages[BIASED] = {[BIASED_ALL] =
                                                1u << STAGE_QKV | 1u << STAGE_OUT | 1u << STAGE_MLP,
                                            [BIASED_QKV] = 1u << STAGE_QKV,
                                            [BIASED_ATTENTION] = 1u << STAGE_QKV | 1u << STAGE_OUT,
                                            [BIASED_MLP] = 1u << STAGE_MLP};
    return stages[c->bias] >> s & 1;
}
