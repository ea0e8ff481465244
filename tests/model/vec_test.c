/* model/kernels/vec.h: the exponential over its range and past it, the lanes' helpers. */
#include "tests/model/support.h"

#include "model/kernels/vec.h"

#include <math.h>
#include <string.h>

static float exp_of(float x) {
    return vf_exp(vf_all(x))[0];
}

/* Distance in units of the last place of the true value. */
static double ulps(float got, double want) {
    int exponent;
    frexp(want, &exponent);
    return fabs(got - want) / ldexp(1, exponent - 24);
}

/* The polynomial and the two-part reduction promise about 2 ulp. */
static void exp_is_accurate_to_two_ulp(void **state) {
    (void)state;
    enum { POINTS = 1 << 20 };
    double worst = 0;
    for (int i = 0; i <= POINTS; i++) {
        float x = (float)(-87.0 + 175.0 * i / POINTS);
        double u = ulps(exp_of(x), exp((double)x));
        worst = u > worst ? u : worst;
    }
    if (!(worst <= 2)) fail_msg("worst %g ulp", worst);
    assert_true(exp_of(0) == 1 && exp_of(-0.0f) == 1);
}

static void exp_past_its_range_is_zero_or_infinity(void **state) {
    (void)state;
    const float low[] = {-87.01f, -88, -104, -1e4f, -3e38f, -INFINITY};
    const float high[] = {88.01f, 89, 1e4f, 3e38f, INFINITY};
    for (size_t i = 0; i < sizeof low / sizeof *low; i++) assert_true(exp_of(low[i]) == 0);
    for (size_t i = 0; i < sizeof high / sizeof *high; i++) assert_true(exp_of(high[i]) == INFINITY);
}

/* Of any sign and payload: the payload must not end up in the exponent. */
static void exp_of_any_nan_is_nan(void **state) {
    (void)state;
    const uint32_t bits[] = {0x7fc00000, 0xffc00000, 0x7fc00001, 0xffc000ff, 0x7fffffff};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        float x;
        memcpy(&x, &bits[i], sizeof x);
        assert_true(isnan(exp_of(x)));
    }
}

static void sigmoid_is_accurate_and_ends_at_zero_and_one(void **state) {
    (void)state;
    for (int i = -1000; i <= 1000; i++) {
        float x = (float)i * 0.05f, got = vf_sigmoid(vf_all(x))[0];
        double want = 1 / (1 + exp(-(double)x));
        assert_true(fabs(got - want) <= 4 * 0x1p-24 * want);
    }
    assert_true(vf_sigmoid(vf_all(-1e30f))[0] == 0 && vf_sigmoid(vf_all(1e30f))[0] == 1);
}

static void lanes_are_picked_compared_and_summed(void **state) {
    (void)state;
    vf x;
    for (int i = 0; i < VW; i++) x[i] = (float)(i * i - 20);
    vf other = vf_all(3), picked = vf_pick(vi_lanes() < 2, x, other), larger = vf_max(x, other);
    double sum = 0;
    for (int i = 0; i < VW; i++) {
        assert_true(picked[i] == (i < 2 ? x[i] : 3));
        assert_true(larger[i] == (x[i] > 3 ? x[i] : 3));
        sum += x[i];
    }
    assert_true(vf_sum(x) == (float)sum); /* small integers: exact in any order */
    for (int top = 0; top < VW; top++) {
        vf y = vf_all(-5);
        y[top] = -4;
        assert_true(vf_highest(y) == -4);
    }
}

static void parts_of_a_vector_touch_nothing_else(void **state) {
    (void)state;
    float from[2 * VW];
    for (int i = 0; i < 2 * VW; i++) from[i] = (float)(i + 1);
    for (int n = 1; n <= VW + 1; n++) {
        float to[2 * VW];
        for (int i = 0; i < 2 * VW; i++) to[i] = -1;
        vf x = vf_load_part(from, n);
        for (int i = 0; i < VW; i++) assert_true(x[i] == (i < n ? from[i] : 0));
        vf_store_part(to, vf_load(from), n);
        for (int i = 0; i < 2 * VW; i++) assert_true(to[i] == (i < n && i < VW ? from[i] : -1));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_accurate_to_two_ulp),
        cmocka_unit_test(exp_past_its_range_is_zero_or_infinity),
        cmocka_unit_test(exp_of_any_nan_is_nan),
        cmocka_unit_test(sigmoid_is_accurate_and_ends_at_zero_and_one),
        cmocka_unit_test(lanes_are_picked_compared_and_summed),
        cmocka_unit_test(parts_of_a_vector_touch_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
