#include "model/ops/mlp.h"

#define GATED(name, help_line)                                                                               \
    {.head = {#name,                                                                                         \
              help_line,                                                                                     \
              {{"gate_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                            \
               {"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                              \
               {"down_proj.weight", SIZE_D, SIZE_F, INIT_DOWN},                                              \
               {"gate_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},                                             \
               {"up_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},                                               \
               {"down_proj.bias", SIZE_D, SIZE_NONE, INIT_BIAS}}},                                           \
     .parts = 2,                                                                                             \
     .forward = name##_forward,                                                                              \
     .backward = name##_backward},

#define PLAIN(name, help_line)                                                                               \
    {.head = {#name,                                                                                         \
              help_line,                                                                                     \
              {{"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                              \
               {"down_proj.weight", SIZE_D, SIZE_F, INIT_DOWN},                                              \
               {"up_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},                                               \
               {"down_proj.bias", SIZE_D, SIZE_NONE, INIT_BIAS}}},                                           \
     .parts = 1,                                                                                             \
     .forward = name##_forward,                                                                              \
     .backward = name##_backward},

const MlpSlot mlp_slots[] = {MLP_KINDS(GATED, PLAIN){.head = {NULL}}};
