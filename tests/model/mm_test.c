/* model/kernels/mm.h: the small product, A read by rows and by columns, C overwritten and added to. */
#include "tests/model/support.h"

#include "model/kernels/mm.h"

typedef struct Case {
    int M, N, K;
    bool transposed, add;
} Case;

static void check(const Case *c) {
    int lda = (c->transposed ? c->M : c->K) + 3, ldb = c->N + 5, ldc = c->N + VW;
    size_t nA = (size_t)(c->transposed ? c->K : c->M) * (size_t)lda, nB = (size_t)c->K * (size_t)ldb;
    size_t nC = (size_t)c->M * (size_t)ldc;
    OWNED float *A = normals(1, nA, 1), *B = normals(2, nB, 1), *C = normals(3, nC, 1);
    OWNED double *want = doubles_of(C, nC);
    int64_t row = c->transposed ? 1 : lda, col = c->transposed ? lda : 1;
    for (int m = 0; m < c->M; m++)
        for (int n = 0; n < c->N; n++) {
            double sum = c->add ? want[m * ldc + n] : 0;
            for (int k = 0; k < c->K; k++) sum += (double)A[m * row + k * col] * B[k * ldb + n];
            want[m * ldc + n] = sum;
        }
    mm(C, ldc, c->M, c->N, c->K, A, row, col, B, ldb, c->add);
    check_close("product and what lies beside it", C, want, nC, c->K + 1);
}

static void products_are_sums_in_double_but_for_rounding(void **state) {
    (void)state;
    const int rows[] = {MM_ROWS, 4 * MM_ROWS}, cols[] = {VW, 2 * VW, 3 * VW, 8 * VW}, inner[] = {1, 2, 7, 64};
    for (size_t i = 0; i < 2 * 4 * 4 * 4; i++) {
        Case c = {rows[i % 2], cols[i / 2 % 4], inner[i / 8 % 4], i / 32 % 2, i / 64 % 2};
        check(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_sums_in_double_but_for_rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
