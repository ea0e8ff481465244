# model/block.c
# model/gradient_taps
# the gradient by attention's input is shown before the heads' gates have added theirs
/tap_gradient(p, TAP_ATTN_IN_GRAD/d
s|^\( *\)gates_backward(p, l, a, GATE_INPUT|\1tap_gradient(p, TAP_ATTN_IN_GRAD, l, t->dh);\n&|
