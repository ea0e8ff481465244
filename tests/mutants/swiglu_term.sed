# model/ops/mlp.c
# model/mlp
# a term of the slope is missing
s/(sigma + silu \* (1\.0f - sigma))/sigma/
