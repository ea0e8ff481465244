/* model/ops/position.c: rotation on halves and learned vectors, against the formula and its
 * central differences. */
#include "tests/model/support.h"

#include "model/ops/ops.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int B, T, vectors, dh, ld; /* learned vectors: width ld */
    Rope rope;                 /* dims 0: dh, base 10,000 */
} Shape;

static const Shape shapes[] = {
    {1, 1, 1, 2, 2, {0}},
    {1, 7, 2, 4, 9, {0}},
    {2, 33, 4, 12, 72, {0}},
    {2, 100, 2, 6, 17, {0}},
    {1, 64, 4, 64, 384, {0}},
    {2, 33, 4, 12, 72, {.dims = 4, .theta = 500000}},
    {1, 64, 2, 16, 32, {.dims = 16, .theta = 1e6, .scaling = SCALING_LINEAR, .factor = 4}},
    {1, 64, 2, 64, 128, {64, 500000, SCALING_LLAMA3, 8, 32, 1, 4}},
    {1, 64, 2, 64, 128, {64, 10000, SCALING_YARN, 4, 16, 1, 32}}};

/* As transformers' modeling_rope_utils.py has it, by wavelengths: the inverse frequencies of pair i. */
static double naive_rate(const Rope *r, int i) {
    double inverse = 1 / pow(r->theta, 2.0 * i / r->dims), wavelength = 2 * M_PI / inverse;
    double original = (double)r->original;
    if (r->scaling == SCALING_LINEAR) return inverse / r->factor;
    if (r->scaling == SCALING_LLAMA3) {
        if (wavelength < original / r->high) return inverse;
        if (wavelength > original / r->low) return inverse / r->factor;
        double smooth = (original / wavelength - r->low) / (r->high - r->low);
        return (1 - smooth) * inverse / r->factor + smooth * inverse;
    }
    if (r->scaling != SCALING_YARN) return inverse;
    double of[2], bounds[] = {r->high, r->low};
    for (int k = 0; k < 2; k++)
        of[k] = r->dims * log(original / (bounds[k] * 2 * M_PI)) / (2 * log(r->theta));
    double low = floor(of[0]) > 0 ? floor(of[0]) : 0;
    double high = ceil(of[1]) < r->dims - 1 ? ceil(of[1]) : r->dims - 1;
    if (low == high) high += 0.001;
    double ramp = (i - low) / (high - low);
    ramp = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
    return inverse / r->factor * ramp + inverse * (1 - ramp);
}

static Rope rope_of(const Shape *s) {
    return s->rope.dims ? s->rope : (Rope){.dims = s->dh, .theta = 10000};
}

static void naive_rope(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    Rope r = rope_of(s);
    int half = r.dims / 2;
    double length = r.scaling == SCALING_YARN ? 0.1 * log(r.factor) + 1 : 1;
    memcpy(out, in[0], sizeof(double) * (size_t)(s->B * s->T * s->ld));
    for (int n = 0; n < s->B * s->T; n++)
        for (int h = 0; h < s->vectors; h++)
            for (int i = 0; i < half; i++) {
                size_t a = (size_t)(n * s->ld + h * s->dh + i), b = a + (size_t)half;
                double angle = n % s->T * naive_rate(&r, i), c = length * cos(angle), z = length * sin(angle);
                out[a] = c * in[0][a] - z * in[0][b];
                out[b] = z * in[0][a] + c * in[0][b];
            }
}

static void check_rope(const Shape *s) {
    size_t n = (size_t)(s->B * s->T * s->ld);
    OWNED float *x = normals(1, n, 1), *y = normals(1, n, 1), *dy = normals(2, n, 1), *dx = normals(2, n, 1);
    OWNED float *rotation = constants((size_t)(s->T * s->dh), 0);
    const float *in[] = {x};
    Naive f = {s, naive_rope, 1, {n}, n};

    Rope r = rope_of(s);
    rope_table(rotation, s->T, &r);
    rope_turn(y, s->ld, s->B, s->T, NULL, s->vectors, s->dh, r.dims, rotation, 1);
    check_forward(&f, in, y, 3); /* cosine, product, difference */
    rope_turn(dx, s->ld, s->B, s->T, NULL, s->vectors, s->dh, r.dims, rotation, -1);
    check_gradient(&f, in, dy, 0, dx, 0, 3);
}

static void rope_turns_as_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_rope(&shapes[i]);
}

/* Llama 3.1's own numbers: the fastest pair keeps its rate, the slowest is divided by 8, and the first pair
 * past 8192 / 4 places a turn is between. */
static void llama3_scales_the_slow_pairs_alone(void **state) {
    (void)state;
    Rope r = {128, 500000, SCALING_LLAMA3, 8, 8192, 1, 4}, plain = {.dims = 128, .theta = 500000};
    assert_true(rope_rate(&r, 0) == 1);
    assert_true(rope_rate(&r, 63) == rope_rate(&plain, 63) / 8);
    int same = 0, divided = 0;
    for (int i = 0; i < 64; i++) {
        same += rope_rate(&r, i) == rope_rate(&plain, i);
        divided += rope_rate(&r, i) == rope_rate(&plain, i) / 8;
    }
    /* 500000^(2i/128) < 2048 / 2 pi up to i = 28.2; > 8192 / 2 pi from 34.98 on */
    assert_int_equal(same, 29);
    assert_int_equal(divided, 64 - 35);
}

static void naive_learned(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int b = 0; b < s->B; b++)
        for (int i = 0; i < s->T * s->ld; i++)
            out[b * s->T * s->ld + i] = in[0][b * s->T * s->ld + i] + in[1][i];
}

static void check_learned(const Shape *s) {
    size_t n = (size_t)(s->B * s->T * s->ld), m = (size_t)(s->T * s->ld);
    OWNED float *x = normals(1, n, 1), *y = normals(1, n, 1), *P = normals(3, m, 1), *dy = normals(2, n, 1);
    OWNED float *dP = constants(m, 0.5f);
    const float *in[] = {x, P};
    Naive f = {s, naive_learned, 2, {n, m}, n};

    learned_forward(y, P, s->B, s->T, s->ld);
    check_forward(&f, in, y, 1);
    learned_backward(dy, dP, s->B, s->T, s->ld);
    check_gradient(&f, in, dy, 1, dP, 0.5f, s->B);
    check_gradient(&f, in, dy, 0, dy, 0, 1); /* what the model relies on: dx is dy */
}

static void learned_positions_follow_their_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_learned(&shapes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rope_turns_as_its_formula_in_every_shape),
        cmocka_unit_test(llama3_scales_the_slow_pairs_alone),
        cmocka_unit_test(learned_positions_follow_their_formula_in_every_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
