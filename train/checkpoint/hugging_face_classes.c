#include "train/checkpoint/hugging_face_classes.h"

#include <string.h>

/* ---- words ---- */

static const ClassWord silu[] = {{"silu", "swiglu"}, {"swish", "swiglu"}, {0}};
static const ClassWord plain_act[] = {{"gelu_new", "gelu"},  {"gelu_pytorch_tanh", "gelu"},
                                      {"gelu_fast", "gelu"}, {"gelu", "gelu_exact"},
                                      {"relu", "relu"},      {0}};
static const ClassWord yes[] = {{"true", ""}, {0}}, no[] = {{"false", ""}, {0}};
/* Two fields of Llama's are one key: what each adds to it (hugging_face_config.c), and what each is of it. */
static const ClassWord attention_biases[] = {
    {"false", "false"}, {"true", "attention"}, {"true", "true"}, {"false", "mlp"}, {0}};
static const ClassWord mlp_biases[] = {
    {"false", "false"}, {"true", "mlp"}, {"true", "true"}, {"false", "attention"}, {0}};

/* Kinds that modeling_sinklab.py has, spelled as ours. */
#define SAME(kind)                                                                                           \
    { kind, kind }
static const ClassWord sinklab_attention[] = {
    SAME("softmax"),      SAME("softmax1"),  SAME("sink_logit"), SAME("k_bias"),
    SAME("kv_bias"),      SAME("v_bias"),    SAME("sigmoid"),    SAME("sigmoid_bias"),
    SAME("sigmoid_norm"), SAME("key0_bias"), SAME("relu"),       SAME("elu1"),
    SAME("softpick"),     SAME("clipped"),   SAME("scalable"),   {0}};
static const ClassWord sinklab_position[] = {SAME("rope"), SAME("learned"), SAME("alibi"), SAME("none"), {0}};
static const ClassWord sinklab_norm_kind[] = {SAME("rmsnorm"), SAME("rmsnorm_scalar"), SAME("layernorm"),
                                              SAME("dyt"),     SAME("pre_affine"),     {0}};

static const ClassWord neox_biases[] = {{"true", "true"}, {"false", "mlp"}, {0}};
static const ClassWord neox_parallel[] = {{"true", "two_norms"}, {"false", "none"}, {0}};

/* ---- fields ---- */

/* Llama and its kin: the defaults of heads of keys, head_dim, the feed-forward, context, eps and ties differ.
 */
#define LLAMA_KIN(kv, dim, mlp, context, eps)                                                                \
    {"hidden_size", "model.width", "4096", NULL, NULL},                                                      \
        {"num_hidden_layers", "model.layers", "32", NULL, NULL},                                             \
        {"num_attention_heads", "model.heads", "32", NULL, NULL},                                            \
        {"num_key_value_heads", "model.kv_heads", kv, "0", NULL},                                            \
        {"head_dim", "model.head_dim", dim, "0", NULL},                                                      \
        {"intermediate_size", "model.mlp_width", mlp, NULL, NULL},                                           \
        {"max_position_embeddings", "model.context", context, NULL, NULL},                                   \
        {"tie_word_embeddings", "model.tie", "false", NULL, NULL},                                           \
        {"hidden_act", "model.mlp", "silu", NULL, silu}, {                                                   \
        "rms_norm_eps", "model.norm_eps", eps, NULL, NULL                                                    \
    }

static const ClassField llama_fields[] = {LLAMA_KIN("0", "0", "11008", "2048", "1e-06"),
                                          {"attention_bias", "model.bias", "false", NULL, attention_biases},
                                          {"mlp_bias", "model.bias", "false", NULL, mlp_biases},
                                          {0}};
static const ClassField mistral_fields[] = {LLAMA_KIN("8", "0", "14336", "131072", "1e-06"),
                                            {"sliding_window", "model.window", "4096", "0", NULL},
                                            {0}};
static const ClassField qwen2_fields[] = {
    LLAMA_KIN("32", "0", "22016", "32768", "1e-06"), {"use_sliding_window", NULL, "false", NULL, no}, {0}};
static const ClassField qwen3_fields[] = {LLAMA_KIN("32", "128", "22016", "32768", "1e-06"),
                                          {"attention_bias", "model.bias", "false", NULL, attention_biases},
                                          {"use_sliding_window", NULL, "false", NULL, no},
                                          {0}};
static const ClassField olmo2_fields[] = {LLAMA_KIN("0", "0", "11008", "2048", "1e-05"),
                                          {"attention_bias", "model.bias", "false", NULL, attention_biases},
                                          {0}};
static const ClassField neox_fields[] = {
    {"hidden_size", "model.width", "6144", NULL, NULL},
    {"num_hidden_layers", "model.layers", "44", NULL, NULL},
    {"num_attention_heads", "model.heads", "64", NULL, NULL},
    {"intermediate_size", "model.mlp_width", "24576", NULL, NULL},
    {"max_position_embeddings", "model.context", "2048", NULL, NULL},
    {"hidden_act", "model.mlp", "gelu", NULL, plain_act},
    {"layer_norm_eps", "model.norm_eps", "1e-05", NULL, NULL},
    {"tie_word_embeddings", "model.tie", "false", NULL, NULL},
    {"use_parallel_residual", "model.parallel", "true", NULL, neox_parallel},
    {"attention_bias", "model.bias", "true", NULL, neox_biases},
    {0}};
static const ClassField gpt2_fields[] = {
    {"n_embd|hidden_size", "model.width", "768", NULL, NULL},
    {"n_layer|num_hidden_layers", "model.layers", "12", NULL, NULL},
    {"n_head|num_attention_heads", "model.heads", "12", NULL, NULL},
    {"n_positions|max_position_embeddings", "model.context", "1024", NULL, NULL},
    {"n_inner", "model.mlp_width", "0", "0", NULL},
    {"activation_function", "model.mlp", "gelu_new", NULL, plain_act},
    {"layer_norm_epsilon", "model.norm_eps", "1e-05", NULL, NULL},
    {"tie_word_embeddings", "model.tie", "true", NULL, NULL},
    {"scale_attn_weights", NULL, "true", NULL, yes},
    {"scale_attn_by_inverse_layer_idx", NULL, "false", NULL, no},
    {"add_cross_attention", NULL, "false", NULL, no},
    {0}};
#define OWN(name, missing)                                                                                   \
    { name, "model." name, missing, NULL, NULL }
static const ClassField sinklab_fields[] = {
    {"hidden_size", "model.width", NULL, NULL, NULL},
    {"num_hidden_layers", "model.layers", NULL, NULL, NULL},
    {"num_attention_heads", "model.heads", NULL, NULL, NULL},
    {"num_key_value_heads", "model.kv_heads", NULL, NULL, NULL},
    {"head_dim", "model.head_dim", NULL, NULL, NULL},
    {"intermediate_size", "model.mlp_width", NULL, NULL, NULL},
    {"max_position_embeddings", "model.context", NULL, NULL, NULL},
    {"attention", "model.attention", "softmax", NULL, sinklab_attention},
    {"position", "model.position", "rope", NULL, sinklab_position},
    {"norm_kind", "model.norm_kind", "rmsnorm", NULL, sinklab_norm_kind},
    OWN("norm", "pre"),
    OWN("norm_eps", "1e-05"),
    OWN("head_out", "none"),
    OWN("head_out_gain", "shared"),
    OWN("qk", "none"),
    OWN("mlp", "swiglu"),
    OWN("bias", "false"),
    OWN("tie", "false"),
    OWN("parallel", "none"),
    OWN("window", "0"),
    OWN("window_keep", "0"),
    OWN("prefix", "0"),
    OWN("rope_theta", "10000"),
    OWN("rope_dims", "0"),
    OWN("clip_gamma", "-0.03"),
    OWN("clip_zeta", "1"),
    OWN("value_residual", "0"),
    OWN("value_scale", "false"),
    OWN("residual_clip", "0"),
    OWN("logit_cap", "0"),
    OWN("final_logit_cap", "0"),
    {0}};

/* ---- keys that a class sets ---- */

static const ClassKey llama_keys[] = {{0}};
static const ClassKey qwen2_keys[] = {{"model.bias", "qkv"}, {0}};
/* Norms of each head's q and k, before the rotation. */
static const ClassKey qwen3_keys[] = {{"model.qk", "rmsnorm"}, {0}};
static const ClassKey olmo2_keys[] = {{"model.qk", "rmsnorm_all"}, {"model.norm", "branch"}, {0}};
static const ClassKey neox_keys[] = {{"model.norm_kind", "layernorm"}, {0}};
static const ClassKey gpt2_keys[] = {
    {"model.position", "learned"}, {"model.norm_kind", "layernorm"}, {"model.bias", "true"}, {0}};
static const ClassKey sinklab_keys[] = {{"model.sink_heads", "[]"}, {0}};

/* ---- tensors ---- */

#define IN "model.layers.%d."
#define QKV(what)                                                                                            \
    { IN "self_attn.q_proj." what, IN "self_attn.k_proj." what, IN "self_attn.v_proj." what }
static const ClassTensor gpt2_tensors[] = {
    {"transformer.wte.weight", {"model.embed_tokens.weight"}, LAY_PLAIN},
    {"transformer.wpe.weight", {"model.embed_positions.weight"}, LAY_PLAIN},
    {"transformer.h.%d.ln_1.weight", {IN "input_layernorm.weight"}, LAY_PLAIN},
    {"transformer.h.%d.ln_1.bias", {IN "input_layernorm.bias"}, LAY_PLAIN},
    {"transformer.h.%d.attn.c_attn.weight", QKV("weight"), LAY_TURNED},
    {"transformer.h.%d.attn.c_attn.bias", QKV("bias"), LAY_PLAIN},
    {"transformer.h.%d.attn.c_proj.weight", {IN "self_attn.o_proj.weight"}, LAY_TURNED},
    {"transformer.h.%d.attn.c_proj.bias", {IN "self_attn.o_proj.bias"}, LAY_PLAIN},
    {"transformer.h.%d.ln_2.weight", {IN "post_attention_layernorm.weight"}, LAY_PLAIN},
    {"transformer.h.%d.ln_2.bias", {IN "post_attention_layernorm.bias"}, LAY_PLAIN},
    {"transformer.h.%d.mlp.c_fc.weight", {IN "mlp.up_proj.weight"}, LAY_TURNED},
    {"transformer.h.%d.mlp.c_fc.bias", {IN "mlp.up_proj.bias"}, LAY_PLAIN},
    {"transformer.h.%d.mlp.c_proj.weight", {IN "mlp.down_proj.weight"}, LAY_TURNED},
    {"transformer.h.%d.mlp.c_proj.bias", {IN "mlp.down_proj.bias"}, LAY_PLAIN},
    {"transformer.ln_f.weight", {"model.norm.weight"}, LAY_PLAIN},
    {"transformer.ln_f.bias", {"model.norm.bias"}, LAY_PLAIN},
    {"lm_head.weight", {"lm_head.weight"}, LAY_PLAIN},
    {0}};
static const ClassTensor olmo2_tensors[] = {
    {"model.embed_tokens.weight", {"model.embed_tokens.weight"}, LAY_PLAIN},
    {IN "self_attn.q_proj.weight", {IN "self_attn.q_proj.weight"}, LAY_PLAIN},
    {IN "self_attn.q_proj.bias", {IN "self_attn.q_proj.bias"}, LAY_PLAIN},
    {IN "self_attn.k_proj.weight", {IN "self_attn.k_proj.weight"}, LAY_PLAIN},
    {IN "self_attn.k_proj.bias", {IN "self_attn.k_proj.bias"}, LAY_PLAIN},
    {IN "self_attn.v_proj.weight", {IN "self_attn.v_proj.weight"}, LAY_PLAIN},
    {IN "self_attn.v_proj.bias", {IN "self_attn.v_proj.bias"}, LAY_PLAIN},
    {IN "self_attn.o_proj.weight", {IN "self_attn.o_proj.weight"}, LAY_PLAIN},
    {IN "self_attn.o_proj.bias", {IN "self_attn.o_proj.bias"}, LAY_PLAIN},
    {IN "self_attn.q_norm.weight", {IN "self_attn.q_norm.weight"}, LAY_PLAIN},
    {IN "self_attn.k_norm.weight", {IN "self_attn.k_norm.weight"}, LAY_PLAIN},
    {IN "post_attention_layernorm.weight", {IN "attention_output_norm.weight"}, LAY_PLAIN},
    {IN "mlp.gate_proj.weight", {IN "mlp.gate_proj.weight"}, LAY_PLAIN},
    {IN "mlp.up_proj.weight", {IN "mlp.up_proj.weight"}, LAY_PLAIN},
    {IN "mlp.down_proj.weight", {IN "mlp.down_proj.weight"}, LAY_PLAIN},
    {IN "post_feedforward_layernorm.weight", {IN "mlp_output_norm.weight"}, LAY_PLAIN},
    {"model.norm.weight", {"model.norm.weight"}, LAY_PLAIN},
    {"lm_head.weight", {"lm_head.weight"}, LAY_PLAIN},
    {0}};
#define OF "gpt_neox.layers.%d."
static const ClassTensor neox_tensors[] = {
    {"gpt_neox.embed_in.weight", {"model.embed_tokens.weight"}, LAY_PLAIN},
    {OF "input_layernorm.weight", {IN "input_layernorm.weight"}, LAY_PLAIN},
    {OF "input_layernorm.bias", {IN "input_layernorm.bias"}, LAY_PLAIN},
    {OF "attention.query_key_value.weight", QKV("weight"), LAY_HEADS},
    {OF "attention.query_key_value.bias", QKV("bias"), LAY_HEADS},
    {OF "attention.dense.weight", {IN "self_attn.o_proj.weight"}, LAY_PLAIN},
    {OF "attention.dense.bias", {IN "self_attn.o_proj.bias"}, LAY_PLAIN},
    {OF "post_attention_layernorm.weight", {IN "post_attention_layernorm.weight"}, LAY_PLAIN},
    {OF "post_attention_layernorm.bias", {IN "post_attention_layernorm.bias"}, LAY_PLAIN},
    {OF "mlp.dense_h_to_4h.weight", {IN "mlp.up_proj.weight"}, LAY_PLAIN},
    {OF "mlp.dense_h_to_4h.bias", {IN "mlp.up_proj.bias"}, LAY_PLAIN},
    {OF "mlp.dense_4h_to_h.weight", {IN "mlp.down_proj.weight"}, LAY_PLAIN},
    {OF "mlp.dense_4h_to_h.bias", {IN "mlp.down_proj.bias"}, LAY_PLAIN},
    {"gpt_neox.final_layer_norm.weight", {"model.norm.weight"}, LAY_PLAIN},
    {"gpt_neox.final_layer_norm.bias", {"model.norm.bias"}, LAY_PLAIN},
    {"embed_out.weight", {"lm_head.weight"}, LAY_PLAIN},
    {0}};
static const char *const neox_buffers[] = {OF "attention.bias", OF "attention.masked_bias",
                                           OF "attention.rotary_emb.inv_freq", NULL};
static const char *const llama_buffers[] = {IN "self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq",
                                            NULL};
static const char *const no_buffers[] = {NULL};
static const char *const gpt2_buffers[] = {"transformer.h.%d.attn.bias", "transformer.h.%d.attn.masked_bias",
                                           NULL};

/* ---- the table ---- */

#define LLAMA_NAMES                                                                                          \
    .theta = "rope_theta", .embedding = "model.embed_tokens.weight", .head = "lm_head.weight",               \
    .buffers = llama_buffers

/* The first that fits is taken. */
static const HuggingFaceClass hugging_face_classes[] = {
    {.name = "LlamaForCausalLM", .type = "llama", .keys = llama_keys, .fields = llama_fields, LLAMA_NAMES},
    {.name = "MistralForCausalLM",
     .type = "mistral",
     .keys = llama_keys,
     .fields = mistral_fields,
     LLAMA_NAMES},
    {.name = "Qwen2ForCausalLM",
     .type = "qwen2",
     .keys = qwen2_keys,
     .fields = qwen2_fields,
     .own_tokens = true,
     LLAMA_NAMES},
    {.name = "Qwen3ForCausalLM", .type = "qwen3", .keys = qwen3_keys, .fields = qwen3_fields, LLAMA_NAMES},
    {.name = "Olmo2ForCausalLM",
     .type = "olmo2",
     .keys = olmo2_keys,
     .fields = olmo2_fields,
     .tensors = olmo2_tensors,
     LLAMA_NAMES},
    {.name = "GPTNeoXForCausalLM",
     .type = "gpt_neox",
     .keys = neox_keys,
     .fields = neox_fields,
     .theta = "rotary_emb_base|rope_theta",
     .rotary = "rotary_pct|partial_rotary_factor",
     .rotary_missing = "0.25",
     .tensors = neox_tensors,
     .embedding = "gpt_neox.embed_in.weight",
     .head = "embed_out.weight",
     .buffers = neox_buffers},
    {.name = "GPT2LMHeadModel",
     .type = "gpt2",
     .keys = gpt2_keys,
     .fields = gpt2_fields,
     .tensors = gpt2_tensors,
     .embedding = "transformer.wte.weight",
     .head = "lm_head.weight",
     .prefix = "transformer.",
     .buffers = gpt2_buffers},
    {.name = "SinklabForCausalLM",
     .type = "sinklab",
     .keys = sinklab_keys,
     .fields = sinklab_fields,
     .embedding = "model.embed_tokens.weight",
     .head = "lm_head.weight",
     .buffers = no_buffers,
     .ours = true},
    {0}};

/* Keys that leave no trace in a trained model of these classes: initial values, and keys of rows that it
 * lacks. */
static const char *const no_longer_matters[] = {
    "model.embedding_std", "model.init",       "model.head_out_scale",
    "model.head_out_gain", "model.clip_gamma", "model.clip_zeta",
    "model.sink_heads",    "model.gate_rank",  NULL};
/* Keys that config.json tells in an object of its own. */
static const char *const of_rope[] = {"model.rope_theta",
                                      "model.rope_scaling",
                                      "model.rope_factor",
                                      "model.rope_original",
                                      "model.rope_low",
                                      "model.rope_high",
                                      NULL};

static bool listed(const char *const *list, const char *key) {
    for (; *list; list++)
        if (!strcmp(*list, key)) return true;
    return false;
}

const char *class_field_value(const ClassField *f, const char *ours) {
    if (!f->words) return ours;
    for (const ClassWord *w = f->words; w->theirs; w++)
        if (!strcmp(w->ours, ours)) return w->theirs;
    return NULL;
}

/* Whether the class has a model with this value of the key. */
static bool holds(const HuggingFaceClass *h, const char *key, const char *have, const Config *defaults) {
    char room[1024];
    if (strncmp(key, "model.", 6)) return true;
    for (const ClassKey *k = h->keys; k->key; k++)
        if (!strcmp(k->key, key)) return !strcmp(k->value, have);
    for (const ClassField *f = h->fields; f->name; f++)
        if (f->key && !strcmp(f->key, key)) return class_field_value(f, have) != NULL;
    if (listed(no_longer_matters, key)) return true;
    if ((h->theta && listed(of_rope, key)) || (h->rotary && !strcmp(key, "model.rope_dims"))) return true;
    return config_get(defaults, key, room, sizeof room) && !strcmp(room, have);
}

/* The first of the model's keys whose value the class cannot have; NULL: there is none. */
static const char *unsupported_key(const HuggingFaceClass *h, const Config *c, const Config *defaults) {
    const char *key;
    for (int i = 0; (key = config_key_name(i)); i++) {
        char have[1024];
        if (!config_get(c, key, have, sizeof have) || !holds(h, key, have, defaults)) return key;
    }
    return NULL;
}

const HuggingFaceClass *hugging_face_class_for(const Config *c, Error *e) {
    Config defaults;
    config_defaults(&defaults);
    defaults.model.kv_heads = c->model.heads;
    const char *key = NULL;
    for (const HuggingFaceClass *h = hugging_face_classes; h->name; h++)
        if (!(key = unsupported_key(h, c, &defaults))) return h;
    char have[1024] = "";
    config_get(c, key, have, sizeof have); /* the last class, ours, has most */
    fail(e, EXIT_USAGE,
         "export: %s: no Hugging Face class holds a model with %s, nor does modeling_sinklab.py (its "
         "checkpoint "
         "is safetensors, with the configuration in its metadata)",
         key, have);
    return NULL;
}

const HuggingFaceClass *hugging_face_class_named(const char *name) {
    for (const HuggingFaceClass *h = hugging_face_classes; h->name; h++)
        if (!strcmp(h->name, name)) return h;
    return NULL;
}

const HuggingFaceClass *hugging_face_class_typed(const char *type) {
    for (const HuggingFaceClass *h = hugging_face_classes; h->name; h++)
        if (!strcmp(h->type, type)) return h;
    return NULL;
}
