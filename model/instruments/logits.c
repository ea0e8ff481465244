/* Owns: sizes in the scores (arXiv 2603.05498 holds sinks to come from large logits; 2010.04245 bounds them):
 * of each head the largest scale q.k over the keys that queries see, and the mean |q_t|, |k_t|, |v_t| over
 * tokens. Of a sequence, then the mean over sequences. q and k as attention takes them, after norm and
 * position; what model.attention makes of scores (a bias, a temperature, a cap) is not in them. Of two maps
 * (differential) the larger logit. Heads that share keys and values share their norms. */
#include "model/instruments/cells.h"
#include "model/instruments/first_keys.h"
#include "model/slots.h"

#include <stdlib.h>

enum { LOGIT, Q_NORM, K_NORM, V_NORM, WIDTH };

typedef struct State {
    Cells cells;
    Visible visible;
    int maps;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    const ModelConfig *c = &p->m->config;
    *s = (State){cells_make(p, (int)c->heads, WIDTH), visible_of(c),
                 slot_maps(&attention_slots[c->attention])};
    return s;
}

/* x (T, dh) in rows of ld. */
static double mean_norm(const float *x, int64_t ld, int dh, int T) {
    double sum = 0;
    for (int t = 0; t < T; t++) sum += norm_floats(x + t * ld, dh);
    return sum / T;
}

/* Largest product of a query's map with the same map of a key that the query sees. */
static double largest_logit(const State *s, const Heads *x, const float *q, const float *k,
                            const int32_t *doc_start, int T) {
    int dk = x->dh / s->maps;
    double most = -INFINITY;
    for (int t = 0; t < T; t++) {
        int from = visible_from(s->visible, doc_start, t), kept = visible_kept(s->visible, doc_start, t);
        int to = visible_to(s->visible, doc_start, T, t);
        for (int key = doc_start[t]; key <= to; key++)
            for (int map = 0; map < s->maps && (key < kept || key >= from); map++)
                most = fmax(most, dot_floats(q + t * x->ld + map * dk, k + key * x->ld + map * dk, dk));
    }
    return (double)x->scale * most;
}

static void see(void *self, const View *v) {
    const State *s = self;
    const Heads *x = v->heads;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++)
        for (int h = 0; h < x->H; h++) {
            int64_t at = (int64_t)row * v->T * x->ld, shared = at + (int64_t)(h / x->group) * x->dh;
            const float *q = x->q + at + (int64_t)h * x->dh;
            double *c = cell(&s->cells, v->row0 + row, v->layer, h);
            c[LOGIT] = largest_logit(s, x, q, x->k + shared, v->doc_start + (int64_t)row * v->T, v->T);
            c[Q_NORM] = mean_norm(q, x->ld, x->dh, v->T);
            c[K_NORM] = mean_norm(x->k + shared, x->ld, x->dh, v->T);
            c[V_NORM] = mean_norm(x->v + shared, x->ld, x->dh, v->T);
        }
}

static void close(void *self, Figures *out) {
    State *s = self;
    static const char *const names[WIDTH] = {"logit_max", "q_norm", "k_norm", "v_norm"};
    for (int i = 0; i < WIDTH; i++) cells_report(&s->cells, i, &(Names){.head = names[i]}, out);
    cells_free(&s->cells);
    free(s);
}

const Instrument logits = {
    .name = "logits",
    .definition = "largest scale q.k over the keys that are seen; mean norms of q, k, v over tokens",
    .paper = "arXiv 2603.05498, 2010.04245",
    .columns = "eval_head.logit_max, q_norm, k_norm, v_norm",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT,
    .see = see,
    .close = close,
};
