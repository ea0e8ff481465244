# data/tokenizer_json.c
# data/tokenizer_json
# merges are ranked from the last piece on
/^static json_t \*merges_of/,/^}/s/for (int32_t id = 0; id < p->count; id++)/for (int32_t id = (int32_t)p->count - 1; id >= 0; id--)/
