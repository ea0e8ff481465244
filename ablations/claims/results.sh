#!/bin/sh
# Writes RESULTS.md, and a picture of each claim's verdicts beside the results files, from the committed results alone.
# usage: ablations/claims/results.sh [FOLDER], from the top of the tree; FOLDER (ablations) gets RESULTS.md and results/*.svg.
set -e
out=${1:-ablations} work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out/results"
./sinklab merge "$work/results.db" ablations/results --quiet

verdict() { ./sinklab sweep verdict "$1" --db "$work/results.db" "$2"; }

missing() { echo "| $claim | $1 | | | | | |" >> "$work/missing"; }

for file in ablations/claims/*.yaml; do
    claim=$(basename "$file" .yaml)
    [ -f "ablations/results/$claim.run.csv.gz" ] || { missing 'not run yet'; continue; }
    # Runs of an earlier text of the claim are none of its own.
    verdict "$file" --markdown > "$work/claim" || { missing 'its runs are of another text, or of another version'; continue; }
    verdict "$file" --brief 2> /dev/null | if [ -s "$work/table" ]; then tail -n +4; else cat; fi >> "$work/table"
    ./sinklab report --db "$work/results.db" --sweep "$claim" --svg "$work/svg"
    mv "$work/svg/verdicts.svg" "$out/results/$claim.svg"
    { echo; cat "$work/claim"; } >> "$work/claims"
    printf '\n![verdicts on %s](results/%s.svg)\n\nAgain: `make claims CLAIMS=%s`\n' "$claim" "$claim" "$claim" >> "$work/claims"
done

{
    cat ablations/claims/summary.md
    printf '\n## Verdicts\n\n'
    cat <<'TEXT'
A row an expectation, written before its runs. *difference*: the mean over seeds of the paired difference to the baseline of
the same seed, or of the number that a query makes of a seed's runs, with its 95 % t interval. *supported*: the whole interval
lies beyond the bound expected; *refuted*: the whole interval lies short of it; else *undecided*, after Holm's correction within a
claim. With three seeds an interval is 2.5 standard deviations wide on each side, before the correction.
TEXT
    [ -s "$work/table" ] && cat "$work/table" || printf '\n| claim | expected | side | seeds | difference | 95 %% interval | verdict |\n|---|---|---|---|---|---|---|\n'
    [ ! -s "$work/missing" ] || cat "$work/missing"
    [ ! -s "$work/claims" ] || cat "$work/claims"
} > "$work/RESULTS.md"
mv "$work/RESULTS.md" "$out/RESULTS.md"
