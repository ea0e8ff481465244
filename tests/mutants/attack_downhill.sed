# ablations/probe/attack.c
# ablations/probe_robustness
# the tokens that promise the largest fall are tried
s/E->offset + v \* E->cols, g, E->cols);/E->offset + v * E->cols, g, E->cols) * -1;/
