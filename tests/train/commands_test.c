/* Commands as their user runs them, on the two runs of one sweep: what they print and write has the right
 * values. */
#include "data/base/error.h"
#include "tests/ablations/small_sweep.h"

static int setup(void **state) {
    Place *p = place_make("commands");
    if (!p) return -1;
    setenv("OMP_NUM_THREADS", "1", 1);
    write_text(p);
    write_sweep(p, "two", "grid: {optim.lr: [1e-3, 5e-3]}\nseeds: 1\n");
    *state = p;
    return sweep(p, "run", "two", "two.db", "--jobs 1 --quiet");
}

static int teardown(void **state) {
    return place_remove(*state);
}

/* Runs a line for the shell, in which $D is the folder and $C the last checkpoint of the first run. */
static void assert_runs(const Place *p, const char *line) {
    char all[2048];
    snprintf(all, sizeof all,
             "D=%s; C=$(ls -d $D/two.db.d/*/step-00000060 | head -n 1); { %s; } >$D/said 2>&1 ||"
             " { cat $D/said >&2; false; }",
             p->folder, line);
    if (shell(all)) fail_msg("%s", line);
}

/* What sqlite3 makes of files of the folder: `first` is a command of its own, %s in `sql` the folder. */
static void assert_read(const Place *p, const char *first, const char *sql, const char *expected) {
    char query[512], line[1024];
    snprintf(query, sizeof query, sql, p->folder);
    snprintf(line, sizeof line,
             "read=$(sqlite3 :memory: \"%s\" \"%s\"); echo \"$read\"; [ \"$read\" = '%s' ]", first, query,
             expected);
    assert_runs(p, line);
}

static void version_says_numerics_and_commit(void **state) {
    assert_runs(*state, "./sinklab --version | grep -Eqx 'sinklab [0-9.]+ \\(numerics .+, commit "
                        "(unknown|[0-9a-f]+(-dirty)?)\\)'");
}

static void help_and_version_have_the_usual_names(void **state) {
    assert_runs(
        *state,
        "./sinklab help runs >$D/a && ./sinklab runs --help >$D/b && cmp $D/a $D/b && ./sinklab -V >$D/a &&"
        " ./sinklab --version >$D/b && cmp $D/a $D/b && ./sinklab version | cmp - $D/b && ./sinklab help "
        ">$D/a && ./sinklab --help >$D/b &&"
        " cmp $D/a $D/b && grep -q 'exit: 0 done' $D/a");
}

/* Off a terminal lines are as they are written. */
static void help_fits_the_terminal(void **state) {
    assert_runs(
        *state,
        "for c in '' $(./sinklab --help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p'); do"
        " script -qec \"stty cols 72; ./sinklab help $c\" /dev/null </dev/null | tr -d '\\r' >$D/narrow;"
        " ! grep -q '.\\{73\\}' $D/narrow && ./sinklab help $c | tr -s ' \\n' '  ' >$D/a &&"
        " tr -s ' \\n' '  ' <$D/narrow | cmp - $D/a || exit 1; done");
}

/* Of every command and option that --help has. */
static void a_man_page_and_completions_have_every_option(void **state) {
    assert_runs(*state,
                "./sinklab help --man >$D/man && ./sinklab help --bash >$D/bash && ./sinklab help --zsh "
                ">$D/zsh && bash -n $D/bash && [ $(grep -c '^\\.SS' $D/man) -gt 10 ] &&"
                " for c in $(./sinklab --help | sed -n 's/^  \\([a-z]*\\) .*/\\1/p'); do grep -q "
                "\"^\\.SS $c$\" $D/man &&"
                " for o in $(./sinklab help $c | sed -n 's/^ *\\(--[a-z-]*\\).*/\\1/p'); do"
                "  sed -n \"/^ *$c)/p\" $D/bash | grep -q -e \"[ ']$o \" && sed -n \"/^ *$c)/p\" "
                "$D/zsh | grep -q -e \"'$o:\""
                "  && sed 's/.-/-/g' $D/man | grep -q -e \" $o\" || exit 1; done || exit 1; done");
}

/* One line that says what was meant, exit 2. */
static void what_was_meant_otherwise_is_told(void **state) {
    static const char *const lines[][2] = {
        {"train $D/two.yaml", "two.yaml: a sweep, not a configuration (sinklab sweep run"},
        {"sweep run configs/demo.yaml", "demo.yaml: a configuration, not a sweep (sinklab train"},
        {"train configs/demo.yaml --steps 10", "train.steps=..."},
        {"train configs/demo.yaml --batch-tokens=10", "train.batch_tokens=..."},
        {"sweep plan $D/two.yaml --short 0x", "expected an integer"},
        {"train configs/demo.yaml --short -3", "--short: -3 steps?"},
        {"hlep", "unknown command hlep"},
        {"help trian", "did you mean train?"},
        {"help --mna", "help: unknown option --mna (did you mean --man?)"},
        {"--halp", "unknown command --halp (did you mean --help?)"},
        {"run configs/demo.yaml", "unknown command run (did you mean train CONFIG, or sweep run FILE?)"},
        {"ls", "unknown command ls (did you mean runs list?)"},
        {"runs lst", "runs: unknown action lst (did you mean list?)"},
        {"runs 72f", "runs: unknown action 72f (one of: list, show, diff, note, prune, delete)"},
        {"runs list --db $D/two.db --status finished",
         "no status finished (one of: queued, running, done, interrupted, failed, diverged)"},
        {"runs list --db $D/two.db --sort loss", "no column loss (one of: key, variant, seed, cell, "},
        {"report -o $D/none/a.html --db $D/two.db", "/none/a.html: No such file or directory"},
        {"report a.html", "name stands after -o (sinklab report -o a.html)"},
        {"probe $C --do 'drop_mlp(layr=0)'", "drop_mlp does not take \"layr\" (but layer, pos)"},
        {"train configs/demo.yaml variant=rmsnorm", "called \"rmsnorm\" (configs/variants.yaml has them)"},
        {"train demo", "file: demo: No such file or directory (did you mean configs/demo.yaml?)"},
        {"train config/demo.yaml",
         "file: config/demo.yaml: No such file or directory (did you mean configs/demo.yaml?)"},
        {"train refernce.yaml",
         "file: refernce.yaml: No such file or directory (did you mean configs/reference.yaml?)"},
        {"runs list --db=", "a database without a name (--db FILE)"},
        {"sweep lst", "sweep: unknown action lst (one of: plan, run, status, verdict, export)"},
        {"sweep $D/two.yaml", "(one of: plan, run, status, verdict, export)"},
        {"sweep plan", "sweep takes an action and a file"},
        {"train configs/demo.yaml --learning-rate 3", "without dashes: optim.lr=..."},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[256];
        snprintf(line, sizeof line, "./sinklab %s; [ $? = 2 ] && grep -qF -- '%s' $D/said", lines[i][0],
                 lines[i][1]);
        assert_runs(*state, line);
    }
}

/* Of runs on two texts one text's are drawn, and the line says how many are not. */
static void figures_say_what_they_leave_out(void **state) {
    assert_runs(
        *state,
        "cp $D/two.db $D/texts.db && ./sinklab report --db $D/texts.db --svg $D/svg 2>$D/words;"
        " ! grep left $D/words &&"
        " sqlite3 $D/texts.db \"UPDATE run SET corpus_hash = 'other' WHERE id = (SELECT max(id) FROM run)\""
        " && ./sinklab report --db $D/texts.db --svg $D/svg 2>$D/words &&"
        " grep -q 'left out: .*neither shown nor compared: 1$' $D/words &&"
        " ./sinklab report --db $D/texts.db --svg $D/svg --quiet 2>$D/words && ! test -s $D/words");
}

/* And what is under the runs of a file that has no base. */
static void a_plan_is_told_in_units_that_suit(void **state) {
    assert_runs(*state, "./sinklab sweep plan $D/two.yaml --db $D/none.db --cache $D/cache >$D/plan &&"
                        " grep -q ' kB of disk' $D/plan && ! grep -q ' 0\\.0' $D/plan &&"
                        " grep -q '^no base: in the file: what it does not set is built in' $D/plan");
    assert_runs(*state,
                "./sinklab sweep status ablations/first-light.yaml data.source=$D/text.txt "
                "data.tokenizer=bytes --db $D/none.db --cache $D/cache >$D/plan && ! grep base: $D/plan");
}

/* 3 x 2 combinations but one, of three seeds. */
static void the_example_to_copy_is_a_sweep(void **state) {
    assert_runs(*state, "./sinklab sweep status ablations/example.yaml data.source=$D/text.txt "
                        "data.tokenizer=bytes --short 20 --db $D/none.db --cache $D/cache >$D/plan &&"
                        " grep -q '^15 runs, 0 done' $D/plan");
}

/* Bytes drawn by a model of a few steps, control characters among them. */
static void a_sample_does_not_steer_the_terminal(void **state) {
    assert_runs(*state, "./sinklab sample $C --tokens 400 --temperature 9 --cache $D/cache >$D/piped &&"
                        " script -qec \"./sinklab sample $C --tokens 400 --temperature 9 --cache $D/cache\" "
                        "/dev/null >$D/shown"
                        " </dev/null && [ $(LC_ALL=C tr -d '\\n\\t\\40-\\377' <$D/piped | wc -c) -gt 0 ] &&"
                        " [ $(LC_ALL=C tr -d '\\r\\n\\t\\40-\\377' <$D/shown | wc -c) = 0 ]");
}

static void a_done_run_takes_a_new_label(void **state) {
    assert_runs(*state,
                "k=$(sqlite3 $D/two.db \"SELECT config ->> '$.optim.lr' FROM run LIMIT 1\");"
                " sed '/^name/d; /^grid/d; /^seeds/d; /^set:/d; s/^  //' $D/two.yaml >$D/one.yaml &&"
                " ./sinklab train $D/one.yaml optim.lr=$k --db $D/two.db --cache $D/cache "
                "run.label=mine >$D/one.out && grep -q 'is done already, and labelled mine (' $D/one.out &&"
                " [ $(sqlite3 $D/two.db \"SELECT count(*) FROM run WHERE label = 'mine'\") = 1 ] &&"
                " sqlite3 $D/two.db \"UPDATE run SET label = ''\"");
}

/* Off a terminal, and in the run's log, which a quiet run has too: the start, each tenth, the end. */
static void a_run_tells_of_each_tenth(void **state) {
    static const char steps[] = "[ \"$(sed -n 's/.*  step \\([0-9]*\\) of 20 .*/\\1/p' %s | tr '\\n' ' ')\" "
                                "= '1 2 4 6 8 10 12 14 16 18 20 ' ]";
    char seen[256], logged[256], line[1024];
    snprintf(seen, sizeof seen, steps, "$D/seen");
    snprintf(logged, sizeof logged, steps, "$D/short.db.d/*/log.txt");
    snprintf(
        line, sizeof line,
        "./sinklab sweep run $D/two.yaml --short 20 --jobs 1 --index 0 --db $D/short.db --cache $D/cache "
        ">$D/seen 2>&1 &&"
        " grep -q '^lr=0.001 seed 0  step 1 of 20  loss [0-9.]*  sink rate [0-9.]*  [0-9]*:[0-9][0-9]' "
        "$D/seen && %s && %s",
        seen, logged);
    assert_runs(*state, line);
    assert_runs(
        *state,
        "./sinklab sweep run $D/two.yaml --short 20 --jobs 1 --index 1 --db $D/quiet.db --cache $D/cache"
        " --quiet >$D/seen 2>&1 && [ ! -s $D/seen ] && grep -q 'step 20 of 20' $D/quiet.db.d/*/log.txt");
    assert_answer(
        *state, "short.db",
        "SELECT (SELECT count(*) FROM step), config ->> '$.optim.warmup' FROM run WHERE status = 'done'",
        "20|2|\n");
}

/* Another seed draws another text, so that the first two are equal for a reason. */
static void a_seed_draws_the_same_text_again(void **state) {
    static const char draw[] = "./sinklab sample $C --cache $D/cache --prompt word --tokens 80 --seed";
    char line[512];
    snprintf(line, sizeof line,
             "%s 5 >$D/a && %s 5 >$D/b && %s 6 >$D/c && cmp $D/a $D/b && ! cmp -s $D/a $D/c", draw, draw,
             draw);
    assert_runs(*state, line);
}

/* The weights of a checkpoint: all that lies behind the header, whose length is the file's first eight bytes.
 */
static char *weights_of(const Place *p, const char *name, size_t *size) {
    uint64_t header = 0;
    FILE *f = open_file(p, name, "r");
    assert_int_equal(fread(&header, sizeof header, 1, f), 1);
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f) - sizeof header - header;
    char *data = malloc(*size);
    fseek(f, (long)(sizeof header + header), SEEK_SET);
    assert_int_equal(fread(data, 1, *size, f), *size);
    fclose(f);
    return data;
}

static void weights_come_back_from_an_exported_folder(void **state) {
    const Place *p = *state;
    size_t before, after;
    assert_runs(p, "cp $C/model.safetensors $D/before && ./sinklab export $C $D/hf --cache $D/cache &&"
                   " ./sinklab import $D/hf $D/back && cp $D/back/model.safetensors $D/after");
    char *a = weights_of(p, "before", &before), *b = weights_of(p, "after", &after);
    assert_int_equal(before, after);
    assert_true(before > 10000);
    assert_memory_equal(a, b, before);
    free(a);
    free(b);
}

/* It has the run's configuration beside the checkpoints, as a model of Hugging Face's has its own. */
static void a_run_of_a_sweep_is_known_by_its_folder(void **state) {
    assert_runs(
        *state,
        "test -f ${C%/*}/config.json && ./sinklab probe ${C%/*}/ --light --json --cache $D/cache >$D/a &&"
        " ./sinklab probe $C --light --json --cache $D/cache >$D/b && cmp $D/a $D/b && "
        "./sinklab sample ${C%/*} --cache $D/cache --tokens 3 >/dev/null && "
        "./sinklab export ${C%/*} $D/of_folder --cache $D/cache >/dev/null");
}

/* A card's figures are those of the database. */
static void an_exported_model_has_a_card_of_its_run(void **state) {
    assert_runs(*state,
                "./sinklab export $C $D/card --db $D/two.db --cache $D/cache | grep -q 'README.md$' &&"
                " loss=$(sqlite3 $D/two.db \"SELECT printf('%.4g', val_loss) FROM final AS f JOIN run AS r ON"
                " f.key = r.key WHERE '$C' LIKE '%' || r.key || '%'\") && [ -n \"$loss\" ] &&"
                " grep -qF \"| validation loss (nats a token) | $loss |\" $D/card/README.md &&"
                " grep -q '^model.layers: ' $D/card/README.md &&"
                " grep -qF 'AutoTokenizer.from_pretrained(FOLDER)' $D/card/README.md && test -s "
                "$D/card/tokenizer.json");
    assert_runs(*state, "./sinklab export $C $D/cardless --db $D/none.db --cache $D/cache >$D/words &&"
                        " grep -q 'no README.md: .*/none.db: no such file' $D/words &&"
                        " [ ! -e $D/cardless/README.md ]");
}

/* transformers takes its own rules for a model of Qwen2's class, whatever tokenizer.json says, unless a
 * folder brings a class of its own. */
static void a_class_that_forces_its_tokenizer_gets_one_as_code(void **state) {
    assert_runs(*state,
                "./sinklab train ${C%/*}/config.json model.bias=qkv train.steps=1 optim.warmup=0 --db "
                "$D/q.db --cache $D/cache "
                "--quiet && ./sinklab export $D/q.db.d/*/step-00000001 $D/qwen --db $D/q.db --cache "
                "$D/cache >/dev/null &&"
                " grep -q 'class SinklabTokenizer' $D/qwen/tokenization_sinklab.py &&"
                " grep -q '\"AutoTokenizer\": .null, \"tokenization_sinklab.SinklabTokenizer\"' "
                "$D/qwen/tokenizer_config.json && ./sinklab import $D/qwen $D/qwen_back >/dev/null &&"
                " grep -qF 'AutoTokenizer.from_pretrained(FOLDER, trust' $D/qwen/README.md &&"
                " grep -qF 'AutoModelForCausalLM.from_pretrained(FOLDER)' $D/qwen/README.md");
    assert_runs(*state,
                "test -s $D/card/tokenizer_config.json && ! grep -q auto_map $D/card/tokenizer_config.json");
}

/* Bytes are tokens here, so that the text's size is their number, with the newline that ends a document. */
static void data_describes_a_text_as_json(void **state) {
    const Place *p = *state;
    char bytes[64];
    FILE *f = open_file(p, "text.txt", "r");
    fseek(f, 0, SEEK_END);
    snprintf(bytes, sizeof bytes, "1|257|256|%ld|1|32", ftell(f) + 1);
    fclose(f);
    assert_runs(
        p, "./sinklab data configs/demo.yaml data.source=$D/text.txt data.tokenizer=bytes --cache $D/cache"
           " --json --quiet >$D/data.json");
    assert_read(
        p, "",
        "SELECT json_valid(j), j ->> 'vocab', j ->> 'bos', (j ->> 'train_tokens') + (j ->> 'heldout_tokens'),"
        " j ->> 'bytes_per_token', length(j ->> 'corpus_hash') FROM"
        " (SELECT CAST(readfile('%s/data.json') AS TEXT) AS j)",
        bytes);
}

static void an_exported_sweep_holds_the_figures_of_its_runs(void **state) {
    const Place *p = *state;
    char line[128];
    assert_runs(p, "./sinklab sweep export $D/two.yaml --db $D/two.db --cache $D/cache --csv >$D/two.csv");
    snprintf(line, sizeof line, ".import --csv %s/two.csv csv", p->folder);
    assert_read(
        p, line,
        "ATTACH '%s/two.db' AS db; SELECT count(*), sum(c.status = 'done'), sum(abs(c.val_loss - f.val_loss) "
        "<"
        " 1e-5), sum(abs(c.sink_mass - f.sink_mass) < 1e-5), group_concat(DISTINCT c.seed) FROM csv AS c"
        " JOIN db.final AS f ON f.key = c.key",
        "2|2|2|2|0");
}

/* A program that waits for its input has told OpenMP, unless the user had. */
static void threads_that_wait_yield_the_core(void **state) {
    static const char *const said[][2] = {
        {"OMP_SCHEDULE=static", "3000"}, {"GOMP_SPINCOUNT=7", "7"}, {"SLURM_JOB_ID=7", ""}};
    char line[768];
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        snprintf(
            line, sizeof line,
            "rm -f $D/in; mkfifo $D/in; env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT -u OMP_PROC_BIND -u "
            "OMP_PLACES -u GOMP_CPU_AFFINITY -u SLURM_JOB_ID %s ./sinklab train "
            "configs/demo.yaml "
            "data.source=- --cache $D/none --db $D/none.db <$D/in & exec 3>$D/in; for _ in $(seq %s); do "
            "told=$(tr '\\0' '\\n' </proc/$!/environ | sed -n s/GOMP_SPINCOUNT=//p); [ -z \"$told\" ] || "
            "break; "
            "sleep .05; done; exec 3>&-; wait $!; [ \"$told\" = \"%s\" ]",
            said[i][0], *said[i][1] ? "400" : "20", said[i][1]);
        assert_runs(*state, line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_says_numerics_and_commit),
        cmocka_unit_test(help_and_version_have_the_usual_names),
        cmocka_unit_test(help_fits_the_terminal),
        cmocka_unit_test(a_man_page_and_completions_have_every_option),
        cmocka_unit_test(what_was_meant_otherwise_is_told),
        cmocka_unit_test(figures_say_what_they_leave_out),
        cmocka_unit_test(a_plan_is_told_in_units_that_suit),
        cmocka_unit_test(the_example_to_copy_is_a_sweep),
        cmocka_unit_test(a_sample_does_not_steer_the_terminal),
        cmocka_unit_test(a_done_run_takes_a_new_label),
        cmocka_unit_test(threads_that_wait_yield_the_core),
        cmocka_unit_test(a_run_tells_of_each_tenth),
        cmocka_unit_test(a_seed_draws_the_same_text_again),
        cmocka_unit_test(weights_come_back_from_an_exported_folder),
        cmocka_unit_test(a_run_of_a_sweep_is_known_by_its_folder),
        cmocka_unit_test(an_exported_model_has_a_card_of_its_run),
        cmocka_unit_test(a_class_that_forces_its_tokenizer_gets_one_as_code),
        cmocka_unit_test(data_describes_a_text_as_json),
        cmocka_unit_test(an_exported_sweep_holds_the_figures_of_its_runs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
