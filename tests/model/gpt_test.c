/* model/gpt.c against the real path: losses, gradients, the numbers that show a sink, AdamW, the recipe; and
 * the program. tests/model/gpt_small_test.c is the same at sizes that no vector divides.
 *
 * Tolerances, relative. Both sides are fp32 and add up in different orders: a token's loss 5e-6, a tensor's
 * gradient 1e-5 of its norm, an update 1e-4 of its norm, since weights of order one round to 1e-7 and an
 * update is a thousandth of them. A wrong sign is off by one and more. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/instruments/instrument.h"
#include "model/kernels/gemm.h"
#include "train/optim/optim.h"
#include "train/optim/schedule.h"

#define main    gpt_main
#define Weights GptWeights /* model/tap.h has another */
#include "model/gpt.c"
#undef main
#undef Weights

#include <errno.h>
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the same model on both sides ---- */

/* Where a tensor of the real path lies in model/gpt.c's; `layer`: bytes from one layer's to the next. */
static const struct {
    const char *name;
    size_t start, layer;
} places[] = {
    {"embed_tokens.weight", offsetof(GptWeights, embed), 0},
    {"input_layernorm.weight", offsetof(GptWeights, norm_attn), sizeof(float[D])},
    {"q_proj.weight", offsetof(GptWeights, qkv), sizeof(float[3 * D * D])},
    {"k_proj.weight", offsetof(GptWeights, qkv) + sizeof(float[D * D]), sizeof(float[3 * D * D])},
    {"v_proj.weight", offsetof(GptWeights, qkv) + sizeof(float[2 * D * D]), sizeof(float[3 * D * D])},
    {"head_norm.weight", offsetof(GptWeights, norm_head), sizeof(float[DH])},
    {"o_proj.weight", offsetof(GptWeights, out), sizeof(float[D * D])},
    {"post_attention_layernorm.weight", offsetof(GptWeights, norm_mlp), sizeof(float[D])},
    {"gate_proj.weight", offsetof(GptWeights, gate_up), sizeof(float[2 * F * D])},
    {"up_proj.weight", offsetof(GptWeights, gate_up) + sizeof(float[F * D]), sizeof(float[2 * F * D])},
    {"down_proj.weight", offsetof(GptWeights, down), sizeof(float[D * F])},
    {"model.norm.weight", offsetof(GptWeights, norm_last), 0},
    {"lm_head.weight", offsetof(GptWeights, head), 0},
};

static float *place_of(GptWeights *w, const Tensor *t) {
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *end = t->name + strlen(t->name) - strlen(places[i].name);
        if (end >= t->name && !strcmp(end, places[i].name) && (end == t->name || end[-1] == '.'))
            return (float *)((char *)w + places[i].start +
                             places[i].layer * (size_t)(t->layer > 0 ? t->layer : 0));
    }
    fail_msg("%s has no place in model/gpt.c", t->name);
    return NULL;
}

static void copy_weights(GptWeights *w, const Model *m) {
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        memcpy(place_of(w, t), m->params + t->offset, (size_t)(t->rows * t->cols) * sizeof(float));
    }
}

static ModelConfig same_config(bool head_norm) {
    ModelConfig c = small_config(); /* the first row of every slot */
    Error e = {0};
    c.vocab = VOCAB, c.layers = L, c.width = D, c.heads = H, c.context = T, c.mlp_width = F;
    if (head_norm) c.head_out = row_named(SLOT_HEAD_OUT, "rmsnorm");
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return c;
}

static Text random_text(int n, bool bos) {
    uint16_t *token = malloc((size_t)n * sizeof *token);
    assert_non_null(token);
    for (int i = 0; i < n; i++) token[i] = (uint16_t)rng_below(4, RNG_TEST, 0, (uint64_t)i, VOCAB);
    return (Text){n, bos, token};
}

/* Both sides with the same weights and rows of the same text. */
typedef struct Pair {
    Rig rig;
    Tape *tape;
    GptWeights *w;
    Pass *pass;
    uint16_t x[N], y[N];
} Pair;

static Pair *pair_new(bool bos, bool head_norm) {
    Pair *p = calloc(1, sizeof *p);
    ModelConfig c = same_config(head_norm);
    Text text = random_text(B * T + 1, bos);
    p->rig = rig_of(&c, B, T, 0);
    p->tape = rig_tape(&p->rig, B, true);
    p->w = calloc(1, sizeof *p->w);
    p->pass = calloc(1, sizeof *p->pass);
    p->pass->head_norm = head_norm;
    copy_weights(p->w, p->rig.m);
    for (int b = 0; b < B; b++) row(p->x + b * T, p->y + b * T, &text, b * T);
    for (int n = 0; n < N; n++) p->rig.x[n] = p->x[n], p->rig.y[n] = p->y[n];
    free(text.token);
    return p;
}

static void pair_free(Pair *p) {
    rig_free(&p->rig);
    tape_free(p->tape);
    free(p->w);
    free(p->pass);
    free(p);
}

/* Of vectors; written so that NaN fails. */
static void check_near(const char *what, const float *got, const float *want, size_t n, double tolerance) {
    double error = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        norm += (double)want[i] * want[i];
    }
    if (!(norm > 0 && error <= tolerance * tolerance * norm))
        fail_msg("%s: off by %.3g of its norm %.3g", what, sqrt(error / norm), sqrt(norm));
}

static void near(double got, double want, double allowed) {
    if (!(fabs(got - want) <= allowed)) fail_msg("%.9g is not %.9g", got, want);
}

/* ---- losses and gradients ---- */

static void check_gradients(bool bos, bool head_norm) {
    Pair *p = pair_new(bos, head_norm);
    const Model *m = p->rig.m;
    OWNED float *grads = model_arena(m);
    Batch b = rig_batch(&p->rig, 0, B);
    assert_int_equal(m->parameters, FLOATS - (head_norm ? 0 : L * DH));
    assert_int_equal(p->x[0] == BOS && p->x[T] == BOS, bos);
    model_train(m, p->tape, &b, 1.0f / (ROWS * T), grads);
    forward(p->pass, p->w, p->x, p->y);
    backward(p->pass, p->w, p->x, p->y);
    for (int n = 0; n < N; n++)
        check_near("a token's loss", p->pass->loss + n, tape_losses(p->tape) + n, 1, 5e-6);
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        check_near(t->name, place_of(&p->pass->g, t), grads + t->offset, (size_t)(t->rows * t->cols), 1e-5);
    }
    pair_free(p);
}

static void losses_and_gradients_are_those_of_the_real_path(void **state) {
    (void)state;
    check_gradients(true, false);
}

static void losses_and_gradients_are_the_same_without_bos(void **state) {
    (void)state;
    check_gradients(false, false);
}

static void losses_and_gradients_are_the_same_with_a_norm_on_each_head(void **state) {
    (void)state;
    check_gradients(true, true);
}

/* ---- the numbers ---- */

static void the_numbers_are_those_of_the_instruments(void **state) {
    (void)state;
    Pair *p = pair_new(true, false);
    Text text = random_text(HELD_OUT * 2 * T, true);
    int stride = (text.n - T) / HELD_OUT;
    int32_t *x = calloc(HELD_OUT * T, sizeof *x), *y = calloc(HELD_OUT * T, sizeof *y);
    int32_t *one_document = calloc(HELD_OUT * T, sizeof *one_document);
    float *losses = calloc(HELD_OUT * T, sizeof *losses);
    for (int i = 0; i < HELD_OUT; i++)
        for (int t = 0; t < T; t++) {
            x[i * T + t] = t ? text.token[i * stride + t] : BOS;
            y[i * T + t] = text.token[i * stride + t + 1];
        }
    /* BOS is the opposite of what all other tokens share, so that some heads attend to it and some do not. */
    OWNED float *shared = normals(5, D, 3 / sqrt(D));
    for (int i = 0; i < VOCAB * D; i++) p->w->embed[i] += i / D == BOS ? -shared[i % D] : shared[i % D];
    for (int i = 0; i < p->rig.m->n_tensors; i++) {
        const Tensor *t = &p->rig.m->tensors[i];
        memcpy(p->rig.m->params + t->offset, place_of(p->w, t), (size_t)(t->rows * t->cols) * sizeof(float));
    }
    Figures f = {0};
    double loss = 0;
    Probe probe = {.m = p->rig.m, .rows = HELD_OUT, .T = T};
    instruments_measure(&probe, p->tape, x, y, one_document, LIGHT, &f, losses);
    Sink s = look(p->pass, p->w, &text);
    for (int i = 0; i < HELD_OUT * T; i++) loss += losses[i] / (double)(HELD_OUT * T);
    double rate = figures_get(&f, "sink_rate_03", -1, -1);
    assert_true(rate > 0.02 && rate < 0.98);
    near(s.rate, rate, 1e-9);
    near(s.first_mass, figures_get(&f, "sink_mass", -1, -1), 1e-6);
    near(s.ratio, figures_get(&f, "norm_ratio", -1, -1), 1e-5);
    near(s.loss, loss, 1e-5);
    figures_free(&f);
    free(x), free(y), free(one_document), free(losses), free(text.token);
    pair_free(p);
}

/* ---- AdamW and the recipe ---- */

static Config demo(void) {
    Config c;
    Error e = {0};
    if (!config_load(&c, "configs/demo.yaml", &e)) fail_msg("%s", e.text);
    c.model.vocab = c.data.vocab;
    if (!model_config_check(&c.model, &e)) fail_msg("%s", e.text);
    return c;
}

/* Three updates, the first of gradients that are clipped; of each, what it changes. */
static void an_update_is_that_of_train_optim(void **state) {
    (void)state;
    Config c = demo();
    Pair *p = pair_new(true, true);
    Model *m = p->rig.m;
    GptWeights *w = calloc(5, sizeof *w), *g = w + 3, *was = w + 4;
    OWNED float *grads = model_arena(m), *before = model_arena(m);
    OptimState optimiser;
    Error e = {0};
    if (!optim_create(&optimiser, &c.optim, m, 1, NULL, &e)) fail_msg("%s", e.text);
    *w = *p->w;
    for (int step = 1; step <= 3; step++) {
        OWNED float *noise = normals(step, m->arena, step == 1 ? 1 : 1e-4);
        memcpy(before, m->params, m->arena * sizeof *before);
        *was = *w;
        for (int i = 0; i < m->n_tensors; i++) {
            const Tensor *t = &m->tensors[i];
            size_t bytes = (size_t)(t->rows * t->cols) * sizeof(float);
            memcpy(grads + t->offset, noise + t->offset, bytes);
            memcpy(place_of(g, t), noise + t->offset, bytes);
        }
        optim_update(&optimiser, &c.optim, m, grads, step, 1e-3);
        adamw((float *)w, (float *)&w[1], (float *)&w[2], (float *)g, step, 1e-3f);
        for (int i = 0; i < FLOATS; i++) ((float *)was)[i] = ((float *)w)[i] - ((float *)was)[i];
        for (size_t i = 0; i < m->arena; i++) before[i] = m->params[i] - before[i];
        for (int i = 0; i < m->n_tensors; i++) {
            const Tensor *t = &m->tensors[i];
            check_near(t->name, place_of(was, t), before + t->offset, (size_t)(t->rows * t->cols), 1e-4);
        }
    }
    optim_free(&optimiser);
    free(w);
    pair_free(p);
}

static void the_recipe_is_that_of_the_demo(void **state) {
    (void)state;
    Config c = demo();
    const ModelConfig *m = &c.model;
    assert_int_equal(c.train.batch_tokens, ROWS * m->context);
    for (int step = 1; step <= c.train.steps; step++)
        near(learning_rate(step, (int)c.train.steps), schedule_lr(&c.optim, step, c.train.steps), 1e-15);
    if (VOCAB != m->vocab) return; /* gpt_small_test.c */
    const int64_t want[] = {m->layers, m->width, m->heads, m->mlp_width, m->context}, got[] = {L, D, H, F, T};
    assert_memory_equal(got, want, sizeof want);
    unsigned short random[3] = {0x330E, 0, 0};
    GptWeights *w = calloc(1, sizeof *w);
    weights_init(w, random);
    double squares = 0, thin = 0;
    for (int i = 0; i < VOCAB * D; i++) squares += w->embed[i] * w->embed[i] / (VOCAB * D);
    for (int i = 0; i < D * F; i++) thin += w->down[0][i] * w->down[0][i] / (D * F);
    near(sqrt(squares), m->embedding_std, 1e-4);
    near(sqrt(thin), 0.02 / sqrt(2 * L), 1e-4);
    near(w->norm_head[L - 1][0], m->head_out_scale, 1e-7);
    assert_true(w->norm_attn[0][0] == 1 && w->norm_mlp[L - 1][D - 1] == 1 && w->norm_last[D - 1] == 1);
    free(w);
}

/* ---- the program ---- */

enum { PRINTED = 4096 };

/* For LeakSanitizer: a program that ends leaves its texts to the system. */
const char *__lsan_default_suppressions(void) {
    return "leak:text_open";
}

/* Runs it in a process of its own; returns its exit code, and in text all that it printed. */
static int run(int threads, char *const *words, char *text) {
    int ends[2], argc = 0, status = 0;
    assert_int_equal(pipe(ends), 0);
    while (words[argc]) argc++;
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        omp_set_num_threads(threads);
        exit(gpt_main(argc, (char **)words));
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t more; (more = read(ends[0], text + n, PRINTED - 1 - n)) > 0;) n += (size_t)more;
    text[n] = 0;
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void write_shard(const char *folder, const char *split, int n, int said) {
    char path[4096];
    int32_t head[256] = {20240520, 1, said};
    Text text = random_text(n, false);
    snprintf(path, sizeof path, "%s/data_%s_000000.bin", folder, split);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    fwrite(head, sizeof head, 1, out);
    fwrite(text.token, sizeof *text.token, (size_t)n, out);
    fclose(out);
    free(text.token);
}

static bool memory_is_out;

int __real_setenv(const char *name, const char *value, int over);
int __wrap_setenv(const char *name, const char *value, int over);
int __wrap_setenv(const char *name, const char *value, int over) {
    errno = ENOMEM;
    return memory_is_out ? -1 : __real_setenv(name, value, over);
}

/* In one line, with that exit status. */
static void check_ended(int status, char *const *words, const char *hint) {
    char text[PRINTED];
    assert_int_equal(run(1, words, text), status);
    if (!strstr(text, hint)) fail_msg("%s does not say %s", text, hint);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
}

static void check_refused(char *const *words, const char *hint) {
    check_ended(2, words, hint);
}

static void a_seed_gives_the_same_figures_at_any_number_of_threads(void **state) {
    char *folder = *state, one[PRINTED], three[PRINTED], other[PRINTED];
    enum { TOKENS = 2 * HELD_OUT * T };
    write_shard(folder, "train", TOKENS, TOKENS);
    write_shard(folder, "val", TOKENS, TOKENS);
    assert_int_equal(run(1, (char *[]){"gpt", folder, "--steps", "2", NULL}, one), 0);
    assert_int_equal(run(3, (char *[]){"gpt", folder, "--steps", "2", "--seed", "0", NULL}, three), 0);
    assert_int_equal(run(3, (char *[]){"gpt", folder, "--steps", "2", "--seed", "1", NULL}, other), 0);
    assert_non_null(strstr(one, "\n     2 "));
    assert_string_equal(one, three);
    assert_string_not_equal(one, other);
}

static void what_cannot_be_is_refused_in_one_line_with_a_hint(void **state) {
    char *folder = *state, empty[] = "/tmp";
    enum { TOKENS = 2 * HELD_OUT * T };
    check_refused((char *[]){"gpt", NULL}, "usage: gpt DIR");
    check_refused((char *[]){"gpt", folder, "--seeds", "1", NULL}, "usage: gpt DIR");
    check_refused((char *[]){"gpt", folder, "--seed", NULL}, "usage: gpt DIR");
    check_refused((char *[]){"gpt", folder, "--seed", "one", NULL}, "usage: gpt DIR");
    check_refused((char *[]){"gpt", empty, NULL}, "./sinklab data configs/demo.yaml --shards /tmp");
    write_shard(folder, "train", TOKENS, TOKENS + 1);
    check_refused((char *[]){"gpt", folder, NULL}, "cut");
    write_shard(folder, "train", TOKENS, -1);
    check_refused((char *[]){"gpt", folder, NULL}, "too short");
    memory_is_out =
        __builtin_cpu_supports("x86-64-v4"); /* where BLIS is told its kernels: others round otherwise */
    if (memory_is_out)
        check_ended(1, (char *[]){"gpt", folder, NULL}, "BLIS_ARCH_TYPE: Cannot allocate memory");
    memory_is_out = false;
}

static int folder_make_own(void **state) {
    char *folder = strdup("/tmp/sinklab-gpt-XXXXXX");
    *state = folder;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_drop(void **state) {
    char path[4096];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/data_%s_000000.bin", (char *)*state, i ? "val" : "train");
        remove(path);
    }
    rmdir(*state);
    free(*state);
    return 0;
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* a process with more could not fork */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_those_of_the_real_path),
        cmocka_unit_test(losses_and_gradients_are_the_same_without_bos),
        cmocka_unit_test(losses_and_gradients_are_the_same_with_a_norm_on_each_head),
        cmocka_unit_test(the_numbers_are_those_of_the_instruments),
        cmocka_unit_test(an_update_is_that_of_train_optim),
        cmocka_unit_test(the_recipe_is_that_of_the_demo),
        cmocka_unit_test_setup_teardown(a_seed_gives_the_same_figures_at_any_number_of_threads,
                                        folder_make_own, folder_drop),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused_in_one_line_with_a_hint, folder_make_own,
                                        folder_drop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
