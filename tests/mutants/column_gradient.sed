# model/ops/attention.c
# model/interventions
# a zeroed column still gets a gradient
s/drop_keys(block, x, p->D);//
