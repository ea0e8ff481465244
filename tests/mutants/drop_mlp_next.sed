# model/interventions/kinds.c
# model/interventions
# drop_mlp is one position late
/^static void drop(/,/^}/ s/(int)i->arg\[ARG_POS\])/(int)i->arg[ARG_POS] + 1)/
