/* model/model.c: layout, names, initial weights, what a configuration may not be, sizes. */
#include "tests/model/support.h"

#include "model/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Tensors lie one after another; a stage begins on a cache line, and no two have one name. */
static void check_layout(const Model *m) {
    size_t end = 0;
    int64_t parameters = 0;
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        bool first = !i || t->stage != t[-1].stage || t->layer != t[-1].layer;
        assert_int_equal(t->offset, first ? (end + 15) / 16 * 16 : end);
        end = t->offset + (size_t)(t->rows * t->cols);
        parameters += t->rows * t->cols;
        assert_ptr_equal(model_find(m, t->name), t);
        assert_true(t->dims == 2 || t->cols == 1);
    }
    assert_int_equal(m->parameters, parameters);
    assert_int_equal(m->arena, (end + 15) / 16 * 16);
}

static void tensors_fill_the_arena_without_overlap(void **state) {
    (void)state;
    for (int bits = 0; bits < 8; bits++) {
        ModelConfig c = small_config();
        c.tie = bits & 1;
        c.head_out = c.position = bits >> 1 & 1;
        c.mlp = bits >> 2 & 1;
        Model *m = NULL;
        assert_true(model_create(&m, &c, false, NULL));
        assert_null(m->params);
        check_layout(m);
        assert_int_equal(model_find(m, "lm_head.weight") == NULL, c.tie);
        model_free(m);
    }
}

/* The names and shapes of Hugging Face's LlamaForCausalLM. */
static void tensors_have_the_names_and_shapes_of_llama(void **state) {
    (void)state;
    const struct {
        const char *name;
        int64_t rows, cols;
    } want[] = {{"model.embed_tokens.weight", 41, 36},
                {"model.layers.1.input_layernorm.weight", 36, 1},
                {"model.layers.1.self_attn.q_proj.weight", 36, 36},
                {"model.layers.1.self_attn.k_proj.weight", 36, 36},
                {"model.layers.1.self_attn.v_proj.weight", 36, 36},
                {"model.layers.1.self_attn.head_norm.weight", 12, 1},
                {"model.layers.1.self_attn.o_proj.weight", 36, 36},
                {"model.layers.1.post_attention_layernorm.weight", 36, 1},
                {"model.layers.1.mlp.gate_proj.weight", 22, 36},
                {"model.layers.1.mlp.up_proj.weight", 22, 36},
                {"model.layers.1.mlp.down_proj.weight", 36, 22},
                {"model.norm.weight", 36, 1},
                {"lm_head.weight", 41, 36}};
    ModelConfig c = small_config();
    c.head_out = 1;
    Model *m = NULL;
    assert_true(model_create(&m, &c, false, NULL));
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const Tensor *t = model_find(m, want[i].name);
        if (!t || t->rows != want[i].rows || t->cols != want[i].cols) fail_msg("%s", want[i].name);
    }
    assert_int_equal(m->n_tensors, 3 + 2 * 10);
    assert_null(model_find(m, "model.layers.2.mlp.up_proj.weight"));
    assert_ptr_equal(model_tensor(m, 1, STAGE_QKV, 2), model_find(m, want[4].name));
    assert_null(model_tensor(m, 1, STAGE_QKV, 3));
    model_free(m);
}

static void moments(const Model *m, const Tensor *t, double *mean, double *std) {
    const float *w = m->params + t->offset;
    int64_t n = t->rows * t->cols;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += w[i];
        squares += (double)w[i] * w[i];
    }
    *mean = sum / (double)n;
    *std = sqrt(fmax(0, squares / (double)n - *mean * *mean));
}

/* Six standard errors either way: of the mean std / sqrt n, of the deviation std / sqrt 2n. */
static void initial_weights_have_the_moments_of_their_law(void **state) {
    (void)state;
    ModelConfig c = small_config();
    c.head_out = c.position = 1;
    c.embedding_std = 0.3;
    Model *m = NULL;
    assert_true(model_create(&m, &c, true, NULL));
    model_init(m, 5);
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        const double means[] = {[INIT_ONE] = 1, [INIT_HEAD_SCALE] = 0.7};
        const double stds[] = {[INIT_NORMAL] = 0.02,
                               [INIT_RESIDUAL] = 0.01,
                               [INIT_DOWN] = 0.01,
                               [INIT_EMBEDDING] = 0.3,
                               [INIT_HEAD_SCALE] = 0};
        double mean, std, n = (double)(t->rows * t->cols);
        moments(m, t, &mean, &std);
        assert_true(fabs(mean - means[t->spec->init]) <= 6 * stds[t->spec->init] / sqrt(n) + 1e-6);
        assert_true(fabs(std - stds[t->spec->init]) <= 6 * stds[t->spec->init] / sqrt(2 * n) + 1e-6);
    }
    model_free(m);
}

/* Tensors that two variants share start alike; another seed, another start. */
static void variants_start_alike_where_they_share_tensors(void **state) {
    (void)state;
    ModelConfig plain = small_config(), other = small_config();
    other.head_out = other.position = 1;
    Model *a = NULL, *b = NULL;
    assert_true(model_create(&a, &plain, true, NULL) && model_create(&b, &other, true, NULL));
    model_init(a, 5);
    model_init(b, 5);
    for (int i = 0; i < a->n_tensors; i++) {
        const Tensor *t = &a->tensors[i], *u = model_find(b, t->name);
        assert_non_null(u);
        size_t bytes = (size_t)(t->rows * t->cols) * sizeof(float);
        assert_memory_equal(a->params + t->offset, b->params + u->offset, bytes);
    }
    model_init(b, 6);
    assert_true(a->params[0] != b->params[0]);
    const Tensor *q = model_find(a, "model.layers.0.self_attn.q_proj.weight"), *k = q + 1;
    assert_true(a->params[q->offset] != a->params[k->offset]);
    model_free(a);
    model_free(b);
}

static void an_mlp_width_left_out_is_chosen_by_kind(void **state) {
    (void)state;
    ModelConfig c = (ModelConfig){.width = 128, .heads = 2, .context = 8};
    assert_true(model_config_check(&c, NULL));
    assert_int_equal(c.mlp_width, 320);
    c.mlp = row_named(SLOT_MLP, "gelu");
    c.mlp_width = 0;
    assert_true(model_config_check(&c, NULL));
    assert_int_equal(c.mlp_width, 512);
}

static void assert_paper(const SlotHead *row) {
    bool named = strstr(row->help, "arXiv") || strstr(row->help, "Miller");
    if (!named && strcmp(row->name, "none"))
        fail_msg("%s: its help names no arXiv number (your own idea: the nearest paper's): %s", row->name,
                 row->help);
}

static void every_row_names_its_paper(void **state) {
    (void)state;
    for (SlotKind kind = SLOT_ATTENTION; kind < SLOT_KINDS; kind++)
        for (int i = 0; slot_row(kind, i)->name; i++) assert_paper(slot_row(kind, i));
}

/* As a checkpoint's header may claim. */
static void a_vocabulary_that_no_token_fits_is_refused(void **state) {
    (void)state;
    const int64_t sizes[] = {-1, (int64_t)INT32_MAX + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ModelConfig c = small_config();
        Model *m = NULL;
        Error e = {0};
        c.vocab = sizes[i];
        assert_false(model_create(&m, &c, false, &e));
        assert_int_equal(e.code, EXIT_USAGE);
        assert_non_null(strstr(e.text, "vocabulary"));
        assert_null(m);
    }
}

/* configs/reference.yaml: 80.2 MF a token. */
static void flops_a_token_are_those_of_the_formula(void **state) {
    (void)state;
    ModelConfig c = {.vocab = 4096, .layers = 6, .width = 384, .heads = 6, .context = 256, .mlp_width = 1024};
    Model *m = NULL;
    assert_true(model_create(&m, &c, false, NULL));
    double L = 6, d = 384, f = 1024, weights = L * (4 * d * d + 3 * d * f) + 4096 * d;
    assert_true(model_flops_per_token(m, 256) == 6 * weights + 12 * L * 256 * d);
    model_free(m);
    c.tie = true;
    assert_true(model_create(&m, &c, false, NULL));
    assert_true(model_flops_per_token(m, 256) == 6 * weights + 12 * L * 256 * d);
    model_free(m);
}

/* Tensors and the padding between them, in memory that was in use before. */
static void an_arena_is_zero(void **state) {
    (void)state;
    Model *m;
    Error e = {0};
    ModelConfig c = small_config();
    c.width = 12;
    c.heads = 3;
    c.mlp_width = 20; /* tensors that end within a cache line */
    assert_true(model_config_check(&c, &e));
    assert_true(model_create(&m, &c, false, &e));
    for (int turn = 0; turn < 3; turn++) {
        float *p = model_arena(m);
        for (size_t i = 0; i < m->arena; i++) {
            assert_true(p[i] == 0);
            p[i] = 1;
        }
        free(p);
    }
    model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tensors_fill_the_arena_without_overlap),
                                       cmocka_unit_test(tensors_have_the_names_and_shapes_of_llama),
                                       cmocka_unit_test(initial_weights_have_the_moments_of_their_law),
                                       cmocka_unit_test(variants_start_alike_where_they_share_tensors),
                                       cmocka_unit_test(an_mlp_width_left_out_is_chosen_by_kind),
                                       cmocka_unit_test(every_row_names_its_paper),
                                       cmocka_unit_test(flops_a_token_are_those_of_the_formula),
                                       cmocka_unit_test(a_vocabulary_that_no_token_fits_is_refused),
                                       cmocka_unit_test(an_arena_is_zero)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
