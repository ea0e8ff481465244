# model/instruments/logits.c
# model/instruments_heads
# the largest logit is over keys outside the window too
s/(key < kept || key >= from); map++/true; map++/
