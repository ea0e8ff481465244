# model/linear.c
# model/bits
# sums are cut by the rows in flight
s/int64_t grain = (int64_t)model_grain_rows(p->b->T) \* p->b->T;/int64_t grain = n;/
