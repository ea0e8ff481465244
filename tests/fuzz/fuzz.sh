#!/usr/bin/env bash
# usage: fuzz.sh PROGRAM SECONDS [TARGET ...]: runs each target that long, JOBS (one a core) at once, one line each. What an
# input broke is kept as build/fuzz/TARGET-crash-HASH (leak-, timeout-, oom-), and fails; what libFuzzer found new, as
# build/fuzz/corpus/TARGET.
set -uo pipefail
program=$1 seconds=$2
shift 2
folder=$(dirname "$program")
[ $# -gt 0 ] || mapfile -t all < <("$program" 2>/dev/null)
[ $# -gt 0 ] || set -- "${all[@]}"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=malloc_context_size=4:quarantine_size_mb=8
export program seconds folder
last() { # PATTERN: what the log says last of it
    sed -n "s/$1/\1/p" "$log" | tail -n 1
}
fuzz() { # TARGET
    local log=$folder/$1.log code broke
    mkdir -p "$folder/corpus/$1"
    "$program" "$1" -max_total_time="$seconds" -timeout=120 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$folder/$1-" "$folder/corpus/$1" "tests/fuzz/seeds/$1" >"$log" 2>&1
    code=$?
    broke=$(last '.*Test unit written to \(.*\)$')
    printf '%-16s %9s executions, %5s edges%s\n' "$1" "$(last '^stat::number_of_executed_units: *\([0-9]*\).*')" \
        "$(last '.* cov: \([0-9]*\) .*')" "$([ $code -eq 0 ] || echo ", broken by ${broke:-something (see $log)}")"
    return $code
}
export -f fuzz last
printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -I '{}' bash -c 'fuzz {}' || exit 1
