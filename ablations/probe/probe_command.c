/* Owns: the command `probe`: one checkpoint, asked by every instrument, before and after interventions.
 * Does not own: what is asked (the other files here). */
#include "ablations/probe/chain.h"
#include "ablations/probe/modes.h"
#include "ablations/probe/probe_list.h"
#include "model/interventions/intervention.h"
#include "model/kernels/gemm.h"
#include "train/commands/command.h"
#include "train/host.h"

#include <string.h>

static bool ask(ProbedModel *s, Error *e) {
    const ProbeOptions *o = s->o;
    const struct {
        bool asked;
        bool (*check)(const ProbedModel *s, Error *e); /* NULL: nothing to refuse */
        bool (*show)(ProbedModel *s, Error *e);
    } questions[] = {{true, NULL, chain_show},
                     {o->perturb != INT64_MIN, perturb_check, perturb_show},
                     {o->key != INT64_MIN, key_mass_check, key_mass_show},
                     {o->jacobian, NULL, jacobian_show},
                     {o->collapse, collapse_check, collapse_show},
                     {o->embedding, embedding_check, embedding_show},
                     {o->maps, NULL, maps_show},
                     {o->stream, stream_check, stream_show},
                     {o->quantize, quantize_check, quantize_show},
                     {o->time, NULL, time_show}};
    enum { QUESTIONS = sizeof questions / sizeof *questions };
    for (int i = 0; i < QUESTIONS; i++)
        if (questions[i].asked && questions[i].check && !questions[i].check(s, e)) return false;
    for (int i = 0; i < QUESTIONS; i++)
        if (questions[i].asked && !questions[i].show(s, e)) return false;
    return true;
}

static int probe(int argc, char **argv, Error *e) {
    ProbeOptions o = {.cache = "data/cache", .svg = ".", .perturb = INT64_MIN, .key = INT64_MIN};
    bool quiet; /* taken by every command; this one says nothing but figures, and what makes them wrong */
    int words = 0, threads;
    const Flag flags[] = {{"--text", FLAG_TEXT, &o.text},
                          {"--cache", FLAG_TEXT, &o.cache},
                          {"--do", FLAG_LIST, &o.changes},
                          {"--heads", FLAG_BOOL, &o.heads},
                          {"--json", FLAG_BOOL, &o.json},
                          {"--list", FLAG_BOOL, &o.list},
                          {"--key", FLAG_INT, &o.key},
                          {"--perturb", FLAG_INT, &o.perturb},
                          {"--jacobian", FLAG_BOOL, &o.jacobian},
                          {"--collapse", FLAG_BOOL, &o.collapse},
                          {"--embedding", FLAG_BOOL, &o.embedding},
                          {"--maps", FLAG_BOOL, &o.maps},
                          {"--stream", FLAG_BOOL, &o.stream},
                          {"--quantize", FLAG_TEXT, &o.quantize},
                          {"--time", FLAG_BOOL, &o.time},
                          {"--svg", FLAG_TEXT, &o.svg},
                          {"--quiet", FLAG_BOOL, &quiet},
                          {NULL, FLAG_BOOL, NULL}};
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (o.list) return instruments_list(o.json), EXIT_DONE;
    if (words != 1) {
        fail(e, EXIT_USAGE,
             "probe: expected one CHECKPOINT, a folder step-NNNNNNNN or its model.safetensors");
        return e->code;
    }
    ProbedModel s;
    gemm_start();
    if (host_threads(0, &threads, e)) {
        if (probed_model_open(&s, argv[0], &o, e)) ask(&s, e);
        probed_model_close(&s);
    }
    return e->code;
}

static void list_interventions(FILE *out) {
    fprintf(out,
            "\ninterventions (values in this order or by name; without layer: all, without mu: batch):\n");
    interventions_print(out);
}

const Command probe_command = {
    .name = "probe",
    .usage = "CHECKPOINT | --list",
    .summary = "every instrument on a checkpoint, before and after interventions",
    .options = "  --do INTERVENTION  before and after, such as 'drop_mlp(layer=0,pos=0)'; several in one\n"
               "                     text or one a time\n"
               "  --heads            the figures of every head too\n"
               "  --text FILE        on this text instead of the held-out text\n"
               "  --perturb POS      spread of a change of the token at POS, with and without BOS;\n"
               "                     perturb.svg\n"
               "  --key POS          sink mass of the key at POS by layer\n"
               "  --jacobian         sensitivity of the last vector to each position, with its path bound\n"
               "  --collapse         distance of a text to itself with its last token repeated\n"
               "  --embedding        accuracy of a linear probe on each layer's mean vectors: from which\n"
               "                     section of the held-out text a row is\n"
               "  --maps             attention maps: maps.svg\n"
               "  --stream           loss beyond the context under a sliding window of keys, with and\n"
               "                     without the first of them\n"
               "  --quantize int8    loss with weights and inputs of linear layers rounded\n"
               "  --time             milliseconds of a forward pass, of the light instruments, of all\n"
               "  --svg DIR          folder of the figures (default .)\n"
               "  --list             the instruments: definition, paper, columns in results.db or flag\n"
               "  --json             figures with full precision\n"
               "  --cache DIR        prepared tokens (default data/cache)\n"
               "  --quiet            no progress, as always\n\n"
               "Products are in fp32, in whatever precision it was trained.\n",
    .list = list_interventions,
    .run = probe,
};
