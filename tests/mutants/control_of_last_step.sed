# ablations/probe/control.c
# ablations/probe_steps
# every step is measured by the weights of the last one
s/(!\*f->folder || probed_model_load(s, f, i, e)) \&\&/probed_model_load(s, f, f->n - 1, e) \&\&/
