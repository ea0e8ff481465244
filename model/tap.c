#include "model/tap.h"

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
