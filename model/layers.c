#include "model/layers.h"

int64_t logits_ld(int64_t vocab) {
    enum { LINE = 16 };
    return (vocab + LINE - 1) / LINE * LINE + LINE;
}

/* W is `tensors` adjacent tensors of one stage, from the w-th on, with equal columns (q, k, v; gate, up),
 * read as one (out, in) matrix. The layer's bias is likewise adjacent tensors, from the b-th on. */
Linear linear_of(const Model *m, LinearKind kind, int layer) {
    int parts = mlp_slots[m->config.mlp].parts;
    const struct {
        Stage stage;
        int w, tensors, b;
    } places[LINEARS] = {[LINEAR_QKV] = {STAGE_QKV, 0, 3, 3},
                         [LINEAR_OUT] = {STAGE_OUT, 0, 1, 1},
                         [LINEAR_MLP_IN] = {STAGE_MLP, 0, parts, parts + 1},
                         [LINEAR_MLP_DOWN] = {STAGE_MLP, parts, 1, 2 * parts + 1},
                         [LINEAR_HEAD] = {m->config.tie ? STAGE_EMBED : STAGE_HEAD, 0, 1, 1}};
    int at = kind == LINEAR_HEAD ? -1 : layer;
    const Tensor *w = model_tensor(m, at, places[kind].stage, places[kind].w);
    Linear l = {kind, layer, w, model_tensor(m, at, places[kind].stage, places[kind].b), w->cols, 0, 0};
    for (int i = 0; i < places[kind].tensors; i++) l.out += w[i].rows;
    l.ld = kind == LINEAR_HEAD ? logits_ld(l.out) : l.out;
    return l;
}
