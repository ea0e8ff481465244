/* Owns: alignment (arXiv 2605.06611): |cos(u, k_0)| of each head, u the first left singular direction of its
 * rows of W_Q (dh, d), the direction of the head's key space that its queries have most of, and k_0 the key
 * at row position 0 as attention uses it. Mean over the sequences; about sqrt(2 / (pi dh)) where they know
 * nothing of each other. Norms and positions that stand between W_Q and the product are not in u. */
#include "model/instruments/cells.h"
#include "model/instruments/gram.h"
#include "model/instruments/stats.h"
#include "model/slots.h"

#include <math.h>
#include <stdlib.h>

typedef struct State {
    int dh;
    Cells cells;
    double *u; /* (layers, heads, dh) */
} State;

/* Of W (dh, d). */
static void first_direction(const float *W, int dh, int d, double *u) {
    double *G = instrument_memory((size_t)dh * dh, sizeof *G);
    for (int i = 0; i < dh; i++)
        for (int j = i; j < dh; j++) G[i * dh + j] = dot_floats(W + (int64_t)i * d, W + (int64_t)j * d, d);
    if (!gram_first_vector(G, dh, u))
        for (int i = 0; i < dh; i++) u[i] = NAN;
    free(G);
}

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    const ModelConfig *c = &p->m->config;
    int heads = (int)c->heads, d = (int)c->width;
    *s = (State){(int)config_head_dim(c), cells_make(p, heads, 1), NULL};
    s->u = instrument_memory((size_t)s->cells.layers * heads * s->dh, sizeof *s->u);
    for (int l = 0; l < s->cells.layers; l++) {
        const float *W = p->m->params + model_tensor(p->m, l, STAGE_QKV, 0)->offset;
        for (int h = 0; h < heads; h++)
            first_direction(W + (int64_t)h * s->dh * d, s->dh, d, s->u + ((int64_t)l * heads + h) * s->dh);
    }
    return s;
}

static double cosine(const double *u, const float *k, int dh) {
    double dot = 0;
    for (int i = 0; i < dh; i++) dot += u[i] * (double)k[i];
    return fabs(quotient(dot, norm_floats(k, dh)));
}

static void see(void *self, const View *v) {
    const State *s = self;
    const Heads *heads = v->heads;
    for (int row = 0; row < v->rows; row++)
        for (int h = 0; h < heads->H; h++) {
            const float *k =
                heads->k + (int64_t)row * v->T * heads->ld + (int64_t)(h / heads->group) * heads->dh;
            const double *u = s->u + ((int64_t)v->layer * heads->H + h) * s->dh;
            *cell(&s->cells, v->row0 + row, v->layer, h) = cosine(u, k, s->dh);
        }
}

static void close(void *self, Figures *out) {
    State *s = self;
    cells_report(&s->cells, 0, &(Names){.head = "alignment"}, out);
    cells_free(&s->cells);
    free(s->u);
    free(s);
}

const Instrument alignment = {
    .name = "alignment",
    .definition = "|cos(u, k_0)|, u the first left singular direction of a head's rows of W_Q; about "
                  "sqrt(2 / (pi dh)) by chance",
    .paper = "arXiv 2605.06611",
    .columns = "eval_head.alignment",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT,
    .see = see,
    .close = close,
};
