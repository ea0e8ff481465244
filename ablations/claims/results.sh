#!/bin/sh
# Writes RESULTS.md, and beside the results files a picture of each claim's verdicts and the figures that summary.md shows,
# from the committed results alone.
# usage: ablations/claims/results.sh [FOLDER], from the top of the tree; FOLDER (ablations) gets RESULTS.md and results/*.svg.
set -e
out=${1:-ablations} work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out/results"
./sinklab merge "$work/results.db" ablations/results --quiet

verdict() { ./sinklab sweep verdict "$1" --db "$work/results.db" "$2"; }

# NAME SENTENCE WORDS: a claim's row of the table of all
glance() { echo "| $1 | $2 | $3 |" >> "$work/glance"; }

# how many expectations of the claim, whose verdicts are on standard input, have which word
words() {
    awk '{ n = split($0, cell, " *[|]"); count[cell[n - 1]]++ }
         END { split(" supported, refuted, undecided", word, ",")
               for (i = 1; i <= 3; i++) if (count[word[i]]) { printf "%s%d%s", comma, count[word[i]], word[i]; comma = ", " } }'
}

# how many runs of how many are done, of a claim's section on standard input; nothing where all are
so_far() { sed -n 's/^- scale: .*, \([0-9]*\) of \([0-9]*\) runs done$/\1 \2/p' | awk '$1 < $2 { printf " (%d of %d runs so far)", $1, $2 }'; }

# A claim that fits over another's runs, too, comes after it: rows-16 after rows.
for claim in $(for file in ablations/claims/*.yaml; do basename "$file" .yaml; done | LC_ALL=C sort); do
    file=ablations/claims/$claim.yaml
    [ -f "ablations/results/$claim.run.csv.gz" ] || { glance "$claim" '' 'not run yet'; continue; }
    # Runs of an earlier text of the claim are none of its own.
    verdict "$file" --markdown > "$work/claim" ||
        { glance "$claim" '' 'its runs are of another text, or of another version'; continue; }
    verdict "$file" --brief 2> /dev/null > "$work/brief"
    if [ -s "$work/table" ]; then tail -n +4 "$work/brief"; else cat "$work/brief"; fi >> "$work/table"
    sentence=$(sed -n 's/^- claim: //p' "$work/claim")
    glance "[$claim](#$claim)" "$sentence" "$(tail -n +4 "$work/brief" | words)$(so_far < "$work/claim")"
    ./sinklab report --db "$work/results.db" --sweep "$claim" --svg "$work/svg"
    mv "$work/svg/verdicts.svg" "$out/results/$claim.svg"
    for figure in $(sed -n "s|.*(results/$claim\.\([a-z_]*\)\.svg).*|\1|p" ablations/claims/summary.md); do
        mv "$work/svg/$figure.svg" "$out/results/$claim.$figure.svg"
    done
    { echo; cat "$work/claim"; } >> "$work/claims"
    printf '\n![verdicts on %s](results/%s.svg)\n\nAgain: `make claims CLAIMS=%s`\n' "$claim" "$claim" "$claim" >> "$work/claims"
done

{
    cat ablations/claims/summary.md
    printf '\n## Claims\n\n'
    [ ! -s "$work/table" ] || printf 'Of all expectations: %s.\n\n' "$(words < "$work/table")"
    printf '| claim | says | expectations |\n|---|---|---|\n'
    cat "$work/glance"
    printf '\n## Verdicts\n\n'
    cat <<'TEXT'
A row an expectation, written before its runs. *difference*: the mean over seeds of the paired difference to the baseline of
the same seed, or of the number that a query makes of a seed's runs (what it asks stands in the claim's section), with its 95 % t
interval. *supported*: the whole interval lies beyond the bound expected; *refuted*: the whole interval lies short of it, which says
that there is less than was expected, not that the opposite holds; else *undecided*, and so where seeds have no spread. The
word is by Holm's correction within a claim, the interval is not: it may lie on one side, and the word be undecided. With three
seeds an interval is 2.5 standard deviations wide on each side, before the correction.
TEXT
    [ -s "$work/table" ] && cat "$work/table" || printf '\n| claim | expected | side | seeds | difference | 95 %% interval | verdict |\n|---|---|---|---|---|---|---|\n'
    [ ! -s "$work/claims" ] || cat "$work/claims"
} > "$work/RESULTS.md"
mv "$work/RESULTS.md" "$out/RESULTS.md"
