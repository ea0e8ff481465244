/* A smoke of `sinklab bench`: its JSON is read back, and the phases of a step add up to the step. What is
 * said of a run's memory and threads before it begins. */
#include "data/base/yaml.h"
#include "model/kernels/gemm.h"
#include "model/useful_threads.h"
#include "train/bench.h"
#include "train/config/conflicts.h"
#include "train/evaluate_under.h"
#include "train/run.h"
#include "train/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char config[] = "model: {layers: 1, width: 32, heads: 2, context: 16}\n"
                             "data: {source: none, vocab: 64}\n"
                             "train: {batch_tokens: 256, steps: 200}\n";

static double number(const Yaml *map, const char *key) {
    const Yaml *value = yaml_get(map, key);
    assert_non_null(value);
    return atof(value->text);
}

/* Runs a line for the shell, in which $D is a folder with small.yaml; what it says goes to $D/said. */
static int shell(const char *folder, const char *line) {
    char all[1024];
    snprintf(all, sizeof all, "D=%s; { %s; } >$D/said 2>&1", folder, line);
    int status = system(all);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_runs(const char *folder, const char *line) {
    if (shell(folder, line)) fail_msg("%s: see %s/said", line, folder);
}

static int setup(void **state) {
    char path[64], *folder = strdup("/tmp/sinklab-bench-XXXXXX");
    if (!folder || !mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/small.yaml", folder);
    FILE *f = fopen(path, "w");
    if (!f) return -1;
    fputs(config, f);
    *state = folder;
    return fclose(f);
}

static int teardown(void **state) {
    int code = shell(*state, "rm -r $D");
    free(*state);
    return code > 0 ? 0 : code; /* `said` lies there */
}

/* Of one step, since medians of parts and of wholes need not add up; figures are written in six digits. */
static void phases_add_up(void **state) {
    char path[64];
    Error e = {0};
    assert_runs(*state, "./sinklab bench $D/small.yaml --steps 1 --json --quiet >$D/out");
    snprintf(path, sizeof path, "%s/out", (char *)*state);
    Yaml *y = yaml_load(path, &e);
    assert_non_null(y);
    assert_true(number(y, "peak_fp32") > 0 && number(y, "peak_bytes") > 0);
    const Yaml *configs = yaml_get(y, "configs");
    assert_int_equal(configs->n, 1);
    const Yaml *one = configs->value[0], *phases = yaml_get(one, "phases");
    double sum = 0, step = number(one, "ms");
    for (int i = 0; i < phases->n; i++) sum += number(phases->value[i], "ms");
    assert_float_equal(sum / step, 1, 1e-4);
    assert_float_equal(number(one, "tokens_per_second") * step / 1000, 256, 256 * 1e-4);
    assert_true(number(yaml_get(phases, "data"), "ms") > 0 && number(yaml_get(phases, "store"), "ms") > 0);
    assert_true(number(one, "memory") > 0);
    yaml_free(y);
}

/* Rows are cut of a text by the code that training uses: a target is the next input, BOS stands first. */
static void rows_are_those_of_a_text(void **state) {
    (void)state;
    Config c;
    Error e = {0};
    BenchRun *r;
    assert_true(config_parse(&c, config, sizeof config - 1, "small.yaml", &e) && config_check(&c, &e));
    c.train.batch_tokens = 2 * c.model.context;
    assert_true(bench_open(&r, &c, &e));
    const Trainer *t = bench_trainer(r);
    assert_int_equal(t->rows.x[0], t->rows.x[t->T]);
    for (int i = 1; i < 2 * t->T; i++)
        if (i % t->T) assert_int_equal(t->rows.x[i], t->rows.y[i - 1]);
    bench_close(r);
}

/* The gradients after a first step of one of `size` processes that hears nothing of the others, of `shares`
 * shares. */
static float *first_gradients(int rank, int size, int shares, double *loss, size_t *n) {
    Config c;
    Error e = {0};
    BenchRun *run;
    Processes alone = {.rank = rank, .size = size};
    assert_true(config_parse(&c, config, sizeof config - 1, "small.yaml", &e) && config_check(&c, &e));
    c.train.shares = shares;
    assert_true(bench_open_part(&run, &c, &alone, &e));
    const Trainer *t = bench_trainer(run);
    *n = t->model->arena;
    *loss = bench_loss(run);
    float *grads = malloc(*n * sizeof *grads);
    assert_non_null(grads);
    memcpy(grads, t->grads, *n * sizeof *grads);
    bench_close(run);
    return grads;
}

/* Four shares in one process, against each in a process of its own, added in pairs: bit for bit, since a mean
 * over a quarter of the targets is four times its part of the whole. Against one share: by another order of
 * sums. */
static void shares_are_summed_in_pairs(void **state) {
    (void)state;
    enum { SIZE = 4 };
    double loss, whole_loss, part_loss = 0, off = 0, size = 0;
    size_t n;
    float *in_one = first_gradients(0, 1, SIZE, &loss, &n),
          *whole = first_gradients(0, 1, 1, &whole_loss, &n);
    float *of[SIZE];
    for (int rank = 0; rank < SIZE; rank++) {
        double of_its_own;
        of[rank] = first_gradients(rank, SIZE, SIZE, &of_its_own, &n);
        part_loss += of_its_own / SIZE;
    }
    for (size_t i = 0; i < n; i++) {
        float pairs = ((of[0][i] + of[1][i]) + (of[2][i] + of[3][i])) / SIZE;
        assert_memory_equal(&pairs, &in_one[i], sizeof pairs);
        off = fmax(off, fabs((double)whole[i] - in_one[i]));
        size = fmax(size, fabs((double)whole[i]));
    }
    assert_true(size > 0 && off / size < 1e-6);
    assert_true(fabs(loss / whole_loss - 1) < 1e-6 && fabs(part_loss / loss - 1) < 1e-6);
    for (int rank = 0; rank < SIZE; rank++) free(of[rank]);
    free(in_one);
    free(whole);
}

/* What train --dry-run says of memory, against what the trainer asks the system for. */
static double size_of(const char *const (*set)[2], int n, double *asked) {
    Config c;
    Error e = {0};
    RunSize size;
    Trainer t;
    config_defaults(&c);
    for (int i = 0; i < n; i++) assert_true(config_set(&c, set[i][0], set[i][1], "test", &e));
    if (!config_check(&c, &e)) fail_msg("%s", e.text);
    c.model.vocab = c.data.vocab;
    struct mallinfo2 before = mallinfo2();
    assert_true(run_size(&c, c.data.vocab, 1, &size, &e));
    assert_true(trainer_create(&t, &c, NULL, &e));
    struct mallinfo2 after = mallinfo2();
    *asked = (double)(after.uordblks + after.hblkhd) - (double)(before.uordblks + before.hblkhd);
    trainer_free(&t);
    return size.bytes;
}

/* The system is asked for up to a huge page more for each of the seven large blocks, which is never touched;
 * the bf16 parts of this model alone are more than that. */
static void size_is_what_is_taken(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its own malloc keeps no such books */
#endif
    enum { BLOCKS = 7 };
    const double page = 2 << 20;
    static const char *const sets[][3][2] = {
        {{"train.precision", "fp32"}, {"optim.name", "adamw"}, {"model.width", "384"}},
        {{"train.precision", "bf16"}, {"optim.name", "adamw"}, {"model.width", "384"}},
        {{"train.precision", "bf16"}, {"optim.name", "muon"}, {"model.width", "384"}}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        double asked, said = size_of(sets[i], 3, &asked);
        if (said > 1.001 * asked || said < 0.99 * asked - BLOCKS * page)
            fail_msg("%s, %s: said %.2f MB, took %.2f MB", sets[i][0][1], sets[i][1][1], said * 1e-6,
                     asked * 1e-6);
    }
}

/* Of a model trained under an intervention, or evaluated under it: the same tape. */
static double under(const char *key, Model **m, Config *c) {
    Error e = {0};
    config_defaults(c);
    assert_true(config_set(c, key, "[\"self_only(pos=3)\"]", "test", &e) &&
                config_set(c, "train.micro_rows", "8", "test", &e) && config_check(c, &e));
    c->model.vocab = 512;
    assert_true(model_create(m, &c->model, false, &e));
    return trainer_tape_bytes(c, *m, trainer_rows_in_flight(c, (int)c->model.context), (int)c->model.context);
}

static void a_tape_under_an_intervention_is_counted_whole(void **state) {
    (void)state;
    Config trained, evaluated;
    Model *m, *plain;
    double bytes = under("model.interventions", &m, &trained), less = under("probe.do", &plain, &evaluated);
    assert_true(bytes > less && evaluate_under_bytes(&evaluated, plain) == bytes);
    assert_true(evaluate_under_bytes(&trained, m) == 0);
    model_free(m);
    model_free(plain);
}

/* A product's pieces are those that its kernel cuts; more threads never have less to share. */
static void pieces_from_shapes(void **state) {
    (void)state;
    Config c;
    Error e = {0};
    Model *small, *large;
    config_defaults(&c);
    assert_true(config_check(&c, &e));
    c.model.vocab = 512;
    assert_true(model_create(&small, &c.model, false, &e));
    c.model.width *= 4;
    c.model.mlp_width *= 4;
    assert_true(model_create(&large, &c.model, false, &e));
    int64_t d = small->config.width;
    assert_int_equal(
        useful_pieces(small, 4, 64, false, PHASE_LINEAR + LINEAR_PASSES * LINEAR_OUT + LINEAR_DW),
        gemm_pieces(d, d));
    assert_int_equal(useful_pieces(small, 4, 64, false, PHASE_ATTENTION_FORWARD), 4 * small->config.heads);
    assert_int_equal(useful_pieces(small, 4, 64, false, PHASE_OPTIMISER), 0);
    assert_true(useful_threads(small, 4, 64, false) >= 1);
    assert_true(useful_threads(large, 16, 64, false) > useful_threads(small, 4, 64, false));
    model_free(small);
    model_free(large);
}

/* That the figures are there, not what they are. */
static void the_table_names_its_phases(void **state) {
    assert_runs(*state, "./sinklab bench $D/small.yaml model.layers=2 --steps 1 >$D/a.txt &&"
                        " grep -q 'threads have work' $D/a.txt && grep -q 'classifier forward' $D/a.txt");
}

/* Where none is named. */
static void each_configuration_there_is(void **state) {
    assert_runs(*state, "mkdir -p $D/configs && cp $D/small.yaml $D/configs/a.yaml &&"
                        " cp $D/small.yaml $D/configs/b.yaml && touch $D/configs/variants.yaml &&"
                        " (cd $D && $OLDPWD/sinklab bench --steps 1 --json --quiet >out) &&"
                        " grep -q configs/a.yaml $D/out && grep -q configs/b.yaml $D/out &&"
                        " ! grep -q variants $D/out");
}

/* What `make perf` writes, for people and to hold a later run against: two rounds in turn; the second time
 * the first is the earlier one. */
#define PERF "make -s -o sinklab perf ROUNDS=2 CONFIGS=\"$D/small.yaml --steps 1\" "
static void figures_to_keep(void **state) {
    assert_runs(*state, PERF "PERF=$D/perf >$D/out && ! grep -q against $D/out &&"
                             " grep -q 'small.yaml` | fp32 | .* to .*) | .*%.* | .* MB |' $D/perf/*.md &&"
                             " grep -q 'Medians of 2 interleaved rounds' $D/perf/*.md");
    assert_runs(*state,
                PERF "PERF=$D/perf >$D/out && grep -q 'against commit' $D/out &&"
                     " grep -q ' tokens/s .*%.*%' $D/out && grep -q ' qkv forward, ms .*%.*%' $D/out");
}

/* An earlier run of known figures on another CPU, one of whose configurations is not there now and the other
 * way round. */
static void an_earlier_run_is_told_apart(void **state) {
    assert_runs(*state,
                "echo '{\"cpu\": \"Other\", \"threads\": 7, \"blas_arch\": \"knl\", \"commit\": \"c0ffee\","
                " \"date\": \"2020-02-02\", \"configs\": [{\"config\": \"'$D'/small.yaml\","
                " \"precision\": \"fp32\", \"tokens_per_second\": 1e15, \"mfu_nominal\": 0.25,"
                " \"phases\": {\"norm\": {\"ms\": 1e9, \"share\": 0.125}}}]}' >$D/then.json &&"
                " cp $D/small.yaml $D/new.yaml &&"
                " make -s -o sinklab perf AGAINST=$D/then.json ROUNDS=1 PERF=$D/later"
                " CONFIGS=\"$D/small.yaml $D/new.yaml --steps 1\" >$D/out");
    assert_runs(*state,
                "grep -q 'against commit c0ffee, 2020-02-02' $D/out &&"
                " grep -q 'that was on Other (knl), 7 threads' $D/out &&"
                " grep -q 'new.yaml (fp32): not in it' $D/out &&"
                " grep -q ' tokens/s .* 1e+15 .* 0.000 .* 25.0 %' $D/out &&"
                " grep -q ' norm, ms .* 1e+09 .* 12.5 %' $D/out && ! grep -q 'qkv forward, ms' $D/out");
}

static void what_would_go_unheard_is_refused(void **state) {
    static const struct {
        const char *command, *says;
    } cases[] = {
        {"./sinklab bench $D/small.yaml --steps 1 --rounds 2 --variants", "--rounds"},
        {"./sinklab bench $D/small.yaml --steps 1 --cache $D", "--cache"},
        {"./sinklab bench $D/small.yaml --steps 1 --variants --instruments", "are measurements of their own"},
        {"AGAINST=$D/small.yaml tests/perf.sh $D/none $D/small.yaml", "not what sinklab bench --json writes"},
        {"AGAINST=$D/nowhere.json tests/perf.sh $D/none $D/small.yaml", "nowhere.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[512];
        snprintf(line, sizeof line, "%s 2>$D/why", cases[i].command);
        assert_int_equal(shell(*state, line), 2);
        snprintf(line, sizeof line, "grep -q -e '%s' $D/why && ! test -e $D/none", cases[i].says);
        assert_runs(*state, line);
    }
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(phases_add_up),
        cmocka_unit_test(rows_are_those_of_a_text),
        cmocka_unit_test(shares_are_summed_in_pairs),
        cmocka_unit_test(size_is_what_is_taken),
        cmocka_unit_test(a_tape_under_an_intervention_is_counted_whole),
        cmocka_unit_test(pieces_from_shapes),
        cmocka_unit_test(the_table_names_its_phases),
        cmocka_unit_test(each_configuration_there_is),
        cmocka_unit_test(figures_to_keep),
        cmocka_unit_test(an_earlier_run_is_told_apart),
        cmocka_unit_test(what_would_go_unheard_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
