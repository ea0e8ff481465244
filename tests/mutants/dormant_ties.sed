# model/instruments/dormant.c
# model/instruments_attention
# a head with two largest keys counts as dormant
s/fabsf(A\[0\]) > largest/fabsf(A[0]) >= largest/
