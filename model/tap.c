#include "model/tap.h"

#include <stddef.h>

const char *tap_name(int point) {
    static const char *const names[TAPS + 1] = {
        [TAP_EMBED] = "embed",
        [TAP_ATTN_IN] = "block.l.attn.in",
        [TAP_ATTN_OUT] = "block.l.attn.out",
        [TAP_HEAD_OUT] = "block.l.attn.head_out",
        [TAP_ATTN_ADD] = "block.l.attn.add",
        [TAP_MLP_IN] = "block.l.mlp.in",
        [TAP_MLP_HIDDEN] = "block.l.mlp.hidden",
        [TAP_MLP_OUT] = "block.l.mlp.out",
        [TAP_RESID] = "block.l.resid",
        [TAP_FINAL] = "final",
        [TAP_LOGITS] = "logits",
    };
    return point >= 0 && point < TAPS ? names[point] : NULL;
}

bool taps_want(const Observers *o, TapPoint p) {
    for (int i = 0; i < o->n; i++)
        if (o->at[i].taps >> p & 1) return true;
    return false;
}

bool taps_want_weights(const Observers *o) {
    for (int i = 0; i < o->n; i++)
        if (o->at[i].weights) return true;
    return false;
}

void taps_see(const Observers *o, const View *v) {
    for (int i = 0; i < o->n; i++)
        if (o->at[i].taps >> v->at & 1) o->at[i].see(o->at[i].self, v);
}

void taps_weights(const Observers *o, const Weights *w) {
    for (int i = 0; i < o->n; i++)
        if (o->at[i].weights) o->at[i].weights(o->at[i].self, w);
}
