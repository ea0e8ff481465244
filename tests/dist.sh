#!/bin/sh
# Unpacks the tarball of `make dist`, and holds it against the commit that it is of: every file is there, it builds
# without a .git, `--version` says the commit, and a test of each room passes.
# Usage: tests/dist.sh build/sinklab-VERSION.tar.gz
set -eu
tarball=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

git ls-tree -r --name-only HEAD | sort >"$work/committed"
commit=$(git log -1 --format=%h)
cd "$work"
tar -xzf "$tarball"
cd sinklab-*
find . -type f | sed 's,^\./,,' | sort | cmp - "$work/committed"
programs="build/tests/data/rows_test build/tests/model/norm_test build/tests/train/command_test build/tests/ablations/sweep_test"
# shellcheck disable=SC2086
make -j2 sinklab $programs >make.log 2>&1 || { tail -n 20 make.log; exit 1; }
./sinklab --version
./sinklab --version | grep -q "^sinklab [0-9.]* (numerics .*, commit $commit)\$"
# shellcheck disable=SC2086
tests/run.sh $programs
