/* Owns: the matched random control of an intervention that takes one thing away, random(of=INTERVENTION,
 * n=20, seed=S): its text, and which n others of the thing's kind and size are drawn from the seed. Does not
 * own: what is measured under them (ablations/probe/control.h), the interventions (model/interventions).
 *
 * The others, and their size: unit_off: units of the layer, |W_down[:, unit]|; channel_off: channels, the
 * norm of their rows of the layer's W_O and W_down; weight_off: weights of W_down, |w|; value_zero,
 * logit_bias: positions of the row, all alike; bias_off: layers, all alike. n are drawn from the 4 n whose
 * size is nearest. */
#ifndef SINKLAB_CONTROL_DRAW_H
#define SINKLAB_CONTROL_DRAW_H

#include "model/interventions/intervention.h"
#include "model/model.h"

typedef struct Control {
    int n; /* 0: none */
    Intervention of;
    int place; /* of it, among those that are done */
    uint64_t seed;
} Control;

/* Length of a text up to its first comma outside parentheses. */
size_t text_until_comma(const char *text);
/* Whether a text of --do is a control. */
bool control_named(const char *text);
/* Reads it, for rows of T tokens; `of` is what it is the control of, as text. Refuses what has no others:
 * exit code
 * 2. `seed`: where the text names none. */
bool control_read(const Model *m, const char *text, int T, uint64_t seed, Control *out, char of[LIST_TEXT],
                  Error *e);
/* The c->n controls, all different; false where memory is short. */
bool control_draw(const Control *c, const Model *m, int T, Intervention *out);

#endif
