#!/bin/sh
# Builds and tests for less than the CPU that is here: AVX2 and no AVX-512, and whatever the compiler takes
# without -march. Works on a copy of the tree; the libraries choose their own kernels as ever. The figures are
# those of every build: golden tests and bits are checked in each. TESTS='model/*' is a part of the tests.
set -u
copy=$(mktemp -d) || exit 1
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' INT TERM
bad=""
for march in -march=x86-64-v3 ""; do
    printf '== MARCH=%s\n' "$march"
    rm -rf "$copy"/* && tar -cf - --exclude=./build --exclude=./data/cache --exclude=node_modules --exclude=.git \
        --exclude='*.db*' --exclude=./sinklab . | tar -xf - -C "$copy" || exit 1
    (cd "$copy" || exit 1
     programs=$(ls tests/${TESTS:-*/*}_test.c | sed 's,^\(.*\)\.c$,build/\1,')
     # shellcheck disable=SC2086
     make -j2 MARCH="$march" sinklab $programs >make.log 2>&1 || { tail -n 20 make.log; exit 1; }
     # shellcheck disable=SC2086
     tests/run.sh $programs) || bad="$bad '$march'"
done
[ -z "$bad" ] || { printf 'failed with MARCH=%s\n' "$bad"; exit 1; }
