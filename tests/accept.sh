#!/bin/sh
# The whole demo at full size, and the figures that it must show: three seeds of three variants, a
# second demo on one thread a run that is killed five times on its way, every command of README.md.
# Takes an hour or more. Usage: tests/accept.sh [FOLDER]; started again it goes on.
set -eu
folder=${1:-build/accept}
mkdir -p "$folder"
first=$folder/results.db second=$folder/again.db
failed=0

check() { # WORDS SQL: the query must answer 1
    answer=$(sqlite3 "$first" "$2")
    if [ "$answer" = 1 ]; then printf 'ok      %s\n' "$1"; else printf 'FAILED  %s\n' "$1"; failed=1; fi
}

median() { # VARIANT COLUMN
    printf "(SELECT %s FROM final WHERE variant = '%s' ORDER BY %s LIMIT 1 OFFSET 1)" "$2" "$1" "$2"
}

start=$(date +%s)
make demo DB="$first"
printf 'the demo took %d s\n' $(($(date +%s) - start))
./sinklab sweep run ablations/accept.yaml --db "$first"

sqlite3 -box "$first" "SELECT variant, seed, round(val_loss, 4) val_loss, round(sink_rate_03, 4) sink_rate_03,
    round(sink_mass, 4) sink_mass, round(uniform_mass, 4) uniform_mass, onset, round(value_drain, 3) value_drain,
    round(norm_ratio, 2) norm_ratio FROM final ORDER BY variant, seed"

check 'nine runs are done' "SELECT count(*) = 9 FROM final"
check 'baseline: median sink rate >= 0.30' "SELECT $(median baseline sink_rate_03) >= 0.30"
check 'no_bos: median sink rate <= 0.02' "SELECT $(median no_bos sink_rate_03) <= 0.02"
check 'head_rmsnorm: median sink rate <= half of the baseline' \
    "SELECT $(median head_rmsnorm sink_rate_03) <= 0.5 * $(median baseline sink_rate_03)"
check 'validation losses between 2 and 4 nats' "SELECT min(val_loss) > 2 AND max(val_loss) < 4 FROM final"

tests/readme.sh "$first" || failed=1

for i in 1 2 3 4 5; do
    setsid ./sinklab sweep run ablations/first-light.yaml --jobs 2 --quiet --db "$second" &
    pid=$!
    sleep $((10 + $(od -An -N1 -tu1 /dev/urandom) % 40))
    kill -9 -- "-$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
done
./sinklab sweep run ablations/first-light.yaml --jobs 2 --db "$second"

keys=$(sqlite3 "$second" "SELECT key FROM run")
for key in $keys; do
    for db in "$first" "$second"; do
        sqlite3 "$db" "SELECT * FROM digest WHERE key = '$key' ORDER BY kind, step, place" >"$db.$key.digest"
    done
    rows=$(wc -l <"$first.$key.digest")
    if cmp -s "$first.$key.digest" "$second.$key.digest" && [ "$rows" -gt 2500 ] &&
        cmp -s "$first.d/$key/step-00002500/model.safetensors" "$second.d/$key/step-00002500/model.safetensors"; then
        printf 'ok      run %.8s: %d digest rows and the weights equal, repeated, killed, on one thread\n' "$key" "$rows"
    else
        printf 'FAILED  run %.8s differs when repeated\n' "$key"
        failed=1
    fi
done
exit $failed
