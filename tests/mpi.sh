#!/bin/bash
# One model on many processes, as its user starts them: a run has the bits of one process at any number, also after one of
# them was killed; bench --mpi measures the loss of one; misuse is told. No time is looked at.
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
together() { # N WORD ...: their code; what is printed goes to out, the rest to said
    local n=$1
    shift
    OMP_NUM_THREADS=1 timeout 120 mpirun $root --oversubscribe -n "$n" ./sinklab-mpi "$@" >"$work/out" 2>"$work/said"
}
processes() { # N WORD ...: of bench --mpi
    local n=$1
    shift
    together "$n" bench --mpi "$@"
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

if processes 3 "$work/small.yaml"; then fail "shares are no pairs"; fi
grep -q 'train.shares: 3 is no power of two' "$work/said" || fail "what is wrong is not said"
if processes 1 "$work/small.yaml"; then fail "one process shares"; fi
grep -q 'mpirun -n 2' "$work/said" || fail "no hint"
echo "mpi: two processes end at the loss of one, $two and $one"

# Every key that a step's figures pass through: a schedule of contexts, gradients looked at, a penalty.
cat README.md model/README.md train/README.md ablations/README.md >"$work/text.txt"
cat >"$work/run.yaml" <<END
model: {layers: 2, width: 32, heads: 2, context: 32}
data: {source: $work/text.txt, tokenizer: bytes}
train: {batch_tokens: 512, steps: 30, context_schedule: [0:16, 12:32], sink_penalty: 0.1}
optim: {warmup: 5}
probe: {gradients: 5, every: 10}
run: {checkpoint_every: 7}
END
train() { # N DATABASE WORD ...
    local n=$1 db=$2
    shift 2
    together "$n" train "$work/run.yaml" --db "$work/$db" --cache "$work/cache" "$@"
}
alone() { # DATABASE WORD ...
    local db=$1
    shift
    OMP_NUM_THREADS=$(($(nproc) > 1 ? 2 : 1)) ./sinklab train "$work/run.yaml" --db "$work/$db" --cache "$work/cache" --quiet "$@"
}
digest() { sqlite3 "$work/$1" "SELECT key, status FROM run; SELECT * FROM digest" | sort | sha256sum; }
same() { # DATABASE DATABASE: figures, and every byte of their checkpoints
    [ "$(digest "$1")" = "$(digest "$2")" ] && diff -rq -x log.txt "$work/$1.d" "$work/$2.d" >"$work/said"
}
# The optimisers that take an update number by number, and those that want whole tensors.
for optimiser in adamw muon orthoadam lion; do
    alone "$optimiser.db" train.shares=4 optim.name=$optimiser
    [ "$(sqlite3 "$work/$optimiser.db" 'SELECT status FROM run')" = done ] || fail "no run to compare with"
    for n in 1 2 4; do
        train "$n" "$optimiser$n.db" train.shares=4 optim.name=$optimiser --quiet || fail "$n processes do not train by $optimiser"
        same "$optimiser$n.db" "$optimiser.db" || fail "$n processes have other bits than one by $optimiser"
    done
    rows=$(sqlite3 "$work/$optimiser.db" 'SELECT count(*) FROM digest')
    echo "mpi: $optimiser: $rows rows of figures and every checkpoint are the same in 1, 2 and 4 processes"
done

train 2 said.db || fail "two processes without train.shares do not train"
grep -q 'train.shares: 2, one a process: a run of its own' "$work/said" || fail "the key is not told"
[ "$(sqlite3 "$work/said.db" "SELECT json_extract(config, '$.train.shares') FROM run")" = 2 ] || fail "the key is not kept"
train 2 said.db --quiet || fail "what is done is no success"
./sinklab train "$work/run.yaml" train.shares=2 --db "$work/said.db" --cache "$work/cache" | grep -q 'done already' ||
    fail "one process does not know the run of two"

# A process is killed in the middle: the others end, and the run is gone on with, by another number of them.
for optimiser in adamw muon orthoadam; do
    db=killed-$optimiser.db keys="train.shares=4 train.steps=600 run.checkpoint_every=100 optim.name=$optimiser"
    train 2 $db $keys --quiet &
    for _ in $(seq 300); do
        [ -z "$(ls -d "$work/$db".d/*/step-* 2>/dev/null)" ] || break
        sleep 0.1
    done
    pkill -KILL -n -f "sinklab-mpi train $work/run.yaml" || fail "nobody to kill"
    if wait $!; then fail "a killed process is a success"; fi
    steps=$(ls -d "$work/$db".d/*/step-* | tail -n 1)
    train 4 $db $keys || fail "a killed run is not gone on with"
    grep -q 'going on from step' "$work/out" "$work/said" || fail "a killed run begins anew, though $steps stood"
    alone whole-$db $keys
    same $db whole-$db || fail "a killed run ends with other bits by $optimiser"
    echo "mpi: $optimiser: a run of 2 whose second process was killed ends in 4 with the bits of one undisturbed"
done

# What is wrong is said once, by the first.
if train 3 bad.db train.shares=4; then fail "4 shares are shared out to 3"; fi
[ "$(grep -c 'train.shares: 4 cannot be shared out evenly to 3 processes' "$work/said")" = 1 ] || fail "a wrong number is not told once"
if train 2 bad.db optim.lr=-1; then fail "a bad rate trains"; fi
[ "$(grep -c 'optim.lr' "$work/said")" = 1 ] || fail "a bad rate is not told once"
if train 2 bad.db data.source=-; then fail "standard input is shared"; fi
grep -q 'cannot be shared by processes' "$work/said" || fail "standard input: what is wrong is not said"
echo "mpi: misuse is told once"
