/* The page's own sentence against the real path: the program that a browser runs, here compiled for this
 * machine, on the weights as the page packs them. tests/page/sentence_test.mjs is the same in a browser. */
#include "tests/model/support.h"

#include "ablations/page/sentence_model.h"
#include "ablations/probe/kept_weights.h"
#include "data/base/rng.h"

#define Weights GptWeights /* model/tap.h has another */
#include "ablations/page/sentence/sentence.c"
#undef Weights

/* The demo's model, or the one with a norm on each head's output. */
static Rig demo_rig(bool normed) {
    ModelConfig c = small_config(); /* the first row of every slot */
    Error e = {0};
    c.vocab = VOCAB, c.layers = L, c.width = D, c.heads = H, c.context = T, c.mlp_width = F;
    if (normed) c.head_out = row_named(SLOT_HEAD_OUT, "rmsnorm");
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return rig_of(&c, 1, T, 0);
}

static void take_weights(const Model *m) {
    Bytes b = {0};
    Error e = {0};
    assert_true(sentence_weights_pack(&b, m, &e));
    assert_int_equal(b.size, packed_bytes());
    memcpy(packed_place(), b.data, (size_t)b.size);
    unpack();
    bytes_free(&b);
}

static void round_weights(Model *m) {
    for (size_t i = 0; i < m->arena; i++) {
        uint32_t bits, low;
        memcpy(&bits, &m->params[i], 4);
        low = bits & 0xFFFF;
        bits = (bits & 0xFFFF0000u) + (low > 0x8000 || (low == 0x8000 && bits >> 16 & 1) ? 0x10000 : 0);
        memcpy(&m->params[i], &bits, 4);
    }
}

/* The largest weight of a later query, so that the maps are seen to be none of uniform attention; returned:
 * of a difference. */
static double difference(Rig *r, double *most) {
    double worst = 0;
    Tape *t = rig_tape(r, 1, false);
    KeptWeights k = weights_keep(r->m, 1, T, WEIGHTS_RAW);
    Observer eye = weights_observer(&k);
    tape_observe(t, (Observers){&eye, 1});
    model_forward(r->m, t, &(Batch){1, T, r->x, r->y, r->doc_start, 0});
    for (int l = 0; l < L; l++)
        for (int i = 0; i < H * T * T; i++) {
            float A = weights_of(&k, 0, l, 0)[i];
            double off = fabs((double)A - map_place(l)[i]);
            if (off > worst || isnan(off)) worst = off;
            *most = fmax(*most, i % (T * T) >= T * T / 2 ? A : 0);
        }
    weights_free(&k);
    tape_free(t);
    return worst;
}

static void its_maps_are_the_real_ones(void **state) {
    (void)state;
    for (int normed = 0; normed < 2; normed++) {
        Rig r = demo_rig(normed);
        double most = 0;
        for (int n = 0; n < T; n++)
            tokens_place()[n] = (uint16_t)(r.x[n] = (int32_t)rng_below(5, RNG_TEST, 0, (uint64_t)n, VOCAB));
        take_weights(r.m);
        round_weights(r.m);
        attend_row(normed);
        double worst = difference(&r, &most);
        if (!(worst < 1e-5)) fail_msg("maps differ by %g, most %g", worst, most);
        assert_true(most > 0.3);
        rig_free(&r);
    }
}

static void no_token_sees_a_later_one(void **state) {
    (void)state;
    enum { SHORT = 7 };
    static float before[L][H * T * T];
    Rig r = demo_rig(false);
    take_weights(r.m);
    memset(tokens_place(), 0, T * sizeof(uint16_t));
    attend_row(0);
    for (int l = 0; l < L; l++) memcpy(before[l], map_place(l), sizeof before[l]);
    for (int n = SHORT; n < T; n++) tokens_place()[n] = (uint16_t)(100 + n);
    attend_row(0);
    for (int l = 0; l < L; l++)
        for (int h = 0; h < H; h++)
            assert_memory_equal(before[l] + h * T * T, map_place(l) + h * T * T, SHORT * T * 4);
    rig_free(&r);
}

static void weights_are_rounded_to_the_nearest(void **state) {
    (void)state;
    static const float from[] = {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1.1p-8f, -0x1.01p-126f, 3.140625f},
                       to[] = {1, 1 + 0x1p-6f, 1 + 0x1p-7f, -0x1p-126f, 3.140625f};
    Rig r = demo_rig(false);
    float *embed = r.m->params + r.m->tensors[0].offset;
    memcpy(embed, from, sizeof from);
    take_weights(r.m);
    assert_memory_equal(weights.embed, to, sizeof to);
    assert_true(weights.norm_head[L - 1][DH - 1] == 1);
    rig_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_maps_are_the_real_ones),
        cmocka_unit_test(no_token_sees_a_later_one),
        cmocka_unit_test(weights_are_rounded_to_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
