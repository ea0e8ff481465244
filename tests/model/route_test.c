/* Mixture of Depths: a routed block against a naive one in double that is given the picked tokens alone;
 * tokens that are passed over, to the bit; a router that says nothing. */
#include "tests/model/naive_forward.h"
#include "tests/model/support.h"

#include "model/instruments/instrument.h"
#include "model/kernels/gemm.h"
#include "model/tape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3, T = 11, PICKED = 5 };
static const double CAPACITY = 0.4; /* of 11 tokens 4.4, so 5 */

static Rig routed_rig(void) {
    ModelConfig c = naive_config();
    Error e = {0};
    c.depth_capacity = CAPACITY;
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return rig_of(&c, ROWS, T, 0);
}

/* A model of one layer: block 1 of m. */
static Model *second_block(const Model *m) {
    ModelConfig c = m->config;
    Error e = {0};
    Model *one;
    c.depth_capacity = 1;
    c.layers = 1;
    if (!model_create(&one, &c, true, &e)) fail_msg("%s", e.text);
    for (int i = 0; i < one->n_tensors; i++) {
        const Tensor *to = &one->tensors[i];
        const Tensor *from = model_tensor(m, to->layer < 0 ? -1 : 1, to->stage,
                                          (int)(to - model_tensor(one, to->layer, to->stage, 0)));
        memcpy(one->params + to->offset, m->params + from->offset,
               (size_t)(to->rows * to->cols) * sizeof(float));
    }
    return one;
}

/* The row's stream after the routed block, in place of that of the naive pass, which computes all tokens. */
static void route_naively(const Rig *r, const Model *block, Forward *f, bool *picked) {
    const Tensor *router = model_tensor(r->m, 1, STAGE_ROUTER, 0);
    int d = f->D, place[PICKED], found = 0;
    double score[T], xs[PICKED * d];
    const int32_t zero[PICKED] = {0};
    for (int t = 0; t < T; t++) {
        score[t] = 0;
        for (int i = 0; i < d; i++)
            score[t] += naive_at(f, f->x, d, 0, t)[i] * (double)r->m->params[router->offset + (size_t)i];
    }
    for (int t = 0; t < T; t++) {
        int larger = 0;
        for (int s = 0; s < T; s++) larger += score[s] > score[t];
        picked[t] = larger < PICKED;
        if (picked[t]) place[found++] = t;
    }
    assert_int_equal(found, PICKED);
    for (int n = 0; n < PICKED; n++)
        memcpy(xs + n * d, naive_at(f, f->x, d, 0, place[n]), (size_t)d * sizeof *xs);
    Forward g = naive_from(block, xs, zero, PICKED);
    for (int t = 0; t < T; t++)
        memcpy(naive_at(f, f->x, d, 1, t), naive_at(f, f->x, d, 0, t), (size_t)d * sizeof *xs);
    for (int n = 0; n < PICKED; n++)
        for (int i = 0; i < d; i++)
            naive_at(f, f->x, d, 1, place[n])[i] +=
                score[place[n]] * (naive_at(&g, g.x, d, 0, n)[i] - xs[n * d + i]);
    naive_free(&g);
}

typedef struct Streams {
    float *at[2]; /* (rows, T, d) after each block */
} Streams;

static void see(void *self, const View *v) {
    memcpy(((Streams *)self)->at[v->layer], v->data, (size_t)(v->tokens * v->width) * sizeof(float));
}

static void a_routed_block_computes_what_its_router_picks(void **state) {
    (void)state;
    Rig r = routed_rig();
    Model *block = second_block(r.m);
    Tape *tape = rig_tape(&r, ROWS, false);
    Batch b = rig_batch(&r, 0, ROWS);
    int d = (int)r.m->config.width;
    OWNED float *first = constants((size_t)(ROWS * T * d), 0), *second = constants((size_t)(ROWS * T * d), 0);
    OWNED double *want = calloc(ROWS * T, sizeof *want);
    Streams streams = {{first, second}};
    Observer eye = {1u << TAP_RESID, &streams, see, NULL};
    tape_observe(tape, (Observers){&eye, 1});
    model_forward(r.m, tape, &b);
    for (int row = 0; row < ROWS; row++) {
        bool picked[T];
        Forward f = naive_forward(r.m, r.x + row * T, r.doc_start + row * T, T);
        route_naively(&r, block, &f, picked);
        for (int t = 0; t < T; t++) {
            int32_t y = r.y[row * T + t];
            int64_t at = (int64_t)(row * T + t) * d;
            if (y >= 0) want[row * T + t] = naive_loss(&f, 1, t, y);
            bool same = !memcmp(first + at, second + at, (size_t)d * sizeof *first);
            assert_true(same == !picked[t]); /* what is passed over stays to the bit */
        }
        naive_free(&f);
    }
    check_close("losses", tape_losses(tape), want, ROWS * T, 512);
    tape_free(tape);
    model_free(block);
    rig_free(&r);
}

/* A router of zeros picks the first tokens, and makes nothing of them. */
static void a_silent_router_leaves_the_stream(void **state) {
    (void)state;
    Rig r = routed_rig();
    Tape *tape = rig_tape(&r, ROWS, true);
    Batch b = rig_batch(&r, 0, ROWS);
    const Tensor *router = model_tensor(r.m, 1, STAGE_ROUTER, 0);
    OWNED float *grads = model_arena(r.m);
    for (int64_t i = 0; i < router->rows; i++) r.m->params[router->offset + (size_t)i] = 0;
    model_train(r.m, tape, &b, 1, grads);
    for (int n = 0; n < ROWS * PICKED; n++) assert_int_equal(tape->acts[1].place[n], n % PICKED);
    assert_memory_equal(tape->acts[2].x, tape->acts[1].x,
                        (size_t)(ROWS * T * r.m->config.width) * sizeof(float));
    double moved = 0; /* yet it learns */
    for (int64_t i = 0; i < router->rows; i++) moved += fabs((double)grads[router->offset + (size_t)i]);
    assert_true(moved > 0);
    assert_null(model_tensor(r.m, 0, STAGE_ROUTER, 0));
    tape_free(tape);
    rig_free(&r);
}

/* Figures of what a routed block shows to nobody are missing there, and are in no mean. */
static void a_routed_layer_has_figures_of_the_stream_alone(void **state) {
    (void)state;
    Rig r = routed_rig();
    Tape *tape = rig_tape(&r, ROWS, true);
    Figures f = {0};
    OWNED float *scratch = model_arena(r.m);
    Probe p = {.m = r.m, .rows = ROWS, .T = T, .scratch = scratch};
    instruments_measure(&p, tape, r.x, r.y, r.doc_start, LIGHT | HEAVY, &f, NULL);
    static const char *const inside[] = {"sink_mass",  "mixing",        "gate_cv2",    "super_ratio",
                                         "attn_write", "gradient_sink", "sink_rate_03"};
    static const char *const stream[] = {"norm_ratio",      "massive_top",   "entropy",   "kurtosis",
                                         "dom_ratio_first", "rank_collapse", "lens_loss", "residual_sink"};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++) {
        assert_true(figures_get(&f, inside[i], 0, -1) >= 0);
        assert_true(isnan(figures_get(&f, inside[i], 1, -1)));
    }
    for (size_t i = 0; i < sizeof stream / sizeof *stream; i++)
        for (int l = 0; l < 2; l++)
            if (isnan(figures_get(&f, stream[i], l, -1))) fail_msg("%s of layer %d", stream[i], l);
    for (int i = 0; i < f.n; i++) /* no event would be true of them, but of what random rows alone have */
        if (isnan(f.at[i].value))
            fail_msg("%s %d %d is undefined", f.at[i].name, f.at[i].layer, f.at[i].head);
    assert_true(figures_get(&f, "sink_mass", -1, -1) == figures_get(&f, "sink_mass", 0, -1));
    assert_true(figures_get(&f, "sink_rate_03", -1, -1) == figures_get(&f, "sink_rate_03", 0, -1));
    double picked = figures_get(&f, "first_picked", 1, -1), want = 0;
    for (int row = 0; row < ROWS; row++) want += (tape->acts[1].place[row * PICKED] == 0) / (double)ROWS;
    assert_true(fabs(picked - want) < 1e-12 && isnan(figures_get(&f, "first_picked", 0, -1)));
    figures_free(&f);
    tape_free(tape);
    rig_free(&r);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_routed_block_computes_what_its_router_picks),
        cmocka_unit_test(a_silent_router_leaves_the_stream),
        cmocka_unit_test(a_routed_layer_has_figures_of_the_stream_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
