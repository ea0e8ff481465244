# train/optim/adamw.c
# model/golden
# gains decay too
s/(s->decay ? s->lr \* c->weight_decay : 0)/s->lr * c->weight_decay/
