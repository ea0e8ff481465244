#include "model/kernels/cpu_features.h"

/* The compiler defines __NAME__ as 1 for what -march lets it use, and leaves the word alone otherwise: "1" is
 * then one character long, and the word is longer. */
#define TEXT(word)       #word
#define USED(name, word) .name = sizeof TEXT(word) == sizeof "1",

const CpuFeatures program_features = {CPU_FEATURES(USED)};
