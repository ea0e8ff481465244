#include "model/model_config.h"

#include <stdlib.h>

int config_kv_heads(const ModelConfig *c) {
    return (int)(c->kv_heads ? c->kv_heads : c->heads);
}

bool config_has_null(const ModelConfig *c, int h) {
    for (int i = 0; i < c->sink_heads.n; i++)
        if (atoi(c->sink_heads.item[i]) == h) return true;
    return !c->sink_heads.n;
}
