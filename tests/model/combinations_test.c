/* Slots and keys are orthogonal: 200 legal combinations drawn from a fixed seed, every one of them tiny; with
 * arguments, as many as wanted from any (make test-long). For each: the whole model's gradient (with a
 * penalty where there is one) along a random direction, judged as slope.h says; the same bits and the same
 * key after saving and loading; and ten updates on one batch, in which the loss falls by a twentieth or more.
 */
#include "tests/model/slope.h"

#include "data/base/files.h"
#include "data/base/rng.h"
#include "model/kernels/gemm.h"
#include "model/slots.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/config.h"
#include "train/config/conflicts.h"
#include "train/context_schedule.h"
#include "train/optim/optim.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DRAWS = 200,
    REDRAWS = 100,
    ROWS = 3,
    LAYERS = 2,
    HEADS = 2,
    T = 16,
    FEW = 9,
    UPDATES = 10,
    SLOW_UPDATES = 100,
    VALUES = 8,
    VOCAB = 41
};
static const double FALL = 0.05; /* of the loss at least, in UPDATES */

/* Keys and what may be drawn for them: every row of a table, or a few texts. */
static const struct {
    const char *key;
    const char *(*names)(int);
    const char *values[VALUES];
    SlotKind slot;
} switches[] = {
    {"model.attention", .slot = SLOT_ATTENTION},
    {"model.head_out", .slot = SLOT_HEAD_OUT},
    {"model.qk", .slot = SLOT_QK},
    {"model.position", .slot = SLOT_POSITION},
    {"model.norm", .slot = SLOT_NORM},
    {"model.norm_kind", .slot = SLOT_NORM_KIND},
    {"model.mlp", .slot = SLOT_MLP},
    {"model.init", .names = init_name},
    {"optim.name", .names = optimiser_name},
    {"model.kv_heads", .values = {"0", "1"}},
    {"model.sink_heads", .values = {"[]", "[]", "[1]"}},
    {"model.window", .values = {"0", "0", "5"}},
    {"model.window_keep", .values = {"0", "2"}},
    {"model.prefix", .values = {"0", "0", "6"}},
    {"model.value_residual", .values = {"0", "0.5"}},
    {"model.head_out_gain", .values = {"shared", "head"}},
    {"model.clip_gamma", .values = {"-0.03", "-0.03", "-0.03", "-0.1"}},
    {"model.bias", .values = {"false", "true"}},
    {"model.tie", .values = {"false", "true"}},
    {"train.sink_penalty", .values = {"0", "0", "-3", "3"}},
    {"model.value_scale", .values = {"false", "true"}},
    {"model.logit_cap", .values = {"0", "0", "0.7"}},
    {"model.final_logit_cap", .values = {"0", "0", "2"}},
    {"model.residual_clip", .values = {"0", "0", "0", "3"}},
    {"model.depth_capacity", .values = {"1", "1", "1", "0.4"}},
    {"train.gate_balance", .values = {"0", "0", "3"}},
    {"optim.decay_on", .values = {"matrices", "all", "input_gains"}},
    {"train.loss_from", .values = {"5", "0"}},
    {"train.context_schedule", .values = {"[]", "[]", "0:8, 5:16"}},
    {"model.interventions", .values = {"[]", "[]", "['drop_mlp(0, 0)', 'replace_first(7)']",
                                       "['zero_column(0)', 'amplify(4, 2, positions)']", "amplify(3, 2)",
                                       "['scale(4, 3)', 'self_only(6)']", "head_off(1, 1)",
                                       "['unit_off(0, 3)', 'logit_bias(0, -2)', 'weight_off(1, 2, 3)']"}},
};
enum { SWITCHES = sizeof switches / sizeof *switches };

static const char *choice_of(int s, int i) {
    if (switches[s].slot) return slot_row(switches[s].slot, i)->name;
    return switches[s].names ? switches[s].names(i) : i < VALUES ? switches[s].values[i] : NULL;
}

static const char *value_of(int s, uint64_t pick) {
    int n = 0;
    while (choice_of(s, n)) n++;
    return choice_of(s, (int)(pick % (uint64_t)n));
}

static void set(Config *c, const char *key, const char *text) {
    Error e = {0};
    if (!config_set(c, key, text, "test", &e)) fail_msg("%s", e.text);
}

/* The draw-th combination; false where it is refused, which must be by the name of a key. */
static bool draw_config(Config *c, uint64_t seed, uint64_t draw) {
    static const char *const size[][2] = {
        {"model.layers", "2"},   {"model.width", "24"},     {"model.heads", "2"},
        {"model.context", "16"}, {"model.mlp_width", "20"}, {"train.batch_tokens", "48"},
        {"train.steps", "10"},   {"optim.warmup", "0"},     {"data.vocab", "41"}};
    Error e = {0};
    config_defaults(c);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) set(c, size[i][0], size[i][1]);
    for (int s = 0; s < SWITCHES; s++)
        set(c, switches[s].key, value_of(s, rng_bits(seed, RNG_TEST, draw, (uint64_t)s)));
    /* Of order one: DyT does not enlarge the stream, and descent would hardly see it at 0.02. */
    if (strcmp(init_name(c->model.init), "scaled")) set(c, "model.embedding_std", "1");
    if (config_check(c, &e)) {
        c->model.vocab = VOCAB;
        return true;
    }
    assert_int_equal(e.code, EXIT_USAGE);
    assert_true(!strncmp(e.text, "model.", 6) || !strncmp(e.text, "train.", 6) ||
                !strncmp(e.text, "optim.", 6));
    return false;
}

static void name_of(const Config *c, uint64_t draw, char *text, size_t room) {
    int used = snprintf(text, room, "draw %d:", (int)draw);
    for (int s = 0; s < SWITCHES; s++) {
        char value[128] = "";
        config_get(c, switches[s].key, value, sizeof value);
        used += snprintf(text + used, room - (size_t)used, " %s", value);
    }
}

/* ---- the gradient ---- */

typedef struct Case {
    const Config *c;
    Rig r;
    Tape *tape;
    Tape *narrow;                /* of the first context of a schedule; NULL: there is one */
    int32_t doc_start[ROWS * T]; /* of the same tokens in its shorter rows */
    SinkPenalty penalty;
    int documents; /* tokens of one, 0: no mask */
    Kinks kinks;
    const char *name;
} Case;

/* Whether the drawn weights told; r's rows are fewer and shorter where the loss has kinks. */
static bool told(const Case *k, Rig *r, Tape *tape, uint64_t draw) {
    const Model *m = r->m;
    OWNED float *g = model_arena(m), *v = model_arena(m);
    double mass[2 * ROWS * LAYERS * HEADS], reach = INFINITY, D = 0;
    RigLoss loss = {r, tape, rig_batch(r, 0, r->rows), k->penalty, mass, k->kinks, 0};
    rig_draw(r, draw);
    model_train(m, tape, &loss.batch, 1.0f / (float)rig_scored(&loss.batch), g);
    for (int i = 0; i < m->n_tensors; i++) D += tilt(m, &m->tensors[i], g, v, &reach);
    Line line = {m->params, v, m->arena, rig_loss, &loss, rig_sides(&loss)};
    return check_slope(&line, reach, D, k->name);
}

static void check_gradient_of(const Case *k) {
    bool small = kinky(k->kinks), seen = false;
    Rig r = rig_of(&k->c->model, small ? 1 : ROWS, small ? FEW : T, k->documents);
    Tape *tape = rig_tape(&r, r.rows, true);
    if (penalises(k->penalty)) assert_true(tape_penalise(tape, r.m, k->penalty, NULL));
    for (uint64_t draw = 0; draw < REDRAWS && !seen; draw++) seen = told(k, &r, tape, draw);
    if (!seen) fail_msg("%s: noise hides the slope in %d draws", k->name, REDRAWS);
    tape_free(tape);
    rig_free(&r);
}

/* ---- saving and loading ---- */

static void check_saved(const Case *k, const OptimState *o) {
    char folder[] = "/tmp/sinklab-combination-XXXXXX", path[1024];
    Config again;
    Model *m = NULL;
    int64_t step = 0;
    Error e = {0};
    assert_non_null(mkdtemp(folder));
    if (!checkpoint_save(folder, 10, k->c, &(Origin){"key", "", ""}, k->r.m, o, path, &e) ||
        !checkpoint_open(path, &again, &m, &step, &e))
        fail_msg("%s: %s", k->name, e.text);
    OWNED char *was = config_json(k->c, false), *is = config_json(&again, false);
    assert_string_equal(was, is);
    assert_int_equal(step, 10);
    assert_int_equal(m->arena, k->r.m->arena);
    assert_memory_equal(m->params, k->r.m->params, m->arena * sizeof *m->params);
    model_free(m);
    folder_remove(folder);
}

/* ---- learning ---- */

/* DyT in place of the norms after the sums halves the stream at each of them, and nothing enlarges it before
 * the classifier: plain descent, whose steps follow the gradient's size, then needs more of them. */
static int updates_of(const Config *c) {
    bool shrinks = !strcmp(slot_row(SLOT_NORM, c->model.norm)->name, "post") &&
                   !strcmp(slot_row(SLOT_NORM_KIND, c->model.norm_kind)->name, "dyt");
    return shrinks && !strcmp(optimiser_name(c->optim.name), "sgd") ? SLOW_UPDATES : UPDATES;
}

/* The same tokens at every step, in rows as long as the schedule has them. */
static Batch batch_at(const Case *k, int64_t step, Tape **tape) {
    int length = contexts_at(k->c, step);
    *tape = length < T ? k->narrow : k->tape;
    return (Batch){ROWS * T / length, length, k->r.x, k->r.y, length < T ? k->doc_start : k->r.doc_start, 0};
}

static double mean_loss(const Case *k, const Batch *b) {
    double sum = 0;
    model_forward(k->r.m, k->tape, b);
    for (int n = 0; n < ROWS * T; n++) sum += tape_losses(k->tape)[n];
    return sum / rig_scored(b);
}

/* From the weights that a run starts with. */
static void check_learning(Case *k) {
    OptimState o;
    assert_true(optim_create(&o, &k->c->optim, k->r.m, 1, NULL, NULL));
    OWNED float *g = model_arena(k->r.m);
    Batch b = rig_batch(&k->r, 0, ROWS);
    double lr = !strcmp(optimiser_name(k->c->optim.name), "sgd") ? 0.3 : 1e-2;
    model_init(k->r.m, 3);
    double first = mean_loss(k, &b);
    for (int step = 1; step <= updates_of(k->c); step++) {
        Tape *tape;
        Batch now = batch_at(k, step, &tape);
        memset(g, 0, k->r.m->arena * sizeof *g);
        model_train(k->r.m, tape, &now, 1.0f / (float)rig_scored(&b), g);
        optim_update(&o, &k->c->optim, k->r.m, g, step, lr);
    }
    double last = mean_loss(k, &b);
    if (!(last <= (1 - FALL) * first)) fail_msg("%s: loss %.4f after %.4f", k->name, last, first);
    check_saved(k, &o);
    optim_free(&o);
}

static Tape *tape_of(const Case *k, int length) {
    Tape *t = NULL;
    Error e = {0};
    int rows = ROWS * T / length;
    SinkPenalty p = k->penalty;
    p.share = 1.0 / rows;
    if (!tape_create(&t, k->r.m, rows, length, true, &e)) fail_msg("%s", e.text);
    if (penalises(p)) assert_true(tape_penalise(t, k->r.m, p, NULL));
    return t;
}

static void open_case(Case *k) {
    int shortest = contexts_at(k->c, 1);
    k->r = rig_of(&k->c->model, ROWS, T, k->documents);
    k->penalty = (SinkPenalty){k->c->train.sink_penalty, 0.3, 1.0 / ROWS, k->c->train.gate_balance};
    k->tape = tape_of(k, T);
    if (shortest < T) k->narrow = tape_of(k, shortest);
    for (int i = 0; k->documents && i < ROWS * T; i++)
        k->doc_start[i] = i % shortest / k->documents * k->documents;
}

static void close_case(Case *k) {
    tape_free(k->tape);
    tape_free(k->narrow);
    rig_free(&k->r);
}

typedef struct Draws {
    uint64_t seed;
    int count;
} Draws;

static void any_legal_combination_has_its_gradient_and_learns(void **state) {
    const Draws *d = *state;
    int legal = 0;
    uint64_t draw = 0;
    for (; legal < d->count; draw++) {
        Config c;
        char name[1024];
        if (!draw_config(&c, d->seed, draw)) continue;
        legal++;
        name_of(&c, draw, name, sizeof name);
        Case k = {.c = &c, .documents = draw % 2 ? 8 : 0, .kinks = kinks_of(&c.model), .name = name};
        open_case(&k);
        check_gradient_of(&k);
        check_learning(&k);
        close_case(&k);
    }
    assert_true(draw < 40 * (uint64_t)d->count); /* most of what is refused comes from one key of twenty */
}

/* Without arguments the fixed 200; else COUNT of SEED. */
int main(int argc, char **argv) {
    Draws d = {argc > 1 ? strtoull(argv[1], NULL, 10) : 9, argc > 2 ? atoi(argv[2]) : DRAWS};
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    printf("seed %llu, %d combinations\n", (unsigned long long)d.seed, d.count);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(any_legal_combination_has_its_gradient_and_learns, &d)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
