/* Owns: which instructions this program was compiled to use, as data, so that a file compiled for any CPU
 * (train/cpu_check.c) can ask for them before one of them runs. Does not own: those that are asked for while
 * it runs, bf16's and the packed kernel's (model/kernels/vec_bf16.h, model/kernels/gemm_packed.c). */
#ifndef SINKLAB_CPU_FEATURES_H
#define SINKLAB_CPU_FEATURES_H

#include <stdbool.h>

/* CPU features: the name that __builtin_cpu_supports takes, and the macro that is defined where -march allows
 * the compiler to use the feature. */
#define CPU_FEATURES(ROW)                                                                                    \
    ROW(avx, __AVX__)                                                                                        \
    ROW(avx2, __AVX2__)                                                                                      \
    ROW(fma, __FMA__)                                                                                        \
    ROW(bmi2, __BMI2__)                                                                                      \
    ROW(avx512f, __AVX512F__)                                                                                \
    ROW(avx512bw, __AVX512BW__)                                                                              \
    ROW(avx512dq, __AVX512DQ__)                                                                              \
    ROW(avx512vl, __AVX512VL__)                                                                              \
    ROW(avx512vbmi, __AVX512VBMI__)                                                                          \
    ROW(avx512vnni, __AVX512VNNI__)

#define NEEDS_FIELD(name, macro) bool name;
typedef struct CpuFeatures {
    CPU_FEATURES(NEEDS_FIELD)
} CpuFeatures;

extern const CpuFeatures program_features;

#endif
