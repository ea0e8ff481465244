# model/ops/softmax.c
# model/attention
# the causal mask is off by one
s/key <= hi/key <= hi + 1/
