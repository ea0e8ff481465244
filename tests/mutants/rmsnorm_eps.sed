# model/ops/rmsnorm.h
# model/norm
# a wrong epsilon under the root
s/RMSNORM_EPS 1e-5f/RMSNORM_EPS 1e-6f/
