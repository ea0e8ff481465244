# model/interventions/kinds.c
# model/interventions
# head_off silences head 0
s/(int64_t)head \* dh/(int64_t)(head * 0) * dh/
