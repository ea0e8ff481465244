# ablations/probe/quantize.c
# ablations/probe_questions
# the stream itself is rounded where no norm stands
s/if (!s->was) return;/return;/
