# model/route.c
# model/route
# the tokens of the smallest numbers are computed
s/larger += r\[s\] > r\[t\]/larger += r[s] < r[t]/
