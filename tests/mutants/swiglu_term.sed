# model/ops/silu.c
# model/mlp
# a term of the slope is missing
s/sigma + y \* (1\.0f - sigma)/sigma/
