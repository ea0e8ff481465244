# ablations/sweep/fit.c
# ablations/fit
# the mean that a fit is held against takes all points for others'
s|others / (p->n - n)|others / p->n|
