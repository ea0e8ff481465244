# model/ops/softmax.c
# model/attention
# the null key's gradient lacks the row's sum
s/(b->dnull\[i\] - b->dot\[i\])/b->dnull[i]/
