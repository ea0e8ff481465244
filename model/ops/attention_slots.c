/* Owns: the table of attention kinds. */
#include "model/ops/weight_functions.h"

#define KIND(kind, text, pair, ...)                                                                          \
    {                                                                                                        \
        .head.name = kind, .head.help = text, .weights = pair##_weights,                                     \
        .backward = pair##_weights_backward, __VA_ARGS__                                                     \
    }
#define WEIGHTS(pair, text, ...) KIND(#pair, text, pair, __VA_ARGS__)
#define SOFTMAX(kind, text, ...) KIND(kind, text, softmax, __VA_ARGS__)

const AttentionSlot attention_slots[] = {
    SOFTMAX("softmax", "softmax over the keys seen (arXiv 1706.03762)"),
    SOFTMAX("softmax1",
            "e^s / (1 + sum e^s): a null key of score and value 0 (Miller, Attention is off by one)",
            .null_key = true),
    SOFTMAX("sink_logit", "a learned score a head, its column dropped (gpt-oss, arXiv 2508.10925)",
            .null_key = true, .part = {PART_LOGIT},
            .head.tensors = {{"sinks", SIZE_H, SIZE_NONE, INIT_SMALL}}),
    SOFTMAX(
        "sink_token",
        "a learned token x* before the row, at rotary place 0 as its first token, through every layer (arXiv "
        "2309.17453)",
        .null_key = true, .token = true),
    SOFTMAX("k_bias", "a learned key k* a head, its value 0 (arXiv 2410.10781)", .null_key = true,
            .part = {PART_KEY}, .head.tensors = {{"k_bias", SIZE_KV, SIZE_NONE, INIT_SMALL}}),
    SOFTMAX("kv_bias", "a learned key k* and value v* a head (arXiv 2402.17762)", .null_key = true,
            .part = {PART_KEY, PART_VALUE},
            .head.tensors = {{"k_bias", SIZE_KV, SIZE_NONE, INIT_SMALL},
                             {"v_bias", SIZE_KV, SIZE_NONE, INIT_SMALL}}),
    SOFTMAX("key0_bias",
            "a null key of score 0 with a learned value v* a head (softmax1's, with v* of arXiv 2410.10781)",
            .null_key = true, .part = {PART_VALUE},
            .head.tensors = {{"v_bias", SIZE_KV, SIZE_NONE, INIT_SMALL}}),
    SOFTMAX("v_bias", "a learned vector added to the values of a head (arXiv 2410.10781)",
            .part = {PART_SHIFT}, .head.tensors = {{"v_bias", SIZE_KV, SIZE_NONE, INIT_SMALL}}),
    WEIGHTS(sigmoid, "sigma(s), each key for itself (arXiv 2410.10781)", .unnormalised = true),
    WEIGHTS(sigmoid_bias, "sigma(s - ln T), T the training context (arXiv 2409.04431)", .unnormalised = true),
    WEIGHTS(sigmoid_norm, "sigma(s) / sum sigma(s) (arXiv 2410.10781)"),
    WEIGHTS(relu, "max(s, 0) / number of keys seen (arXiv 2410.13835)", .unnormalised = true),
    WEIGHTS(elu1, "elu(s) + 1 (arXiv 2410.10781)", .unnormalised = true),
    WEIGHTS(softpick, "max(e^s - 1, 0) / sum |e^s - 1| (arXiv 2504.20966)", .unnormalised = true),
    WEIGHTS(clipped, "softmax stretched to clip_gamma .. clip_zeta and clipped (arXiv 2306.12929)",
            .unnormalised = true),
    WEIGHTS(differential, "softmax(s1) - lambda softmax(s2), halves of a head (arXiv 2410.05258)",
            .unnormalised = true, .maps = 2, .mix = differential_mix,
            .mix_backward = differential_mix_backward, .head_gain = differential_head_gain,
            .head.tensors = {{"lambda_q", SIZE_HEAD, SIZE_NONE, INIT_LAMBDA},
                             {"lambda_k", SIZE_HEAD, SIZE_NONE, INIT_LAMBDA}}),
    WEIGHTS(scalable, "softmax(s ln(n) z), n the number of keys seen, s learned a head (arXiv 2501.19399)",
            .part = {PART_MIX}, .head.tensors = {{"score_scale", SIZE_H, SIZE_NONE, INIT_ONE}}),
    {.head = {NULL}},
};
