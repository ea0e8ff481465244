/* Owns: what model/gpt.c calls of BLIS, plainly, for a browser: it stands in BLIS's place where this folder
 * is searched first. Does not own: speed. */
#ifndef SINKLAB_PLAIN_BLIS_H
#define SINKLAB_PLAIN_BLIS_H

enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112 };

/* C = alpha op(A) op(B) + beta C;  C (m, n), op(A) (m, k), op(B) (k, n), rows lda, ldb, ldc floats apart */
static inline void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                               const float *A, int lda, const float *B, int ldb, float beta, float *C,
                               int ldc) {
    (void)order;
    int a_row = trans_a == CblasTrans ? 1 : lda, a_col = trans_a == CblasTrans ? lda : 1;
    int b_row = trans_b == CblasTrans ? 1 : ldb, b_col = trans_b == CblasTrans ? ldb : 1;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int l = 0; l < k; l++) sum += A[i * a_row + l * a_col] * B[l * b_row + j * b_col];
            C[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * C[i * ldc + j]);
        }
}

static inline void bli_thread_set_num_threads(int threads) {
    (void)threads;
}

#endif
