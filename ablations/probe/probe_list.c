#include "ablations/probe/probe_list.h"

#include "data/base/yaml.h"
#include "model/instruments/instrument.h"

#include <stdio.h>

typedef struct Row {
    const char *name, *definition, *paper, *columns;
} Row;

/* Parts of an instrument that have a definition of their own, those of every step, and those that are asked
 * for by a flag. */
static const Row others[] = {
    {"sink_rate", "share of (sequence, layer, head) whose sink mass is strictly above 0.2, 0.3, 0.5, 0.8",
     "arXiv 2410.10781, 2504.02732, 2510.06477",
     "eval and eval_layer.sink_rate_02, sink_rate_03, sink_rate_05, sink_rate_08, eval_head.sink_rate_03"},
    {"sink_position", "argmax over k < T/2 of the mass of key k, sum_{q>=k} A[q,k] / (T-k), and that mass",
     "arXiv 2410.10781", "eval_head.sink_position, eval_head.sink_position_mass, --key POS for any key"},
    {"unnormalised", "A is |A| / sum |A| where rows need not sum to one (then proxy is 1); the raw row sum",
     "arXiv 2410.10781", "metric proxy, sink.proxy, eval_head.row_sum"},
    {"bounds",
     "lower bounds of sigma_1^2, of its ratio to the others and of p_1, upper bound of H, from x_0 alone",
     "arXiv 2510.06477",
     "eval_layer.bound_sigma1, bound_ratio, bound_anisotropy, bound_entropy, metric bound_violations"},
    {"step_head", "every step, over the training batch: mass of the first key, |v_0| / median_{t>0} |v_t|",
     "arXiv 2410.10781, 2410.13835", "step_head.first_mass, step_head.value_ratio"},
    {"step_layer",
     "at the updates that probe.gradients names, over the training batch: gradient sinks of every layer, "
     "root mean "
     "square of what attention and MLP add to the stream",
     "arXiv 2603.17771",
     "step_layer.gradient_sink, step_layer.stream_gradient_sink, step_layer.attn_write, "
     "step_layer.mlp_write"},
    {"step_tensor", "at the same updates, L2 norms of a tensor's gradient before the clip, weight and update",
     "Megatron-DeepSpeed#149", "step_tensor.gradient, step_tensor.weight, step_tensor.update"},
    {"onset",
     "first evaluation from which a quantity is past its threshold twice in a row; of first_mass: step",
     "arXiv 2410.13835", "onset.last_before, onset.first_after"},
    {"maps", "A[q,k] of each head, of a few sequences of probe main", "arXiv 2309.17453", "map.data, --maps"},
    {"perturbation_spread",
     "|dx_t| / |x_t| after every layer at every t >= i of one changed token, with and without BOS",
     "arXiv 2504.02732", "--perturb POS"},
    {"sensitivity",
     "|d x_T^(L) / d x_i^(0)|_F by backpropagation of random normals, beside the bound over paths",
     "arXiv 2504.02732", "--jacobian"},
    {"representational_collapse",
     "|a - b| / |a|, the last vectors of a text and of it with its last token repeated", "arXiv 2504.02732",
     "--collapse"},
    {"stream", "loss by position under a sliding window of keys, with and without the first 1 or 4 of them",
     "arXiv 2309.17453", "--stream"},
    {"positions",
     "mean loss of the targets of positions 0, 1, 2-3, 4-7, ...; of a task by class of the input token, too",
     "TransformerLens#108", "--positions"},
    {"prune",
     "loss with the first n heads gone in order of their gate G, those that sink first or last, or at random",
     "arXiv 2602.01203", "--prune"},
    {"attack",
     "loss under the worst of N substitutions of one token, by the gradient or at random; |dx_t| / |x_t| at "
     "t > i",
     "arXiv 1712.06751", "--attack N"},
    {"quantize",
     "change of the loss with weights and inputs of linear layers rounded, by tensor and by token",
     "arXiv 2306.12929", "--quantize int8, --keep first"},
    {"against", "linear CKA of the residual stream after each layer with another model's, on the same rows",
     "arXiv 1905.00414", "--against MODEL"},
};

static void print_row(const Row *r, bool json, bool first) {
    const char *const field[][2] = {
        {"name", r->name}, {"definition", r->definition}, {"paper", r->paper}, {"columns", r->columns}};
    if (!json) printf("%s\n  %s\n  %s\n  %s\n", r->name, r->definition, r->paper, r->columns);
    for (int k = 0; json && k < 4; k++) {
        printf("%s\"%s\": ", k ? ", " : first ? "{" : ",\n {", field[k][0]);
        json_string(stdout, field[k][1]);
    }
    if (json) fputc('}', stdout);
}

void instruments_list(bool json) {
    if (json) fputc('[', stdout);
    for (const Instrument *const *at = instruments; *at; at++) {
        const Instrument *i = *at;
        print_row(&(Row){i->name, i->definition, i->paper, i->columns}, json, at == instruments);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) print_row(&others[i], json, false);
    if (json) puts("]");
}
