#!/bin/sh
# Seeds one fault at a time and requires that the test named for it fails. A fault is a sed script of
# tests/mutants/ whose first lines name the file that it spoils, the test that must see it, and
# what is wrong. Works on a copy of the tree, built at -O1. One line a mutant; fails when one survives.
set -u
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' INT TERM
tar -cf - --exclude=data/cache Makefile data model train ablations configs tests | tar -xf - -C "$copy" || exit 1
cd "$copy" || exit 1

header() { sed -n "$2s/^# //p" "$1"; }
build() { make CFLAGS="-O1 -march=native -fno-math-errno -ffp-contract=fast" "$@" >make.log 2>&1; }
# A test that has not ended after five minutes has failed.
passes() { timeout 300 "build/tests/$1_test" >/dev/null 2>&1; }

tests=$(for mutant in tests/mutants/*.sed; do header "$mutant" 2; done | sort -u)
build -j2 $(printf 'build/tests/%s_test ' $tests) || { tail -n 20 make.log; exit 1; }
for test in $tests; do
    passes "$test" || { echo "tests/${test}_test fails without any mutant"; exit 1; }
done

killed=0 survived=0
for mutant in tests/mutants/*.sed; do
    file=$(header "$mutant" 1) test=$(header "$mutant" 2) name=$(basename "$mutant" .sed) verdict=killed
    cp "$file" original
    sed -f "$mutant" original >"$file"
    if cmp -s original "$file"; then verdict="SURVIVED: changes nothing in $file"
    elif ! build "build/tests/${test}_test"; then verdict="SURVIVED: does not compile"
    elif passes "$test"; then verdict="SURVIVED"
    fi
    cp original "$file"
    printf '%-20s %-22s %-55s %s\n' "$name" "$test" "$(header "$mutant" 3)" "$verdict"
    [ "$verdict" = killed ] && killed=$((killed + 1)) || survived=$((survived + 1))
done
echo "$killed killed, $survived survived"
[ "$survived" -eq 0 ] && [ "$killed" -gt 0 ]
