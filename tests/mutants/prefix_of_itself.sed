# model/instruments/prefix_matching.c
# model/instruments_heads
# prefix matching is of the copy itself, not of the key behind
s/tokens\[k - 1\] != tokens/tokens[k] != tokens/
