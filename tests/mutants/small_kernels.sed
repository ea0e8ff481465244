# model/kernels/gemm.c
# model/gemm
# BLIS may take its small kernels
/bli_rntm_disable_l3_sup/d
