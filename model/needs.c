#include "model/needs.h"

/* The compiler defines __NAME__ as 1 for what -march lets it use, and leaves the word alone otherwise: "1" is
 * then one character long, and the word is longer. */
#define TEXT(word) #word
#define USED(word) (sizeof TEXT(word) == sizeof "1")

const Needs program_needs = {
    .avx = USED(__AVX__),
    .avx2 = USED(__AVX2__),
    .fma = USED(__FMA__),
    .bmi2 = USED(__BMI2__),
    .avx512f = USED(__AVX512F__),
    .avx512bw = USED(__AVX512BW__),
    .avx512dq = USED(__AVX512DQ__),
    .avx512vl = USED(__AVX512VL__),
    .avx512vbmi = USED(__AVX512VBMI__),
    .avx512vnni = USED(__AVX512VNNI__),
};
