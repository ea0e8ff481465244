/* Owns: the learned score of a head's null key (gpt-oss, arXiv 2508.10925): a score that
 * every query adds to its row, so that what it takes is given to nobody. A weight, read once an evaluation:
 * its curve over training. None where model.attention learns no score, or the head has no null key. */
#include "model/instruments/cells.h"
#include "model/slots.h"

#include <stdlib.h>

/* Place of the scores among the slot's tensors, or -1. */
static int logit_tensor(const AttentionSlot *slot) {
    for (int i = 0; i < SLOT_TENSORS && slot->head.tensors[i].name; i++)
        if (slot->part[i] == PART_LOGIT) return i;
    return -1;
}

static void *open(const Probe *p) {
    const AttentionSlot *slot = &attention_slots[p->m->config.attention];
    const Model **m;
    if (logit_tensor(slot) < 0) return NULL;
    m = instrument_memory(1, sizeof *m);
    *m = p->m;
    return m;
}

static void close(void *self, Figures *out) {
    const Model *m = *(const Model **)self;
    int tensor = logit_tensor(&attention_slots[m->config.attention]);
    for (int l = 0; l < (int)m->config.layers; l++) {
        const float *logit = m->params + model_tensor(m, l, STAGE_ATTENTION, tensor)->offset;
        for (int h = 0; h < (int)m->config.heads; h++)
            if (config_has_null(&m->config, h)) figures_add(out, "sink_logit", l, h, (double)logit[h]);
    }
    free(self);
}

const Instrument sink_logit = {
    .name = "sink_logit",
    .definition = "learned score of the null key; nothing where none is learned",
    .paper = "arXiv 2508.10925",
    .columns = "eval_head.sink_logit",
    .cost = LIGHT,
    .open = open,
    .close = close,
};
