#!/bin/sh
# Follows the recipes of model/README.md, all in one copy of the tree, and runs the tests that they name. A block of code
# says in its first line where it goes: ```c new FILE, or ```c FILE after: TEXT (before: TEXT), which is next to the first
# line that has the text. A line "Run: `tests/model/x_test`" names tests. TESTS='tests/model/mlp_test ...' runs these alone.
set -eu
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' INT TERM
tar -cf - --exclude=data/cache Makefile data model train ablations configs tests | tar -xf - -C "$copy"
cd "$copy"

awk '
function stop(why) { print "recipe: " path ": " why > "/dev/stderr"; failed = 1; exit 1 }
function create(line) {
    if ((getline line < path) >= 0) stop("is there already")
    printf "%s", block > path
    close(path)
}
function insert(line, all, found, here) {
    while ((getline line < path) > 0) {
        here = !found && index(line, text)
        found = found || here
        all = all (here && way == "before" ? block : "") line "\n" (here && way == "after" ? block : "")
    }
    close(path)
    if (!found) stop("no line has " text)
    printf "%s", all > path
    close(path)
}
/^```$/ { if (way == "new") create(); else if (way) insert(); way = ""; next }
/^```/ {
    path = $3; way = $2 == "new" ? "new" : ""
    if (!way && match($0, / (after|before): /)) {
        path = $2; text = substr($0, RSTART + RLENGTH); way = substr($0, RSTART + 1, RLENGTH - 3)
    }
    if (!way && /^```[a-z]/) { path = "model/README.md"; stop("nowhere to go: " $0) }
    block = ""
    next
}
way { block = block $0 "\n" }
END { exit failed }' model/README.md

named=$(sed -n '/^Run: /,/^$/p' model/README.md | grep -o '`tests/[a-z0-9_/]*_test`' | tr -d '`' | sort -u)
tests=$(printf 'build/%s ' ${TESTS:-$named})
make WERROR=-Werror sinklab $tests >make.log 2>&1 || { tail make.log; exit 1; }
tests/run.sh $tests
