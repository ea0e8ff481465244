# model/ops/cross_entropy.c
# model/cross_entropy
# the target lacks the scale
s/x\[y\] -= scale/x[y] -= 1/
