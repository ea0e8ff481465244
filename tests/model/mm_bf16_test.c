/* model/kernels/mm_bf16.h: the large product's bits from small tiles, C overwritten and added to, nothing
 * beside it touched; by every kernel that this CPU has and by an emulation of AMX. */
#include "tests/model/support.h"

#include "model/kernels/gemm_bf16.h"
#include "model/kernels/mm_bf16.h"
#include "tests/model/bf16_emulated.h"

#include <stdlib.h>
#include <string.h>

typedef struct Case {
    int M, N, K;
    bool transposed, add;
} Case;

/* gemm_bf16, which tests/model/gemm_bf16_test.c holds against double, sums over k in the same order. */
static void check(const Bf16Kernel *kernel, const Case *c) {
    int lda = (c->transposed ? c->M : c->K) + 3, ldb = c->N + 5, ldc = c->N + 7;
    size_t nA = (size_t)(c->transposed ? c->K : c->M) * (size_t)lda, nB = (size_t)c->K * (size_t)ldb;
    size_t nC = (size_t)c->M * (size_t)ldc;
    OWNED float *A = normals(1, nA, 1), *B = normals(2, nB, 1), *C = normals(3, nC, 1);
    OWNED float *want = normals(3, nC, 1);
    OWNED uint16_t *room = calloc(gemm_bf16_panels(c->N, c->K), sizeof *room);
    int64_t row = c->transposed ? 1 : lda, col = c->transposed ? lda : 1;
    gemm_bf16_by(kernel, c->M, c->N, c->K, (Factor){A, row, col, NULL}, (Factor){B, 1, ldb, NULL}, c->add,
                 want, ldc, room);
    mm_bf16_by(kernel, C, ldc, c->M, c->N, c->K, A, row, col, B, ldb, c->add);
    for (size_t i = 0; i < nC; i++)
        if (memcmp(&C[i], &want[i], sizeof *C))
            fail_msg("%s, %d x %d x %d%s%s: %.9g at %zu, not %.9g", kernel->name, c->M, c->N, c->K,
                     c->transposed ? ", transposed" : "", c->add ? ", added" : "", C[i], i, want[i]);
}

static void the_small_product_has_the_bits_of_the_large_one(void **state) {
    (void)state;
    const Bf16Kernel *const kernels[] = {&bf16_avx512, &bf16_amx, &bf16_emulated};
    const int rows[] = {4, 12, 32, 300}, cols[] = {4, 16, 24, 32, 100},
              inner[] = {1, 2, 31, 33, 255, 256, 601};
    for (int i = 0; i < 4 * 5 * 7 * 4; i++) {
        Case c = {rows[i % 4], cols[i / 4 % 5], inner[i / 20 % 7], i / 140 % 2, i / 280};
        for (int k = 0; k < 3; k++) {
            bool slow = kernels[k] == &bf16_emulated; /* a third of the cases meets every pair of sizes */
            if (kernels[k]->supported() && (!slow || i % 3 == 0)) check(kernels[k], &c);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_small_product_has_the_bits_of_the_large_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
