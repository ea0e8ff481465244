# model/interventions/drop_mlp.c
# model/interventions
# drop_mlp is one position late
s/(int)i->arg\[ARG_POS\])/(int)i->arg[ARG_POS] + 1)/
