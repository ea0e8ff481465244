/* Owns: the sizes of the model that the page runs by itself: the demo's, for which sentence.c is compiled
 * once. Does not own: which run it is (ablations/page/sentence_model.h). */
#ifndef SINKLAB_SENTENCE_SIZES_H
#define SINKLAB_SENTENCE_SIZES_H

enum {
    SENTENCE_LAYERS = 4,
    SENTENCE_WIDTH = 128,
    SENTENCE_HEADS = 2,
    SENTENCE_MLP = 320,
    SENTENCE_TOKENS = 32, /* of a row, BOS among them */
    SENTENCE_VOCAB = 4096
};

#endif
