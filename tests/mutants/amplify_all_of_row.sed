# model/interventions/amplify.c
# model/interventions
# under mu=all each row gives back its own share alone
s/more \* sum \/ v->rows \/ (pos + 1)/more * vector_at(v, 0, pos)[c] \/ (pos + 1)/
