#include "train/checkpoint/hugging_face_config.h"

#include "model/slots.h"
#include "train/config/conflicts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- spellings ---- */

/* Whether `name` is one of "a|b". */
static bool is_spelling(const char *spellings, const char *name) {
    size_t n = strlen(name);
    for (const char *at = spellings; !(!strncmp(at, name, n) && (at[n] == '|' || !at[n])); at++)
        if (!(at = strchr(at, '|'))) return false;
    return true;
}

static bool listed(const char *const *list, const char *name) {
    for (; *list; list++)
        if (!strcmp(*list, name)) return true;
    return false;
}

static bool is_null(const Yaml *y) {
    return y->kind == YAML_SCALAR && !y->quoted && !strcmp(y->text, "null");
}

static bool same_value(const char *a, const char *b) {
    char *end_a, *end_b;
    double x = strtod(a, &end_a), y = strtod(b, &end_b);
    if (*a && *b && !*end_a && !*end_b) return x == y;
    return !strcmp(a, b);
}

static const char *text_of(const Yaml *y) {
    return y->kind == YAML_SCALAR ? y->text : "(not one value)";
}

static bool refuse(const char *path, const Yaml *at, const char *name, const char *why, Error *e) {
    return fail(e, EXIT_USAGE, "import: %s:%d: %s: %s%s%s", path, at->line, name,
                at->kind == YAML_SCALAR ? at->text : "", at->kind == YAML_SCALAR ? " " : "", why);
}

/* The value that stands under any of the spellings; NULL: none does. Two that differ are refused. */
static bool find_value(const Yaml *map, const char *spellings, const char *path, const Yaml **value,
                       Error *e) {
    *value = NULL;
    for (int i = 0; map && i < map->n; i++) {
        if (!is_spelling(spellings, map->key[i]->text)) continue;
        if (*value && !same_value(text_of(*value), text_of(map->value[i])))
            return refuse(path, map->value[i], map->key[i]->text, "is not what another spelling of it says",
                          e);
        *value = map->value[i];
    }
    return true;
}

/* ---- fields ---- */

static const ClassWord *word_of(const ClassField *f, const char *theirs) {
    for (const ClassWord *w = f->words; w->theirs; w++)
        if (same_value(w->theirs, theirs)) return w;
    return NULL;
}

/* Llama's biases: what two fields say, together. */
static const char *joined(const Config *c, const char *key, const char *value) {
    int was = c->model.bias;
    if (strcmp(key, "model.bias") || was == BIASED_NONE) return value;
    return strcmp(value, bias_name(was)) && strcmp(value, "false") ? "true" : bias_name(was);
}

static bool read_field(const ClassField *f, const Yaml *json, const char *path, Config *c, Error *e) {
    const Yaml *at;
    if (!find_value(json, f->name, path, &at, e)) return false;
    const char *text = at ? text_of(at) : f->missing;
    if (at && is_null(at)) text = f->null;
    if (!text && at) return refuse(path, at, f->name, "is no value of it", e);
    if (!text)
        return fail(e, EXIT_USAGE, "import: %s: %s: is missing, and its class has no default", path, f->name);
    if (f->words) {
        const ClassWord *w = word_of(f, text);
        if (!w)
            return fail(e, EXIT_USAGE, "import: %s:%d: %s: %s cannot be computed here (%s can)", path,
                        at ? at->line : 1, f->name, text, f->words[0].theirs);
        text = w->ours;
    }
    return !f->key || config_set(c, f->key, joined(c, f->key, text), path, e);
}

/* ---- rope ---- */

typedef struct RopeNumber {
    const char *name, *key, *missing; /* missing NULL: must be there */
} RopeNumber;

typedef struct RopeKind {
    const char *theirs, *ours;
    RopeNumber number[5]; /* ends at {0} */
} RopeKind;

#define FACTOR                                                                                               \
    { "factor", "model.rope_factor", NULL }
#define ORIGINAL                                                                                             \
    { "original_max_position_embeddings", "model.rope_original", NULL }
static const RopeKind rope_kinds[] = {
    {"default", "none", {{0}}},
    {"linear", "linear", {FACTOR, {0}}},
    {"llama3",
     "llama3",
     {FACTOR,
      ORIGINAL,
      {"low_freq_factor", "model.rope_low", NULL},
      {"high_freq_factor", "model.rope_high", NULL},
      {0}}},
    {"yarn",
     "yarn",
     {FACTOR, ORIGINAL, {"beta_slow", "model.rope_low", "1"}, {"beta_fast", "model.rope_high", "32"}, {0}}},
    {0}};
static const char rope_type[] = "rope_type|type";

static bool in_kind(const RopeKind *k, const char *name) {
    for (const RopeNumber *n = k->number; n->name; n++)
        if (!strcmp(n->name, name)) return true;
    return false;
}

/* The one object that tells of rotations. */
static bool find_rope(const Yaml *json, const char *path, const Yaml **rope, Error *e) {
    const Yaml *old = yaml_get(json, "rope_scaling"), *new = yaml_get(json, "rope_parameters");
    if (old && is_null(old)) old = NULL;
    if (new &&is_null(new)) new = NULL;
    *rope = new ? new : old;
    if (old && new) return refuse(path, old, "rope_scaling", "stands beside rope_parameters", e);
    return !*rope || (*rope)->kind == YAML_MAP || refuse(path, *rope, "rope_scaling", "is no object", e);
}

static bool read_numbers(const RopeKind *k, const Yaml *rope, const char *path, Config *c, Error *e) {
    for (const RopeNumber *n = k->number; n->name; n++) {
        const Yaml *at = yaml_get(rope, n->name);
        const char *text = at && !is_null(at) ? text_of(at) : n->missing;
        if (!text) return refuse(path, rope, n->name, "is missing", e);
        if (!config_set(c, n->key, text, path, e)) return false;
    }
    return true;
}

/* transformers takes a factor from the contexts where the original one is given: both must say the same. */
static bool check_yarn(const Config *c, const char *path, const Yaml *rope, Error *e) {
    const ModelConfig *m = &c->model;
    return m->rope_scaling != SCALING_YARN ||
           m->rope_factor * (double)m->rope_original == (double)m->context ||
           refuse(path, rope, "factor",
                  "times original_max_position_embeddings is not max_position_embeddings", e);
}

static bool read_kind(const HuggingFaceClass *h, const Yaml *rope, const char *path, Config *c, Error *e) {
    const Yaml *type;
    if (!find_value(rope, rope_type, path, &type, e)) return false;
    const char *name = type ? text_of(type) : "default";
    const RopeKind *k = rope_kinds;
    while (k->theirs && strcmp(k->theirs, name)) k++;
    if (!k->theirs)
        return refuse(path, type, "rope_type", "cannot be computed here (default, linear, llama3, yarn can)",
                      e);
    for (int i = 0; i < rope->n; i++) {
        const char *field = rope->key[i]->text;
        bool known = is_spelling(rope_type, field) || in_kind(k, field) || is_spelling(h->theta, field) ||
                     (h->rotary && is_spelling(h->rotary, field)) || is_null(rope->value[i]);
        if (!known) return refuse(path, rope->value[i], field, "is not known of these rotations", e);
    }
    return config_set(c, "model.rope_scaling", k->ours, path, e) && read_numbers(k, rope, path, c, e) &&
           check_yarn(c, path, rope, e);
}

/* A number beside the object or in it; its default where it is in neither. */
static bool find_rope_value(const Yaml *json, const Yaml *rope, const char *spellings, const char *missing,
                            const char *path, const char **text, Error *e) {
    const Yaml *outer, *inner;
    if (!find_value(json, spellings, path, &outer, e) || !find_value(rope, spellings, path, &inner, e))
        return false;
    if (outer && inner && !same_value(text_of(outer), text_of(inner)))
        return refuse(path, inner, spellings, "is told twice, not the same", e);
    const Yaml *at = inner ? inner : outer;
    *text = at && !is_null(at) ? text_of(at) : missing;
    return true;
}

static bool read_rotary(const HuggingFaceClass *h, const Yaml *json, const Yaml *rope, const char *path,
                        Config *c, Error *e) {
    const char *text;
    if (!h->rotary) return true;
    if (!find_rope_value(json, rope, h->rotary, h->rotary_missing, path, &text, e)) return false;
    double share = atof(text);
    int64_t dim = config_head_dim(&c->model), turned = (int64_t)((double)dim * share);
    if (!(share > 0 && share <= 1) || turned < 2)
        return fail(e, EXIT_USAGE, "import: %s: %s: %s turns nothing of a head of %lld", path, h->rotary,
                    text, (long long)dim);
    c->model.rope_dims = turned == dim ? 0 : turned;
    return true;
}

static bool read_rope(const HuggingFaceClass *h, const Yaml *json, const char *path, Config *c, Error *e) {
    const Yaml *rope;
    const char *theta;
    if (!h->theta) return true;
    return find_rope(json, path, &rope, e) &&
           find_rope_value(json, rope, h->theta, "10000", path, &theta, e) &&
           config_set(c, "model.rope_theta", theta, path, e) && (!rope || read_kind(h, rope, path, c, e)) &&
           read_rotary(h, json, rope, path, c, e);
}

/* ---- what is left ---- */

/* Fields that change nothing of what a model computes of tokens when it is not trained. */
static const char *const harmless[] = {"architectures",
                                       "model_type",
                                       "_name_or_path",
                                       "transformers_version",
                                       "torch_dtype",
                                       "dtype",
                                       "vocab_size",
                                       "use_cache",
                                       "initializer_range",
                                       "attention_dropout",
                                       "hidden_dropout",
                                       "classifier_dropout",
                                       "resid_pdrop",
                                       "embd_pdrop",
                                       "attn_pdrop",
                                       "bos_token_id",
                                       "eos_token_id",
                                       "pad_token_id",
                                       "unk_token_id",
                                       "sep_token_id",
                                       "summary_activation",
                                       "summary_first_dropout",
                                       "summary_proj_to_labels",
                                       "summary_type",
                                       "summary_use_proj",
                                       "gradient_checkpointing",
                                       "task_specific_params",
                                       "id2label",
                                       "label2id",
                                       "num_labels",
                                       "problem_type",
                                       "output_attentions",
                                       "output_hidden_states",
                                       "return_dict",
                                       "n_ctx",
                                       "reorder_and_upcast_attn",
                                       "pretraining_tp",
                                       "tokenizer_class",
                                       "torchscript",
                                       "use_bfloat16",
                                       "_attn_implementation",
                                       "_attn_implementation_autoset",
                                       "attn_implementation",
                                       "_commit_hash",
                                       "max_length",
                                       "min_length",
                                       "temperature",
                                       "top_k",
                                       "top_p",
                                       "do_sample",
                                       "repetition_penalty",
                                       "num_beams",
                                       "is_decoder",
                                       "_num_labels",
                                       "is_llama_config",
                                       "transformers.js_config",
                                       "unsloth_version",
                                       "unsloth_fixed",
                                       NULL};

/* Switches that some files carry, off: of other programs, or of other models of the same authors. */
static const char *const switches[] = {"use_mrope", "rope_interleaved", "tie_encoder_decoder",
                                       "is_encoder_decoder", NULL};

/* Of Qwen, without use_sliding_window, and of every class that says its layers are all alike. */
static bool idle(const HuggingFaceClass *h, const char *name, const Yaml *value) {
    bool qwen = !strncmp(h->type, "qwen", 4);
    if (h->ours && !strcmp(name, "auto_map")) return true;
    if (qwen && (!strcmp(name, "sliding_window") || !strcmp(name, "max_window_layers"))) return true;
    if (listed(switches, name)) return !strcmp(text_of(value), "false");
    if (strcmp(name, "layer_types") || value->kind != YAML_LIST) return false;
    for (int i = 0; i < value->n; i++)
        if (strcmp(text_of(value->value[i]), "full_attention")) return false;
    return true;
}

static bool understood(const HuggingFaceClass *h, const char *name, const Yaml *value) {
    for (const ClassField *f = h->fields; f->name; f++)
        if (is_spelling(f->name, name)) return true;
    bool rope = h->theta && (is_spelling(h->theta, name) || (h->rotary && is_spelling(h->rotary, name)) ||
                             is_spelling("rope_scaling|rope_parameters", name));
    return rope || listed(harmless, name) || is_null(value) || idle(h, name, value);
}

static bool check_left(const HuggingFaceClass *h, const Yaml *json, const char *path, const TextList *ignored,
                       Error *e) {
    for (int i = 0; i < json->n; i++) {
        const char *name = json->key[i]->text;
        bool said = false;
        for (int k = 0; ignored && k < ignored->n; k++) said |= !strcmp(ignored->at[k], name);
        if (said || understood(h, name, json->value[i])) continue;
        return fail(e, EXIT_USAGE,
                    "import: %s:%d: %s: is not understood of %s (if the model computes the same without it: "
                    "--ignore %s)",
                    path, json->value[i]->line, name, h->name, name);
    }
    return true;
}

/* ---- the whole ---- */

/* A head as wide as width / heads is no width of its own, and a window that nobody reaches is none. */
static void settle(Config *c) {
    ModelConfig *m = &c->model;
    if (m->head_dim * m->heads == m->width) m->head_dim = 0;
    if (m->window >= m->context) m->window = 0;
    if (m->context && c->train.batch_tokens % m->context) c->train.batch_tokens = m->context;
    if (c->probe.length > m->context) c->probe.length = m->context;
}

static bool check_vocab(const Yaml *json, const char *path, int64_t vocab, Error *e) {
    const Yaml *at = yaml_get(json, "vocab_size");
    char rows[32];
    snprintf(rows, sizeof rows, "%lld", (long long)vocab);
    if (!at || same_value(text_of(at), rows)) return true;
    return fail(e, EXIT_USAGE, "import: %s:%d: vocab_size: %s, but the embedding has %s rows", path, at->line,
                text_of(at), rows);
}

bool hugging_face_config_read(const HuggingFaceClass *h, const Yaml *json, const char *path, int64_t vocab,
                              const TextList *ignored, Config *c, Error *e) {
    config_defaults(c);
    for (const ClassKey *k = h->keys; k->key; k++)
        if (!config_set(c, k->key, k->value, path, e)) return false;
    for (const ClassField *f = h->fields; f->name; f++)
        if (!read_field(f, json, path, c, e)) return false;
    if (!read_rope(h, json, path, c, e) || !check_left(h, json, path, ignored, e) ||
        !check_vocab(json, path, vocab, e))
        return false;
    settle(c);
    Error why = {0};
    return config_check(c, &why) || fail(e, why.code, "import: %s: %s", path, why.text);
}

static void write_value(FILE *out, const char *spellings, const char *value) {
    bool bare = strchr("-0123456789", *value) || !strcmp(value, "true") || !strcmp(value, "false") ||
                !strcmp(value, "null");
    fprintf(out, ",\n  \"%.*s\": %s%s%s", (int)strcspn(spellings, "|"), spellings, bare ? "" : "\"", value,
            bare ? "" : "\"");
}

static void write_field(FILE *out, const ClassField *f, const Config *c) {
    char text[1024];
    const char *value = f->words ? f->words[0].theirs : "null";
    if (f->key && config_get(c, f->key, text, sizeof text)) value = class_field_value(f, text);
    if (f->key &&
        !strcmp(f->key, "model.head_dim")) /* what the class would guess is not width / heads everywhere */
        snprintf(text, sizeof text, "%lld", (long long)config_head_dim(&c->model));
    else if (f->null && !strcmp(value, f->null))
        value = "null";
    write_value(out, f->name, value);
}

static void write_rope(FILE *out, const HuggingFaceClass *h, const Config *c) {
    char text[64];
    const RopeKind *k = rope_kinds;
    if (!h->theta) return;
    while (strcmp(k->ours, rope_scaling_name(c->model.rope_scaling))) k++;
    if (config_get(c, "model.rope_theta", text, sizeof text)) write_value(out, h->theta, text);
    if (h->rotary) {
        double dim = (double)config_head_dim(&c->model),
               turned = c->model.rope_dims ? (double)c->model.rope_dims : dim;
        double share = turned / dim;
        while (floor(dim * share) < turned) share = nextafter(share, 2); /* readers round down */
        snprintf(text, sizeof text, "%.17g", share);
        write_value(out, h->rotary, text);
    }
    if (k == rope_kinds) {
        write_value(out, "rope_scaling", "null");
        return;
    }
    fprintf(out, ",\n  \"rope_scaling\": {\"rope_type\": \"%s\"", k->theirs);
    Config whole = *c;
    if (!whole.model.rope_original) whole.model.rope_original = c->model.context;
    for (const RopeNumber *n = k->number; n->name; n++)
        if (config_get(&whole, n->key, text, sizeof text)) fprintf(out, ", \"%s\": %s", n->name, text);
    fputc('}', out);
}

void hugging_face_config_write(FILE *out, const HuggingFaceClass *h, const Config *c, int64_t vocab,
                               int32_t bos) {
    fprintf(out, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\"", h->name, h->type);
    for (const ClassField *f = h->fields; f->name; f++) write_field(out, f, c);
    write_rope(out, h, c);
    if (bos >= 0) fprintf(out, ",\n  \"bos_token_id\": %d", bos);
    if (h->ours)
        fprintf(out,
                ",\n  \"auto_map\": {\"AutoConfig\": \"modeling_sinklab.SinklabConfig\", "
                "\"AutoModelForCausalLM\": \"modeling_sinklab.%s\"}",
                h->name);
    fprintf(out, ",\n  \"vocab_size\": %lld,\n  \"torch_dtype\": \"float32\"\n}\n", (long long)vocab);
}
