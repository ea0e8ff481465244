/* llm.c's model files: every tensor where train_gpt2.c looks for it, there and back, and what is refused. */
#include "tests/data/fixture.h"

#include "model/model.h"
#include "train/checkpoint/llmc.h"
#include "train/config/conflicts.h"

#include <math.h>

enum { T = 6, V = 5, L = 2, H = 2, C = 8, F = 4 * C, PADDED = 128, HEADER = 256 };

static Model *gpt2_with(Config *c, const char *key, const char *value) {
    const char *const keys[][2] = {{"model.width", "8"},        {"model.heads", "2"},
                                   {"model.layers", "2"},       {"model.context", "6"},
                                   {"model.mlp", "gelu"},       {"model.position", "learned"},
                                   {"model.bias", "true"},      {"model.norm_kind", "layernorm"},
                                   {"model.tie", "true"},       {"probe.length", "4"},
                                   {"train.batch_tokens", "6"}, {key, value}};
    Model *m;
    Error e = {0};
    config_defaults(c);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (keys[i][0]) check(config_set(c, keys[i][0], keys[i][1], "test", &e), &e);
    check(config_check(c, &e), &e);
    c->model.vocab = V;
    check(model_create(&m, &c->model, true, &e), &e);
    for (size_t i = 0; i < m->arena; i++) m->params[i] = 0.5f + 0.0625f * (float)(i % 911);
    return m;
}

static Bytes file_of(const Path *path) {
    Bytes b = {0};
    Error e = {0};
    check(file_read(path->s, &b, &e), &e);
    return b;
}

static float of(const Model *m, const char *name, int row, int col) {
    const Tensor *t = model_find(m, name);
    assert_non_null(t);
    return m->params[t->offset + row * t->cols + col];
}

/* The list of train_gpt2.c: wte (Vp, C), wpe (T, C), then of L layers together ln1w ln1b (C), qkvw (3C, C),
 * qkvb (3C), attprojw (C, C), attprojb (C), ln2w ln2b (C), fcw (4C, C), fcb (4C), fcprojw (C, 4C), fcprojb
 * (C); lnfw lnfb (C). */
static void every_tensor_is_where_llmc_looks_for_it(void **state) {
    Config c;
    Error e = {0};
    Model *m = gpt2_with(&c, NULL, NULL);
    Path path = path_of("%s/model.bin", ((Path *)*state)->s);
    check(llmc_export(path.s, &c, m, &e), &e);
    Bytes file = file_of(&path);
    const int32_t *head = (const int32_t *)file.data, want[] = {20240326, 3, T, V, L, H, C, PADDED, 0};
    assert_memory_equal(head, want, sizeof want);
    const float *wte = (const float *)(head + HEADER), *wpe = wte + PADDED * C, *ln1w = wpe + T * C,
                *ln1b = ln1w + L * C, *qkvw = ln1b + L * C, *qkvb = qkvw + L * 3 * C * C,
                *attprojw = qkvb + L * 3 * C, *attprojb = attprojw + L * C * C, *ln2w = attprojb + L * C,
                *ln2b = ln2w + L * C, *fcw = ln2b + L * C, *fcb = fcw + L * F * C, *fcprojw = fcb + L * F,
                *fcprojb = fcprojw + L * C * F, *lnfw = fcprojb + L * C, *lnfb = lnfw + C;
    assert_ptr_equal(lnfb + C, file.data + file.size);
    assert_true(wte[4 * C + 3] == of(m, "model.embed_tokens.weight", 4, 3));
    for (int i = V * C; i < PADDED * C; i++) assert_true(wte[i] == 0);
    assert_true(wpe[5 * C + 1] == of(m, "model.embed_positions.weight", 5, 1));
    assert_true(ln1w[C + 2] == of(m, "model.layers.1.input_layernorm.weight", 2, 0));
    assert_true(ln1b[2] == of(m, "model.layers.0.input_layernorm.bias", 2, 0));
    assert_true(qkvw[3 * C * C + (C + 4) * C + 7] == of(m, "model.layers.1.self_attn.k_proj.weight", 4, 7));
    assert_true(qkvb[2 * C + 6] == of(m, "model.layers.0.self_attn.v_proj.bias", 6, 0));
    assert_true(attprojw[C * C + 3 * C + 1] == of(m, "model.layers.1.self_attn.o_proj.weight", 3, 1));
    assert_true(attprojb[7] == of(m, "model.layers.0.self_attn.o_proj.bias", 7, 0));
    assert_true(ln2w[C] == of(m, "model.layers.1.post_attention_layernorm.weight", 0, 0));
    assert_true(ln2b[C + 5] == of(m, "model.layers.1.post_attention_layernorm.bias", 5, 0));
    assert_true(fcw[F * C + 30 * C + 2] == of(m, "model.layers.1.mlp.up_proj.weight", 30, 2));
    assert_true(fcb[31] == of(m, "model.layers.0.mlp.up_proj.bias", 31, 0));
    assert_true(fcprojw[C * F + 2 * F + 29] == of(m, "model.layers.1.mlp.down_proj.weight", 2, 29));
    assert_true(fcprojb[C + 1] == of(m, "model.layers.1.mlp.down_proj.bias", 1, 0));
    assert_true(lnfw[4] == of(m, "model.norm.weight", 4, 0));
    assert_true(lnfb[7] == of(m, "model.norm.bias", 7, 0));
    bytes_free(&file);
    model_free(m);
}

/* The numbers have eight bits behind their first one at the most, so that bf16 holds them. */
static void a_model_comes_back_from_either_precision(void **state) {
    Config c, back;
    Error e = {0};
    Model *m = gpt2_with(&c, NULL, NULL), *again = NULL;
    for (size_t i = 0; i < m->arena; i++) m->params[i] = (float)((int)(i % 255) - 127) * 0.03125f;
    Path path = path_of("%s/model.bin", ((Path *)*state)->s);
    check(llmc_export(path.s, &c, m, &e), &e);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        check(llmc_import(path.s, &back, &again, &e), &e);
        assert_null(config_differs(&c, &back, "model."));
        for (int i = 0; i < m->n_tensors; i++) {
            const Tensor *t = &m->tensors[i];
            assert_memory_equal(again->params + t->offset, m->params + t->offset,
                                (size_t)(t->rows * t->cols) * sizeof(float));
        }
        model_free(again);
        Bytes file = file_of(&path);
        int64_t n = (file.size - HEADER * 4) / 4;
        ((int32_t *)file.data)[1] = 5;
        for (int64_t i = 0; i < n; i++)
            memcpy(file.data + HEADER * 4 + 2 * i, file.data + HEADER * 4 + 4 * i + 2, 2);
        check(file_write(path.s, file.data, HEADER * 4 + 2 * n, &e), &e);
        bytes_free(&file);
    }
    model_free(m);
}

static void files_that_are_no_model_are_refused(void **state) {
    static const struct {
        int at;
        int32_t value;
        int64_t more; /* bytes */
        const char *why;
    } cases[] = {{0, 20240327, 0, "is no model of llm.c"},
                 {1, 1, 0, "version 1 is not known"},
                 {2, 0, 0, "no size of a model"},
                 {4, -1, 0, "no size of a model"},
                 {3, 1 << 30, 0, "no size of a model"},
                 {4, 1 << 20, 0, "model.layers: 1048576 is out of bounds"},
                 {5, 3, 0, "model.heads"},
                 {7, 4, 0, "padded to 4"},
                 {3, 6, 4, "is it cut short?"},
                 {3, V, -4, "is it cut short?"},
                 {3, V, -99999999, "is no model of llm.c"},
                 {HEADER, 0x7F800000, 0, "holds a NaN or an infinity"}};
    Config c;
    Error none = {0};
    Model *m = gpt2_with(&c, NULL, NULL);
    Path path = path_of("%s/model.bin", ((Path *)*state)->s);
    check(llmc_export(path.s, &c, m, &none), &none);
    Bytes whole = file_of(&path);
    check(bytes_append(&whole, "\0\0\0", 4, &none), &none);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t was = ((int32_t *)whole.data)[cases[i].at];
        int64_t size = whole.size - 4 + cases[i].more;
        Model *read = NULL;
        Error e = {0};
        ((int32_t *)whole.data)[cases[i].at] = cases[i].value;
        check(file_write(path.s, whole.data, size > 0 ? size : 100, &none), &none);
        ((int32_t *)whole.data)[cases[i].at] = was;
        assert_false(llmc_import(path.s, &c, &read, &e));
        assert_null(read);
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i].why)) fail_msg("%s, not: %s", e.text, cases[i].why);
    }
    bytes_free(&whole);
    model_free(m);
}

static void a_model_that_gpt2_does_not_hold_is_refused_by_its_key(void **state) {
    static const char *const cases[][3] = {
        {"model.tie", "false", "model.tie: false, and llm.c has true"},
        {"model.mlp", "gelu_exact", "model.mlp: gelu_exact, and llm.c has gelu"},
        {"model.norm_eps", "1e-6", "model.norm_eps"},
        {"model.mlp_width", "16", "model.mlp_width: 16"},
        {"model.norm_kind", "rmsnorm", "none of llm.c's"},
        {"model.attention", "differential", "model.attention"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Error e = {0};
        Model *m = gpt2_with(&c, cases[i][0], cases[i][1]);
        Path path = path_of("%s/refused.bin", ((Path *)*state)->s);
        assert_false(llmc_export(path.s, &c, m, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i][2])) fail_msg("%s, not: %s", e.text, cases[i][2]);
        assert_false(llmc_is_file(path.s));
        model_free(m);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown_folder)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(every_tensor_is_where_llmc_looks_for_it),
                                       TEST(a_model_comes_back_from_either_precision),
                                       TEST(files_that_are_no_model_are_refused),
                                       TEST(a_model_that_gpt2_does_not_hold_is_refused_by_its_key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
