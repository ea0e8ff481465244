# model/pass.c
# model/pass
# a tied classifier's gradient is dropped
s/if (!p->grads) continue;/if (!p->grads || p->m->config.tie) continue;/
