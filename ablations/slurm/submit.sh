#!/bin/bash
# A whole sweep as a Slurm job array, from the folder that holds ./sinklab:
#   ablations/slurm/submit.sh SWEEP.yaml OUT DB [sbatch option ...]
# Prepares the text here, once, in data/cache, which all nodes must see; sends one task a run; and merges what came
# out of them into DB when all have ended (OUT/merge.log says how that went). The options are those of both jobs.
# Axes under `tune:` are not pruned: every run of the file is done. One large model on many nodes is no array:
#   sbatch -n 16 --wrap 'srun --mpi=pmix ./sinklab-mpi train CONFIG --db DB'        (train/README.md)
set -euo pipefail
sweep=$1 out=$2 db=$3
shift 3
here=$(dirname "$0")

mkdir -p "$out"
runs=$(./sinklab sweep status "$sweep" --db "$db" | sed -n 's/^\([0-9]*\) runs, .*/\1/p')
job=$(sbatch --parsable "$@" --array="0-$((runs - 1))" "$here/array.sh" "$sweep" "$out")
merge=$(sbatch --parsable "$@" --dependency="afterany:$job" --job-name=sinklab-merge --output="$out/merge.log" \
    --wrap "./sinklab merge '$db' '$out'/*.db")
echo "$runs runs are job $job; job $merge merges them into $db"
