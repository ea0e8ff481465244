#!/bin/sh
# The claims by one seed at a quarter of the steps: whether everything runs, and roughly where it goes. It decides nothing.
# usage: ablations/claims/quick.sh FOLDER CLAIM ..., from the top of the tree; FOLDER gets a copy of the claims and a results.db.
set -e
folder=$1
shift
mkdir -p "$folder"
cp -r ablations/claims/. "$folder"
for claim in "$@"; do
    file=$folder/$claim.yaml
    sed "s|^base: [./]*|base: $PWD/|; s/^seeds: .*/seeds: 1/" "ablations/claims/$claim.yaml" > "$file"
    steps=$(./sinklab sweep status "$file" --db "$folder/results.db" --json | sed -n 's/.*"steps": \([0-9]*\).*/\1/p' | sort -n | head -n 1)
    ./sinklab sweep run "$file" --db "$folder/results.db" --yes "train.steps=$((steps / 4))" || [ $? -eq 1 ]
    ./sinklab sweep verdict "$file" --db "$folder/results.db" "train.steps=$((steps / 4))"
done
