/* Soft caps of scores and of logits (model.logit_cap, model.final_logit_cap): the losses of a naive forward
 * in double, the op and its slope, and what instruments read. Gradients of whole models:
 * tests/model/pass_test.c. */
#include "tests/model/naive_forward.h"
#include "tests/model/support.h"

#include "model/instruments/instrument.h"
#include "model/instruments/instrument_table.h"
#include "model/ops/ops.h"

#include <math.h>

enum { ROWS = 2, T = 13 };

static void losses_are_those_of_the_formula(void **state) {
    (void)state;
    static const double caps[][2] = {{0, 0}, {0.3, 0}, {0, 0.4}, {0.3, 0.4}, {50, 30}};
    double plain = 0;
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        ModelConfig c = naive_config();
        c.logit_cap = caps[i][0], c.final_logit_cap = caps[i][1];
        Rig r = rig_of(&c, ROWS, T, 3);
        Tape *t = rig_tape(&r, ROWS, false);
        Batch b = rig_batch(&r, 0, ROWS);
        double sum = 0;
        model_forward(r.m, t, &b);
        for (int row = 0; row < ROWS; row++) {
            Forward f = naive_forward(r.m, r.x + row * T, r.doc_start + row * T, T);
            for (int k = 0; k < T; k++) {
                int32_t y = r.y[row * T + k];
                if (y < 0) continue;
                double want = naive_loss(&f, f.L - 1, k, y), have = (double)tape_losses(t)[row * T + k];
                if (fabs(want - have) > 3e-6 * (1 + want)) fail_msg("%zu: %.9g, not %.9g", i, have, want);
                sum += have;
            }
            naive_free(&f);
        }
        if (!i) plain = sum;
        assert_true(!i || fabs(sum - plain) > 1e-4); /* a cap is felt */
        tape_free(t);
        rig_free(&r);
    }
}

/* After the last layer the logit lens is the model's own loss. */
static void the_logit_lens_is_capped_as_the_model_is(void **state) {
    (void)state;
    ModelConfig c = naive_config();
    c.final_logit_cap = 0.4;
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *t = rig_tape(&r, ROWS, false);
    Probe p = {.m = r.m, .rows = ROWS, .T = T, .y = r.y};
    Figures f = {0};
    float losses[ROWS * T];
    instruments_measure(&p, t, r.x, r.y, r.doc_start, HEAVY, &f, losses);
    double sum = 0;
    int scored = 0;
    for (int i = 0; i < ROWS * T; i++)
        if (r.y[i] >= 0) sum += (double)losses[i], scored++;
    double lens = figures_get(&f, "lens_loss", (int)c.layers - 1, -1);
    assert_true(fabs(lens - sum / scored) < 1e-5);
    figures_free(&f);
    tape_free(t);
    rig_free(&r);
}

static void a_cap_has_its_slope_and_leaves_what_is_beside_it(void **state) {
    (void)state;
    enum { LD = 40 };
    static const int sizes[] = {1, 7, 16, 17, 33};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        float x[2 * LD], y[2 * LD], slope[2 * LD];
        for (int k = 0; k < 2 * LD; k++) x[k] = y[k] = 0.37f * (float)(k - LD), slope[k] = 9;
        cap_forward(y, LD, 2, sizes[i], 2.5f, slope);
        for (int k = 0; k < 2 * LD; k++) {
            double want = 2.5 * tanh((double)x[k] / 2.5), s = 1 - pow(tanh((double)x[k] / 2.5), 2);
            bool in = k % LD < sizes[i];
            assert_true(in ? fabs((double)y[k] - want) < 2e-6 : y[k] == x[k]);
            assert_true(in ? fabs((double)slope[k] - s) < 2e-6 : slope[k] == 9);
        }
        for (int k = 0; k < 2 * LD; k++) x[k] = 2;
        cap_backward(x, LD, 2, sizes[i], slope);
        for (int k = 0; k < 2 * LD; k++) assert_true(x[k] == (k % LD < sizes[i] ? 2 * slope[k] : 2));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_are_those_of_the_formula),
                                       cmocka_unit_test(the_logit_lens_is_capped_as_the_model_is),
                                       cmocka_unit_test(a_cap_has_its_slope_and_leaves_what_is_beside_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
