/* The table of keys and all that walks it: precedence, presets, what is refused and with which
 * words, the canonical JSON and the run key. */
#include "data/base/yaml.h"
#include "model/slots.h"
#include "train/config/config.h"
#include "train/config/config_private.h"
#include "train/config/conflicts.h"
#include "train/config/names_elsewhere.h"
#include "train/embedded_files.h"
#include "train/optim/optim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test stands in an empty folder of its own; configs/ is reached by its full path. */
typedef struct Place {
    char root[512], folder[64];
} Place;

static int enter(void **state) {
    Place *p = calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/sinklab-config-XXXXXX");
    *state = p;
    return !getcwd(p->root, sizeof p->root) || !mkdtemp(p->folder) || chdir(p->folder);
}

static int leave(void **state) {
    Place *p = *state;
    static const char *const files[] = {"a.yaml", "b.yaml", "c.yaml", "sub/d.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) unlink(files[i]);
    rmdir("sub");
    int failed = chdir(p->root) || rmdir(p->folder);
    free(p);
    return failed;
}

static void write_file(const char *path, const char *text) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static Config load(const char *path) {
    Config c;
    Error e = {0};
    if (!config_load(&c, path, &e)) fail_msg("refused: %s", e.text);
    return c;
}

static Config compose(const char *path, const Setting *settings, int n) {
    Config c;
    Error e = {0};
    if (!config_compose(&c, path, settings, n, &e)) fail_msg("refused: %s", e.text);
    return c;
}

static void check(Config *c) {
    Error e = {0};
    if (!config_check(c, &e)) fail_msg("refused: %s", e.text);
}

static void assert_value(const Config *c, const char *key, const char *expected) {
    char text[1024];
    assert_true(config_get(c, key, text, sizeof text));
    assert_string_equal(text, expected);
}

static void assert_refused(const char *yaml, const char *expected) {
    Config c;
    Error e = {0};
    write_file("a.yaml", yaml);
    assert_false(config_load(&c, "a.yaml", &e));
    assert_string_equal(e.text, expected);
    assert_int_equal(e.code, EXIT_USAGE);
}

static void defaults_are_those_listed_here(void **state) {
    (void)state;
    static const char *const expected[][2] = {
        {"variant", "baseline"},       {"seed", "0"},
        {"model.layers", "4"},         {"model.width", "128"},
        {"model.heads", "2"},          {"model.context", "32"},
        {"model.tie", "false"},        {"model.head_out", "none"},
        {"model.interventions", "[]"}, {"model.embedding_std", "0.02"},
        {"data.source", "gcide"},      {"data.vocab", "4096"},
        {"train.steps", "2500"},       {"train.batch_tokens", "2048"},
        {"optim.lr", "0.001"},         {"optim.min_lr", "-1"},
        {"optim.weight_decay", "0.1"}, {"optim.decay_on", "matrices"},
        {"optim.eps", "1e-08"},        {"seeds.init", "null"},
        {"probe.length", "64"},        {"run.label", ""},
    };
    Config c;
    config_defaults(&c);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_value(&c, expected[i][0], expected[i][1]);
    assert_int_equal(c.model.vocab, 0);
    check(&c);
    assert_value(&c, "optim.min_lr", "0.0001");
}

/* Whatever the table's rows are, each default is within its own bounds and choices. */
static void every_default_can_be_set(void **state) {
    (void)state;
    Config c, again;
    Error e = {0};
    config_defaults(&c);
    config_defaults(&again);
    for (int i = 0; config_key_name(i); i++) {
        char text[1024];
        assert_true(config_get(&c, config_key_name(i), text, sizeof text));
        if (!config_set(&again, config_key_name(i), text, "here", &e)) fail_msg("%s", e.text);
    }
    assert_memory_equal(&c, &again, sizeof c);
    assert_null(config_key_name(-1));
}

static void nested_and_dotted_keys_are_the_same(void **state) {
    (void)state;
    write_file("a.yaml", "model: {width: 64, heads: 4}\nmodel.layers: 3\noptim:\n  lr: 1e-3\n  clip: .5\n"
                         "train.steps: 1e6\nmodel.tie: true\nmodel.interventions: [a b, 'c,\"d\"']\n"
                         "run: {label: \"a: b\"}\n");
    Config c = load("a.yaml");
    assert_int_equal(c.model.width, 64);
    assert_int_equal(c.model.heads, 4);
    assert_int_equal(c.model.layers, 3);
    assert_int_equal(c.train.steps, 1000000);
    assert_true(c.optim.lr == 1e-3);
    assert_true(c.optim.clip == 0.5);
    assert_true(c.model.tie);
    assert_int_equal(c.model.interventions.n, 2);
    assert_string_equal(c.model.interventions.item[1], "c,\"d\"");
    assert_string_equal(c.label, "a: b");
    assert_value(&c, "model.interventions", "[\"a b\",\"c,\\\"d\\\"\"]");
}

static void merge_keys_of_yaml_are_merged(void **state) {
    (void)state;
    write_file("a.yaml", "model: &m {width: 64, layers: 3}\noptim: {<<: {lr: 2e-3, clip: 2}, clip: 3}\n");
    Config c = load("a.yaml");
    assert_value(&c, "optim.lr", "0.002");
    assert_value(&c, "optim.clip", "3");
}

/* Defaults < base < preset < own keys, each seen where the next is silent. */
static void a_file_overrides_its_preset_and_its_base(void **state) {
    (void)state;
    write_file("c.yaml", "model.layers: 1\nmodel.width: 32\nmodel.head_out: none\n");
    write_file("b.yaml", "base: c.yaml\nmodel.layers: 2\nmodel.heads: 1\n");
    write_file("a.yaml", "base: b.yaml\nvariant: head_rmsnorm\nmodel.layers: 3\n");
    Config c = load("a.yaml");
    assert_value(&c, "model.context", "32");
    assert_value(&c, "model.width", "32");
    assert_value(&c, "model.heads", "1");
    assert_value(&c, "model.layers", "3");
    assert_value(&c, "model.head_out", "rmsnorm");
    write_file("a.yaml", "base: b.yaml\nvariant: head_rmsnorm\nmodel.head_out: none\n");
    c = load("a.yaml");
    assert_value(&c, "model.head_out", "none");
}

static void a_base_is_relative_to_its_file(void **state) {
    (void)state;
    write_file("b.yaml", "model.layers: 2\n");
    assert_int_equal(system("mkdir sub"), 0);
    write_file("sub/d.yaml", "base: ../b.yaml\nmodel.heads: 1\n");
    write_file("a.yaml", "base: sub/d.yaml\n");
    Config c = load("a.yaml");
    assert_value(&c, "model.layers", "2");
    assert_value(&c, "model.heads", "1");
}

/* A base file's preset stands when the file names no variant, and leaves no trace when it does. */
static void one_variant_is_in_force(void **state) {
    (void)state;
    write_file("b.yaml", "variant: no_bos\n");
    write_file("a.yaml", "base: b.yaml\n");
    Config c = load("a.yaml");
    assert_value(&c, "variant", "no_bos");
    assert_value(&c, "data.bos", "none");
    write_file("a.yaml", "base: b.yaml\nvariant: head_rmsnorm\n");
    c = load("a.yaml");
    assert_value(&c, "variant", "head_rmsnorm");
    assert_value(&c, "data.bos", "row");
    assert_value(&c, "model.head_out", "rmsnorm");
    c = compose("a.yaml", &(Setting){"variant", "baseline", "grid"}, 1);
    assert_value(&c, "data.bos", "row");
    assert_value(&c, "model.head_out", "none");
}

/* A setting's variant: over the file, below every other setting wherever it stands. */
static void a_variant_among_settings_yields_to_every_other(void **state) {
    (void)state;
    write_file("a.yaml", "data.bos: row\nmodel.layers: 2\n");
    const Setting variant = {"variant", "no_bos", "grid"}, bos = {"data.bos", "document", "set"};
    Config c = compose("a.yaml", (Setting[]){variant}, 1);
    assert_value(&c, "data.bos", "none");
    assert_value(&c, "model.layers", "2");
    c = compose("a.yaml", (Setting[]){bos, variant}, 2);
    assert_value(&c, "data.bos", "document");
    assert_value(&c, "variant", "no_bos");
    c = compose("a.yaml", (Setting[]){variant, bos}, 2);
    assert_value(&c, "data.bos", "document");
    /* The command line names another: the grid's preset leaves no trace. */
    c = compose("a.yaml", (Setting[]){variant, {"variant", "head_rmsnorm", "command line"}}, 2);
    assert_value(&c, "data.bos", "row");
    assert_value(&c, "model.head_out", "rmsnorm");
    c = compose(NULL, (Setting[]){variant, {"model.layers", "7", "x"}, {"model.layers", "8", "y"}}, 3);
    assert_value(&c, "model.layers", "8");
}

static void a_key_is_set_or_refused_with_its_place(void **state) {
    (void)state;
    Config c;
    Error e = {0};
    config_defaults(&c);
    assert_true(config_set(&c, "variant", "no_bos", "here", &e));
    assert_value(&c, "data.bos", "none");
    assert_value(&c, "variant", "no_bos");
    assert_true(config_set(&c, "model.interventions", "one, with a comma", "here", &e));
    assert_int_equal(c.model.interventions.n, 1);
    assert_true(config_set(&c, "model.interventions", "[]", "here", &e));
    assert_int_equal(c.model.interventions.n, 0);
    assert_true(config_set(&c, "optim.weight_decay", "-0", "here", &e));
    assert_value(&c, "optim.weight_decay", "0");
    assert_false(config_set(&c, "optm.lr", "1", "s.yaml:7:3", &e));
    assert_string_equal(e.text, "s.yaml:7:3: unknown key optm.lr (did you mean optim.lr?)");
    assert_false(config_set(&c, "optim.lr", "abc", "command line", &e));
    assert_string_equal(e.text, "command line: optim.lr: expected a finite number, not \"abc\"");
    assert_false(config_set(&c, "variant", "nobos", "command line", &e));
    assert_string_equal(e.text,
                        "command line: variant: no preset is called \"nobos\" (did you mean no_bos?)");
    assert_value(&c, "variant", "no_bos");
}

static void words_of_the_command_line_override_the_file(void **state) {
    (void)state;
    Config c;
    Error e = {0};
    write_file("a.yaml", "data.bos: row\n");
    char *words[] = {"a.yaml", "data.source=x=y.txt", "variant=no_bos", "train.steps=200"};
    assert_true(config_from_words(&c, 4, words, &e));
    assert_value(&c, "data.source", "x=y.txt");
    assert_value(&c, "data.bos", "none");
    assert_value(&c, "optim.min_lr", "0.0001"); /* checked */
    assert_false(config_from_words(&c, 0, NULL, &e));
    assert_string_equal(e.text, "command line: no configuration given (such as configs/demo.yaml)");
    assert_false(config_from_words(&c, 2, (char *[]){"a.yaml", "b.yaml"}, &e));
    assert_string_equal(e.text,
                        "command line: \"b.yaml\" is not of the form key=value (one word, no blanks)");
}

static void unknown_and_duplicate_keys_are_refused_with_their_place(void **state) {
    (void)state;
    assert_refused("seed: 1\nmodel:\n  widht: 3\n",
                   "a.yaml:3:3: unknown key model.widht (did you mean model.width?)");
    assert_refused("model.widht: 3\n", "a.yaml:1:1: unknown key model.widht (did you mean model.width?)");
    assert_refused("widht: 3\n", "a.yaml:1:1: unknown key widht (did you mean model.width?)");
    assert_refused("zzzzzz: 3\n", "a.yaml:1:1: unknown key zzzzzz");
    assert_refused("train: {lr: 3}\n", "a.yaml:1:9: unknown key train.lr (did you mean optim.lr?)");
    assert_refused("optim.learning_rate: 3\n",
                   "a.yaml:1:1: unknown key optim.learning_rate (did you mean optim.lr?)");
    assert_refused("batch_size: 3\n", "a.yaml:1:1: unknown key batch_size (did you mean train.batch_tokens, "
                                      "counted in tokens, not rows?)");
    assert_refused("model: {dropout: 0.1}\n",
                   "a.yaml:1:9: unknown key model.dropout (no model has dropout here)");
    assert_refused("seed: 1\nseed: 2\n", "a.yaml:2:1: duplicate key seed (first on line 1)");
    assert_refused("model.width: 64\nmodel:\n  width: 64\n",
                   "a.yaml:3:3: duplicate key model.width (first on line 1)");
    assert_refused("model: 3\n", "a.yaml:1:1: model: expected a map of keys (model.KEY: VALUE)");
    assert_refused("- a\n- b\n", "a.yaml:1:1: expected a map of keys");
    assert_refused("seed: {a: 1}\n", "a.yaml:1:7: seed: expected an integer, not a map");
    assert_refused("a: [1\n", "a.yaml:2:1: a list that is not closed: , or ] is missing");
}

/* Each name leads to a key that there is, unless it says why there is none, and is not one itself. */
static void names_of_other_programs_lead_to_keys(void **state) {
    (void)state;
    static const char *const usual[] = {"learning_rate", "n_layer",   "n_head",       "n_embd",
                                        "block_size",    "max_iters", "warmup_iters", "num_hidden_layers"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) assert_non_null(config_key_named(usual[i]));
    assert_string_equal(config_key_named("weight-decay"), "optim.weight_decay"); /* as the key ends */
    for (int i = 0; names_elsewhere(i); i++) {
        const NameElsewhere *row = names_elsewhere(i);
        assert_ptr_equal(name_elsewhere(row->name), row); /* and is there once */
        if (row->key ? config_row(row->key) < 0 : !row->remark) fail_msg("%s leads nowhere", row->name);
        for (int k = 0; config_key_name(k); k++)
            if (name_ends_as(config_key_name(k), row->name)) fail_msg("%s is a key", row->name);
    }
}

static void values_of_the_wrong_type_are_refused_with_their_place(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"seed: x", "a.yaml:1:7: seed: expected an integer, not \"x\""},
        {"seed: 1.5", "a.yaml:1:7: seed: expected an integer, not \"1.5\""},
        {"seed: 1_000", "a.yaml:1:7: seed: expected an integer, not \"1_000\""},
        {"seed: 0x10", "a.yaml:1:7: seed: expected an integer, not \"0x10\""},
        {"seed: ' 1'", "a.yaml:1:7: seed: expected an integer, not \" 1\""},
        {"seed:", "a.yaml:1:6: seed: expected an integer, not \"\""},
        {"seed: -1", "a.yaml:1:7: seed: -1 is out of bounds (0 to 9007199254740992)"},
        {"seed: 9007199254740994",
         "a.yaml:1:7: seed: 9007199254740994 is out of bounds (0 to 9007199254740992)"},
        {"model.layers: 0", "a.yaml:1:15: model.layers: 0 is out of bounds (1 to 1024)"},
        {"optim.lr: nan", "a.yaml:1:11: optim.lr: expected a finite number, not \"nan\""},
        {"optim.lr: .inf", "a.yaml:1:11: optim.lr: expected a finite number, not \".inf\""},
        {"optim.lr: inf", "a.yaml:1:11: optim.lr: expected a finite number, not \"inf\""},
        {"optim.lr: 1e999", "a.yaml:1:11: optim.lr: expected a finite number, not \"1e999\""},
        {"optim.lr: 1e-3x", "a.yaml:1:11: optim.lr: expected a finite number, not \"1e-3x\""},
        {"optim.beta1: 1", "a.yaml:1:14: optim.beta1: 1 is out of bounds (0 to 0.999999)"},
        {"model.tie: yes", "a.yaml:1:12: model.tie: expected true or false, not \"yes\""},
        {"model.tie: [true]", "a.yaml:1:12: model.tie: expected true or false, not a list"},
        {"data.bos: rwo",
         "a.yaml:1:11: data.bos: \"rwo\" is none of row, document, none, random_first (did you mean row?)"},
        {"data.bos: {}", "a.yaml:1:11: data.bos: expected one word, not a map"},
        {"data.source: \"a\\nb\"", "a.yaml:1:14: data.source: a control character in the text"},
        {"model.interventions: [[a]]",
         "a.yaml:1:22: model.interventions: expected a list of texts, not a list"},
        {"model.interventions: {a: 1}",
         "a.yaml:1:22: model.interventions: expected a list of texts, not a map"},
        {"model.interventions: "
         "[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,"
         "0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4]",
         "a.yaml:1:22: model.interventions: 65 items, at most 64"},
        {"variant: nobos", "a.yaml:1:10: variant: no preset is called \"nobos\" (did you mean no_bos?)"},
        {"variant: [no_bos]", "a.yaml:1:10: variant: expected a text, not a list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(cases[i][0], cases[i][1]);
    char text[700] = "data.source: ";
    memset(text + strlen(text), 'x', 600);
    assert_refused(text, "a.yaml:1:14: data.source: 600 bytes of text, at most 511");
}

static void a_base_that_cannot_be_is_refused(void **state) {
    (void)state;
    assert_refused("seed: 1\nbase: none.yaml\n", "a.yaml:2:7: base: none.yaml: No such file or directory");
    assert_refused("base: [b.yaml]\n", "a.yaml:1:7: base: expected the path of a file");
    assert_refused("base: a.yaml\n", "a.yaml:1:7: base: a.yaml is based on this file (a cycle)");
    write_file("b.yaml", "base: ./a.yaml\n");
    assert_refused("base: b.yaml\n", "b.yaml:1:7: base: ./a.yaml is based on this file (a cycle)");
    write_file("b.yaml", "model.hedas: 2\n");
    assert_refused("base: b.yaml\n", "b.yaml:1:1: unknown key model.hedas (did you mean model.heads?)");
}

/* A checkpoint's configuration comes from anywhere: no file of this machine's becomes a part of it. */
static void a_text_that_is_no_file_has_no_base(void **state) {
    (void)state;
    Config c;
    Error e = {0};
    const char text[] = "base: /etc/hostname\nseed: 1\n";
    assert_false(config_parse(&c, text, sizeof text - 1, "t", &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_string_equal(e.text, "t: base: only a configuration file may have one");
}

static void a_text_may_be_nothing(void **state) {
    (void)state;
    Config c;
    Error e = {0};
    const char text[] = "train.init_from: null\nrun: {label: ~}\ndata.source: \"null\"\n";
    assert_true(config_parse(&c, text, sizeof text - 1, "t", &e));
    assert_string_equal(c.train.init_from, "");
    assert_string_equal(c.label, "");
    assert_string_equal(c.data.source, "null");
    assert_false(config_parse(&c, "model.layers: null", strlen("model.layers: null"), "t", &e));
}

static void values_that_do_not_fit_together_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *key, *text, *expected;
    } cases[] = {
        {"train.batch_tokens", "2000",
         "train.batch_tokens: 2000 is not a multiple of model.context, 32 (2016 is)"},
        {"optim.warmup", "2501", "optim.warmup: 2501 is more than train.steps, 2500 (that many or less)"},
        {"optim.min_lr", "-0.5", "optim.min_lr: -0.5 is below 0 (only -1, lr / 10, is)"},
        {"optim.min_lr", "0.01", "optim.min_lr: 0.01 is above optim.lr, 0.001 (-1 is lr / 10)"},
        {"data.source", "", "data.source: is empty (such as gcide, or the path of a text)"},
        {"model.heads", "3", "model.heads: 3 does not divide model.width, 128 (choose a divisor)"},
        {"model.prefix", "33", "model.prefix: 33 is longer than model.context, 32 (0: none)"},
        {"model.prefix", "9",
         "model.prefix: 9 positions see their own targets, which are scored from train.loss_from, 0 (set it "
         "to "
         "model.prefix - 1 or more)"},
        {"model.clip_gamma", "-0.1",
         "model.clip_gamma: -0.1 does nothing with model.attention, softmax (it is of clipped; leave it at "
         "-0.03)"},
        {"model.interventions", "replace_first(4096)",
         "model.interventions: replace_first(4096): token 4096 is not there (0 to 4095)"},
        {"train.context_schedule", "0:16, 2500:32",
         "train.context_schedule: [\"0:16, 2500:32\"] has a stage that no step reaches of train.steps, 2500 "
         "(stages begin before the last step)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Error e = {0};
        config_defaults(&c);
        assert_true(config_set(&c, cases[i].key, cases[i].text, "here", &e));
        assert_false(config_check(&c, &e));
        assert_string_equal(e.text, cases[i].expected);
        assert_int_equal(e.code, EXIT_USAGE);
    }
}

/* Settings that only together cannot be, or of which one does nothing beside the other: refused by its name.
 */
static void keys_that_would_do_nothing_are_refused(void **state) {
    (void)state;
    static const char *const cases[][5] = {
        {"model.heads", "128", "model.position", "rope", "model.position"},
        {"model.heads", "128", "model.attention", "differential", "model.attention"},
        {"model.window_keep", "2", "model.window", "0", "model.window_keep"},
        {"model.window", "33", "seed", "1", "model.window"},
        {"model.kv_heads", "3", "seed", "1", "model.kv_heads"},
        {"model.sink_heads", "[0]", "model.attention", "softmax", "model.sink_heads"},
        {"model.sink_heads", "[1, 1]", "model.attention", "sink_logit", "model.sink_heads"},
        {"model.sink_heads", "[1, 01]", "model.attention", "sink_logit", "model.sink_heads"},
        {"model.sink_heads", "[2]", "model.attention", "sink_logit", "model.sink_heads"},
        {"model.sink_heads", "[+1]", "model.attention", "sink_logit", "model.sink_heads"},
        {"model.clip_zeta", "2", "model.attention", "sigmoid", "model.clip_zeta"},
        {"model.head_out_gain", "head", "model.head_out", "gate_head", "model.head_out_gain"},
        {"model.head_out_gain", "head", "model.head_out", "exclusive", "model.head_out_gain"},
        {"model.embedding_std", "0.3", "model.init", "scaled", "model.embedding_std"},
        {"model.value_residual", "0.5", "model.layers", "1", "model.value_residual"},
        {"data.tokenizer", "bytes", "data.vocab", "300", "data.vocab"},
        {"data.tokenizer", "bpe", "data.eot", "0", "data.eot"},
        {"data.tokenizer", "ids", "data.vocab", "300", "data.eot"},
        {"data.tokenizer", "ids", "data.eot", "5000", "data.eot"},
        {"probe.maps", "0", "probe.map_times", "3", "probe.map_times"},
        {"data.source", "bigram_backcopy", "data.vocab", "300", "data.vocab"},
        {"data.source", "bigram_backcopy:x", "data.tokenizer", "bytes", "data.tokenizer"},
        {"data.source", "bigram_backcopy", "data.mask", "document", "data.mask"},
        {"data.source", "bigram_backcopy", "data.bos", "document", "data.bos"},
        {"data.source", "bigram_backcopy", "data.bos", "none", "data.bos"},
        {"data.source", "bigram_backcopy", "model.interventions", "replace_first(66)", "model.interventions"},
        {"data.source", "trigger_mean", "model.interventions", "replace_first(19)", "model.interventions"},
        {"data.source", "trigger_mean", "data.noop", "0.25", "data.noop"},
        {"data.source", "retrieval", "model.context", "17", "data.source"},
        {"data.tokenizer", "bytes", "model.interventions", "replace_first(257)", "model.interventions"},
        {"data.fixed_token_at", "0", "data.bos", "random_first", "data.fixed_token_at"},
        {"model.depth_capacity", "0.5", "model.layers", "1", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "model.position", "alibi", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "model.window", "4", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "data.mask", "document", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "model.attention", "sink_token", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "model.value_residual", "0.5", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "model.interventions", "head_off(0)", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "train.sink_penalty", "1", "model.depth_capacity"},
        {"model.depth_capacity", "0.5", "train.gate_balance", "1", "model.depth_capacity"},
        {"train.sink_penalty", "1", "model.attention", "sigmoid", "train.sink_penalty"},
        {"train.gate_balance", "1", "model.attention", "sigmoid", "train.gate_balance"},
        {"train.gate_balance", "1", "model.heads", "1", "train.gate_balance"},
        {"train.context_schedule", "0:16, 6:32", "model.interventions", "self_only(20)",
         "model.interventions"},
        {"train.context_schedule", "0:16, 6:32", "train.loss_from", "16", "train.loss_from"},
        {"optim.name", "lion", "optim.eps", "1e-6", "optim.eps"},
        {"model.gate_rank", "8", "model.norm_kind", "pre_affine", "model.gate_rank"},
        {"optim.decay_on", "input_gains", "model.norm", "post", "optim.decay_on"},
        {"optim.decay_on", "input_gains", "optim.weight_decay", "0", "optim.decay_on"},
        {"train.init_from", "x", "seeds.init", "1", "seeds.init"},
        {"train.init_from", "", "train.init_hash", "00ff", "train.init_hash"},
        {"model.position", "alibi", "model.rope_theta", "500000", "model.rope_theta"},
        {"model.position", "learned", "model.rope_dims", "8", "model.rope_dims"},
        {"model.rope_scaling", "none", "model.rope_factor", "8", "model.rope_factor"},
        {"model.rope_scaling", "none", "model.rope_original", "16", "model.rope_original"},
        {"model.rope_scaling", "linear", "model.rope_low", "0.5", "model.rope_low"},
        {"model.rope_scaling", "linear", "model.rope_high", "8", "model.rope_high"},
        {"model.rope_scaling", "llama3", "model.rope_low", "4", "model.rope_low"},
        {"model.heads", "2", "model.rope_dims", "7", "model.rope_dims"},
        {"model.heads", "2", "model.rope_dims", "66", "model.rope_dims"},
        {"model.head_dim", "64", "model.rope_dims", "66", "model.rope_dims"},
        {"model.position", "rope", "model.head_dim", "5", "model.position"},
        {"model.parallel", "two_norms", "model.norm", "post", "model.parallel"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Config c;
        Error e = {0};
        config_defaults(&c);
        for (int k = 0; k < 4; k += 2)
            if (!config_set(&c, cases[i][k], cases[i][k + 1], "here", &e)) fail_msg("%s", e.text);
        if (config_check(&c, &e)) fail_msg("%s with %s is not refused", cases[i][0], cases[i][2]);
        assert_int_equal(e.code, EXIT_USAGE);
        size_t length = strlen(cases[i][4]);
        if (strncmp(e.text, cases[i][4], length) || e.text[length] != ':')
            fail_msg("%s is not named: %s", cases[i][4], e.text);
    }
}

/* What does not fit together is refused with the place of its key. */
static void what_does_not_fit_is_refused_with_its_place(void **state) {
    (void)state;
    Config c;
    Error e = {0};
    write_file("b.yaml", "model:\n  prefix: 33\n");
    write_file("a.yaml", "base: b.yaml\nseed: 1\n");
    char *words[] = {"a.yaml", "optim.warmup=0"};
    assert_false(config_from_words(&c, 2, words, &e));
    assert_string_equal(e.text, "b.yaml:2:11: model.prefix: 33 is longer than model.context, 32 (0: none)");
    words[1] = "model.prefix=34";
    assert_false(config_from_words(&c, 2, words, &e));
    assert_string_equal(e.text, "command line: model.prefix: 34 is longer than model.context, 32 (0: none)");
}

/* What is counted in steps shrinks with them and nothing else does; what says no number of steps stays. */
static void a_first_look_scales_all_that_is_in_steps(void **state) {
    (void)state;
    write_file("a.yaml",
               "train: {steps: 1000, context_schedule: ['0:16', '500:32']}\noptim.warmup: 100\n"
               "probe: {every: 50, gradients: -1}\nrun: {checkpoint_every: 250, keep: [4, 8, 500]}\n");
    Config c = load("a.yaml"), longer;
    Error e = {0};
    check(&c);
    longer = c;
    assert_true(config_shorten(&longer, 2000, &e));
    assert_memory_equal(&c, &longer, sizeof c);
    assert_true(config_shorten(&c, 20, &e));
    assert_int_equal(c.train.steps, 20);
    assert_int_equal(c.optim.warmup, 2);
    assert_int_equal(c.probe.every, 1);
    assert_int_equal(c.probe.gradients, -1);
    assert_int_equal(c.run.checkpoint_every, 5);
    assert_int_equal(c.run.log_every, 0);
    assert_string_equal(c.train.context_schedule.item[0], "0:16");
    assert_string_equal(c.train.context_schedule.item[1], "10:32");
    assert_int_equal(c.run.keep.n, 2); /* of 4 and 8, both step 1 now, one is left */
    assert_string_equal(c.run.keep.item[0], "1");
    assert_string_equal(c.run.keep.item[1], "10");
    assert_int_equal(c.train.batch_tokens, 2048);
    assert_false(config_shorten(&c, 0, &e));
    assert_int_equal(e.code, EXIT_USAGE);
}

static void json_is_canonical_and_leaves_out_run(void **state) {
    (void)state;
    Config c;
    config_defaults(&c);
    check(&c);
    char *json = config_json(&c, false), *all = config_json(&c, true);
    assert_non_null(
        strstr(json, "{\"variant\":\"baseline\",\"seed\":0,\"model\":{\"layers\":4,\"width\":128,"));
    assert_non_null(strstr(json, "\"interventions\":[]},\"data\":{\"source\":\"gcide\",\"limit\":0,"));
    assert_non_null(strstr(json, "\"lr\":0.001,\"min_lr\":0.0001,"));
    assert_non_null(strstr(json, "\"probe\":{\"every\":0,\"length\":64,\"sequences\":100,\"maps\":1,\"map_"
                                 "times\":40,\"gradients\":0,\"do\":[]}}"));
    assert_null(strstr(json, "\"run\""));
    assert_non_null(strstr(all, "\"run\":{\"threads\":0,\"checkpoint_every\":0,"));
    free(json);
    free(all);
}

static void json_reads_back_as_the_same_run(void **state) {
    (void)state;
    write_file("a.yaml",
               "variant: no_bos\ndata.bos: document\noptim: {lr: 0.1234567890123456789, eps: 3e-17}\n"
               "train.steps: 1e9\nseed: 9007199254740991\ndata.source: \"\\U0001F600 \\\\ é \\\" #\"\n"
               "model.interventions: ['scale(1, 2)', ' self_only ( 0 ) ']\nrun.label: \"x: y\"\n"
               "model.embedding_std: 0.3\nmodel.tie: true\n");
    Config c = load("a.yaml"), back;
    Error e = {0};
    check(&c);
    char *json = config_json(&c, true);
    if (!config_parse(&back, json, strlen(json), "json", &e)) fail_msg("%s: %s", e.text, json);
    check(&back);
    assert_memory_equal(&c, &back, sizeof c);
    char key[33], key_back[33];
    config_key(&c, "x", "y", key);
    config_key(&back, "x", "y", key_back);
    assert_string_equal(key, key_back);
    free(json);
}

static void a_seed_is_a_number_or_null(void **state) {
    (void)state;
    write_file("a.yaml", "seed: 3\nseeds: {init: 5, data: null}\nseeds.probe: 0\n");
    Config c = load("a.yaml");
    assert_int_equal(config_seed(&c, SEED_INIT), 5);
    assert_int_equal(config_seed(&c, SEED_DATA), 3);
    assert_int_equal(config_seed(&c, SEED_PROBE), 0);
    assert_value(&c, "seeds.data", "null");
    assert_refused("seeds.init: -1", "a.yaml:1:13: seeds.init: -1 is out of bounds (0 to 9007199254740992)");
    assert_refused("seeds.init: x", "a.yaml:1:13: seeds.init: expected an integer or null, not \"x\"");
}

static void a_value_is_read_by_its_key(void **state) {
    (void)state;
    Config c;
    char text[8];
    config_defaults(&c);
    assert_false(config_get(&c, "no.such", text, sizeof text));
    assert_false(config_get(&c, "variant", text, sizeof text)); /* baseline and its NUL: 9 bytes */
    assert_true(config_get(&c, "data.source", text, sizeof text));
    assert_string_equal(text, "gcide");
    Error e = {0};
    config_unknown_key("lr", "here", &e);
    assert_string_equal(e.text, "here: unknown key lr (did you mean optim.lr?)");
    config_unknown_key("something else", "here", &e);
    assert_string_equal(e.text, "here: unknown key something else");
}

static void help_has_every_key(void **state) {
    (void)state;
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    config_help(out);
    fclose(out);
    for (int i = 0; config_key_name(i); i++) assert_non_null(strstr(text, config_key_name(i)));
    assert_non_null(strstr(text, "[row | document | none | random_first]"));
    for (SlotKind kind = SLOT_ATTENTION; kind < SLOT_KINDS; kind++)
        for (int i = 0; slot_row(kind, i)->name; i++) assert_non_null(strstr(text, slot_row(kind, i)->help));
    for (int i = 0; optimiser_name(i); i++) assert_non_null(strstr(text, optimiser_help(i)));
    free(text);
}

static void every_preset_applies(void **state) {
    (void)state;
    Error e = {0};
    Yaml *all = yaml_parse(variants_yaml, variants_yaml_length, "variants.yaml", &e);
    assert_non_null(all);
    assert_true(all->n >= 3);
    for (int i = 0; i < all->n; i++) {
        Config c = compose(NULL, &(Setting){"variant", all->key[i]->text, "here"}, 1);
        assert_value(&c, "variant", all->key[i]->text);
        check(&c);
    }
    yaml_free(all);
}

static void recipes_hold_what_readme_says(void **state) {
    const Place *p = *state;
    char path[600];
    snprintf(path, sizeof path, "%s/configs/demo.yaml", p->root);
    Config c = compose(path, &(Setting){"variant", "head_rmsnorm", "grid"}, 1);
    check(&c);
    assert_value(&c, "optim.weight_decay", "0.5");
    assert_value(&c, "model.head_out_scale", "0.2");
    assert_value(&c, "model.head_out", "rmsnorm");
    assert_value(&c, "optim.min_lr", "0.0001");
    assert_int_equal(c.train.batch_tokens / c.model.context, 64);
    snprintf(path, sizeof path, "%s/configs/reference.yaml", p->root);
    c = load(path);
    check(&c);
    assert_value(&c, "model.layers", "6");
    assert_value(&c, "model.width", "384");
    assert_int_equal(c.train.batch_tokens / c.model.context, 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_those_listed_here),
        TEST(every_default_can_be_set),
        TEST(nested_and_dotted_keys_are_the_same),
        TEST(merge_keys_of_yaml_are_merged),
        TEST(a_file_overrides_its_preset_and_its_base),
        TEST(a_base_is_relative_to_its_file),
        TEST(one_variant_is_in_force),
        TEST(a_variant_among_settings_yields_to_every_other),
        TEST(a_key_is_set_or_refused_with_its_place),
        TEST(words_of_the_command_line_override_the_file),
        TEST(unknown_and_duplicate_keys_are_refused_with_their_place),
        TEST(names_of_other_programs_lead_to_keys),
        TEST(values_of_the_wrong_type_are_refused_with_their_place),
        TEST(a_base_that_cannot_be_is_refused),
        TEST(a_text_that_is_no_file_has_no_base),
        TEST(a_text_may_be_nothing),
        TEST(values_that_do_not_fit_together_are_refused),
        TEST(keys_that_would_do_nothing_are_refused),
        TEST(what_does_not_fit_is_refused_with_its_place),
        TEST(a_first_look_scales_all_that_is_in_steps),
        TEST(json_is_canonical_and_leaves_out_run),
        TEST(json_reads_back_as_the_same_run),
        TEST(a_seed_is_a_number_or_null),
        TEST(a_value_is_read_by_its_key),
        TEST(help_has_every_key),
        TEST(every_preset_applies),
        TEST(recipes_hold_what_readme_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
