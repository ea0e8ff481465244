#!/bin/bash
#SBATCH --job-name=sinklab
#SBATCH --ntasks=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@90
# One run of a sweep a task, from the folder that holds ./sinklab:
#   sbatch --array=0-5 ablations/slurm/array.sh SWEEP.yaml OUT [key=value ...]
# A task works on a database of its own on local disk (SINKLAB_LOCAL, else TMPDIR, else /tmp), where write-ahead
# logging is safe, and brings it to OUT/INDEX.db when it ends. SIGTERM, which also comes 90 seconds before the time
# limit, makes the run save itself; the task is then queued again and goes on from OUT, on whatever node.
# What could not be brought to OUT stays on local disk: the message says where, and the command that brings it; the
# task itself, queued again on that node, finds it.
set -u
sweep=$1 out=$2
shift 2
index=$SLURM_ARRAY_TASK_ID
local=${SINKLAB_LOCAL:-${TMPDIR:-/tmp}}/sinklab-$SLURM_ARRAY_JOB_ID-$index
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

# Ends without throwing away what this task, or this task before it was queued again, has done.
kept() {
    if [ -e "$local/results.db" ]; then
        echo "array.sh: task $index: its results stay on $(uname -n) in $local; to bring them, there:" >&2
        echo "    cd '$PWD' && ./sinklab merge '$out/$index.db' '$local/results.db' && rm -rf '$local'" >&2
    fi
    exit 1
}

mkdir -p "$local" "$out" || exit 1
stopped="" run=""
trap 'stopped=yes; [ -z "$run" ] || kill -TERM "$run"' TERM
if [ -e "$out/$index.db" ]; then
    ./sinklab merge "$local/results.db" "$out/$index.db" --quiet || kept
fi

./sinklab sweep run "$sweep" "$@" --index "$index" --db "$local/results.db" --quiet &
run=$!
[ -z "$stopped" ] || kill -TERM $run # it came before there was a run to tell
wait $run
code=$?
# A trapped signal ends the first wait at once, with the signal's number: the run itself is waited for here.
while kill -0 $run 2>/dev/null; do
    wait $run
    code=$?
done

if [ -e "$local/results.db" ]; then # there is none when the run was refused
    ./sinklab merge "$out/$index.db" "$local/results.db" --quiet || kept
fi
rm -rf "$local"
if [ -n "$stopped" ] && [ $code -ne 0 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$index"
fi
exit $code
