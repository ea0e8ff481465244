# ablations/probe/quantize.c
# ablations/probe_questions
# what is kept still sets the scale of the rest
s/v->data\[i\] = put ? was\[i\] : 0/v->data[i] = was[i]/
