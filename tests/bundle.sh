#!/bin/sh
# Makes the bundle of `make bundle` with the demo's text alone, and runs it, for root in a root folder that has nothing
# else: no library, no loader, no /proc. Each kind of CPU that is here trains a few steps, and says which it was.
set -eu
cache=$(mktemp -d) there=$(mktemp -d)
trap 'rm -rf "$cache" "$there"' EXIT
trap 'exit 1' INT TERM

make -s sinklab
tokens=$(./sinklab data configs/demo.yaml --quiet --json | sed 's/.*"path":"\([^"]*\)".*/\1/')
cp -rL "$tokens" data/cache/gcide "$cache"
make -s -j2 bundle CACHE="$cache" BUNDLE="$there/bundle.tar.gz"
tar -C "$there" -xzf "$there/bundle.tar.gz"
! ldd "$there/sinklab/sinklab" >/dev/null 2>&1 || { echo "bundle: it wants libraries"; exit 1; }

run() { # CPU WORD ...
    kind=$1
    shift
    if [ "$(id -u)" -eq 0 ]; then SINKLAB_CPU=$kind chroot "$there/sinklab" /sinklab "$@"
    else (cd "$there/sinklab" && env -i SINKLAB_CPU="$kind" ./sinklab "$@"); fi
}
passed=0 failed=0
check() {
    if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "bundle: failed: $*"; fi
}
trains() {
    run "$1" train configs/demo.yaml train.steps=8 optim.warmup=2 run.threads=1 --db "$1.db" --quiet || return 1
    key=$(run "$1" runs list --db "$1.db" --json | sed -n 's/.*"key": "\([0-9a-f]*\)".*"status": "done".*/\1/p')
    run "$1" runs show "$key" --db "$1.db" | grep -q "blas_arch .*/x86-64${2}\$"
}
for kind in v4 v3 v1; do
    run $kind --version >/dev/null 2>&1 || { echo "bundle: this CPU is no $kind"; continue; }
    check trains $kind "$([ $kind = v1 ] || echo "-$kind")"
done
# A sweep starts its runs as /proc/self/exe, which a bare root folder lacks.
cd "$there/sinklab"
check env -i ./sinklab sweep run ablations/first-light.yaml train.steps=4 optim.warmup=1 --jobs 1 --db s.db --quiet
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
