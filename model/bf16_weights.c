#include "model/bf16_weights.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Panels of one linear layer's matrix, for its product forward and for the gradient of its inputs. */
typedef struct Pair {
    uint16_t *forward, *inputs; /* inputs NULL: no backward */
} Pair;

struct Bf16Weights {
    Pair *of; /* [layers][LINEARS] */
    uint16_t *memory;
};

static Pair *pair_of(const Bf16Weights *p, const Linear *l) {
    return &p->of[l->layer * LINEARS + l->kind];
}

/* Lays the panels of all layers out in p->memory; without p only counts. Returns the number of elements. */
static size_t lay_out(Bf16Weights *p, const Model *m, bool backward) {
    size_t used = 0;
    for (int i = 0; i < m->config.layers * LINEARS; i++) {
        Linear l = linear_of(m, (LinearKind)(i % LINEARS), i / LINEARS);
        if (l.kind == LINEAR_HEAD && l.layer) continue;
        size_t forward = gemm_bf16_panels(l.out, l.in), inputs = backward ? gemm_bf16_panels(l.in, l.out) : 0;
        if (p) p->of[i] = (Pair){p->memory + used, backward ? p->memory + used + forward : NULL};
        used += forward + inputs;
    }
    return used;
}

size_t bf16_weights_bytes(const Model *m, bool backward) {
    return lay_out(NULL, m, backward) * sizeof(uint16_t);
}

bool bf16_weights_create(Bf16Weights **out, const Model *m, bool backward, Error *e) {
    Bf16Weights *p = calloc(1, sizeof *p);
    size_t bytes = bf16_weights_bytes(m, backward), page = (size_t)2 << 20;
    if (p) p->of = calloc((size_t)(m->config.layers * LINEARS), sizeof *p->of);
    if (!p || !p->of || posix_memalign((void **)&p->memory, page, bytes)) {
        bf16_weights_free(p);
        return fail(e, EXIT_FAILED, "model: no memory for %.1f MB of bf16 weights", (double)bytes * 1e-6);
    }
    madvise(p->memory, bytes, MADV_HUGEPAGE);
    lay_out(p, m, backward);
    *out = p;
    return true;
}

void bf16_weights_free(Bf16Weights *p) {
    if (!p) return;
    free(p->of);
    free(p->memory);
    free(p);
}

/* Packs one matrix for its product forward and, where there is a backward, for the gradient of its inputs. */
static void pack(const Model *m, const Linear *l, const Pair *to) {
    const float *w = m->params + l->w->offset;
    if (to->forward) gemm_bf16_pack(l->out, l->in, (Factor){w, l->in, 1, NULL}, to->forward);
    if (to->inputs) gemm_bf16_pack(l->in, l->out, (Factor){w, 1, l->in, NULL}, to->inputs);
}

/* One region for all matrices: a small one has less to do than there are threads. Each weight is read for
 * each direction, 4 bytes, and written, 2. */
double bf16_weights_pack(Bf16Weights *p, const Model *m) {
#pragma omp parallel
    for (int i = 0; i < m->config.layers * LINEARS; i++) {
        Linear l = linear_of(m, (LinearKind)(i % LINEARS), i / LINEARS);
        pack(m, &l, pair_of(p, &l));
    }
    return 3.0 * (double)bf16_weights_bytes(m, p->of->inputs != NULL);
}

Factor bf16_weights_forward(const Bf16Weights *p, const Linear *l) {
    return (Factor){.panels = pair_of(p, l)->forward};
}

Factor bf16_weights_inputs(const Bf16Weights *p, const Linear *l) {
    return (Factor){.panels = pair_of(p, l)->inputs};
}
