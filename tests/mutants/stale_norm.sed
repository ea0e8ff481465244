# model/block.c
# model/pass
# the gradient of W_qkv sees the MLP's normed input
/^static void attention_sublayer_backward/,/^}/ s/norm_forward(p, l, STAGE_NORM_ATTN, a->x, t->h, a->norm_attn)/t->h/
