# model/ops/attention.c
# model/attention
# the window is one key too long
s/q0 + i - s->window + 1/q0 + i - s->window/
