# model/instruments/positive_scores.c
# model/instruments_model
# positive scores are with the query's own key
s/k + doc_start\[t\] \* heads->ld/k + t * heads->ld/
