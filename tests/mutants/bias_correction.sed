# train/optim/adamw.c
# model/golden
# the second moment is corrected a step late
s/pow(c->beta2, (double)s->step)/pow(c->beta2, (double)s->step + 1)/
