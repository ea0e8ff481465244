/* Owns: the command `probe`: one checkpoint, asked by every instrument, before and after interventions.
 * Does not own: what is asked (the other files here). */
#include "ablations/probe/chain.h"
#include "ablations/probe/control.h"
#include "ablations/probe/modes.h"
#include "ablations/probe/probe_list.h"
#include "ablations/probe/probe_store.h"
#include "ablations/probe/series.h"
#include "ablations/probe/steps.h"
#include "model/instruments/instrument.h"
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
                     {o->jacobian, jacobian_check, jacobian_show},
                     {o->collapse, collapse_check, collapse_show},
                     {o->embedding, embedding_check, embedding_show},
                     {o->maps, maps_check, maps_show},
                     {o->stream, stream_check, stream_show},
                     {o->positions, NULL, positions_show},
                     {o->prune, prune_check, prune_show},
                     {o->attack != INT64_MIN, attack_check, attack_show},
                     {o->quantize, quantize_check, quantize_show},
                     {o->against, NULL, against_show},
                     {o->dump, dump_check, dump_show},
                     {o->time, NULL, time_show}};
    enum { QUESTIONS = sizeof questions / sizeof *questions };
    for (int i = 0; i < QUESTIONS; i++)
        if (questions[i].asked && questions[i].check && !questions[i].check(s, e)) return false;
    for (int i = 0; i < QUESTIONS; i++)
        if (questions[i].asked && !questions[i].show(s, e)) return false;
    return true;
}

static bool check_options(const ProbeOptions *o, Error *e) {
    if ((o->text != NULL) + (o->sentence != NULL) + (o->ids != NULL) > 1)
        return fail(e, EXIT_USAGE, "probe: --text, --sentence and --ids: one of them");
    if (o->keep && !o->quantize)
        return fail(e, EXIT_USAGE, "probe: --keep: of --quantize, which is not asked");
    if (o->light && o->heavy) return fail(e, EXIT_USAGE, "probe: --light and --heavy: one of them");
    return true;
}

/* Those that are asked of one checkpoint. */
static bool asks_more(const ProbeOptions *o) {
    return o->perturb != INT64_MIN || o->key != INT64_MIN || o->jacobian || o->collapse || o->embedding ||
           o->maps || o->stream || o->quantize || o->time || o->heads || o->against || o->dump ||
           o->positions || o->prune || o->attack != INT64_MIN;
}

static bool answer_opened(ProbedModel *s, const FoundModel *f, Error *e) {
    const ProbeOptions *o = s->o;
    bool several = f->n > 1;
    if (several && asks_more(o))
        return fail(e, EXIT_USAGE,
                    "--steps: %d of them, but --heads, --key and the like are asked of one (--steps N)",
                    f->n);
    if (s->control.n && o->store && (!*s->done || is_series(s, f)))
        return fail(e, EXIT_USAGE, "--store: random(...) is kept of a run's own steps, under one short --do");
    if (o->tokens_per_step && !(o->store && is_series(s, f)))
        return fail(e, EXIT_USAGE, "--tokens-per-step: is of a series of checkpoints under --store");
    if (o->store && !probe_store_check(s, f, e)) return false;
    if (!several && !ask(s, e)) return false;
    if (o->store) return probe_store(s, f, e);
    if (several && s->control.n) return control_steps(s, f, NULL, 0, e);
    return !several || steps_show(s, f, e);
}

static bool answer(const char *word, const ProbeOptions *o, Error *e) {
    FoundModel f = {0};
    ProbedModel s = {.o = o};
    int threads;
    gemm_start();
    bool ok = host_threads(0, &threads, e) && find_model(word, o->db, &f, e);
    if (ok && o->steps)
        ok = steps_choose(&f, o->steps, e);
    else
        *f.folder = 0, f.n = 1; /* the newest alone */
    if (ok) {
        int set = o->light || (f.n > 1 && !o->heavy) ? LIGHT : LIGHT | HEAVY;
        ok = probed_model_open(&s, f.path, set, o, e);
        s.threads = threads;
        ok = ok && answer_opened(&s, &f, e);
        probed_model_close(&s);
    }
    found_model_free(&f);
    return ok;
}

static int probe(int argc, char **argv, Error *e) {
    ProbeOptions o = {.cache = "data/cache",
                      .svg = ".",
                      .db = "results.db",
                      .perturb = INT64_MIN,
                      .key = INT64_MIN,
                      .attack = INT64_MIN};
    int words = 0;
    const Flag flags[] = {{"--text", FLAG_TEXT, &o.text},
                          {"--sentence", FLAG_TEXT, &o.sentence},
                          {"--ids", FLAG_TEXT, &o.ids},
                          {"--steps", FLAG_TEXT, &o.steps},
                          {"--store", FLAG_BOOL, &o.store},
                          {"--tokens-per-step", FLAG_INT, &o.tokens_per_step},
                          {"--db", FLAG_TEXT, &o.db},
                          {"--light", FLAG_BOOL, &o.light},
                          {"--heavy", FLAG_BOOL, &o.heavy},
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
                          {"--positions", FLAG_BOOL, &o.positions},
                          {"--prune", FLAG_BOOL, &o.prune},
                          {"--attack", FLAG_INT, &o.attack},
                          {"--quantize", FLAG_TEXT, &o.quantize},
                          {"--keep", FLAG_TEXT, &o.keep},
                          {"--against", FLAG_TEXT, &o.against},
                          {"--dump", FLAG_TEXT, &o.dump},
                          {"--time", FLAG_BOOL, &o.time},
                          {"--svg", FLAG_TEXT, &o.svg},
                          {"--quiet", FLAG_BOOL, &o.quiet},
                          {NULL, FLAG_BOOL, NULL}};
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (o.list) return instruments_list(o.json), EXIT_DONE;
    if (o.dump && words == 1)
        fail(e, EXIT_USAGE, "probe: --dump %.40s: into which file (--dump TAP FILE.npy)", o.dump);
    else if (words != 1 + (o.dump != NULL))
        fail(e, EXIT_USAGE,
             "probe: expected one CHECKPOINT (a folder step-NNNNNNNN or its model.safetensors), a folder of "
             "them, or a RUN, the "
             "start of its key");
    else if (check_options(&o, e)) {
        o.npy = o.dump ? argv[1] : NULL;
        answer(argv[0], &o, e);
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
    .usage = "CHECKPOINT | RUN | FOLDER | --list",
    .summary = "every instrument on a checkpoint, before and after interventions",
    .options =
        "RUN is the start of a run's key; of a run, and of a FOLDER of step-NNNNNNNN, the newest checkpoint\n"
        "  --steps WHICH      of those that are kept (run.keep): all, log (about 2^(k/2)), or a list, "
        "100,200:\n"
        "                     one table of the whole model by step\n"
        "  --light            the instruments that a run takes often; so for several steps\n"
        "  --heavy            all of them; so for one checkpoint\n"
        "  --store            into results.db, as training would have measured: under 'main', and with --do\n"
        "                     under 'main do INTERVENTION' (the view effect is the difference)\n"
        "                     a series that no run here wrote (folders step1000 in Hugging Face's form, or\n"
        "                     imported) becomes a run of the variant imported, on --text FILE or --ids FILE\n"
        "  --tokens-per-step N  of such a series: its axis of tokens\n"
        "  --db PATH          where RUN is looked for and --store writes (default results.db)\n"
        "  --do INTERVENTION  before and after, such as 'drop_mlp(layer=0,pos=0)'; several in one\n"
        "                     text or one a time; random(of=INTERVENTION, n=20, seed=N) does it to n\n"
        "                     others of its kind and size, too, and tells their spread, of\n"
        "                     several steps and under --store, too (the view control)\n"
        "  --heads            the figures of every head too\n"
        "  --text FILE        on this text instead of the held-out text, in rows as long as the probe's\n"
        "  --sentence TEXT    on this text, in rows as long as the context; a short one is one short row\n"
        "  --ids FILE         on these tokens: lists of numbers in JSON, one a row or a list of rows, or a\n"
        "                     file of tokens of llm.c's or nanoGPT's, in rows as long as the probe's; taken\n"
        "                     as they are, no BOS is put or taken, each next number is a target\n"
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
        "  --positions        loss by position, and by class of token where a task has classes\n"
        "  --prune            loss against heads removed, those that sink first, last, and at random\n"
        "  --attack N         loss and spread under the worst of the N substitutions of one token that the\n"
        "                     gradient chooses, at the first position and elsewhere, beside N random ones\n"
        "  --quantize int8    loss with weights and inputs of linear layers rounded\n"
        "  --keep first       under --quantize, too: with first tokens' inputs in fp32, and with these and\n"
        "                     the channel of the largest |x|\n"
        "  --against MODEL    likeness (CKA) of the stream, layer by layer, to another model that reads the\n"
        "                     same tokens: a checkpoint, a folder or a RUN\n"
        "  --dump TAP FILE    the array at a tap of the blocks (resid, attn_out, mlp_hidden, ...), or the\n"
        "                     attention weights of the first 32 rows (weights), under --do where that is\n"
        "                     given, as numpy's .npy\n"
        "  --time             milliseconds of a forward pass, of the light instruments, of all\n"
        "  --svg DIR          folder of the figures (default .)\n"
        "  --list             the instruments: definition, paper, columns in results.db or flag\n"
        "  --json             figures with full precision\n"
        "  --cache DIR        prepared tokens (default data/cache)\n"
        "  --quiet            no progress, as always\n\n"
        "Products are in fp32, in whatever precision it was trained; with --store in the run's.\n",
    .list = list_interventions,
    .run = probe,
};
