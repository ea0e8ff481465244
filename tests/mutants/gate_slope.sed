# model/ops/gate.c
# model/pass
# the gate's own slope is missing
s/g\[i\] \*= (1 - g\[i\]) \* sum/g[i] *= sum/
