/* A run of more steps goes on from a done one of the same start, as ./sinklab train does it, and is the run
 * that it would have been alone, to the bit; where it cannot, it says why. */
#include "data/base/rng.h"

#include "tests/train/command_fixture.h"

static int setup(void **state) {
    Place *p = place_make("goon");
    if (!p) return -1;
    FILE *f = open_file(p, "text.txt", "w");
    for (int i = 0; i < 30000; i++)
        fprintf(f, "w%d%c", (int)rng_below(1, RNG_TEST, 0, (uint64_t)i, 7), i % 11 == 10 ? '\n' : ' ');
    fclose(f);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    return place_remove(*state);
}

static int train(const Place *p, const char *db, int steps, const char *more) {
    char line[1024];
    snprintf(line, sizeof line,
             "./sinklab train configs/demo.yaml --db %s/%s --cache %s/cache data.source=%s/text.txt "
             "data.tokenizer=bytes model.layers=2 model.width=32 model.context=16 train.steps=%d "
             "train.batch_tokens=256 optim.warmup=5 probe.sequences=20 probe.maps=0 run.checkpoint_every=7 "
             "run.threads=1 %s >%s/out 2>&1",
             p->folder, db, p->folder, p->folder, steps, more, p->folder);
    return shell(line);
}

#define LOOKS "probe.every=10 probe.gradients=16 "

static void assert_same_longest(const Place *p, const char *db, const char *other) {
    static const char sql[] = "SELECT d.* FROM digest AS d JOIN run AS r USING (key) WHERE r.steps = 60";
    char *a = ask(p, db, sql), *b = ask(p, other, sql), line[512];
    assert_true(strlen(a) > 10000);
    assert_string_equal(a, b);
    free(a);
    free(b);
    snprintf(
        line, sizeof line,
        "cd %s && cmp %s.d/*/step-00000060/model.safetensors %s.d/*/step-00000060/model.safetensors && cmp "
        "%s.d/*/step-00000060/optimizer.safetensors %s.d/*/step-00000060/optimizer.safetensors",
        p->folder, db, other, db, other);
    assert_int_equal(shell(line), 0);
}

/* Of a constant rate from its end, of wsd from where it decays, here 5 + 0.8 (41 - 5) = 33.8; a rate that a
 * constant one is made of must not matter. */
static void a_longer_run_goes_on_with_the_bits_of_one_alone(void **state) {
    const Place *p = *state;
    static const struct {
        const char *more, *from;
    } cases[] = {{LOOKS "optim.schedule=constant", "going on from step 41 of run "},
                 {LOOKS "optim.schedule=wsd", "going on from step 33 of run "},
                 {LOOKS "optim.schedule=constant optim.name=muon optim.lr=0.0007 optim.min_lr=0.00013 seed=5",
                  "going on from step 41 of run "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char two[16], alone[16];
        snprintf(two, sizeof two, "two%zu.db", i);
        snprintf(alone, sizeof alone, "alone%zu.db", i);
        assert_int_equal(train(p, two, 41, cases[i].more), 0);
        assert_int_equal(train(p, two, 60, cases[i].more), 0);
        assert_file_says(p, "out", cases[i].from);
        assert_int_equal(train(p, alone, 60, cases[i].more), 0);
        assert_same_longest(p, two, alone);
        assert_answer(p, two, "SELECT count(*), count(DISTINCT key) FROM run WHERE status = 'done'",
                      "2|2|\n");
        assert_answer(p, two, "SELECT kind FROM event WHERE kind NOT IN ('nan')", "began|\n");
    }
    assert_answer(p, "two0.db", "SELECT count(*) FROM step WHERE run_id = 2", "60|\n");
}

/* The longest that can be gone on from is; again is from the start. */
static void the_longest_is_gone_on_from_but_not_again(void **state) {
    const Place *p = *state;
    assert_int_equal(train(p, "two0.db", 80, LOOKS "optim.schedule=constant --quiet"), 0);
    assert_answer(p, "two0.db", "SELECT detail LIKE '%, from its step 60' FROM event WHERE run_id = 3",
                  "1|\n");
    char *before = ask(p, "two0.db", "SELECT * FROM digest"), *after;
    assert_int_equal(train(p, "two0.db", 80, LOOKS "optim.schedule=constant --again"), 0);
    after = ask(p, "two0.db", "SELECT * FROM digest");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void what_cannot_be_gone_on_from_says_why(void **state) {
    const Place *p = *state;
    assert_int_equal(train(p, "cosine.db", 41, LOOKS), 0);
    assert_int_equal(train(p, "cosine.db", 60, LOOKS), 0);
    assert_file_says(p, "out",
                     "of 41 steps: optim.schedule: cosine has the same rates up to step 5, and no whole");
    assert_int_equal(train(p, "wsd.db", 41, LOOKS "optim.schedule=wsd"), 0);
    char line[128];
    snprintf(line, sizeof line, "rm -r %s/wsd.db.d/*/step-00000033", p->folder);
    assert_int_equal(shell(line), 0);
    assert_int_equal(train(p, "wsd.db", 60, LOOKS "optim.schedule=wsd"), 0);
    assert_file_says(p, "out", "wsd has the same rates up to step 33, and no whole checkpoint is kept");
    assert_int_equal(train(p, "auto.db", 120, "optim.schedule=constant"), 0);
    assert_int_equal(train(p, "auto.db", 180, "optim.schedule=constant"), 0);
    assert_file_says(p, "out",
                     "it was looked at after other steps (here probe.every=3 probe.gradients=16 go with it)");
    assert_int_equal(train(p, "auto.db", 240, "optim.schedule=constant probe.every=4"), 0);
    assert_file_says(p, "out", "going on from step 180 of run ");
    assert_int_equal(train(p, "seed.db", 41, LOOKS "optim.schedule=constant"), 0);
    assert_int_equal(train(p, "seed.db", 60, LOOKS "optim.schedule=constant seed=1"), 0);
    assert_answer(p, "seed.db", "SELECT count(*) FROM event WHERE kind = 'began'", "0|\n");
}

/* Killed after it began so, it is gone on with as any run. */
static void killed_it_is_gone_on_with(void **state) {
    const Place *p = *state;
    assert_int_equal(train(p, "kill.db", 41, LOOKS "optim.schedule=constant"), 0);
    assert_int_equal(train(p, "kill.db", 60,
                           LOOKS "optim.schedule=constant --quiet & pid=$!; sleep 0.2; kill -9 "
                                 "$pid; wait $pid; true"),
                     0);
    assert_int_equal(train(p, "kill.db", 60, LOOKS "optim.schedule=constant"), 0);
    assert_same_longest(p, "kill.db", "alone0.db");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_longer_run_goes_on_with_the_bits_of_one_alone),
                                       cmocka_unit_test(the_longest_is_gone_on_from_but_not_again),
                                       cmocka_unit_test(what_cannot_be_gone_on_from_says_why),
                                       cmocka_unit_test(killed_it_is_gone_on_with)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
