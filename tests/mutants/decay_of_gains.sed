# train/optim/optim.h
# model/golden
# gains decay too
s/(s->decay ? s->lr \* s->c->weight_decay : 0)/s->lr * s->c->weight_decay/
