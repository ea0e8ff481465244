/* Owns: initial weights: the laws that model.init chooses from, and their drawing. */
#include "data/base/rng.h"
#include "model/slots.h"

#include <math.h>

/* Standard deviations of one matrix; gains and biases begin at a constant. */
typedef double Law(const ModelConfig *c, const Tensor *t);

#define LAW(name, std)                                                                                       \
    static double name(const ModelConfig *c, const Tensor *t) {                                              \
        return (void)c, (void)t, std;                                                                        \
    }
LAW(two_percent, 0.02)
LAW(a_tenth, 0.1)
/* Narrower with depth, so that 2L additions leave the stream's variance as it was (GPT-2). */
LAW(by_depth, 0.02 / sqrt(2.0 * (double)c->layers))
LAW(embedding, c->embedding_std)
LAW(two_fifths, sqrt(2 / (5 * (double)t->cols)))
LAW(two_fifths_of_width, sqrt(2 / (5 * (double)c->width)))
LAW(down, 1 / (sqrt((double)c->mlp_width) * (double)c->layers))
LAW(glorot, sqrt(2 / (double)(t->rows + t->cols)))

/* normal: N(0, 0.02^2), projections onto the stream / sqrt(2L), as GPT-2.
 * scaled: N(0, 2 / (5 d_in)), embedding too, down-projection of std 1 / (sqrt(f) L); the recipe of
 *         arXiv 2410.10781.
 * xavier: N(0, 2 / (d_in + d_out)) (Glorot and Bengio 2010), the embedding as in normal. */
static const struct {
    const char *name;
    Law *std[INITS];
} init_laws[] = {
    {"normal",
     {[INIT_NORMAL] = two_percent,
      [INIT_RESIDUAL] = by_depth,
      [INIT_DOWN] = by_depth,
      [INIT_SMALL] = two_percent,
      [INIT_LAMBDA] = a_tenth,
      [INIT_EMBEDDING] = embedding}},
    {"scaled",
     {[INIT_NORMAL] = two_fifths,
      [INIT_RESIDUAL] = two_fifths,
      [INIT_DOWN] = down,
      [INIT_SMALL] = two_percent,
      [INIT_LAMBDA] = a_tenth,
      [INIT_EMBEDDING] = two_fifths_of_width}},
    {"xavier",
     {[INIT_NORMAL] = glorot,
      [INIT_RESIDUAL] = glorot,
      [INIT_DOWN] = glorot,
      [INIT_SMALL] = two_percent,
      [INIT_LAMBDA] = a_tenth,
      [INIT_EMBEDDING] = embedding}},
    {.name = NULL},
};

const char *init_name(int i) {
    return init_laws[i].name;
}

static double start_of(const ModelConfig *c, const Tensor *t) {
    const AttentionSlot *attention = &attention_slots[c->attention];
    double gain = attention->head_gain ? attention->head_gain(t->layer) : 1;
    const double start[INITS] = {
        [INIT_ONE] = 1, [INIT_HALF] = 0.5, [INIT_HEAD_SCALE] = gain * c->head_out_scale};
    return start[t->spec->init];
}

static void init_tensor(const Model *m, const Tensor *t, uint64_t seed) {
    Law *law = init_laws[m->config.init].std[t->spec->init];
    double mean = start_of(&m->config, t), std = law ? law(&m->config, t) : 0;
    float *w = m->params + t->offset;
    uint64_t place = rng_step_of(t->name);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < t->rows * t->cols; i++)
        w[i] = (float)(std > 0 ? mean + std * rng_normal(seed, RNG_INIT, place, (uint64_t)i) : mean);
}

void model_init(Model *m, uint64_t seed) {
    for (int i = 0; i < m->n_tensors; i++) init_tensor(m, &m->tensors[i], seed);
}
