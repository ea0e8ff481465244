# model/interventions/amplify.c
# model/interventions
# amplify adds lambda times the difference
s/i->arg\[ARG_LAMBDA\] - 1)/i->arg[ARG_LAMBDA])/
