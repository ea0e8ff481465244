# model/ops/embed.c
# model/embed
# a repeated token forgets its first gradient
s/to\[i\] += dx/to[i] = dx/
