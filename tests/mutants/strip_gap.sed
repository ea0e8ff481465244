# model/kernels/gemm.c
# model/gemm
# a thread starts its strip past the end of the one before
s/tiles \* t \/ of \* tile/tiles * tile * t \/ of/
