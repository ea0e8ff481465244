# train/replace_tokens.c
# train/replace_tokens
# every batch draws as the first one
s/(uint64_t)(first + i \/ T)/(uint64_t)(i \/ T)/
