#!/bin/sh
# What many processes would bring, predicted: the table in train/README.md. A step of B tokens on N nodes takes
#   B / (N R)                                                forward and backward, R tokens a second on one node
#   + 28 P / (N M)                                           the update, each node its part: AdamW, 28 bytes each of P weights
#   + 2 (N - 1) / N 4 P / W + 2 (4 P / 2 MB + log2(N)) L      gradients there, weights back, W bytes a second, L seconds a message
# and nothing overlaps. R and M are those of a node of 16 cores with AVX-512 in fp32 (README.md here; of 774M, R of 124M by
# weights). W and L of a network are assumptions: processes.sh MICROSECONDS GBITS ... has others.
set -eu
latency=${1:-30}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- 10 25 100
awk -v gbits="$*" -v latency="$latency" -v memory=100e9 '
function share(p, rate, tokens, n, bits,    compute, exchange, messages) {
    compute = tokens / (n * rate)
    messages = 2 * (4 * p / 2097152 + log(n) / log(2))
    exchange = 2 * (n - 1) / n * 4 * p / (bits * 1e9 / 8) + messages * latency * 1e-6
    return sprintf("%.0f", 100 * compute / (compute + 28 * p / (n * memory) + exchange))
}
BEGIN {
    wires = split(gbits, wire, " ")
    rows = split("R 13.8e6 8600 4096,R 13.8e6 8600 524288,124M 124e6 905 524288,774M 774e6 145 524288", row, ",")
    for (i = 1; i <= rows; i++) {
        split(row[i], r, " ")
        line = "| " r[1] ", " r[4]
        for (n = 8; n <= 256; n *= 2) {
            cell = ""
            for (w = 1; w <= wires; w++) cell = cell (w > 1 ? " / " : "") share(r[2], r[3], r[4], n, wire[w])
            line = line " | " (r[4] == 4096 && n > 16 ? "" : cell)
        }
        print line " |"
    }
}'
