/* Folders of every class that is read, made of random weights, against the losses that the classes' published
 * formulas give in double precision (imported.py writes imported.txt). Runs in the root of the repository. */
#include "tests/data/fixture.h"

#include "model/kernels/gemm.h"
#include "model/model.h"
#include "train/checkpoint/hugging_face.h"
#include "train/checkpoint/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2, T = 14, V = 23, TENSORS = 64, LINE = 4096 };

/* imported.py's: the top 24 bits of a mixed counter, in [0, 1). */
static double hashed(uint64_t stream, uint64_t i) {
    static const uint64_t factor[] = {0xBF58476D1CE4E5B9, 0x94D049BB133111EB};
    uint64_t x = i ^ stream * 0x9E3779B97F4A7C15;
    for (int k = 0; k < 2; k++) {
        x ^= x >> 31;
        x *= factor[k];
    }
    x ^= x >> 29;
    return (double)(x >> 40) * 0x1p-24;
}

/* Of a line "tensor NAME ROWS [COLS]", the stream-th of its model. */
static StTensor tensor_of(const char *line, int stream) {
    StTensor t = {0};
    long long rows, cols = 1;
    t.dims = sscanf(line, "tensor %127s %lld %lld", t.name, &rows, &cols) - 1;
    assert_true(t.dims == 1 || t.dims == 2);
    t.shape[0] = rows, t.shape[1] = cols;
    t.data = malloc((size_t)(rows * cols) * sizeof *t.data);
    for (int64_t i = 0; i < rows * cols; i++) {
        double u = hashed((uint64_t)stream, (uint64_t)i) - 0.5;
        t.data[i] = (float)(t.dims == 2 ? u * 2.5 / sqrt((double)cols) : 1 + u);
    }
    return t;
}

static double mean_loss(const Model *m) {
    int32_t x[ROWS * T], y[ROWS * T], doc_start[ROWS * T] = {0};
    for (int r = 0; r < ROWS; r++)
        for (int t = 0; t <= T; t++) {
            int32_t id = (int32_t)(hashed(1000 + (uint64_t)r, (uint64_t)t) * V);
            if (t < T) x[r * T + t] = id;
            if (t) y[r * T + t - 1] = id;
        }
    Tape *tape;
    Error e = {0};
    check(tape_create(&tape, m, ROWS, T, false, &e), &e);
    model_forward(m, tape, &(Batch){.rows = ROWS, .T = T, .x = x, .y = y, .doc_start = doc_start});
    double sum = 0;
    for (int i = 0; i < ROWS * T; i++) sum += tape_losses(tape)[i];
    tape_free(tape);
    return sum / (ROWS * T);
}

/* Reads the folder, exports what was read, reads that: the same loss, whatever its own metadata says. */
static void expect_loss(const char *folder, const char *config, double want) {
    for (int i = 0; i < 2; i++) {
        Config c;
        Model *m;
        Imported from;
        const char *class;
        Error e = {0};
        if (!hugging_face_import(folder, NULL, &c, &m, &from, &e)) fail_msg("%s: %s", config, e.text);
        double loss = mean_loss(m);
        if (!(fabs(loss - want) < 2e-6)) fail_msg("%s: %.9g, not %.9g", config, loss, want);
        check(hugging_face_export(folder, &c, m, 1, &(Origin){"", "", ""}, 0, &class, &e), &e);
        model_free(m);
        /* another program's words alone: the exported config.json must say it all */
        StFile *f;
        Path path = path_of("%s/model.safetensors", folder);
        check(safetensors_open(&f, path.s, &e), &e);
        StTensor list[TENSORS];
        for (int k = 0; k < safetensors_count(f); k++) list[k] = *safetensors_at(f, k);
        check(safetensors_write(path_of("%s.new", path.s).s, list, safetensors_count(f), NULL, 0, &e), &e);
        safetensors_close(f);
        assert_int_equal(rename(path_of("%s.new", path.s).s, path.s), 0);
    }
}

static void every_class_has_the_loss_of_its_formula_there_and_back(void **state) {
    const char *folder = ((Path *)*state)->s;
    FILE *in = fopen("tests/train/imported.txt", "r");
    assert_non_null(in);
    char line[LINE], config[LINE] = "";
    StTensor list[TENSORS];
    int n = 0, cases = 0;
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "case ", 5)) {
            strcpy(config, line + 5);
            n = 0;
        } else if (!strncmp(line, "tensor ", 7)) {
            assert_true(n < TENSORS);
            list[n] = tensor_of(line, n + 1);
            n++;
        } else {
            Error e = {0};
            write_text(path_of("%s/config.json", folder).s, config);
            check(safetensors_write(path_of("%s/model.safetensors", folder).s, list, n, NULL, 0, &e), &e);
            for (int i = 0; i < n; i++) free(list[i].data);
            expect_loss(folder, config, atof(line + strlen("loss ")));
            cases++;
        }
    }
    fclose(in);
    assert_true(cases >= 12);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        every_class_has_the_loss_of_its_formula_there_and_back, setup_folder, teardown_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
