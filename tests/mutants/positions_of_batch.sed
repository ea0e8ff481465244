# ablations/probe/positions.c
# ablations/probe_robustness
# every batch counts as the first rows
s/(int64_t)row \* p->T + i;/i;/
