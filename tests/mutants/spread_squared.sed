# ablations/probe/perturb.c
# ablations/probe_questions
# the spread of a changed token is squared
s/sqrt(change \/ size)/change \/ size/
