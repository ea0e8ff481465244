# train/run.c
# faults/cut
# a checkpoint is saved before its log is synced
s/!store_flush(r->store, e) || !store_sync(r->store, e) || //
