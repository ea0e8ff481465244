# model/ops/attention.c
# model/pass
# the way back does not know of the scores' cap
/cap_back(b, multiply/d
