# model/ops/softmax.c
# model/attention
# weights are not divided by their sum
s/inverse = 1\.0f \/ total/inverse = 1.0f/
