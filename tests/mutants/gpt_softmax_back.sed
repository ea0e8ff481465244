# model/gpt.c
# model/gpt_small
# the weights' gradient keeps what all keys of a query share
s/(S\[t \* T + k\] - sum)/S[t * T + k]/
