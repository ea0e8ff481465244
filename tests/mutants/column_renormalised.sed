# model/ops/attention.c
# model/interventions
# kinds that do not sum to one share a zeroed column out
s| && !(hidden && x->slot->unnormalised)||
