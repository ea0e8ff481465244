# model/block.c
# model/pass
# the gradient of W_qkv sees the MLP's normed input
/n->forward(&norm, a->x, t->h, a->norm_attn);/d
