# model/instruments/logit_lens.c
# model/instruments_mlp
# the lens skips the final norm
s/bool normed = .*;/bool normed = false;/
