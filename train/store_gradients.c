#include "train/store_gradients.h"

static bool store_layers(const Trainer *t, Store *s, int64_t run, int64_t step, Error *e) {
    Figures layers = {0};
    step_layer_take(&t->layers, &t->model->config, &layers);
    bool ok = store_step_layer(s, run, step, &layers, e);
    figures_free(&layers);
    return ok;
}

bool store_gradients(const Trainer *t, Store *s, int64_t run, int64_t step, Error *e) {
    if (!t->gradients) return true;
    if (!store_layers(t, s, run, step, e)) return false;
    for (int i = 0; i < t->model->n_tensors; i++) {
        const TensorNorms *n = &t->tensors.norms[i];
        StepTensorRow row = {step, t->model->tensors[i].name, n->gradient, n->weight, n->update};
        if (!store_step_tensor(s, run, &row, e)) return false;
    }
    return true;
}
