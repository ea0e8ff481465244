/* The probe of embeddings on planted streams and against ridge regression by normal equations. */
#include "tests/model/instruments_fixture.h"

enum { ROWS = 83, T = 3, D = 7, SECTIONS = 4, FOLDS = 5, LAYERS = 3 };

static Figures measure(float *X, const int32_t *section) {
    Model m = sizes(LAYERS, 1, D, 0);
    Probe p = {.m = &m, .rows = ROWS, .T = T, .section = section, .sections = SECTIONS};
    int32_t *doc_start = room(ROWS * T, sizeof *doc_start);
    Figures f = measure_stream(&embedding_probe, &p, X, doc_start);
    free(doc_start);
    return f;
}

static void sections_of(int32_t *section) {
    for (int i = 0; i < ROWS; i++) section[i] = i * SECTIONS / ROWS;
}

/* Layer 0 writes the section into one channel, under a noise that the mean over a row takes away; layer 1
 * writes nothing of it; layer 2 is the same vector everywhere. */
static void planted(void **state) {
    (void)state;
    int32_t section[ROWS];
    float *X = normal_floats(LAYERS * ROWS * T * D, 3);
    sections_of(section);
    for (int i = 0; i < ROWS * T; i++) {
        float *x = X + (size_t)i * D, *constant = X + ((size_t)2 * ROWS * T + (size_t)i) * D;
        memset(x, 0, D * sizeof *x);
        x[section[i / T]] = 1e-3f;
        x[6] = (float)(i % T - 1) * 1e4f; /* 0 in the mean */
        for (int j = 0; j < D; j++) constant[j] = (float)j + 0.1f;
    }
    Figures f = measure(X, section);
    double share = 21.0 / ROWS;
    near(figure(&f, "embedding_accuracy", 0, -1), 1, 0);
    assert_true(figure(&f, "embedding_accuracy", 1, -1) < share + 4 * sqrt(share * (1 - share) / ROWS));
    near(figure(&f, "embedding_chance", -1, -1), share, 1e-15);
    assert_true(figure(&f, "embedding_accuracy", 2, -1) <= share); /* one answer for all */
    figures_free(&f);
    free(X);
    Model m = sizes(1, 1, D, 0);
    assert_null(embedding_probe.open(&(Probe){.m = &m, .rows = ROWS, .T = T}));
}

/* A x = b, A (n, n), in place, by elimination with pivots. */
static void solve(double *A, double *b, int n) {
    for (int c = 0; c < n; c++) {
        int pivot = c;
        for (int r = c; r < n; r++) pivot = fabs(A[r * n + c]) > fabs(A[pivot * n + c]) ? r : pivot;
        for (int k = 0; k < n; k++) {
            double swap = A[c * n + k];
            A[c * n + k] = A[pivot * n + k];
            A[pivot * n + k] = swap;
        }
        double swap = b[c];
        b[c] = b[pivot];
        b[pivot] = swap;
        for (int r = 0; r < n; r++) {
            double times = r == c ? 0 : A[r * n + c] / A[c * n + c];
            for (int k = 0; k < n; k++) A[r * n + k] -= times * A[c * n + k];
            b[r] -= times * b[c];
        }
    }
    for (int r = 0; r < n; r++) b[r] /= A[r * n + r];
}

/* w = (Z^T Z + D)^-1 Z^T y over the rows of the other folds, Z standardised by them. */
static int right(double Z[ROWS][D], const int32_t *section, int fold) {
    double W[SECTIONS][D];
    int n = 0, good = 0;
    for (int c = 0; c < SECTIONS; c++) {
        double A[D * D] = {0};
        memset(W[c], 0, sizeof W[c]);
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < D && i % FOLDS != fold; j++) {
                for (int k = 0; k < D; k++) A[j * D + k] += Z[i][j] * Z[i][k];
                W[c][j] += (section[i] == c) * Z[i][j];
            }
        for (int j = 0; j < D; j++) A[j * D + j] += D;
        solve(A, W[c], D);
    }
    for (int i = fold; i < ROWS; i += FOLDS, n++) {
        double best = -INFINITY;
        int answer = -1;
        for (int c = 0; c < SECTIONS; c++) {
            double score = 0;
            for (int j = 0; j < D; j++) score += W[c][j] * Z[i][j];
            if (score > best) best = score, answer = c;
        }
        good += answer == section[i];
    }
    return good;
}

static void standardised(const float *X, int fold, double Z[ROWS][D]) {
    for (int j = 0; j < D; j++) {
        double sum = 0, square = 0, n = 0;
        for (int i = 0; i < ROWS; i++) {
            Z[i][j] = 0;
            for (int t = 0; t < T; t++) Z[i][j] += (double)X[(i * T + t) * D + j] / T;
            if (i % FOLDS != fold) sum += Z[i][j], n++;
        }
        for (int i = 0; i < ROWS; i++) {
            Z[i][j] -= sum / n;
            if (i % FOLDS != fold) square += Z[i][j] * Z[i][j] / n;
        }
        for (int i = 0; i < ROWS; i++) Z[i][j] /= sqrt(square);
    }
}

static void against_normal_equations(void **state) {
    (void)state;
    int32_t section[ROWS];
    float *X = normal_floats(LAYERS * ROWS * T * D, 5);
    sections_of(section);
    for (int l = 0; l < LAYERS; l++)
        for (int i = 0; i < ROWS * T; i++)
            X[((size_t)l * ROWS * T + (size_t)i) * D + (size_t)section[i / T]] += 0.4f * (float)l;
    Figures f = measure(X, section);
    double before = 0;
    for (int l = 0; l < LAYERS; l++) {
        double Z[ROWS][D], good = 0;
        for (int fold = 0; fold < FOLDS; fold++) {
            standardised(X + (size_t)l * ROWS * T * D, fold, Z);
            good += right(Z, section, fold);
        }
        near(figure(&f, "embedding_accuracy", l, -1), good / ROWS, 0);
        assert_true(good / ROWS > before);
        before = good / ROWS;
    }
    figures_free(&f);
    free(X);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(planted), cmocka_unit_test(against_normal_equations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
