#include "model/stage.h"

#include "model/ops/ops.h"

Ctx stage_ctx(const Pass *p, int layer, Stage s) {
    const ModelConfig *c = &p->m->config;
    Ctx x = {.c = c,
             .layer = layer,
             .B = p->b->rows,
             .T = p->b->T,
             .N = p->N,
             .d = (int)c->width,
             .H = (int)c->heads,
             .dh = (int)config_head_dim(c),
             .f = (int)c->mlp_width,
             .KV = config_kv_heads(c),
             .dk = (int)config_head_dim(c) / slot_maps(&attention_slots[c->attention]),
             .partial = p->t->partial,
             .rotation = p->t->rotation,
             .place = p->place,
             .eps = (float)c->norm_eps};
    x.ld = (int64_t)(x.H + 2 * x.KV) * x.dh;
    if (layer >= 0) x.saved = p->t->acts[layer].saved;
    const Tensor *tensor;
    for (int i = 0; i < SLOT_TENSORS && (tensor = model_tensor(p->m, layer, s, i)); i++) {
        x.w[i] = p->m->params + tensor->offset;
        x.dw[i] = p->grads ? p->grads + tensor->offset : NULL;
    }
    return x;
}

static View view_of(const Pass *p, TapPoint at, int layer, float *data, int width, int64_t ld,
                    const Heads *heads) {
    return (View){at,   layer, p->b->row0, p->b->rows, p->b->T,         0,
                  p->N, width, ld,         data,       p->b->doc_start, heads};
}

static bool is_wanted(const Pass *p, TapPoint at) {
    return p->t->observers.n && taps_want(&p->t->observers, at);
}

static void show(const Pass *p, const View *v) {
    taps_see(&p->t->observers, v);
    phase_done(p, PHASE_INSTRUMENTS, 0, 0);
}

void tap(const Pass *p, TapPoint at, int layer, float *data, int width, const Heads *heads) {
    tap_rows(p, at, layer, data, width, width, heads);
}

void tap_again(const Pass *p, TapPoint at, int layer, float *data, int width) {
    if (!p->t->changes) return;
    View v = view_of(p, at, layer, data, width, width, NULL);
    changes_write(p->t->changes, &v);
}

void tap_rows(const Pass *p, TapPoint at, int layer, float *data, int width, int64_t ld, const Heads *heads) {
    bool wanted = is_wanted(p, at);
    if (!wanted && !p->t->changes) return;
    View v = view_of(p, at, layer, data, width, ld, heads);
    if (p->t->changes) changes_write(p->t->changes, &v);
    if (wanted) show(p, &v);
}

void tap_gradient(const Pass *p, TapPoint at, int layer, const float *grad) {
    if (!is_wanted(p, at)) return;
    int width = (int)p->m->config.width;
    View v = view_of(p, at, layer, (float *)grad, width, width, NULL);
    show(p, &v);
}

void tap_back(const Pass *p, TapPoint at, int layer, float *grad, int width, int64_t ld, const Heads *heads) {
    if (!p->t->changes) return;
    View v = view_of(p, at, layer, grad, width, ld, heads);
    changes_back(p->t->changes, &v);
}

const float *norm_forward(const Pass *p, int l, Stage s, const float *x, float *out, float *stat) {
    Ctx c = stage_ctx(p, l, s);
    if (!norm_stands(c.c, s)) return x;
    norm_rows(&c, x, out, stat);
    phase_done(p, PHASE_NORM, 4 * c.d, 8 * c.d);
    return out;
}

void norm_backward(const Pass *p, int l, Stage s, const float *x, const float *stat, const float *dh,
                   float *dx) {
    Ctx c = stage_ctx(p, l, s);
    if (norm_stands(c.c, s))
        norm_rows_back(&c, x, stat, dh, dx);
    else
        residual_add(dx, dx, dh, p->N * c.d);
    phase_done(p, PHASE_NORM, 10 * c.d, 16 * c.d);
}
