/* The held-out losses of a run as results.db has them: over which targets each is, what may be compared, and
 * what BOS is worth, by identities that must hold to the bit. */
#include "data/base/rng.h"

#include "tests/train/command_fixture.h"

static void write_text(const Place *p) {
    static const char *const words[] = {"the", "sink",  "drinks", "what",  "no", "head", "wants", "and",
                                        "a",   "token", "stands", "first", "so", "it",   "is",    "seen"};
    FILE *f = open_file(p, "text.txt", "w");
    uint64_t at = 0;
    for (int i = 0; i < 160000; i++) {
        at = (3 * at + rng_below(1, RNG_TEST, 0, (uint64_t)i, 4)) % 16;
        fprintf(f, "%s%c", words[at], i % 11 == 10 ? '\n' : ' ');
    }
    fclose(f);
}

static int setup(void **state) {
    Place *p = place_make("losses");
    if (!p) return -1;
    write_text(p);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    return place_remove(*state);
}

static void train(const Place *p, const char *db, const char *more) {
    char line[1600];
    snprintf(line, sizeof line,
             "./sinklab train configs/demo.yaml --quiet --db %s/%s --cache %s/cache data.source=%s/text.txt "
             "data.tokenizer=bytes model.layers=1 model.width=16 model.heads=1 model.context=8 "
             "train.batch_tokens=256 "
             "train.steps=40 optim.warmup=10 probe.sequences=10 run.threads=1 %s >%s/out 2>&1",
             p->folder, db, p->folder, p->folder, more, p->folder);
    assert_int_equal(shell(line), 0);
}

static void a_curve_is_over_one_set_of_targets(void **state) {
    const Place *p = *state;
    train(p, "a.db", "probe.every=2");
    assert_answer(
        p, "a.db",
        "SELECT count(*) > 1, count(*) = count(val_loss_16k), sum(val_loss_16k IS val_loss) = count(*)"
        " FROM eval WHERE probe = 'main' AND val_loss IS NOT NULL AND step < 40",
        "1|1|1|\n");
    assert_answer(p, "a.db",
                  "SELECT val_loss_16k IS NOT val_loss, abs(val_loss_16k - val_loss) < 0.1 FROM eval"
                  " WHERE probe = 'main' AND step = 40",
                  "1|1|\n");
}

static void the_late_targets_of_two_are_the_second(void **state) {
    const Place *p = *state;
    train(p, "two.db", "model.context=2 probe.length=2");
    assert_answer(
        p, "two.db",
        "SELECT count(*) > 1, sum(val_loss_late IS val_loss_1) = count(*), sum(val_loss_late IS val_loss)"
        " FROM eval WHERE probe = 'main' AND val_loss IS NOT NULL",
        "1|1|0|\n");
}

/* With a token fixed at position 0 the other choice of BOS is the same row. */
static void bos_costs_nothing_where_it_changes_nothing(void **state) {
    const Place *p = *state;
    train(p, "same.db", "data.fixed_token_at=0");
    assert_answer(
        p, "same.db",
        "SELECT bos_cost, bos_cost_se, bos_cost_late, bos_cost_late_se, bos_cost_rows > 100 FROM eval"
        " WHERE probe = 'other_bos' AND step = 40",
        "0.0|0.0|0.0|0.0|1|\n");
}

/* Trained with BOS, and going on from there without an update, the cost of the one is minus that of the
 * other. */
static void bos_cost_is_of_the_trained_choice(void **state) {
    const Place *p = *state;
    train(p, "with.db", "train.steps=200");
    char more[700];
    snprintf(more, sizeof more,
             "data.bos=none optim.lr=0 optim.min_lr=0 train.steps=20 optim.warmup=1 "
             "train.init_from=$(ls -d %s/with.db.d/*/step-00000200)",
             p->folder);
    train(p, "without.db", more);
    assert_answer(
        p, "with.db",
        "SELECT bos_cost <> 0, bos_cost_late <> 0, bos_cost_se > 0 FROM eval WHERE probe = 'other_bos' AND "
        "step = 200",
        "1|1|1|\n");
    char line[700];
    snprintf(
        line, sizeof line,
        "cd %s && sqlite3 with.db \"ATTACH 'without.db' AS b; SELECT abs(x.bos_cost + y.bos_cost) < 1e-12,"
        " abs(x.bos_cost_late + y.bos_cost_late) < 1e-12 FROM main.eval x, b.eval y WHERE x.probe = "
        "'other_bos'"
        " AND y.probe = 'other_bos' AND x.step = 200 AND y.step = 20\" | grep -qx '1|1'",
        p->folder);
    assert_int_equal(shell(line), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_curve_is_over_one_set_of_targets),
        cmocka_unit_test(the_late_targets_of_two_are_the_second),
        cmocka_unit_test(bos_costs_nothing_where_it_changes_nothing),
        cmocka_unit_test(bos_cost_is_of_the_trained_choice),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
