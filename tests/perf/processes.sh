#!/bin/sh
# What many processes would bring, predicted: a table for train/README.md. A step of B tokens on N nodes takes
#   B / (N R)                                  forward and backward, R tokens a second on one node
#   + 28 P / M                                 the update, which every node makes: P weights, 28 bytes each of AdamW, M bytes a second
#   + 2 (N - 1) / N 4 P / W + 2 log2(N) (4 P / 4 MB) L    gradients there and back, W bytes a second, L seconds a message of 4 MB or less
# and nothing overlaps. R and M are of a node of 16 cores with AVX-512 (tests/perf); the others are arguments.
# Usage: processes.sh [GBITS ...]
set -eu
[ $# -gt 0 ] || set -- 10 25 100
for gbits in "$@"; do
    awk -v gbits="$gbits" -v tokens=524288 -v latency=30e-6 -v memory=100e9 'BEGIN {
        split("R 124M 774M", name); split("12.2e6 124e6 774e6", weights); split("8600 905 145", rate)
        for (m = 1; m <= 3; m++) {
            row = "| " gbits " Gb/s | " name[m]
            for (n = 8; n <= 256; n *= 2) {
                p = weights[m]; rounds = log(n) / log(2)
                compute = tokens / (n * rate[m]); update = 28 * p / memory
                exchange = 2 * (n - 1) / n * 4 * p / (gbits * 1e9 / 8) + 2 * rounds * (4 * p / 4194304) * latency
                step = compute + update + exchange
                row = row sprintf(" | %.0f (%.0f %%)", tokens / step, 100 * tokens / step / (n * rate[m]))
            }
            print row " |"
        }
    }'
done
