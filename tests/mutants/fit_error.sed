# ablations/sweep/fit.c
# ablations/fit
# the standard error forgets a degree of freedom
s|squares / (n - 1) / n|squares / n / n|
