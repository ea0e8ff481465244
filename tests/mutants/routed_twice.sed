# model/route.c
# model/pass
# what a router lets through goes around its block, too, on the way back
s/dx\[at \* d + i\] += dr\[n\] \* w\[i\] - r \* dx\[at \* d + i\]/dx[at * d + i] += dr[n] * w[i]/
