# ablations/probe/collapse.c
# ablations/probe_questions
# the shorter text ends one token early
s/s->n - 1) \* v->ld/s->n - 2) * v->ld/
