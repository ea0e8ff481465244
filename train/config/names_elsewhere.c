#include "train/config/names_elsewhere.h"

#include <stddef.h>
#include <string.h>

/* Names that end as the key does (min_lr, weight_decay, rope_theta) need no row. */
static const NameElsewhere rows[] = {
    {"n_layer", "model.layers", NULL},
    {"n_layers", "model.layers", NULL},
    {"num_layers", "model.layers", NULL},
    {"num_hidden_layers", "model.layers", NULL},
    {"depth", "model.layers", NULL},
    {"n_embd", "model.width", NULL},
    {"hidden_size", "model.width", NULL},
    {"hidden_dim", "model.width", NULL},
    {"embed_dim", "model.width", NULL},
    {"d_model", "model.width", NULL},
    {"dim", "model.width", NULL},
    {"n_head", "model.heads", NULL},
    {"n_heads", "model.heads", NULL},
    {"num_heads", "model.heads", NULL},
    {"num_attention_heads", "model.heads", NULL},
    {"n_kv_heads", "model.kv_heads", NULL},
    {"num_key_value_heads", "model.kv_heads", NULL},
    {"block_size", "model.context", NULL},
    {"context_length", "model.context", NULL},
    {"seq_len", "model.context", NULL},
    {"seq_length", "model.context", NULL},
    {"max_seq_len", "model.context", NULL},
    {"max_length", "model.context", NULL},
    {"sequence_length", "model.context", NULL},
    {"max_position_embeddings", "model.context", NULL},
    {"n_inner", "model.mlp_width", NULL},
    {"d_ff", "model.mlp_width", NULL},
    {"ffn_dim", "model.mlp_width", NULL},
    {"intermediate_size", "model.mlp_width", NULL},
    {"activation", "model.mlp", NULL},
    {"activation_function", "model.mlp", NULL},
    {"hidden_act", "model.mlp", NULL},
    {"sliding_window", "model.window", NULL},
    {"layer_norm_epsilon", "model.norm_eps", NULL},
    {"rms_norm_eps", "model.norm_eps", NULL},
    {"norm_type", "model.norm_kind", NULL},
    {"initializer_range", "model.embedding_std", NULL},
    {"tie_word_embeddings", "model.tie", NULL},
    {"attention_bias", "model.bias", NULL},
    {"vocab_size", "data.vocab", NULL},
    {"dataset", "data.source", NULL},
    {"dataset_name", "data.source", NULL},
    {"max_iters", "train.steps", NULL},
    {"max_steps", "train.steps", NULL},
    {"num_steps", "train.steps", NULL},
    {"total_steps", "train.steps", NULL},
    {"iterations", "train.steps", NULL},
    {"epochs", "train.steps", "counted in updates"},
    {"num_epochs", "train.steps", "counted in updates"},
    {"num_train_epochs", "train.steps", "counted in updates"},
    {"batch_size", "train.batch_tokens", "counted in tokens, not rows"},
    {"per_device_train_batch_size", "train.batch_tokens", "counted in tokens, not rows"},
    {"total_batch_size", "train.batch_tokens", NULL},
    {"micro_batch_size", "train.micro_rows", NULL},
    {"gradient_accumulation_steps", "train.micro_rows", "rows in flight at a time"},
    {"dtype", "train.precision", NULL},
    {"bf16", "train.precision", NULL},
    {"optimizer", "optim.name", NULL},
    {"optimiser", "optim.name", NULL},
    {"learning_rate", "optim.lr", NULL},
    {"learningrate", "optim.lr", NULL},
    {"lr_scheduler_type", "optim.schedule", NULL},
    {"lr_schedule", "optim.schedule", NULL},
    {"scheduler", "optim.schedule", NULL},
    {"warmup_iters", "optim.warmup", NULL},
    {"warmup_steps", "optim.warmup", NULL},
    {"warmup_ratio", "optim.warmup", "counted in steps"},
    {"wd", "optim.weight_decay", NULL},
    {"adam_beta1", "optim.beta1", NULL},
    {"adam_beta2", "optim.beta2", NULL},
    {"adam_epsilon", "optim.eps", NULL},
    {"grad_clip", "optim.clip", NULL},
    {"max_grad_norm", "optim.clip", NULL},
    {"gradient_clip_val", "optim.clip", NULL},
    {"random_seed", "seed", NULL},
    {"eval_interval", "probe.every", NULL},
    {"eval_steps", "probe.every", NULL},
    {"eval_iters", "probe.sequences", NULL},
    {"log_interval", "run.log_every", NULL},
    {"logging_steps", "run.log_every", NULL},
    {"save_steps", "run.checkpoint_every", NULL},
    {"run_name", "run.label", NULL},
    {"wandb_run_name", "run.label", NULL},
    {"dropout", NULL, "no model has dropout here"},
    {"attn_pdrop", NULL, "no model has dropout here"},
    {"device", NULL, "it trains on the CPU"},
    {"out_dir", NULL, "results go where --db says"},
    {"output_dir", NULL, "results go where --db says"},
};

const NameElsewhere *names_elsewhere(int i) {
    return i >= 0 && (size_t)i < sizeof rows / sizeof *rows ? &rows[i] : NULL;
}

bool name_ends_as(const char *name, const char *end) {
    const char *dot = strrchr(name, '.');
    for (name = dot ? dot + 1 : name; *name && (*name == *end || (*name == '-' && *end == '_')); name++)
        end++;
    return !*name && !*end;
}

const NameElsewhere *name_elsewhere(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (name_ends_as(name, rows[i].name)) return &rows[i];
    return NULL;
}
