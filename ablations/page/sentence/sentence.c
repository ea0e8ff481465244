/* Owns: the page's own sentence: who attends to whom in a row of tokens, by model/gpt.c's blocks, for a
 * browser (WebAssembly) that holds the weights as bfloat16. The classifier is not there: attention needs
 * none. Does not own: tokens (ablations/page/pieces.js), weights (ablations/page/sentence_model.c), drawing
 * (ablations/page/sentence.js). */
#include "ablations/page/sentence/sizes.h"

#define GPT_SIZES
enum {
    L = SENTENCE_LAYERS,
    D = SENTENCE_WIDTH,
    H = SENTENCE_HEADS,
    F = SENTENCE_MLP,
    T = SENTENCE_TOKENS,
    VOCAB = SENTENCE_VOCAB,
    ROWS = 1,
    PARTS = 1
};
#define main gpt_main
#include "model/gpt.c"
#undef main

#ifdef __wasm__
#define FOR_PAGE(name) __attribute__((export_name(#name)))
#else
#define FOR_PAGE(name)
#endif

enum { HEAD = VOCAB * D, PACKED = FLOATS - HEAD }; /* floats of the classifier; of all else */

static Weights weights;
static Pass pass;
static uint16_t row_tokens[T];
static unsigned char packed[2 * PACKED];

/* Where the page puts the weights: the high bytes of all, then the low ones, in the order of Weights. */
FOR_PAGE(packed_place) unsigned char *packed_place(void) {
    return packed;
}
FOR_PAGE(packed_bytes) int packed_bytes(void) {
    return sizeof packed;
}
FOR_PAGE(unpack) void unpack(void) {
    for (int i = 0; i < PACKED; i++) {
        uint32_t bits = (uint32_t)packed[i] << 24 | (uint32_t)packed[PACKED + i] << 16;
        memcpy((float *)&weights + i + (i < HEAD ? 0 : HEAD), &bits, sizeof bits); // head lies behind embed
    }
}

/* Where the page puts T tokens; a shorter row's others may be any, since no earlier token sees them. */
FOR_PAGE(tokens_place) uint16_t *tokens_place(void) {
    return row_tokens;
}
FOR_PAGE(attend_row) void attend_row(int head_norm) {
    pass.head_norm = head_norm;
    for (int n = 0; n < N; n++)
        memcpy(pass.block[0].x + n * D, weights.embed + row_tokens[n] * D, D * sizeof(float));
    for (int l = 0; l < L; l++) block(&pass, &weights, l);
}

/* A of a layer, (H, T, T), after attend_row. */
FOR_PAGE(map_place) const float *map_place(int layer) {
    return pass.block[layer].A;
}
