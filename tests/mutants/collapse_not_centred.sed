# model/instruments/rank_collapse.c
# model/instruments_model
# rank collapse is about the first row
s/\[t \* v->ld + j\] \/ v->T/[j] \/ v->T/
