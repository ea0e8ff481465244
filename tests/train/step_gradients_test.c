/* What a training step tells of gradients: model/instruments/step_layer.c against the instruments of the same
 * rows and a naive root mean square, train/step_tensor.c against the optimiser's own norm and a second copy
 * of the weights; when (train/when_due.c); that training goes on as if nobody looked. */
#include "tests/model/support.h"

#include "model/instruments/instrument_table.h"
#include "model/kernels/gemm.h"
#include "train/config/conflicts.h"
#include "train/step.h"
#include "train/when_due.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { T = 16, ROWS = 40, LAYERS = 2, WIDTH = 16, VOCAB = 50 };

typedef struct Run {
    Config c;
    Trainer t;
} Run;

/* A trainer before its first step, its rows in place. */
static Run *open_run(const char *const more[][2], int n) {
    static const char *const small[][2] = {{"model.layers", "2"},    {"model.width", "16"},
                                           {"model.heads", "2"},     {"model.context", "16"},
                                           {"optim.warmup", "0"},    {"train.batch_tokens", "640"},
                                           {"data.mask", "document"}};
    enum { SMALL = sizeof small / sizeof *small };
    Run *r = calloc(1, sizeof *r);
    Error e = {0};
    assert_non_null(r);
    config_defaults(&r->c);
    for (int i = 0; i < SMALL + n; i++) {
        const char *const *one = i < SMALL ? small[i] : more[i - SMALL];
        assert_true(config_set(&r->c, one[0], one[1], "test", &e));
    }
    if (!config_check(&r->c, &e)) fail_msg("%s", e.text);
    r->c.model.vocab = VOCAB;
    if (!trainer_create(&r->t, &r->c, NULL, &e)) fail_msg("%s", e.text);
    model_init(r->t.model, 3);
    for (int i = 0; i < ROWS * T; i++) {
        r->t.rows.x[i] = i * i % 47;
        r->t.rows.y[i] = i % 5 == 3 ? -1 : (i + 1) * (i + 1) % 47;
        r->t.rows.doc_start[i] = i / T % 2 && i % T >= 6 ? 6 : 0; /* every other row has two documents */
    }
    return r;
}

static void close_run(Run *r) {
    trainer_free(&r->t);
    free(r);
}

static Figures layers_of(Run *r) {
    Figures f = {0};
    r->t.gradients = true;
    trainer_step(&r->t, 1);
    step_layer_take(&r->t.layers, &r->t.model->config, &f);
    return f;
}

static Figures layers_with(const char *key, const char *text) {
    Run *r = open_run((const char *const[][2]){{key, text}}, 1);
    Figures f = layers_of(r);
    close_run(r);
    return f;
}

static void assert_same(const Figures *a, const Figures *b) {
    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        assert_string_equal(a->at[i].name, b->at[i].name);
        if (memcmp(&a->at[i].value, &b->at[i].value, sizeof(double)))
            fail_msg("%s of layer %d: %.17g, %.17g", a->at[i].name, a->at[i].layer, a->at[i].value,
                     b->at[i].value);
    }
}

/* ---- layers ---- */

/* The same rows before the same weights: the instrument's own pass gives the same bits. */
static void a_step_sees_what_an_evaluation_would(void **state) {
    (void)state;
    Run *r = open_run(NULL, 0);
    Trainer *t = &r->t;
    OWNED float *scratch = model_arena(t->model);
    Probe p = {.m = t->model, .rows = ROWS, .T = T, .scratch = scratch};
    Figures want = {0};
    instruments_measure(&p, t->tape, t->rows.x, t->rows.y, t->rows.doc_start, HEAVY, &want, NULL);
    Figures got = layers_of(r);
    static const char *const names[] = {"gradient_sink", "stream_gradient_sink"};
    for (int l = 0; l < LAYERS; l++)
        for (int i = 0; i < 2; i++) {
            double a = figures_get(&want, names[i], l, -1), b = figures_get(&got, names[i], l, -1);
            assert_true(a > 0);
            assert_memory_equal(&a, &b, sizeof a);
        }
    figures_free(&want);
    figures_free(&got);
    close_run(r);
}

typedef struct Squares {
    double sum[LAYERS][2]; /* attention, MLP */
} Squares;

static void add_squares(void *self, const View *v) {
    Squares *s = self;
    for (int64_t n = 0; n < v->tokens; n++)
        for (int j = 0; j < v->width; j++)
            s->sum[v->layer][v->at == TAP_MLP_OUT] += pow((double)v->data[n * v->ld + j], 2);
}

static void writes_are_root_mean_squares(void **state) {
    (void)state;
    Run *r = open_run(NULL, 0);
    Trainer *t = &r->t;
    Squares s = {0};
    const Observer eye = {1u << TAP_ATTN_ADD | 1u << TAP_MLP_OUT, &s, add_squares, NULL};
    tape_observe(t->tape, (Observers){&eye, 1});
    for (int row = 0; row < ROWS; row++) {
        int at = row * T;
        model_forward(t->model, t->tape,
                      &(Batch){1, T, t->rows.x + at, t->rows.y + at, t->rows.doc_start + at, row});
    }
    Figures f = layers_of(r);
    for (int l = 0; l < LAYERS; l++)
        for (int i = 0; i < 2; i++) {
            double want = sqrt(s.sum[l][i] / (ROWS * T * WIDTH));
            double got = figures_get(&f, i ? "mlp_write" : "attn_write", l, -1);
            assert_true(want > 0 && fabs(got - want) <= 1e-6 * want);
        }
    figures_free(&f);
    close_run(r);
}

static void layers_depend_neither_on_threads_nor_on_rows_in_flight(void **state) {
    (void)state;
    Figures want = layers_with("train.micro_rows", "0");
    Figures fewer = layers_with("train.micro_rows", "16");
    omp_set_num_threads(2);
    Figures two = layers_with("train.micro_rows", "0");
    omp_set_num_threads(1);
    assert_same(&want, &fewer);
    assert_same(&want, &two);
    figures_free(&want);
    figures_free(&fewer);
    figures_free(&two);
}

/* ---- tensors ---- */

static double norm(const float *a, const float *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += pow((double)a[i] - (b ? (double)b[i] : 0), 2);
    return sqrt(sum);
}

static void assert_near(double got, double want) {
    if (!(fabs(got - want) <= 1e-6 * want)) fail_msg("%.17g is not %.17g", got, want);
}

/* Of every optimiser, under a clip that bites. */
static void tensors_move_as_their_norms_say(void **state) {
    (void)state;
    for (int i = 0; optimiser_name(i); i++) {
        const char *const more[][2] = {{"optim.name", optimiser_name(i)}, {"optim.clip", "0.01"}};
        Run *r = open_run(more, 2);
        Model *m = r->t.model;
        OWNED float *before = model_arena(m);
        memcpy(before, m->params, m->arena * sizeof *before);
        r->t.gradients = true;
        StepFigures f = trainer_step(&r->t, 1);
        double squares = 0, moved = 0;
        for (int k = 0; k < m->n_tensors; k++) {
            const Tensor *t = &m->tensors[k];
            const TensorNorms *n = &r->t.tensors.norms[k];
            int64_t size = t->rows * t->cols;
            assert_near(n->weight, norm(before + t->offset, NULL, size));
            assert_near(n->gradient, norm(r->t.grads + t->offset, NULL, size));
            assert_near(n->update, norm(m->params + t->offset, before + t->offset, size));
            moved += n->update;
            squares += n->gradient * n->gradient;
        }
        assert_true(moved > 0 && f.grad_norm > 0.01); /* the clip bites */
        assert_near(sqrt(squares), f.grad_norm);
        close_run(r);
    }
}

/* Plain descent moves a tensor by the rate times its gradient. */
static void an_update_of_plain_descent_is_the_rate_times_the_gradient(void **state) {
    (void)state;
    const char *const more[][2] = {{"optim.name", "sgd"},
                                   {"optim.beta1", "0"},
                                   {"optim.clip", "0"},
                                   {"optim.weight_decay", "0"},
                                   {"optim.lr", "100"}};
    Run *r = open_run(more, 5);
    r->t.gradients = true;
    StepFigures f = trainer_step(&r->t, 1);
    for (int k = 0; k < r->t.model->n_tensors; k++) {
        const TensorNorms *n = &r->t.tensors.norms[k];
        assert_true(fabs(n->update - f.lr * n->gradient) <= 1e-4 * n->update);
    }
    close_run(r);
}

/* ---- nobody is disturbed ---- */

static void training_goes_on_as_if_nobody_looked(void **state) {
    (void)state;
    Run *seen = open_run(NULL, 0), *alone = open_run(NULL, 0);
    for (int step = 1; step <= 4; step++) {
        seen->t.gradients = step != 3;
        StepFigures a = trainer_step(&seen->t, step), b = trainer_step(&alone->t, step);
        assert_memory_equal(&a, &b, sizeof a);
    }
    const Model *m = seen->t.model;
    assert_memory_equal(m->params, alone->t.model->params, m->arena * sizeof *m->params);
    close_run(seen);
    close_run(alone);
}

/* ---- when ---- */

static void assert_due(int64_t steps, int64_t every, const char *want) {
    char text[256] = "";
    for (int64_t s = 1; s <= steps; s++)
        if (when_due_gradients(s, steps, every)) sprintf(text + strlen(text), "%d ", (int)s);
    assert_string_equal(text, want);
}

static void gradients_are_due(void **state) {
    (void)state;
    assert_due(20, 5, "1 2 4 5 10 15 20 ");
    assert_due(7, 3, "1 2 3 6 7 ");
    assert_due(5, 1, "1 2 3 4 5 ");
    assert_due(40, 0, "1 2 4 8 16 32 40 ");
    assert_due(100, -1, "");
    int due = 0;
    for (int64_t s = 1; s <= 12800; s++) due += when_due_gradients(s, 12800, 0);
    assert_int_equal(due, 128 + 7); /* every 100, and seven powers of two below */
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_sees_what_an_evaluation_would),
        cmocka_unit_test(writes_are_root_mean_squares),
        cmocka_unit_test(layers_depend_neither_on_threads_nor_on_rows_in_flight),
        cmocka_unit_test(tensors_move_as_their_norms_say),
        cmocka_unit_test(an_update_of_plain_descent_is_the_rate_times_the_gradient),
        cmocka_unit_test(training_goes_on_as_if_nobody_looked),
        cmocka_unit_test(gradients_are_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
