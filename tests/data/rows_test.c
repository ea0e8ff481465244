/* Packing, masks and shuffling, on a corpus small enough to write its rows out. */
#include "tests/data/fixture.h"

#include "data/rows.h"

enum { B = 99 };

/* Three documents: 10 11 12 | 20 21 | 30 31 32 33 */
static const uint16_t token[] = {10, 11, 12, 20, 21, 30, 31, 32, 33};
static const int64_t start[] = {0, 3, 5, 9};

static Stream hand_written(int bos, int mask) {
    Stream s = {.token = token, .start = start, .documents = 3, .bos_id = B, .bos = bos, .mask = mask};
    s.length = stream_length(&s);
    return s;
}

typedef struct Written {
    int bos, mask;
    int64_t first;
    bool bos_first;
    int32_t x[4], y[4], doc_start[4];
} Written;

static const Written written[] = {
    {BOS_NONE, MASK_CAUSAL, 0, false, {10, 11, 12, 20}, {11, 12, 20, 21}, {0, 0, 0, 0}},
    {BOS_NONE, MASK_CAUSAL, 4, false, {21, 30, 31, 32}, {30, 31, 32, 33}, {0, 0, 0, 0}},
    {BOS_ROW, MASK_CAUSAL, 0, true, {B, 11, 12, 20}, {11, 12, 20, 21}, {0, 0, 0, 0}},
    {BOS_ROW, MASK_CAUSAL, 4, true, {B, 30, 31, 32}, {30, 31, 32, 33}, {0, 0, 0, 0}},
    {BOS_NONE, MASK_DOCUMENT, 0, false, {10, 11, 12, 20}, {11, 12, 20, 21}, {0, 0, 0, 3}},
    {BOS_NONE, MASK_DOCUMENT, 4, false, {21, 30, 31, 32}, {30, 31, 32, 33}, {0, 1, 1, 1}},
    {BOS_ROW, MASK_DOCUMENT, 2, true, {B, 20, 21, 30}, {20, 21, 30, 31}, {0, 1, 1, 3}},
    {BOS_DOCUMENT, MASK_CAUSAL, 0, false, {B, 10, 11, 12}, {10, 11, 12, B}, {0, 0, 0, 0}},
    {BOS_DOCUMENT, MASK_CAUSAL, 4, false, {B, 20, 21, B}, {20, 21, B, 30}, {0, 0, 0, 0}},
    {BOS_DOCUMENT, MASK_DOCUMENT, 3, false, {12, B, 20, 21}, {B, 20, 21, B}, {0, 1, 1, 1}},
    {BOS_DOCUMENT, MASK_DOCUMENT, 5, false, {20, 21, B, 30}, {21, B, 30, 31}, {0, 0, 2, 2}},
    {BOS_DOCUMENT, MASK_DOCUMENT, 7, false, {B, 30, 31, 32}, {30, 31, 32, 33}, {0, 0, 0, 0}},
};

static void rows_are_those_written_by_hand(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        const Written *w = &written[i];
        Stream s = hand_written(w->bos, w->mask);
        Rows r = rows_new(8);
        stream_row(&s, w->first, 4, w->bos_first, 1, &r);
        assert_memory_equal(r.x + 4, w->x, sizeof w->x);
        assert_memory_equal(r.y + 4, w->y, sizeof w->y);
        assert_memory_equal(r.doc_start + 4, w->doc_start, sizeof w->doc_start);
        assert_int_equal(r.x[0] | r.y[3] | r.doc_start[2], 0); /* the row before was not touched */
        rows_free(&r);
    }
}

static void lengths_rows_and_documents_are_counted(void **state) {
    (void)state;
    Stream none = hand_written(BOS_NONE, MASK_CAUSAL), document = hand_written(BOS_DOCUMENT, MASK_CAUSAL);
    assert_int_equal(none.length, 9);
    assert_int_equal(document.length, 12);
    assert_int_equal(stream_rows(&none, 4), 2); /* the token after the last row must be there */
    assert_int_equal(stream_rows(&none, 3), 2);
    assert_int_equal(stream_rows(&document, 4), 2);
    assert_int_equal(stream_documents(&none), 3);
    none.length = 3;
    assert_int_equal(stream_documents(&none), 1);
    none.length = 4;
    assert_int_equal(stream_documents(&none), 2);
    assert_int_equal(stream_block_size(1), 2048);
    assert_int_equal(stream_block_size(2048), 2048);
    assert_int_equal(stream_block_size(2049), 4096);
}

/* A stream whose token i is i: rows tell where they are from. */
enum { LONG = 23 * 2048 + 100 };

static Stream counting(uint16_t *memory, int64_t bounds[2]) {
    for (int i = 0; i < LONG; i++) memory[i] = (uint16_t)i;
    bounds[0] = 0, bounds[1] = LONG;
    return (Stream){.token = memory, .start = bounds, .documents = 1, .length = LONG, .bos = BOS_NONE};
}

static void an_epoch_shows_every_place_once(void **state) {
    (void)state;
    uint16_t *memory = malloc(LONG * sizeof *memory);
    int64_t bounds[2];
    Stream s = counting(memory, bounds);
    static const int lengths[] = {32, 48, 512, 2048, 3000};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        int T = lengths[k];
        int64_t rows = stream_epoch_rows(&s, T), size = stream_block_size(T);
        assert_int_equal(rows, (LONG - 1) / size * (size / T));
        for (int64_t epoch = 0; epoch < 6; epoch++) {
            s.deal = epoch < 3 ? 1 : 4; /* the last deal of 23 blocks is of three */
            char *seen = calloc(LONG, 1);
            for (int64_t i = 0; i < rows; i++) {
                int64_t at = stream_shuffled(&s, 5, epoch * rows + i, T);
                assert_true(at >= 0 && at + T < LONG && at % size % T == 0);
                assert_int_equal(seen[at]++, 0);
            }
            free(seen);
        }
    }
    free(memory);
}

static void epochs_and_seeds_have_orders_of_their_own(void **state) {
    (void)state;
    uint16_t *memory = malloc(LONG * sizeof *memory);
    int64_t bounds[2];
    Stream s = counting(memory, bounds);
    int same_epoch = 0, same_seed = 0, in_order = 0;
    for (int64_t block = 0; block < 23; block++) {
        int64_t at = stream_shuffled(&s, 1, block, 2048);
        same_epoch += at == stream_shuffled(&s, 1, 23 + block, 2048);
        same_seed += at == stream_shuffled(&s, 2, block, 2048);
        in_order += at == block * 2048;
    }
    assert_true(same_epoch < 8 && same_seed < 8 && in_order < 8);
    free(memory);
}

/* Step s of 2,048 tokens holds the same text whatever the context. */
static void a_step_shows_the_same_text_at_every_context(void **state) {
    (void)state;
    uint16_t *memory = malloc(LONG * sizeof *memory);
    int64_t bounds[2];
    Stream s = counting(memory, bounds);
    for (int64_t step = 0; step < 60; step++)
        for (int T = 32; T <= 2048; T *= 2) {
            int64_t rows = 2048 / T, begin = stream_shuffled(&s, 9, step, 2048);
            for (int64_t i = 0; i < rows; i++)
                assert_int_equal(stream_shuffled(&s, 9, step * rows + i, T), begin + i * T);
        }
    free(memory);
}

/* Dealt rows: the text of each deal is the same whatever the context, a step's rows come from many
 * of its blocks, and no two rows of one context hold the same place. */
static void dealt_rows_are_of_many_blocks_and_the_same_text(void **state) {
    (void)state;
    uint16_t *memory = malloc(LONG * sizeof *memory);
    int64_t bounds[2];
    Stream s = counting(memory, bounds), plain = s;
    s.deal = 8;
    for (int T = 32; T <= 2048; T *= 2) {
        int64_t rows = 8 * 2048 / T;
        for (int64_t deal = 0; deal < 2; deal++) {
            char *seen = calloc(LONG, 1);
            for (int64_t i = 0; i < rows; i++) seen[stream_shuffled(&plain, 9, deal * rows + i, T)] |= 1;
            for (int64_t i = 0; i < rows; i++) seen[stream_shuffled(&s, 9, deal * rows + i, T)] |= 2;
            for (int64_t i = 0; i < LONG; i++) assert_true(seen[i] == 0 || seen[i] == 3);
            free(seen);
        }
    }
    int blocks[23] = {0}, different = 0;
    for (int64_t i = 0; i < 64; i++) different += !blocks[stream_shuffled(&s, 9, i, 32) / 2048]++;
    assert_int_equal(different, 8);
    free(memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_written_by_hand),
        cmocka_unit_test(lengths_rows_and_documents_are_counted),
        cmocka_unit_test(an_epoch_shows_every_place_once),
        cmocka_unit_test(epochs_and_seeds_have_orders_of_their_own),
        cmocka_unit_test(a_step_shows_the_same_text_at_every_context),
        cmocka_unit_test(dealt_rows_are_of_many_blocks_and_the_same_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
