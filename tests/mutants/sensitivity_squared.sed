# ablations/probe/jacobian.c
# ablations/probe_questions
# the sensitivity is a square
s/sqrt(square\[n\])/square[n]/
