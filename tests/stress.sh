#!/bin/bash
# Sweeps under stress, with figures: workers and runners killed, eight writers on one database, the time spent
# waiting on the database. Fails where a condition does not hold: as many kills as asked and the same results, at
# most LIMIT percent of waiting in runs of a second or more (strace tells), no run lost or doubled.
# RUNS, STEPS, KILLS, WRITERS, SHORT, LIMIT, JOBS make it smaller, larger, laxer; PARTS names some of kills, price (which
# needs kills), writers. For a quiet machine.
set -eu
cd "$(dirname "$0")/.."
RUNS=${RUNS:-24} STEPS=${STEPS:-5000} KILLS=${KILLS:-20} WRITERS=${WRITERS:-8} SHORT=${SHORT:-500} LIMIT=${LIMIT:-2} JOBS=${JOBS:-2}
PARTS=${PARTS:-kills price writers}
export OMP_NUM_THREADS=1
work=$(mktemp -d "${TMPDIR:-/tmp}/sinklab-stress-XXXXXX")
trap 'rm -rf "$work"' EXIT
fail() {
    echo "stress: $1"
    exit 1
}
ask() {
    sqlite3 -cmd '.timeout 30000' "$work/$1.db" "$2"
}
now() {
    date +%s.%N
}
since() { # MOMENT: seconds
    awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'
}

awk 'BEGIN { srand(1); for (i = 0; i < 9000; i++) printf "word%d%s", rand() * 9, i % 11 == 10 ? "\n" : " " }' \
    >"$work/text.txt"
# sweep NAME STEPS SEEDS: runs of a small model, half of each kind
sweep() {
    cat >"$work/$1.yaml" <<SWEEP
name: $1
set:
  data: {source: $work/text.txt, tokenizer: bytes}
  model: {layers: 1, width: 16, heads: 2, context: 16}
  train: {steps: $2, batch_tokens: 128}
  optim.warmup: 1
  probe: {every: $2, sequences: 5}
grid: {model.head_out: [none, rmsnorm]}
seeds: $3
SWEEP
}
run() {
    ./sinklab sweep run "$work/$1.yaml" --db "$work/$2.db" --cache "$work/cache" --quiet --yes "${@:3}" \
        >/dev/null 2>&1
}

# killed at random, then run once more
kills() {
    sweep long "$STEPS" $((RUNS / 2))
    start=$(now)
    run long calm --jobs "$JOBS" || fail "the sweep that nobody disturbs fails"
    calm=$(since "$start")
    start=$(now)
    kills=0
    while [ $kills -lt "$KILLS" ]; do
        ./sinklab sweep run "$work/long.yaml" --db "$work/killed.db" --cache "$work/cache" --quiet --jobs "$JOBS" \
            >/dev/null 2>&1 &
        runner=$!
        while [ $kills -lt "$KILLS" ] && kill -0 $runner 2>/dev/null; do
            sleep "0.$((RANDOM % 9 + 1))"
            # one of its workers, and every fourth time the runner itself
            victim=$(cat "/proc/$runner/task/$runner/children" 2>/dev/null | tr ' ' '\n' | grep . | shuf -n 1) || continue
            [ -n "$victim" ] || continue
            [ $((kills % 4)) -ne 3 ] || victim=$runner
            kill -9 "$victim" 2>/dev/null && kills=$((kills + 1)) || true
        done
        wait $runner 2>/dev/null || true
        [ "$(ask killed "SELECT count(*) FROM run WHERE status = 'done'")" != "$RUNS" ] || break
    done
    [ $kills -eq "$KILLS" ] || fail "only $kills of $KILLS kills before all was done (STEPS=$((2 * STEPS)) gives more time)"
    run long killed --jobs "$JOBS" || fail "the last sweep run after the kills fails"
    for db in calm killed; do ask $db 'SELECT * FROM digest' >"$work/$db.txt"; done
    cmp "$work/calm.txt" "$work/killed.txt" || fail "results differ after kills"
    echo "kills: $kills in a sweep of $RUNS runs, $(since "$start") s; $(wc -l <"$work/calm.txt") digest rows as if undisturbed"
}

# The price of the database, at JOBS jobs.
# Only the two calls are stopped at (--seccomp-bpf): where all are, a run takes ten times as long, and a share of it
# says nothing. With one thread a run sleeps only where SQLite waits for a lock, and calls fdatasync only for the database.
price() {
    spent='SELECT ms + coalesce(probe_ms, 0) + coalesce(save_ms, 0) AS ms, run_id FROM step'
    ask calm "SELECT printf('$JOBS jobs: %d runs of %.2f s on average, $calm s in all', count(*), avg(s)) FROM
              (SELECT sum(ms) / 1000 AS s FROM ($spent) GROUP BY run_id)"
    if command -v strace >/dev/null; then
        strace -f --seccomp-bpf -w -c -U total-time,name -e trace=clock_nanosleep,fdatasync -o "$work/waits" \
            ./sinklab sweep run "$work/long.yaml" --db "$work/watched.db" --cache "$work/cache" --quiet --jobs "$JOBS" \
            >/dev/null 2>&1 || fail "the watched sweep fails"
        awk -v runs="$(ask watched "SELECT count(DISTINCT run_id) FROM step")" -v limit="$LIMIT" \
            -v jobs="$JOBS" -v all="$(ask watched "SELECT sum(ms) / 1000 FROM ($spent)")" \
            '/clock_nanosleep/ { lock = $1 } /fdatasync/ { sync = $1 }
             END { share = 100 * (lock + sync) / all
                   printf "%d jobs: %.3f s waiting for locks and %.3f s syncing the database in %.1f s of %d runs: %.2f %%\n",
                   jobs, lock, sync, all, runs, share
                   if (all < runs) print "stress: runs of less than a second (raise STEPS)"
                   exit !(share <= limit && all >= runs) }' "$work/waits" || fail "waiting: more than $LIMIT %, or short runs"
    else
        echo "$JOBS jobs: strace is not installed, the share of waiting is not measured"
    fi
}

# many writers, short runs, one database that none of them finds there
writers() {
    start=$(now)
    writers=""
    for writer in $(seq 0 $((WRITERS - 1))); do
        sweep "short$writer" 1 "[$(seq -s , $((writer * SHORT / 2)) $(((writer + 1) * SHORT / 2 - 1)))]"
        run "short$writer" short --jobs 1 &
        writers+=" $!"
    done
    for pid in $writers; do wait "$pid" || fail "a writer's run fails"; done
    echo "writers: $WRITERS x $SHORT runs of one step into one database, $(since "$start") s"
    [ "$(ask short "SELECT count(*) || ' ' || count(DISTINCT key) FROM run WHERE status = 'done'")" = \
        "$((WRITERS * SHORT)) $((WRITERS * SHORT))" ] || fail "runs were lost or doubled"
    [ "$(ask short 'SELECT count(*) FROM step')" = $((WRITERS * SHORT)) ] || fail "steps were lost or doubled"
    [ "$(ask short 'PRAGMA integrity_check')" = ok ] || fail "the database is damaged"
    echo "writers: $((WRITERS * SHORT)) runs, none lost, none doubled, integrity ok"
}

for part in $PARTS; do $part; done
