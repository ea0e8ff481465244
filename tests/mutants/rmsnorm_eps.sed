# model/ops/rmsnorm.c
# model/norm
# a wrong epsilon under the root
s|(float)width + eps)|(float)width + 0.1f * eps)|
