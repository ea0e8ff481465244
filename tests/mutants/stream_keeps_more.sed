# ablations/probe/stream.c
# ablations/probe_questions
# kept keys come on top of the window
s/c->context - keep/c->context/
