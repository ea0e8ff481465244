# model/ops/head_rmsnorm.c
# model/head_rmsnorm
# the gain is missing in the backward
s/r \* (g\[i\] \* dy\[i\] - /r * (dy[i] - /
