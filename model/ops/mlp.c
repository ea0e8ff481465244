#include "model/ops/mlp.h"

#define KIND(name, text, n, ...)                                                                             \
    {.head = {#name, text, {__VA_ARGS__}},                                                                   \
     .parts = n,                                                                                             \
     .forward = name##_forward,                                                                              \
     .backward = name##_backward},
#define GATED(name, text)                                                                                    \
    KIND(name, text, 2, {"gate_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                   \
         {"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL}, {"down_proj.weight", SIZE_D, SIZE_F, INIT_DOWN},   \
         {"gate_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS}, {"up_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},   \
         {"down_proj.bias", SIZE_D, SIZE_NONE, INIT_BIAS})
#define PLAIN(name, text)                                                                                    \
    KIND(name, text, 1, {"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                     \
         {"down_proj.weight", SIZE_D, SIZE_F, INIT_DOWN}, {"up_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},    \
         {"down_proj.bias", SIZE_D, SIZE_NONE, INIT_BIAS})

const MlpSlot mlp_slots[] = {MLP_KINDS(GATED, PLAIN){.head = {NULL}}};
