# model/instruments/sink_mass.c
# model/instruments_attention
# queries that do not see the first key count
s/if (!x.sees_first) continue;//
