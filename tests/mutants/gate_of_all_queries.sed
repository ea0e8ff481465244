# model/instruments/gate.c
# model/instruments_heads
# the gate counts first tokens, which park on themselves
s/if (is_first(doc_start, q)) continue;/;/
