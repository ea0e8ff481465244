# ablations/probe/quantize.c
# ablations/probe_questions
# int8 has seven levels
s/LEVELS = 127/LEVELS = 7/
