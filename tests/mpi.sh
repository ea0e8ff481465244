#!/bin/bash
# sinklab bench --mpi as its user starts it: two processes end at the loss of one, and misuse is told.
# No time is looked at.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d /tmp/sinklab-mpi-XXXXXX)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "mpi: FAILED: $1" >&2
    tail -n 5 "$work/said" >&2 || true
    exit 1
}

cat >"$work/small.yaml" <<'END'
model: {layers: 2, width: 32, heads: 2, context: 16}
data: {source: none, vocab: 64}
train: {batch_tokens: 512, steps: 200}
optim: {name: sgd, lr: 0.5, warmup: 0, clip: 0, weight_decay: 0}
END

# Another user's settings, or fewer cores than processes, are no reason to fail.
root=
[ "$(id -u)" -ne 0 ] || root=--allow-run-as-root
processes() { # N WORD ...: their code; what is printed goes to out, the rest to said
    local n=$1
    shift
    OMP_NUM_THREADS=1 timeout 120 mpirun $root --oversubscribe -n "$n" ./sinklab-mpi bench --mpi "$@" >"$work/out" 2>"$work/said"
}
value() { sed -n 's/.*"'"$1"'":\([^,}]*\).*/\1/p' "$work/out"; }

processes 2 "$work/small.yaml" --steps 20 --json || fail "two processes do not measure"
[ "$(value processes)" = 2 ] || fail "not two processes: $(cat "$work/out")"
# Plain descent: a gradient of another size would be another loss. Sums have another order, hence the last digits.
one=$(value one_loss) two=$(value loss)
awk -v a="$one" -v b="$two" 'BEGIN { exit !(a > 0 && (a - b) ^ 2 < 1e-10) }' ||
    fail "losses differ: $one in one process, $two in two"
processes 2 "$work/small.yaml" --steps 2 || fail "no table"
grep -q '^        2       1 ' "$work/out" || fail "no row of two processes: $(cat "$work/out")"

if processes 3 "$work/small.yaml"; then fail "32 rows are shared by three"; fi
grep -q '32 rows of a step cannot be shared evenly by 3 processes' "$work/said" || fail "what is wrong is not said"
if processes 1 "$work/small.yaml"; then fail "one process shares"; fi
grep -q 'mpirun -n 2' "$work/said" || fail "no hint"
echo "mpi: two processes end at the loss of one, $two and $one"
