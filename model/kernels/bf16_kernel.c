#include "model/kernels/bf16_kernel.h"

#include <stdatomic.h>
#include <stddef.h>

/* Best first. */
static const Bf16Kernel *const kernels[] = {&bf16_amx, &bf16_avx512};
enum { KERNELS = sizeof kernels / sizeof *kernels };

/* The kernel of this process, found once: what the system grants a process does not change. */
const Bf16Kernel *bf16_kernel(void) {
    static _Atomic(const Bf16Kernel *) kept;
    const Bf16Kernel *kernel = atomic_load_explicit(&kept, memory_order_relaxed);
    if (kernel) return kernel;
    int i = 0;
    while (i < KERNELS - 1 && !kernels[i]->supported()) i++;
    atomic_store_explicit(&kept, kernels[i], memory_order_relaxed);
    return kernels[i];
}
