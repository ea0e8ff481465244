#!/bin/sh
# Runs the test programs named on the command line, JOBS at once (a core each), tells which took a second or more and what
# a failed one said, and ends with one line of counts. A program's own closing line ("[  PASSED  ] 7 test(s).") is cmocka's.
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
# Threads that wait yield the core to another program's.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
cat >"$folder/one" <<'EOF'
said=$(mktemp "$0.XXXXXX")
start=$(date +%s)
"$1" >"$said" 2>&1
code=$? seconds=$(($(date +%s) - start))
p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s)\.$/\1/p' "$said" | tail -n 1)
s=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/\1/p' "$said" | tail -n 1)
f=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s), listed below:$/\1/p' "$said" | tail -n 1)
[ "$code" -eq 0 ] && [ -n "$p" ] && ! grep -q 'GROUP TEARDOWN' "$said" && bad="" || bad=${1#build/} f=${f:-1}
echo "${p:-0} ${f:-0} ${s:-0} $bad" >>"${0%one}counts"
{
    printf '== %s' "${1#build/}"
    [ "$seconds" -lt 1 ] || printf '  %d s' "$seconds"
    printf '\n'
    [ -z "$bad" ] || cat "$said"
} >"$said.told"
cat "$said.told"
EOF
printf '%s\n' "$@" | xargs -P "${JOBS:-$(nproc)}" -n 1 sh "$folder/one"
awk -v programs=$# '{ passed += $1; failed += $2; skipped += $3; bad = bad (NF > 3 ? " " $4 : "") }
    END { if (bad) print "failed:" bad; print passed + 0 " passed, " failed + 0 " failed" (skipped ? ", " skipped " skipped" : ""); exit failed || !passed || NR != programs }' "$folder/counts"
