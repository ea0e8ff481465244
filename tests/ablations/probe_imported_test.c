/* A model that another program trained, as its user meets it: imported, asked on numbers and on text by its
 * own tokenizer, and never on another's. Runs in the root of the repository. */
#include "data/base/files.h"
#include "train/checkpoint/hugging_face.h"
#include "train/config/conflicts.h"

#include "tests/train/command_fixture.h"

#include <math.h>

enum { VOCAB = 330 };

/* A Hugging Face folder PLACE/NAME of a small random Llama. */
static void make_model(const Place *p, const char *name) {
    static const char *const keys[][2] = {{"model.width", "16"},   {"model.heads", "2"},
                                          {"model.layers", "2"},   {"model.context", "32"},
                                          {"model.norm_eps", "0"}, {"model.rope_theta", "500000"},
                                          {"data.bos", "none"},    {"model.head_dim", "12"}};
    Config c;
    Model *m;
    Error e = {0};
    const char *class;
    char folder[160];
    config_defaults(&c);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_true(config_set(&c, keys[i][0], keys[i][1], "test", &e));
    assert_true(config_check(&c, &e));
    c.model.vocab = VOCAB;
    assert_true(model_create(&m, &c.model, true, &e));
    model_init(m, 1);
    snprintf(folder, sizeof folder, "%s/%s", p->folder, name);
    assert_true(folder_make(folder, &e));
    assert_true(hugging_face_export(folder, &c, m, 1, &(Origin){"", "", ""}, 0, &class, &e));
    model_free(m);
}

static int run(const Place *p, const char *format, ...) {
    char line[2048], cd[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(cd, sizeof cd, "F=%s; export F;", p->folder);
    char whole[2400];
    snprintf(whole, sizeof whole, "%s { %s; } >$F/out 2>&1", cd, line);
    return shell(whole);
}

static double loss_said(const Place *p) {
    double loss = NAN;
    FILE *f = open_file(p, "out", "r");
    if (fscanf(f, "{\"loss\": %lf", &loss) != 1) fail_msg("no loss at the top level");
    fclose(f);
    return loss;
}

static void without_a_tokenizer_only_numbers_are_taken(void **state) {
    (void)state;
    Place *p = place_make("imported");
    make_model(p, "hf");
    assert_int_equal(run(p, "./sinklab import $F/hf $F/ck"), 0);
    assert_file_says(p, "out", "without a tokenizer (probe --ids FILE)");
    assert_int_equal(run(p, "echo '[1, 5, 7, 300, 2]' >$F/ids; ./sinklab probe $F/ck --ids $F/ids --json"),
                     0);
    assert_true(loss_said(p) > 5); /* ln 330 = 5.8: nothing was learnt */
    static const char *const refused[] = {"probe $F/ck", "probe $F/ck --sentence 'a b'",
                                          "sample $F/ck --prompt a"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(run(p, "./sinklab %s", refused[i]), 2);
        assert_file_says(p, "out", "imported without its tokenizer");
    }
    assert_int_equal(run(p, "./sinklab probe $F/ck --ids $F/ids --sentence a"), 2);
    assert_int_equal(run(p, "./sinklab probe $F/ck --ids $F/ids --perturb 1"), 2);
    assert_int_equal(
        run(p, "./sinklab probe $F/ck --ids $F/ids --heads --key 0 --jacobian --collapse --maps --quantize "
               "int8 --do 'drop_mlp(layer=0,pos=0)' --svg $F --json"),
        0);
    assert_int_equal(run(p, "./sinklab probe $F/ck --ids $F/ids --store"), 2);
    assert_int_equal(run(p, "./sinklab export $F/ck $F/back && ./sinklab import $F/back $F/ck2"), 0);
    assert_int_equal(run(p, "./sinklab probe $F/ck2"), 2);
    assert_file_says(p, "out", "imported without its tokenizer");
    place_remove(p);
}

/* The same number of tokens does not make a tokenizer the model's. */
static void training_does_not_start_from_another_tokenizers_model(void **state) {
    (void)state;
    Place *p = place_make("imported");
    make_model(p, "hf");
    assert_int_equal(
        run(p, "./sinklab import $F/hf $F/ck; for i in $(seq 3000); do echo \"w$((i %% 97)) x$((i %% 31)) "
               "y$((i %% 13))\"; done >$F/text"),
        0);
    assert_int_equal(
        run(p, "./sinklab train configs/demo.yaml --db $F/a.db --cache $F/cache data.source=$F/text "
               "data.vocab=330 model.width=16 model.heads=2 model.layers=2 model.context=32 "
               "model.rope_theta=500000 model.head_dim=12 train.steps=2 optim.warmup=1 train.batch_tokens=64 "
               "train.init_from=$F/ck"),
        2);
    assert_file_says(p, "out", "imported without its tokenizer");
    place_remove(p);
}

/* What --sentence says is what --ids says of BOS and the numbers that spm_encode gives. */
static void its_own_tokenizer_encodes_a_sentence(void **state) {
    (void)state;
    Place *p = place_make("imported");
    make_model(p, "hf");
    assert_int_equal(
        run(p,
            "for i in $(seq 300); do echo \"ab cd abcd $i efg\"; done >$F/text; cd $F && spm_train "
            "--input=text --model_prefix=hf/tokenizer --model_type=bpe --vocab_size=300 --byte_fallback=true "
            "--hard_vocab_limit=false --normalization_rule_name=identity --remove_extra_whitespaces=false"),
        0);
    assert_int_equal(run(p, "./sinklab import $F/hf $F/ck && test -s $F/ck/tokenizer.model"), 0);
    assert_int_equal(run(p, "./sinklab probe $F/ck --sentence 'ab cd efg ab' --json"), 0);
    double sentence = loss_said(p);
    assert_int_equal(run(p, "echo \"[1, $(echo 'ab cd efg ab' | spm_encode --model=$F/ck/tokenizer.model "
                            "--output_format=id | "
                            "sed 's/ /, /g')]\" >$F/ids; ./sinklab probe $F/ck --ids $F/ids --json"),
                     0);
    assert_true(fabs(loss_said(p) - sentence) < 1e-6);
    assert_int_equal(run(p, "./sinklab sample $F/ck --prompt 'ab cd' --tokens 3"), 0);
    assert_int_equal(run(p, "./sinklab probe $F/ck"), 2);
    assert_file_says(p, "out", "has no held-out text");
    assert_int_equal(
        run(p, "./sinklab export $F/ck $F/back && cmp $F/back/tokenizer.model $F/hf/tokenizer.model"), 0);
    assert_int_equal(run(p, "./sinklab import $F/back $F/ck2; ./sinklab probe $F/ck2 --sentence 'ab cd efg "
                            "ab' --json >$F/said; "
                            "cat $F/said"),
                     0);
    assert_int_equal(run(p, "cat $F/said"), 0);
    assert_true(loss_said(p) == sentence);
    assert_int_equal(run(p, "printf x >>$F/ck/tokenizer.model; ./sinklab probe $F/ck --sentence ab"), 2);
    assert_file_says(p, "out", "tokenizer.model is not the one it was imported with");
    place_remove(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_tokenizer_only_numbers_are_taken),
        cmocka_unit_test(training_does_not_start_from_another_tokenizers_model),
        cmocka_unit_test(its_own_tokenizer_encodes_a_sentence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
