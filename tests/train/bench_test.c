/* A smoke of `sinklab bench`: its JSON is read back, and the phases of a step add up to the step. */
#include "train/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char config[] = "model: {layers: 1, width: 32, heads: 2, context: 16}\n"
                             "data: {source: none, vocab: 64}\n"
                             "train: {batch_tokens: 256, steps: 200}\n";

static double number(const Yaml *map, const char *key) {
    const Yaml *value = yaml_get(map, key);
    assert_non_null(value);
    return atof(value->text);
}

/* Runs it on the small configuration; returns what it prints. */
static Yaml *bench(void) {
    char folder[] = "/tmp/sinklab-bench-XXXXXX", line[256], path[64];
    Error e = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/small.yaml", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(config, f);
    fclose(f);
    snprintf(line, sizeof line, "./sinklab bench %s --steps 3 --json > %s/out", path, folder);
    assert_int_equal(system(line), 0);
    snprintf(path, sizeof path, "%s/out", folder);
    Yaml *y = yaml_load(path, &e);
    snprintf(line, sizeof line, "rm -r %s", folder);
    assert_int_equal(system(line), 0);
    assert_non_null(y);
    return y;
}

static void phases_add_up(void **state) {
    (void)state;
    Yaml *y = bench();
    assert_true(number(y, "peak_fp32") > 0 && number(y, "peak_bytes") > 0);
    const Yaml *configs = yaml_get(y, "configs");
    assert_int_equal(configs->n, 1);
    const Yaml *one = configs->value[0], *phases = yaml_get(one, "phases");
    double sum = 0, step = number(one, "ms");
    for (int i = 0; i < phases->n; i++) sum += number(phases->value[i], "ms");
    /* Medians of parts and of wholes differ; on a busy machine by much. */
    assert_true(sum > 0.2 * step && sum < 2 * step);
    assert_true(number(one, "tokens_per_second") > 0 && number(one, "memory") > 0);
    yaml_free(y);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(phases_add_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
