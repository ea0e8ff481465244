#!/bin/bash
# Everything that tries to lose something, for hours, and tests/SOAK.md about it: kills and many writers (tests/stress.sh),
# cuts of power, every injected fault, libFuzzer. KILLS, CUTS, FAULTS (cases; 0: every one), WRITERS, SHORT, FUZZ_TIME
# (seconds a target) and STEPS, RUNS of the killed sweep; or SOAK_MINUTES, which draws them in as far as that takes.
# SEED says which cuts and faults. PREFIX goes before each part: PREFIX='taskset -c 1 nice -n 15'.
set -u
cd "$(dirname "$0")/.."
FULL=900 # minutes of all of it, at most: an hour for each of a dozen fuzz targets, one for the faults, one for the rest
minutes=${SOAK_MINUTES:-$FULL}
share() { echo $((($1 * minutes + FULL - 1) / FULL)); }
even() { echo $((($(share "$1") + 1) / 2 * 2)); } # half of each kind of run
KILLS=${KILLS:-$(share 300)} CUTS=${CUTS:-$(share 60)} SHORT=${SHORT:-$(even 500)} FUZZ_TIME=${FUZZ_TIME:-$(share 3600)}
FAULTS=${FAULTS:-$([ "$minutes" -ge $FULL ] && echo 0 || share 7000)}
STEPS=${STEPS:-40000} RUNS=${RUNS:-$(even 24)} WRITERS=${WRITERS:-8} SEED=${SEED:-$(date +%s)} PREFIX=${PREFIX:-}
JOBS=${JOBS:-2}
export KILLS SHORT STEPS RUNS WRITERS JOBS OMP_WAIT_POLICY=passive
logs=build/soak report=${REPORT:-tests/SOAK.md} failed=0
mkdir -p $logs
rows=""

# part NAME COMMAND...: runs it, and keeps of its output the lines that begin with a part's name
part() {
    local name=$1 start code
    shift
    echo "soak: $name: $*"
    start=$(date +%s)
    $PREFIX "$@" >"$logs/$name.log" 2>&1
    code=$?
    [ $code -eq 0 ] || failed=$((failed + 1))
    rows+="| $name | $([ $code -eq 0 ] && echo none || echo "**exit $code**") | $((($(date +%s) - start + 30) / 60)) |"
    rows+=" $(grep -E '^(kills|writers|cuts|faults|stress): | executions,' "$logs/$name.log" |
        awk '{ printf "%s%s", (NR > 1 ? "<br>" : ""), $0 }') |"$'\n'
}

export PARTS=kills
part kills tests/stress.sh
export PARTS=writers
part writers tests/stress.sh
part cuts build/tests/faults/cut_test "$SEED" "$CUTS"
part faults build/tests/faults/faults_test "$SEED" "$FAULTS"
# libFuzzer takes a compiler of its own (.ci/packages-fuzz.txt)
if [ "$FUZZ_TIME" -gt 0 ] && command -v clang >/dev/null && grep -q '^fuzz:' Makefile; then
    part fuzz make fuzz TIME="$FUZZ_TIME"
else
    rows+="| fuzz | not run | | |"$'\n'
fi

{
    echo "# Soak"
    echo
    echo "Written by \`make soak\`, which says what each part is (tests/soak.sh)."
    echo
    echo "- $(date -u +%Y-%m-%d), commit $(git describe --always --exclude='*' --dirty 2>/dev/null || cat train/commit)"
    echo "- $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(env -u OMP_NUM_THREADS nproc) cores${PREFIX:+, under \`$PREFIX\`}"
    echo "- KILLS=$KILLS CUTS=$CUTS FAULTS=$FAULTS WRITERS=$WRITERS SHORT=$SHORT FUZZ_TIME=$FUZZ_TIME STEPS=$STEPS RUNS=$RUNS" \
        "JOBS=$JOBS SEED=$SEED"
    echo "- parts that failed: $failed"
    echo
    echo "| Part | Failures | Minutes | What it counts |"
    echo "|---|---|---|---|"
    printf '%s' "$rows"
} >"$report"
echo "soak: $failed parts failed; $report"
[ $failed -eq 0 ]
