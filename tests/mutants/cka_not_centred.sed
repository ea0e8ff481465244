# ablations/probe/cka.c
# ablations/probe_questions
# CKA is of channels with their means
s/(double)X\[i\] - mean\[i % d\] \/ (double)n/(double)X[i]/
