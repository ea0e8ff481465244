/* model/penalty.c: slopes of planted weights on first keys. The gradient through a whole model, against the
 * penalty in double, is combinations_test.c's. */
#include "tests/model/support.h"

#include "model/penalty.h"

#include <math.h>

enum { H = 2, T = 3 };

/* One row, one layer; first: (H, T) weights on first keys. */
static void slopes(SinkPenalty penalty, float *first, const int32_t *doc_start, float d_mass[2 * H]) {
    Model m = {.config = {.layers = 1, .heads = H}};
    Tape t = {.rows = 1, .T = T, .penalty = penalty, .masses = first, .d_mass = d_mass};
    Batch b = {.rows = 1, .T = T, .doc_start = doc_start};
    Pass p = {.m = &m, .t = &t, .b = &b, .N = T};
    penalty_slopes(&p);
    assert_ptr_equal(penalty_d_mass(&p, 0), d_mass);
}

static void near(float got, double want) {
    if (!(fabs(got - want) <= 1e-6)) fail_msg("%g, not %g", (double)got, want);
}

static const int32_t one_document[T] = {0, 0, 0};

/* Gates .75 and .25: m = .5, sum (G - m)^2 = .125; d/dG_0 = 2 - 1, d/dG_1 = -2 - 1, dG/dA = -1/2. */
static void unequal_gates_are_pushed_together(void **state) {
    (void)state;
    float first[] = {1, 0.5f, 0, 1, 1, 0.5f}, d_mass[2 * H];
    slopes((SinkPenalty){.share = 0.5, .balance = 4}, first, one_document, d_mass);
    near(d_mass[0], 0);
    near(d_mass[1], -1);
    near(d_mass[2], 0);
    near(d_mass[3], 3);
}

static void equal_gates_are_left_alone(void **state) {
    (void)state;
    float first[] = {1, 0.5f, 0, 1, 0.25f, 0.25f}, d_mass[2 * H];
    slopes((SinkPenalty){.share = 1, .balance = 4}, first, one_document, d_mass);
    for (int i = 0; i < 2 * H; i++) near(d_mass[i], 0);
}

/* All mass on first keys: CV is 0 / 0. And documents of one token, in which no query has another key. */
static void gates_of_nothing_have_no_slope(void **state) {
    (void)state;
    float first[] = {1, 1, 1, 1, 1, 1}, d_mass[2 * H];
    const int32_t own[T] = {0, 1, 2};
    slopes((SinkPenalty){.share = 1, .balance = 4}, first, one_document, d_mass);
    for (int i = 0; i < 2 * H; i++) assert_true(d_mass[i] == 0);
    slopes((SinkPenalty){.share = 1, .balance = 4}, first, own, d_mass);
    for (int i = 0; i < 2 * H; i++) assert_true(d_mass[i] == 0);
}

/* Mean mass 4 / 6, to .5: 2 share c (4/6 - .5) / 6 for every weight. */
static void a_mass_is_pushed_to_its_target(void **state) {
    (void)state;
    float first[] = {1, 0.5f, 0, 1, 1, 0.5f}, d_mass[2 * H];
    slopes((SinkPenalty){.c = 3, .target = 0.5, .share = 0.5}, first, one_document, d_mass);
    for (int i = 0; i < 2 * H; i++) near(d_mass[i], 2 * 0.5 * 3 * (4.0 / 6 - 0.5) / 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unequal_gates_are_pushed_together), cmocka_unit_test(equal_gates_are_left_alone),
        cmocka_unit_test(gates_of_nothing_have_no_slope), cmocka_unit_test(a_mass_is_pushed_to_its_target)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
