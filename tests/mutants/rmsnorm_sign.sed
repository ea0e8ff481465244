# model/ops/rmsnorm.c
# model/rmsnorm
# the projection is added
s/g\[i\] \* dh\[i\] - x\[i\] \* c/g[i] * dh[i] + x[i] * c/
