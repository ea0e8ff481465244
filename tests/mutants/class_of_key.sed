# model/instruments/class_mass.c
# model/instruments_attention
# the first mass counts by the class of the key, not of the query
s/c\[FIRST + kind\[x.q\]\]/c[FIRST + kind[x.first]]/
