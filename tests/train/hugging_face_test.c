/* Models as Hugging Face folders: names, shapes and values of every class, there and back, and what is
 * refused. */
#include "tests/data/fixture.h"

#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/hugging_face.h"
#include "train/config/conflicts.h"
#include "train/config/yaml.h"

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
    int64_t at = -1;
    check(hugging_face_import(folder->s, &c, &m, &at, &e), &e);
    assert_int_equal(at, step);
    assert_int_equal(m->n_tensors, s->m->n_tensors);
    assert_memory_equal(m->params, s->m->params, s->m->arena * sizeof(float));
    assert_int_equal(c.model.kv_heads, s->c.model.kv_heads);
    assert_int_equal(c.model.window, s->c.model.window);
    model_free(m);
}

static void a_model_comes_back_from_each_class(void **state) {
    static const struct {
        const char *class, *cut;
        Choice settings[8];
    } cases[] = {
        {"LlamaForCausalLM", "?", {{"model.kv_heads", "1"}}},
        {"LlamaForCausalLM", "?", {{"model.bias", "true"}, {"model.tie", "true"}}},
        {"MistralForCausalLM", "?", {{"model.window", "5"}}},
        {"Qwen3ForCausalLM", "?", {{"model.qk", "rmsnorm"}}},
        {"GPT2LMHeadModel",
         "transformer.",
         {{"model.position", "learned"},
          {"model.norm_kind", "layernorm"},
          {"model.mlp", "gelu"},
          {"model.bias", "true"},
          {"model.tie", "true"}}},
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

static void a_model_that_no_class_holds_is_not_exported(void **state) {
    static const Choice cases[][3] = {{{"model.head_out", "rmsnorm"}},
                                      {{"model.attention", "sigmoid"}},
                                      {{"model.interventions", "[\"head_off(0,0)\"]"}},
                                      {{"model.norm_kind", "layernorm"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ProbedModel s = subject(cases[i]);
        Error e = {0};
        const char *class = NULL;
        assert_false(
            hugging_face_export(((Path *)*state)->s, &s.c, s.m, 1, &(Origin){"", "", ""}, 0, &class, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        assert_non_null(strstr(e.text, cases[i][0].key));
        model_free(s.m);
    }
}

static void a_folder_that_cannot_be_computed_is_refused(void **state) {
    static const struct {
        const char *config, *why;
    } cases[] = {
        {"{\"architectures\": [\"BertModel\"]}", "BertModel is no class"},
        {"{}", "architectures"},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"rope_theta\": 500000.0}", ":1: rope_theta: 500000.0"},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"rope_scaling\": {\"type\": \"linear\"}}",
         "rope_scaling"},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 8, \"head_dim\": 8}", "head_dim: 8"},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 16}", "embed_tokens.weight is 5 x 8"},
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
        int64_t step;
        write_text(path_of("%s/config.json", folder.s).s, cases[i].config);
        assert_false(hugging_face_import(folder.s, &c, &m, &step, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i].why)) fail_msg("%s", e.text);
        assert_null(m);
    }
    model_free(s.m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_model_comes_back_from_each_class), TEST(gpt2_keeps_its_matrices_turned),
        TEST(config_json_says_what_the_model_is), TEST(a_model_that_no_class_holds_is_not_exported),
        TEST(a_folder_that_cannot_be_computed_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
