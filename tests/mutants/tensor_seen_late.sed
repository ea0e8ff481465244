# train/optim/optim.c
# train/step_gradients
# step_tensor: the optimiser's watcher sees the tensor after the update in place of before
s|        if (o->watch) o->watch->before(o->watch->self, t, i, w, grads + t->offset);||
s|^\( *\)if (o->watch) o->watch->after|\1if (o->watch) o->watch->before(o->watch->self, t, i, w, grads + t->offset);\n&|
