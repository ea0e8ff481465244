# ablations/probe/dump.c
# ablations/probe_questions
# a dump has every layer in the place of the first
s/(v->layer > 0 ? v->layer : 0)/0/
