/* Models as Hugging Face folders: names, shapes and values of every class, there and back, and what is
 * refused. */
#include "tests/data/fixture.h"

#include <math.h>
#include <unistd.h>

#include "data/base/yaml.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/hugging_face.h"
#include "train/checkpoint/hugging_face_config.h"
#include "train/checkpoint/safetensors.h"
#include "train/config/conflicts.h"

typedef struct ProbedModel {
    Config c;
    Model *m;
} ProbedModel;

typedef struct Choice {
    const char *key, *value;
} Choice;

/* A small model of random weights: width 8, two heads, two layers, five tokens. */
static ProbedModel subject(const Choice *settings) {
    static const Choice small[] = {{"model.width", "8"},    {"model.heads", "2"},     {"model.layers", "2"},
                                   {"model.context", "16"}, {"model.mlp_width", "6"}, {NULL, NULL}};
    ProbedModel s;
    Error e = {0};
    config_defaults(&s.c);
    for (const Choice *k = small; k->key; k++) check(config_set(&s.c, k->key, k->value, "test", &e), &e);
    for (const Choice *k = settings; k->key; k++) check(config_set(&s.c, k->key, k->value, "test", &e), &e);
    check(config_check(&s.c, &e), &e);
    s.c.model.vocab = 5;
    check(model_create(&s.m, &s.c.model, true, &e), &e);
    model_init(s.m, 3);
    for (int i = 0; i < s.m->n_tensors; i++) { /* gains and biases that differ, too */
        const Tensor *t = &s.m->tensors[i];
        for (int64_t k = 0; t->dims == 1 && k < t->rows; k++)
            s.m->params[t->offset + k] = (float)(i + 1) + 0.01f * (float)k;
    }
    return s;
}

static Path export_ok(void **state, const ProbedModel *s, const char *class) {
    Path folder = path_of("%s/out", ((Path *)*state)->s);
    Error e = {0};
    const char *found = "";
    check(folder_make(folder.s, &e), &e);
    check(hugging_face_export(folder.s, &s->c, s->m, 1, &(Origin){"key", "", ""}, 7, &found, &e), &e);
    assert_string_equal(found, class);
    return folder;
}

/* The folder's weights without our metadata, some names cut, as another program writes them. */
static void make_foreign(const Path *folder, const char *cut) {
    Path path = path_of("%s/model.safetensors", folder->s);
    StFile *f;
    Bytes bytes = {0};
    Error e = {0};
    uint64_t length;
    check(safetensors_open(&f, path.s, &e) && file_read(path.s, &bytes, &e), &e);
    memcpy(&length, bytes.data, sizeof length);
    Yaml *header = yaml_parse(bytes.data + sizeof length, length, path.s, &e);
    StTensor list[header->n];
    int n = 0;
    for (int i = 0; i < header->n; i++) {
        const StTensor *t = safetensors_find(f, header->key[i]->text);
        if (!t) continue; /* the metadata */
        list[n] = *t;
        char *name = list[n++].name;
        if (!strncmp(name, cut, strlen(cut)))
            memmove(name, name + strlen(cut), strlen(name + strlen(cut)) + 1);
    }
    check(safetensors_write(path_of("%s.new", path.s).s, list, n, NULL, 0, &e), &e);
    safetensors_close(f);
    yaml_free(header);
    bytes_free(&bytes);
    assert_int_equal(rename(path_of("%s.new", path.s).s, path.s), 0);
}

static void expect_same(const ProbedModel *s, const Path *folder, int64_t step) {
    Config c;
    Model *m = NULL;
    Error e = {0};
    Imported from;
    check(hugging_face_import(folder->s, NULL, &c, &m, &from, &e), &e);
    assert_int_equal(from.step, step);
    assert_int_equal(m->n_tensors, s->m->n_tensors);
    assert_memory_equal(m->params, s->m->params, s->m->arena * sizeof(float));
    assert_int_equal(c.model.kv_heads, s->c.model.kv_heads);
    static const char *const keys[] = {
        "model.window",      "model.bias",          "model.head_dim",      "model.norm_eps",
        "model.rope_theta",  "model.rope_dims",     "model.rope_low",      "model.rope_scaling",
        "model.rope_factor", "model.rope_high",     "model.rope_original", "model.tie",
        "model.qk",          "model.mlp",           "model.norm",          "model.attention",
        "model.head_out",    "model.head_out_gain", "model.norm_kind",     "model.position",
        "model.value_scale", "model.parallel",      "model.window_keep",   "model.clip_zeta"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char want[64], have[64];
        assert_true(config_get(&s->c, keys[i], want, 64) && config_get(&c, keys[i], have, 64));
        if (strcmp(want, have)) fail_msg("%s: %s, not %s", keys[i], have, want);
    }
    model_free(m);
}

static void a_model_comes_back_from_each_class(void **state) {
    static const struct {
        const char *class, *cut;
        Choice settings[8];
    } cases[] = {
        {"LlamaForCausalLM", "?", {{"model.kv_heads", "1"}}},
        {"LlamaForCausalLM", "?", {{"model.bias", "true"}, {"model.tie", "true"}}},
        {"LlamaForCausalLM", "?", {{"model.bias", "attention"}, {"model.norm_eps", "1e-6"}}},
        {"LlamaForCausalLM", "?", {{"model.bias", "mlp"}, {"model.head_dim", "6"}}},
        {"LlamaForCausalLM", "?", {{"model.rope_scaling", "linear"}, {"model.rope_factor", "4"}}},
        {"LlamaForCausalLM",
         "?",
         {{"model.rope_theta", "500000"},
          {"model.rope_scaling", "llama3"},
          {"model.rope_factor", "8"},
          {"model.rope_original", "8"}}},
        {"LlamaForCausalLM",
         "?",
         {{"model.rope_scaling", "yarn"},
          {"model.rope_factor", "2"},
          {"model.rope_original", "8"},
          {"model.rope_high", "32"}}},
        {"Qwen2ForCausalLM",
         "?",
         {{"model.bias", "qkv"}, {"model.rope_theta", "1e6"}, {"model.tie", "true"}}},
        {"Qwen3ForCausalLM",
         "?",
         {{"model.qk", "rmsnorm"}, {"model.head_dim", "10"}, {"model.kv_heads", "1"}}},
        {"MistralForCausalLM", "?", {{"model.window", "5"}}},
        {"Qwen3ForCausalLM", "?", {{"model.qk", "rmsnorm"}}},
        {"GPT2LMHeadModel",
         "transformer.",
         {{"model.position", "learned"},
          {"model.norm_kind", "layernorm"},
          {"model.mlp", "gelu"},
          {"model.bias", "true"},
          {"model.tie", "true"}}},
        {"GPT2LMHeadModel",
         "transformer.",
         {{"model.position", "learned"},
          {"model.norm_kind", "layernorm"},
          {"model.mlp", "gelu_exact"},
          {"model.bias", "true"}}},
        {"SinklabForCausalLM",
         "?",
         {{"model.head_out", "rmsnorm+gate"},
          {"model.head_out_gain", "head"},
          {"model.attention", "sink_logit"},
          {"model.value_scale", "true"},
          {"model.kv_heads", "1"},
          {"model.rope_theta", "500"},
          {"model.rope_dims", "2"}}},
        {"SinklabForCausalLM",
         "?",
         {{"model.attention", "clipped"},
          {"model.clip_zeta", "1.1"},
          {"model.norm_kind", "dyt"},
          {"model.norm", "sandwich"},
          {"model.window", "4"},
          {"model.window_keep", "1"},
          {"model.bias", "mlp"}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ProbedModel s = subject(cases[i].settings);
        Path folder = export_ok(state, &s, cases[i].class);
        expect_same(&s, &folder, 7);
        make_foreign(&folder, cases[i].cut);
        expect_same(&s, &folder, 0);
        folder_remove(folder.s);
        model_free(s.m);
    }
}

/* GPT-2 keeps (in, out), with q, k and v side by side. */
static void gpt2_keeps_its_matrices_turned(void **state) {
    const Choice gpt2[] = {{"model.position", "learned"}, {"model.norm_kind", "layernorm"},
                           {"model.mlp", "gelu"},         {"model.bias", "true"},
                           {"model.tie", "true"},         {NULL, NULL}};
    ProbedModel s = subject(gpt2);
    Path folder = export_ok(state, &s, "GPT2LMHeadModel");
    StFile *f;
    Error e = {0};
    check(safetensors_open(&f, path_of("%s/model.safetensors", folder.s).s, &e), &e);
    const StTensor *c_attn = safetensors_find(f, "transformer.h.1.attn.c_attn.weight");
    const StTensor *c_fc = safetensors_find(f, "transformer.h.0.mlp.c_fc.weight");
    const Tensor *k = model_find(s.m, "model.layers.1.self_attn.k_proj.weight");
    const Tensor *up = model_find(s.m, "model.layers.0.mlp.up_proj.weight");
    assert_int_equal(c_attn->shape[0], 8);
    assert_int_equal(c_attn->shape[1], 24);
    for (int in = 0; in < 8; in++) {
        for (int out = 0; out < 8; out++)
            assert_true(c_attn->data[in * 24 + 8 + out] == s.m->params[k->offset + (size_t)(out * 8 + in)]);
        for (int out = 0; out < 6; out++)
            assert_true(c_fc->data[in * 6 + out] == s.m->params[up->offset + (size_t)(out * 8 + in)]);
    }
    assert_null(safetensors_find(f, "lm_head.weight"));
    safetensors_close(f);
    model_free(s.m);
}

/* config.json says in Hugging Face's words what the model is. */
static void config_json_says_what_the_model_is(void **state) {
    const Choice settings[] = {{"model.window", "5"}, {NULL, NULL}};
    ProbedModel s = subject(settings);
    Path folder = export_ok(state, &s, "MistralForCausalLM");
    static const char *const want[][2] = {{"model_type", "mistral"},
                                          {"hidden_size", "8"},
                                          {"num_hidden_layers", "2"},
                                          {"num_attention_heads", "2"},
                                          {"num_key_value_heads", "2"},
                                          {"intermediate_size", "6"},
                                          {"max_position_embeddings", "16"},
                                          {"sliding_window", "5"},
                                          {"vocab_size", "5"},
                                          {"bos_token_id", "1"},
                                          {"tie_word_embeddings", "false"},
                                          {"hidden_act", "silu"},
                                          {"rms_norm_eps", "1e-05"},
                                          {"head_dim", "4"},
                                          {"rope_scaling", "null"},
                                          {"rope_theta", "10000"}};
    Error e = {0};
    Yaml *json = yaml_load(path_of("%s/config.json", folder.s).s, &e);
    check(json, &e);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_string_equal(yaml_get(json, want[i][0])->text, want[i][1]);
    assert_null(yaml_get(json, "rope_parameters.rope_theta"));
    yaml_free(json);
    model_free(s.m);
}

/* What no class of theirs holds comes with its own code, which is as this program carries it. */
static void a_variant_comes_with_its_code(void **state) {
    const Choice settings[] = {{"model.head_out", "gate_head"}, {NULL, NULL}};
    ProbedModel s = subject(settings);
    Path folder = export_ok(state, &s, "SinklabForCausalLM");
    Bytes code = {0}, source = {0};
    Error e = {0};
    check(file_read(path_of("%s/modeling_sinklab.py", folder.s).s, &code, &e) &&
              file_read("train/checkpoint/modeling_sinklab.py", &source, &e),
          &e);
    assert_int_equal(code.size, source.size);
    assert_memory_equal(code.data, source.data, code.size);
    Yaml *json = yaml_load(path_of("%s/config.json", folder.s).s, &e);
    check(json, &e);
    const Yaml *map = yaml_get(json, "auto_map");
    assert_string_equal(yaml_get(map, "AutoModelForCausalLM")->text, "modeling_sinklab.SinklabForCausalLM");
    assert_string_equal(yaml_get(json, "head_out")->text, "gate_head");
    yaml_free(json);
    bytes_free(&code);
    bytes_free(&source);
    model_free(s.m);
}

static void a_model_that_no_class_holds_is_not_exported(void **state) {
    static const Choice cases[][3] = {{{"model.attention", "differential"}, {"model.head_out", "rmsnorm"}},
                                      {{"model.sink_heads", "[1]"}, {"model.attention", "sink_logit"}},
                                      {{"model.interventions", "[\"head_off(0,0)\"]"}},
                                      {{"model.rope_scaling", "linear"}, {"model.head_out", "rmsnorm"}},
                                      {{"model.norm_kind", "gated"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ProbedModel s = subject(cases[i]);
        Error e = {0};
        const char *class = NULL;
        assert_false(
            hugging_face_export(((Path *)*state)->s, &s.c, s.m, 1, &(Origin){"", "", ""}, 0, &class, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i][0].key)) fail_msg("%s", e.text);
        model_free(s.m);
    }
}

/* ---- config.json alone ---- */

#define OF(class) "{\"architectures\": [\"" class "ForCausalLM\"], "

static bool read_json(const char *text, const TextList *ignored, Config *c, Error *e) {
    Yaml *json = yaml_parse(text, strlen(text), "config.json", e);
    if (!json) fail_msg("%s: %s", text, e->text);
    const HuggingFaceClass *h = hugging_face_class_named(yaml_get(json, "architectures")->value[0]->text);
    bool ok = hugging_face_config_read(h, json, "config.json", 5, ignored, c, e);
    yaml_free(json);
    return ok;
}

/* As transformers' configuration classes have them. */
static void a_field_that_is_not_there_is_its_class_default(void **state) {
    (void)state;
    static const struct {
        const char *class, *key, *value;
    } cases[] = {
        {"LlamaForCausalLM", "model.layers", "32"},        {"LlamaForCausalLM", "model.kv_heads", "32"},
        {"LlamaForCausalLM", "model.context", "2048"},     {"LlamaForCausalLM", "model.norm_eps", "1e-06"},
        {"LlamaForCausalLM", "model.mlp_width", "11008"},  {"LlamaForCausalLM", "model.tie", "false"},
        {"LlamaForCausalLM", "model.rope_theta", "10000"}, {"MistralForCausalLM", "model.window", "4096"},
        {"MistralForCausalLM", "model.kv_heads", "8"},     {"MistralForCausalLM", "model.mlp_width", "14336"},
        {"Qwen2ForCausalLM", "model.bias", "qkv"},         {"Qwen2ForCausalLM", "model.context", "32768"},
        {"Qwen3ForCausalLM", "model.head_dim", "0"},       {"GPT2LMHeadModel", "model.layers", "12"},
        {"GPT2LMHeadModel", "model.width", "768"},         {"GPT2LMHeadModel", "model.mlp_width", "3072"},
        {"GPT2LMHeadModel", "model.context", "1024"},      {"GPT2LMHeadModel", "model.mlp", "gelu"},
        {"GPT2LMHeadModel", "model.tie", "true"},          {"GPT2LMHeadModel", "model.norm_eps", "1e-05"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Error e = {0};
        char text[128], have[64];
        snprintf(text, sizeof text, "{\"architectures\": [\"%s\"]}", cases[i].class);
        check(read_json(text, NULL, &c, &e), &e);
        assert_true(config_get(&c, cases[i].key, have, sizeof have));
        if (strcmp(have, cases[i].value)) fail_msg("%s: %s: %s", cases[i].class, cases[i].key, have);
    }
}

#define LLAMA3                                                                                               \
    "{\"rope_type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, "     \
    "\"original_max_position_embeddings\": 8192"

static void every_spelling_says_the_same(void **state) {
    (void)state;
    static const struct {
        const char *json, *key, *value;
    } cases[] = {
        {OF("Llama") "\"rope_theta\": 500000.0}", "model.rope_theta", "500000"},
        {OF("Llama") "\"rope_parameters\": {\"rope_theta\": 5e5, \"rope_type\": \"default\"}}",
         "model.rope_theta", "500000"},
        {OF("Llama") "\"rope_parameters\": {\"type\": \"linear\", \"factor\": 8.0}}", "model.rope_scaling",
         "linear"},
        {OF("Llama") "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}}", "model.rope_factor", "2"},
        {OF("Llama") "\"rope_scaling\": {\"rope_type\": \"default\"}}", "model.rope_scaling", "none"},
        {OF("Llama") "\"rope_scaling\": " LLAMA3 "}}", "model.rope_original", "8192"},
        {OF("Llama") "\"rope_parameters\": " LLAMA3 ", \"rope_theta\": 500000.0}}", "model.rope_scaling",
         "llama3"},
        {OF("Llama") "\"num_key_value_heads\": null}", "model.kv_heads", "32"},
        {OF("Llama") "\"head_dim\": 128}", "model.head_dim", "0"},
        {OF("Llama") "\"head_dim\": 64}", "model.head_dim", "64"},
        {OF("Llama") "\"attention_bias\": true}", "model.bias", "attention"},
        {OF("Llama") "\"attention_bias\": true, \"mlp_bias\": true}", "model.bias", "true"},
        {OF("Llama") "\"mlp_bias\": true}", "model.bias", "mlp"},
        {OF("Llama") "\"sliding_window\": null, \"dtype\": \"bfloat16\"}", "model.window", "0"},
        {OF("Mistral") "\"sliding_window\": null}", "model.window", "0"},
        {OF("Mistral") "\"max_position_embeddings\": 512}", "model.window", "0"},
        {OF("Qwen2") "\"use_mrope\": false}", "model.bias", "qkv"},
        {OF("Qwen2") "\"sliding_window\": 4096, \"max_window_layers\": 28}", "model.window", "0"},
        {OF("Qwen3") "\"layer_types\": [\"full_attention\", \"full_attention\"]}", "model.qk", "rmsnorm"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"hidden_size\": 48, \"num_attention_heads\": 4}",
         "model.width", "48"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"activation_function\": \"gelu\"}", "model.mlp",
         "gelu_exact"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"n_inner\": null}", "model.mlp_width", "3072"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Error e = {0};
        char have[64];
        check(read_json(cases[i].json, NULL, &c, &e), &e);
        assert_true(config_get(&c, cases[i].key, have, sizeof have));
        if (strcmp(have, cases[i].value)) fail_msg("%s: %s: %s", cases[i].json, cases[i].key, have);
    }
}

static void what_is_not_understood_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *json, *why;
    } cases[] = {
        {OF("Llama") "\"logit_scale\": 0.5}",
         "config.json:1: logit_scale: is not understood of LlamaForCausalLM"},
        {OF("Llama") "\"quantization_config\": {\"bits\": 4}}", "quantization_config"},
        {OF("Llama") "\"partial_rotary_factor\": 0.5}", "partial_rotary_factor"},
        {OF("Llama") "\"hidden_act\": \"gelu\"}", "hidden_act: gelu cannot be computed here (silu can)"},
        {OF("Llama") "\"rms_norm_eps\": null}", "rms_norm_eps: null"},
        {OF("Llama") "\"sliding_window\": 8}", "sliding_window"},
        {OF("Llama") "\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}}", "rope_type: dynamic"},
        {OF("Llama") "\"rope_scaling\": {\"type\": \"linear\"}}", "factor: is missing"},
        {OF("Llama") "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2, \"mscale\": 2}}", "mscale"},
        {OF("Llama") "\"rope_scaling\": {\"type\": \"linear\", \"rope_type\": \"llama3\", \"factor\": 2}}",
         "another spelling"},
        {OF("Llama") "\"rope_theta\": 10000, \"rope_parameters\": {\"rope_theta\": 500000}}", "told twice"},
        {OF("Llama") "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, "
                     "\"original_max_position_embeddings\": 1}}",
         "is not max_position_embeddings"},
        {OF("Llama") "\"rope_parameters\": {\"full_attention\": {\"rope_theta\": 1e4}}}", "full_attention"},
        {OF("Qwen3") "\"layer_types\": [\"full_attention\", \"sliding_attention\"]}", "layer_types"},
        {OF("Qwen2") "\"use_mrope\": true}", "use_mrope"},
        {OF("Qwen2") "\"use_sliding_window\": true}", "use_sliding_window: true cannot be computed"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"rope_theta\": 10000}", "rope_theta"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"n_embd\": 64, \"hidden_size\": 48}",
         "another spelling"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"n_embd\": 16}",
         "config.json: model.heads: 12 does not divide"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"scale_attn_by_inverse_layer_idx\": true}",
         "scale_attn_by_inverse_layer_idx: true cannot"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Error e = {0};
        if (read_json(cases[i].json, NULL, &c, &e)) fail_msg("%s: not refused", cases[i].json);
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i].why)) fail_msg("%s: %s", cases[i].json, e.text);
    }
    Config c;
    Error e = {0};
    check(read_json(cases[0].json, &(TextList){1, {"logit_scale"}}, &c, &e), &e);
}

/* ---- files of weights ---- */

#define LLAMA(width, layers)                                                                                 \
    "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": " #width                                   \
    ", \"num_attention_heads\": 2, \"num_hidden_layers\": " #layers                                          \
    ", \"intermediate_size\": 6, \"max_position_embeddings\": 16"

/* Writes the folder's tensors again, in `shards` files, with others behind them. */
static int write_shards(const Path *folder, int shards, const StTensor *more, int n_more) {
    Path path = path_of("%s/model.safetensors", folder->s);
    StFile *f;
    Error e = {0};
    check(safetensors_open(&f, path.s, &e), &e);
    int n = safetensors_count(f), each = (n + n_more + shards - 1) / shards;
    StTensor list[n + n_more];
    for (int i = 0; i < n + n_more; i++) list[i] = i < n ? *safetensors_at(f, i) : more[i - n];
    FILE *index = fopen(path_of("%s/model.safetensors.index.json", folder->s).s, "w");
    fputs("{\"metadata\": {\"total_size\": 1}, \"weight_map\": {", index);
    for (int s = 0; s < shards; s++) {
        int last = (s + 1) * each < n + n_more ? (s + 1) * each : n + n_more;
        Path shard = path_of("%s/model-%d-of-%d.safetensors", folder->s, s + 1, shards);
        check(safetensors_write(shard.s, list + s * each, last - s * each, NULL, 0, &e), &e);
        for (int i = s * each; i < last; i++)
            fprintf(index, "%s\"%s\": \"model-%d-of-%d.safetensors\"", i ? ", " : "", list[i].name, s + 1,
                    shards);
    }
    fputs("}}", index);
    fclose(index);
    safetensors_close(f);
    assert_int_equal(unlink(path.s), 0);
    return n;
}

static void expect_refused(const char *folder, const char *why) {
    Config c;
    Model *m = NULL;
    Imported from;
    Error e = {0};
    if (hugging_face_import(folder, NULL, &c, &m, &from, &e)) fail_msg("not refused: %s", why);
    assert_int_equal(e.code, EXIT_USAGE);
    if (!strstr(e.text, why)) fail_msg("%s", e.text);
    assert_null(m);
}

static void shards_come_back_and_every_tensor_of_theirs_is_accounted_for(void **state) {
    float ones[16] = {1};
    const StTensor buffer = {.name = "model.layers.1.self_attn.rotary_emb.inv_freq", 1, {2}, ones};
    const StTensor unknown = {.name = "model.layers.1.self_attn.sinks", 1, {2}, ones};
    ProbedModel s = subject((Choice[]){{NULL, NULL}});
    for (int i = 0; i < 2; i++) {
        Path folder = export_ok(state, &s, "LlamaForCausalLM");
        write_shards(&folder, 3, i ? &unknown : &buffer, 1);
        if (i)
            expect_refused(folder.s, "model.layers.1.self_attn.sinks: is no tensor of the LlamaForCausalLM");
        else
            expect_same(&s, &folder, 0);
        folder_remove(folder.s);
    }
    model_free(s.m);
}

static void an_index_that_is_wrong_is_refused(void **state) {
    static const struct {
        const char *index, *why;
    } cases[] = {
        {"{\"weight_map\": {\"a\": \"../model.safetensors\"}}", "a shard is a file of the same folder"},
        {"{\"weight_map\": {\"a\": \"/etc/passwd\"}}", "a shard is a file of the same folder"},
        {"{\"weight_map\": {\"a\": [1]}}", "a shard is a file of the same folder"},
        {"{\"weight_map\": {\"a\": \"missing.safetensors\"}}", "missing.safetensors"},
        {"{\"weight_map\": {\"a\": \"model-1-of-1.safetensors\"}}", "a: is not in"},
        {"{\"weight_map\": {\"model.norm.weight\": \"model-1-of-1.safetensors\"}}",
         "names 1 tensors, but its shards"},
        {"{\"weight_map\": {}}", "names no shard"},
        {"{}", "names no shard"},
    };
    ProbedModel s = subject((Choice[]){{NULL, NULL}});
    Path folder = export_ok(state, &s, "LlamaForCausalLM");
    write_shards(&folder, 1, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_text(path_of("%s/model.safetensors.index.json", folder.s).s, cases[i].index);
        expect_refused(folder.s, cases[i].why);
    }
    unlink(path_of("%s/model.safetensors.index.json", folder.s).s);
    expect_refused(folder.s, "has no model.safetensors and no model.safetensors.index.json");
    write_text(path_of("%s/pytorch_model.bin", folder.s).s, "PK");
    expect_refused(folder.s, "is a pickle");
    model_free(s.m);
}

/* Tied and stored all the same: the embedding itself, or refused. */
static void a_tied_head_that_is_stored_must_be_the_embedding(void **state) {
    ProbedModel s = subject((Choice[]){{"model.tie", "true"}, {NULL, NULL}});
    const Tensor *embedding = model_find(s.m, "model.embed_tokens.weight");
    float head[40];
    memcpy(head, s.m->params + embedding->offset, sizeof head);
    const StTensor stored = {.name = "lm_head.weight", 2, {5, 8}, head};
    for (int i = 0; i < 2; i++) {
        Path folder = export_ok(state, &s, "LlamaForCausalLM");
        write_shards(&folder, 1, &stored, 1);
        if (i)
            expect_refused(folder.s, "lm_head.weight is stored and is not the embedding");
        else
            expect_same(&s, &folder, 0);
        folder_remove(folder.s);
        head[39] += 1;
    }
    model_free(s.m);
}

static void numbers_that_are_not_finite_are_refused(void **state) {
    ProbedModel s = subject((Choice[]){{NULL, NULL}});
    s.m->params[model_find(s.m, "model.layers.1.mlp.up_proj.weight")->offset + 3] = NAN;
    Path folder = export_ok(state, &s, "LlamaForCausalLM");
    make_foreign(&folder, "?");
    expect_refused(folder.s, "tensor model.layers.1.mlp.up_proj.weight: holds a NaN");
    model_free(s.m);
}

static void a_folder_that_cannot_be_computed_is_refused(void **state) {
    static const struct {
        const char *config, *why;
    } cases[] = {
        {"{\"architectures\": [\"BertModel\"]}", "BertModel is no class"},
        {"{}", "architectures: (not one name)"},
        {"{\"model_type\": \"bert\"}", "architectures: bert is no class"},
        {"{\"model_type\": \"llama\", \"hidden_size\": 12}",
         "model.heads: 32 does not divide model.width, 12"},
        {LLAMA(16, 2) "}", "embed_tokens.weight is not 5 x 16"},
        {LLAMA(8, 1) "}", "model.layers.1.input_layernorm.weight: is no tensor"},
        {LLAMA(8, 3) "}", "model.layers.2.input_layernorm.weight is missing"},
        {LLAMA(8, 2) ", \"tie_word_embeddings\": true}", "lm_head.weight is stored and is not the embedding"},
        {LLAMA(8, 2) ", \"head_dim\": 8}", "self_attn.q_proj.weight is not 16 x 8"},
        {LLAMA(8, 2) ", \"attention_bias\": true}", "self_attn.q_proj.bias is missing"},
        {LLAMA(8, 2) ", \"vocab_size\": 6}", "vocab_size: 6, but the embedding has 5 rows"},
        {"{\"architectures\": [\"GPT2LMHeadModel\"], \"n_embd\": 8}", "no embedding"},
        {"{\"architectures\": [", "config.json:2:1"},
    };
    ProbedModel s = subject((Choice[]){{NULL, NULL}});
    Path folder = export_ok(state, &s, "LlamaForCausalLM");
    make_foreign(&folder, "?");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Model *m = NULL;
        Error e = {0};
        Imported from;
        write_text(path_of("%s/config.json", folder.s).s, cases[i].config);
        assert_false(hugging_face_import(folder.s, NULL, &c, &m, &from, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i].why)) fail_msg("%s", e.text);
        assert_null(m);
    }
    model_free(s.m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(a_model_comes_back_from_each_class),
                                       TEST(gpt2_keeps_its_matrices_turned),
                                       TEST(config_json_says_what_the_model_is),
                                       TEST(a_variant_comes_with_its_code),
                                       TEST(a_model_that_no_class_holds_is_not_exported),
                                       cmocka_unit_test(a_field_that_is_not_there_is_its_class_default),
                                       cmocka_unit_test(every_spelling_says_the_same),
                                       cmocka_unit_test(what_is_not_understood_is_refused_by_name),
                                       TEST(shards_come_back_and_every_tensor_of_theirs_is_accounted_for),
                                       TEST(an_index_that_is_wrong_is_refused),
                                       TEST(a_tied_head_that_is_stored_must_be_the_embedding),
                                       TEST(numbers_that_are_not_finite_are_refused),
                                       TEST(a_folder_that_cannot_be_computed_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
