# ablations/sweep/fit.c
# ablations/fit
# a seed is judged by the fit of its own points
/if (!solve(p, seed\[k\], true, coefficient))/s/true/false/
