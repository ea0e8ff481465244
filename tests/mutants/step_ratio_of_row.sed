# model/instruments/step_head.c
# train/step_head
# step_head: the value ratio is that of row position 0 alone
s|return n.first / n.rest;|return sqrtf(dot(value, value, h->dh)) / n.rest;|
