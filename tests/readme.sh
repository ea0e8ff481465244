#!/bin/bash
# Runs every command line of README.md, read from README.md itself, in a copy of the tree beside the results of a
# demo: those of code blocks (of a block with `$ ` lines only these) and, without running them, that what the text
# names as `sinklab ...` or `make ...` exists. A line that this script does not know fails it.
# Usage: tests/readme.sh DB [key=value ...]; the words are those that made the demo short, if it is.
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$PWD db=$(realpath "$1")
shift
short="$*"
work=$(mktemp -d "${TMPDIR:-/tmp}/sinklab-readme-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
ran=0 skipped=0 failed=0

# ---- the copy: its own results, the cache of the tree ----
tar -cf - --exclude=./.git --exclude=./build --exclude=./data/cache --exclude=node_modules --exclude='./results.db*' . |
    tar -xf - -C "$work" || exit 1
ln -s "$tree/data/cache" "$work/data"
cp "$db" "$work/results.db" && cp -r "$db.d" "$work/results.db.d" || exit 1
cp "$db" "$work/theirs.db"
cd "$work" || exit 1
PATH=$work:/usr/bin:$PATH # the python3 that Debian's pandas is for
key=$(sqlite3 results.db "SELECT key FROM run WHERE variant = 'baseline' AND status = 'done' ORDER BY seed LIMIT 1")
checkpoint=$(find "results.db.d/$key" -maxdepth 1 -name 'step-*' | sort | tail -n 1)
[ -n "$checkpoint" ] || { echo "readme: $db: no finished baseline with a checkpoint"; exit 1; }

# ---- the lines ----
blocks() { # code blocks: four spaces, blank lines between them
    awk 'function flush(i) { for (i = 0; i < n; i++) if (!dollar || line[i] ~ /^\$ /) print line[i]; n = dollar = 0 }
         /^    / { line[n++] = substr($0, 5); if (line[n - 1] ~ /^\$ /) dollar = 1; next }
         /^$/ { next }
         { flush() }
         END { flush() }' "$tree/README.md" | sed 's/^\$ //; s/  *# .*//'
}
spans() { # what the text calls a command
    grep -v '^    ' "$tree/README.md" | grep -o '`[^`]*`' | tr -d '`' | grep -E '^(\./)?sinklab |^make ' | sort -u
}

say() { printf '%-7s %s%s\n' "$1" "$line" "${2:+  ($2)}"; }
skip() { skipped=$((skipped + 1)) && say skipped "$1"; }
bad() { failed=$((failed + 1)) && say FAILED "$1" && sed 's/^/        /' out | tail -n "${2:-8}"; }
good() { ran=$((ran + 1)) && say ok "${1:-}"; }
# try COMMAND [WORD ...]: it must end well and say every word.
try() {
    local command=$1 word
    shift
    bash -c "$command" >out 2>&1 </dev/null || { bad "exit $?"; return; }
    for word in "$@"; do grep -qF -- "$word" out || { bad "does not say: $word"; return; }; done
    good
}
# Of the first command only `make demo` was run, by the caller: here, that its packages are there.
packages() {
    # shellcheck disable=SC2046
    dpkg-query -W $(cat packages.txt) >out 2>&1 || { bad "packages.txt is not installed"; return; }
    good "nothing installed: packages.txt is; make demo has run"
}

# What makes a line a short one, and what its output must have.
run() {
    local with=${line//CHECKPOINT/$checkpoint}
    with=${with//KEY/$key}
    case $with in
    'sudo apt-get update && sudo apt-get install -y $(cat packages.txt) && make demo') packages ;;
    'make test') if [ -n "$short" ]; then skip "not within a short look"; else try "make -C '$tree' test"; fi ;;
    'sqlite3 -box results.db < ablations/queries/'*.sql) try "$with" ;;
    'sqlite3 -box :memory: '*runs.csv* | 'python3 -c '*pandas*runs.csv* | 'duckdb -c '*runs.csv*) table "$with" ;;
    './sinklab train --help') try "$with" model.width optim.lr ;;
    './sinklab train configs/'*) try "$with $short" ;;
    './sinklab sweep plan '* | './sinklab sweep status '*) try "$with $short" baseline no_bos head_rmsnorm ;;
    './sinklab sweep run '*) try "$with $short" "3 of 3 done" ;;
    './sinklab sweep export '*' --csv > runs.csv') try "$with && cat runs.csv" val_loss baseline no_bos head_rmsnorm ;;
    './sinklab data configs/'*) try "$with" ;;
    './sinklab probe '* | './sinklab sample '* | './sinklab runs '* | './sinklab report '* | './sinklab export '*) try "$with" ;;
    *) : >out && bad "tests/readme.sh does not know how to run this line" ;;
    esac
}
# A program of another make reads runs.csv, where it is installed.
table() {
    local program=${1%% *}
    command -v "$program" >/dev/null || { skip "$program is not installed"; return; }
    if [ "$program" = python3 ] && ! python3 -c 'import pandas' 2>/dev/null; then
        skip "python3-pandas is not installed"
        return
    fi
    try "$1" baseline no_bos head_rmsnorm
}

while read -r line; do run; done < <(blocks)

# ---- what the text names ----
while read -r line; do
    read -r program name _ <<<"$line"
    if [ "$program" = make ]; then
        grep -q "^$name:" Makefile || { : >out && bad "no such target"; }
    else
        ./sinklab "$name" --help >out 2>&1 || bad "no such command"
    fi
done < <(spans)

echo "README: $ran commands run, $skipped skipped, $failed failed"
[ $failed -eq 0 ] && [ $ran -gt 0 ]
