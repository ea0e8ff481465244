/* What train.precision comes to on a CPU with bf16 and on one without: which run it is, what is said, which
 * peak it is held against. The Makefile puts the __wrap functions here in place of the CPU's own answers. */
#include "data/base/rng.h"
#include "train/commands/command.h"
#include "train/config/config.h"
#include "train/step.h"

#include "tests/train/command_fixture.h"

static double bf16_peak = 3e15;
static bool has_bf16; /* in the runs of a sweep, which are processes of their own, too: not */

bool __wrap_gemm_bf16_supported(void);
bool __real_gemm_bf16_supported(void);
double __wrap_gemm_bf16_peak(int threads);
double __wrap_peak_flops(int threads);

bool __wrap_gemm_bf16_supported(void) {
    return has_bf16;
}
double __wrap_gemm_bf16_peak(int threads) {
    return threads * bf16_peak;
}
double __wrap_peak_flops(int threads) {
    return threads * 2e15;
}

static int setup(void **state) {
    Place *p = place_make("precision");
    if (!p) return -1;
    setenv("OMP_NUM_THREADS", "1", 1);
    FILE *f = open_file(p, "text.txt", "w");
    for (int i = 0; i < 9000; i++) fprintf(f, "word%d ", (int)rng_below(1, RNG_TEST, 0, (uint64_t)i, 9));
    fclose(f);
    f = open_file(p, "small.yaml", "w");
    fprintf(f,
            "data: {source: %s/text.txt, tokenizer: bytes}\n"
            "model: {layers: 1, width: 16, heads: 2, context: 16}\n"
            "train: {steps: 6, batch_tokens: 128}\noptim.warmup: 2\nprobe.sequences: 5\n",
            p->folder);
    fclose(f);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    return place_remove(*state);
}

/* The exit code of a command whose words stand in `line`; what it says goes to `out`. */
static int command(const Place *p, const Command *c, const char *out, const char *line) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        char text[1024], path[160], *words[32];
        int n = 0;
        snprintf(text, sizeof text, "%s", line);
        snprintf(path, sizeof path, "%s/%s", p->folder, out);
        if (!freopen(path, "w", stderr) || !freopen("/dev/null", "w", stdout)) _exit(127);
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) words[n++] = word;
        Error e = {0};
        int code = c->run(n, words, &e);
        if (code) fprintf(stderr, "%s\n", e.text);
        exit(code);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int train(const Place *p, const char *db, const char *more) {
    char line[512];
    snprintf(line, sizeof line, "%s/small.yaml --db %s/%s --cache %s/cache %s", p->folder, p->folder, db,
             p->folder, more);
    return command(p, &train_command, "said", line);
}

static const char warning[] = "train.precision: bf16: this CPU has no instructions";

static void without_bf16_it_is_the_run_of_fp32(void **state) {
    const Place *p = *state;
    has_bf16 = false;
    assert_int_equal(train(p, "a.db", "--quiet train.precision=bf16"), 0);
    assert_file_says(p, "said", warning);
    assert_answer(p, "a.db", "SELECT count(*) FROM event WHERE kind = 'precision'", "1|\n");
    assert_int_equal(train(p, "a.db", "--quiet train.precision=fp32"), 0);
    assert_answer(p, "a.db", "SELECT count(*), config ->> '$.train.precision' FROM run", "1|fp32|\n");
}

/* A checkpoint of bf16 keeps its key where it is only read. */
static void a_key_is_that_of_its_configuration(void **state) {
    (void)state;
    Config c;
    char key[3][33];
    config_defaults(&c);
    c.train.precision = PRECISION_BF16;
    for (int i = 0; i < 2; i++) {
        has_bf16 = i;
        config_key(&c, "corpus", "tokenizer", key[i]);
    }
    assert_null(config_settle(&c));
    assert_string_equal(key[0], key[1]);
    has_bf16 = false;
    assert_non_null(config_settle(&c));
    config_key(&c, "corpus", "tokenizer", key[2]);
    assert_string_not_equal(key[1], key[2]);
}

static void every_way_to_a_run_says_so(void **state) {
    const Place *p = *state;
    char line[256];
    has_bf16 = false;
    assert_int_equal(train(p, "none.db", "--dry-run train.precision=bf16"), 0);
    assert_file_says(p, "said", warning);
    snprintf(line, sizeof line, "%s/small.yaml train.precision=bf16 --steps 1", p->folder);
    assert_int_equal(command(p, &bench_command, "said", line), 0);
    assert_file_says(p, "said", warning);
}

/* The runs of a sweep are quiet, and speak into their logs where they share the machine. */
static void a_sweep_says_so_for_its_runs(void **state) {
    const Place *p = *state;
    char line[512];
    FILE *f = open_file(p, "sweep.yaml", "w");
    fprintf(f, "name: low\nbase: small.yaml\nset: {train.precision: bf16}\ngrid: {optim.lr: [1e-3, "
               "2e-3]}\nseeds: 1\n");
    fclose(f);
    has_bf16 = false;
    snprintf(line, sizeof line, "run %s/sweep.yaml --db %s/sweep.db --cache %s/cache --quiet", p->folder,
             p->folder, p->folder);
    assert_int_equal(command(p, &sweep_command, "said", line), 0);
    assert_file_says(p, "said", warning);
    assert_answer(p, "sweep.db",
                  "SELECT status, config ->> '$.train.precision',"
                  " (SELECT count(*) FROM event WHERE run_id = id AND kind = 'precision') FROM run",
                  "done|fp32|1|\ndone|fp32|1|\n");
}

static void a_share_of_peak_is_of_its_own_precision(void **state) {
    const Place *p = *state;
    Config c;
    config_defaults(&c);
    has_bf16 = true;
    assert_float_equal(trainer_peak(&c, 2), 4e15, 0);
    c.train.precision = PRECISION_BF16;
    assert_float_equal(trainer_peak(&c, 2), 6e15, 0);
    has_bf16 = false;
    assert_float_equal(trainer_peak(&c, 2), 4e15, 0);
    assert_int_equal(train(p, "peak.db", ""), 0);
    assert_file_says(p, "said", "peak 2000000 GF/s in fp32");
    if (!__real_gemm_bf16_supported()) return;
    has_bf16 = true;
    assert_int_equal(train(p, "peak.db", "train.precision=bf16"), 0);
    assert_file_says(p, "said", "peak 3000000 GF/s in bf16");
}

/* Sapphire Rapids where AMX is not granted. */
static void bf16_that_is_slower_than_fp32_is_said_to_be(void **state) {
    const Place *p = *state;
    if (!__real_gemm_bf16_supported()) skip();
    has_bf16 = true;
    bf16_peak = 1e15;
    assert_int_equal(train(p, "slow.db", "train.precision=bf16"), 0);
    assert_file_says(p, "said", "train.precision: bf16: slower than fp32 here");
    assert_answer(p, "slow.db", "SELECT config ->> '$.train.precision', blas_arch LIKE '%+%' FROM run",
                  "bf16|1|\n");
    bf16_peak = 3e15;
}

int main(int argc, char **argv) {
    Error e = {0};
    if (argc > 1 && !strcmp(argv[1], "train")) return train_command.run(argc - 2, argv + 2, &e);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_bf16_it_is_the_run_of_fp32),
        cmocka_unit_test(a_key_is_that_of_its_configuration),
        cmocka_unit_test(every_way_to_a_run_says_so),
        cmocka_unit_test(a_sweep_says_so_for_its_runs),
        cmocka_unit_test(a_share_of_peak_is_of_its_own_precision),
        cmocka_unit_test(bf16_that_is_slower_than_fp32_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
