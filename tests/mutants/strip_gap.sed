# model/gemm.c
# model/gemm
# a thread starts its strip past the end of the one before
s/tiles \* t \/ of \* TILE/tiles * TILE * t \/ of/
