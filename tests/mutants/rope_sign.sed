# model/ops/position.c
# model/position
# one half turns the wrong way
s/u \* c - v \* s/u * c + v * s/
