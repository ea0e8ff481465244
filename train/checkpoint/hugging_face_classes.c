#include "train/checkpoint/hugging_face_classes.h"

#include <string.h>

/* Fields that Llama and its kin have in common. RMSNorm of model.norm_kind has eps 1e-5 and the rotations of
 * model.position have base 10,000, as in most of these classes. */
static const HouseField llama_kin[] = {{"hidden_size", "model.width", NULL},
                                       {"num_hidden_layers", "model.layers", NULL},
                                       {"num_attention_heads", "model.heads", NULL},
                                       {"num_key_value_heads", "model.kv_heads", NULL},
                                       {"intermediate_size", "model.mlp_width", NULL},
                                       {"max_position_embeddings", "model.context", NULL},
                                       {"tie_word_embeddings", "model.tie", NULL},
                                       {"hidden_act", NULL, "silu"},
                                       {"rms_norm_eps", NULL, "1e-05"},
                                       {"rope_theta", NULL, "10000"},
                                       {"rope_scaling", NULL, "null"},
                                       {"rope_parameters.rope_theta", NULL, "10000"},
                                       {"rope_parameters.rope_type", NULL, "default"},
                                       {0}};
static const HouseKey no_keys[] = {{0}};
static const HouseField no_fields[] = {{0}};
static const HouseField llama_fields[] = {
    {"attention_bias", "model.bias", NULL}, {"mlp_bias", "model.bias", NULL}, {0}};
static const HouseField mistral_fields[] = {{"sliding_window", "model.window", NULL}, {0}};
/* Norms of each head's q and k, before the rotation. */
static const HouseKey qwen3_keys[] = {{"model.qk", "rmsnorm"}, {0}};
static const HouseField qwen3_fields[] = {
    {"attention_bias", NULL, "false"}, {"use_sliding_window", NULL, "false"}, {0}};

static const HouseKey gpt2_keys[] = {{"model.position", "learned"}, {"model.norm_kind", "layernorm"},
                                     {"model.mlp", "gelu"},         {"model.bias", "true"},
                                     {"model.tie", "true"},         {0}};
static const HouseField gpt2_fields[] = {{"n_embd", "model.width", NULL},
                                         {"n_layer", "model.layers", NULL},
                                         {"n_head", "model.heads", NULL},
                                         {"n_positions", "model.context", NULL},
                                         {"n_inner", "model.mlp_width", NULL},
                                         {"activation_function", NULL, "gelu_new"},
                                         {"layer_norm_epsilon", NULL, "1e-05"},
                                         {"scale_attn_weights", NULL, "true"},
                                         {"scale_attn_by_inverse_layer_idx", NULL, "false"},
                                         {"tie_word_embeddings", NULL, "true"},
                                         {0}};
#define IN "model.layers.%d."
static const HouseTensor gpt2_tensors[] = {
    {"transformer.wte.weight", {"model.embed_tokens.weight"}, false},
    {"transformer.wpe.weight", {"model.embed_positions.weight"}, false},
    {"transformer.h.%d.ln_1.weight", {IN "input_layernorm.weight"}, false},
    {"transformer.h.%d.ln_1.bias", {IN "input_layernorm.bias"}, false},
    {"transformer.h.%d.attn.c_attn.weight",
     {IN "self_attn.q_proj.weight", IN "self_attn.k_proj.weight", IN "self_attn.v_proj.weight"},
     true},
    {"transformer.h.%d.attn.c_attn.bias",
     {IN "self_attn.q_proj.bias", IN "self_attn.k_proj.bias", IN "self_attn.v_proj.bias"},
     false},
    {"transformer.h.%d.attn.c_proj.weight", {IN "self_attn.o_proj.weight"}, true},
    {"transformer.h.%d.attn.c_proj.bias", {IN "self_attn.o_proj.bias"}, false},
    {"transformer.h.%d.ln_2.weight", {IN "post_attention_layernorm.weight"}, false},
    {"transformer.h.%d.ln_2.bias", {IN "post_attention_layernorm.bias"}, false},
    {"transformer.h.%d.mlp.c_fc.weight", {IN "mlp.up_proj.weight"}, true},
    {"transformer.h.%d.mlp.c_fc.bias", {IN "mlp.up_proj.bias"}, false},
    {"transformer.h.%d.mlp.c_proj.weight", {IN "mlp.down_proj.weight"}, true},
    {"transformer.h.%d.mlp.c_proj.bias", {IN "mlp.down_proj.bias"}, false},
    {"transformer.ln_f.weight", {"model.norm.weight"}, false},
    {"transformer.ln_f.bias", {"model.norm.bias"}, false},
    {0}};

/* The first that fits is taken. */
static const HuggingFaceClass hugging_face_classes[] = {
    {"LlamaForCausalLM", "llama", no_keys, {llama_kin, llama_fields}, NULL, NULL},
    {"MistralForCausalLM", "mistral", no_keys, {llama_kin, mistral_fields}, NULL, NULL},
    {"Qwen3ForCausalLM", "qwen3", qwen3_keys, {llama_kin, qwen3_fields}, NULL, NULL},
    {"GPT2LMHeadModel", "gpt2", gpt2_keys, {gpt2_fields, no_fields}, gpt2_tensors, "transformer."},
    {0}};

/* Keys that leave no trace in a trained model of these classes: initial values, and keys of rows that it
 * lacks. */
static const char *const no_longer_matters[] = {
    "model.embedding_std", "model.init",      "model.head_out_scale", "model.head_out_gain",
    "model.clip_gamma",    "model.clip_zeta", "model.sink_heads",     NULL};

static bool listed(const char *key) {
    for (const char *const *k = no_longer_matters; *k; k++)
        if (!strcmp(*k, key)) return true;
    return false;
}

static bool carried(const HuggingFaceClass *h, const char *key) {
    for (int i = 0; i < HOUSE_LISTS; i++)
        for (const HouseField *f = h->fields[i]; f->name; f++)
            if (f->key && !strcmp(f->key, key)) return true;
    return false;
}

/* The value that a key must have in a class; NULL: any. */
static const char *demanded(const HuggingFaceClass *h, const char *key, const Config *defaults, char *room,
                            size_t size) {
    for (const HouseKey *k = h->keys; k->key; k++)
        if (!strcmp(k->key, key)) return k->value;
    if (strncmp(key, "model.", 6) || listed(key) || carried(h, key)) return NULL;
    return config_get(defaults, key, room, size) ? room : NULL;
}

/* The number of the model's keys whose values the class cannot have, and the first such key. */
static int misfits(const HuggingFaceClass *h, const Config *c, const Config *defaults, const char **first) {
    int n = 0;
    const char *key;
    for (int i = 0; (key = config_key_name(i)); i++) {
        char want[256], have[1024];
        const char *value = demanded(h, key, defaults, want, sizeof want);
        if (!value || (config_get(c, key, have, sizeof have) && !strcmp(have, value))) continue;
        if (!n++) *first = key;
    }
    return n;
}

const HuggingFaceClass *hugging_face_class_for(const Config *c, Error *e) {
    Config defaults;
    config_defaults(&defaults);
    defaults.model.kv_heads = c->model.heads;
    const char *key = NULL, *nearest = NULL;
    int fewest = 1 << 30;
    for (const HuggingFaceClass *h = hugging_face_classes; h->name; h++) {
        int n = misfits(h, c, &defaults, &key);
        if (!n) return h;
        if (n < fewest) fewest = n, nearest = key;
    }
    char have[1024] = "";
    config_get(c, nearest, have, sizeof have);
    fail(e, EXIT_USAGE,
         "export: %s: no Hugging Face class holds a model with %s (its checkpoint is safetensors, with the "
         "configuration in its metadata)",
         nearest, have);
    return NULL;
}

const HuggingFaceClass *hugging_face_class_named(const char *name) {
    for (const HuggingFaceClass *h = hugging_face_classes; h->name; h++)
        if (!strcmp(h->name, name)) return h;
    return NULL;
}
