# model/ops/head_rmsnorm.c
# model/head_rmsnorm
# the gain is missing in the backward
s|rms_back(x\[i\], g\[i\], dy|rms_back(x[i], 1, dy|
