/* Owns: the model that the page shows a reader's own sentence by: which run's, its weights as bfloat16, its
 * tokenizer, its program for the browser. Does not own: what it computes (ablations/page/sentence/), where it
 * stands in the page (ablations/page/page.c). */
#ifndef SINKLAB_SENTENCE_MODEL_H
#define SINKLAB_SENTENCE_MODEL_H

#include "data/base/bytes.h"
#include "train/config/config.h"
#include "train/store/store.h"

/* Which model: `word` names a run by the start of its key, or a checkpoint; NULL: a done baseline, else any
 * done run, whose checkpoint is kept and is a model that the browser's program is for. cache: of prepared
 * tokens. */
typedef struct SentenceSource {
    const char *word, *cache;
} SentenceSource;

typedef struct SentenceModel {
    char name[128], key[33]; /* the run's label or variant; "": of a checkpoint that no run wrote */
    int64_t step;
    bool head_norm;
    int32_t bos;     /* with which its rows begin; -1: with none */
    Bytes program;   /* WebAssembly */
    Bytes weights;   /* sentence_weights_pack, which sentence/sentence.c unpacks */
    Bytes tokenizer; /* SentencePiece's tokenizer.model */
} SentenceModel;

/* folder: of the page's parts. An error says why there is none; then there is nothing to free. */
bool sentence_model_read(SentenceModel *out, Store *s, const char *sweep, const SentenceSource *from,
                         const char *folder, Error *e);
void sentence_model_free(SentenceModel *m);

/* Appends the weights of such a model, rounded to the nearest bfloat16: high bytes of all, then the low ones.
 */
struct Model;
bool sentence_weights_pack(Bytes *out, const struct Model *m, Error *e);

#endif
