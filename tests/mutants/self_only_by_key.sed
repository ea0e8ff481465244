# model/interventions/kinds.c
# model/interventions
# self_only hides the key instead
s/.query = (int)i->arg\[ARG_POS\], .key = -1/.query = -1, .key = (int)i->arg[ARG_POS]/
