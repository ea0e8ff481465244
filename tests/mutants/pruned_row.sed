# ablations/probe/prune.c
# ablations/probe_robustness
# the columns of another layer's head go
s/model_tensor(m, head \/ H, STAGE_OUT, 0)/model_tensor(m, head % H, STAGE_OUT, 0)/
