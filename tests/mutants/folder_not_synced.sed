# train/store/store_file.c
# faults/cut
# the folders of runs are not synced
s/s->entries_synced = sync_folder_of.*/s->entries_synced = true;/
