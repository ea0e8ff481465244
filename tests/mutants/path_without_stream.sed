# ablations/probe/jacobian.c
# ablations/probe_questions
# no path of the bound goes along the stream
s/at\[i\] \* self\[l\]/0/
