# model/instruments/cells.c
# model/instruments_attention
# a mass of exactly eps counts for the sink rate
s/above += x > eps/above += x >= eps/
