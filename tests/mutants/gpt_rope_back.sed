# model/gpt.c
# model/gpt_small
# RoPE's gradient is turned on, not back
s/rope(p->dqkv, -1)/rope(p->dqkv, 1)/
