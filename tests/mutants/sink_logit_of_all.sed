# model/instruments/sink_logit.c
# model/instruments_heads
# heads without a null key have a sink logit
s/if (config_has_null(&m->config, h)) //
