# train/optim/optim.c
# model/golden
# the clip never acts
s/c->clip \/ norm : 1/1 : 1/
