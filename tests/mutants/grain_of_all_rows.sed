# model/linear.c
# model/bits
# sums are cut by the rows in flight
s/int64_t chunk = (int64_t)model_chunk_rows(p->b->T) \* p->b->T;/int64_t chunk = n;/
