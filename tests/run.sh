#!/bin/sh
# Runs the test programs named on the command line, tells which took a second or more, and ends with one line of counts.
# A program's own closing line ("[  PASSED  ] 7 test(s).") is cmocka's.
passed=0 failed=0 bad=""
for program in "$@"; do
    printf '== %s' "${program#build/}"
    start=$(date +%s)
    output=$("$program" 2>&1)
    code=$? seconds=$(($(date +%s) - start))
    [ "$seconds" -lt 1 ] || printf '  %d s' "$seconds"
    printf '\n'
    p=$(printf '%s\n' "$output" | sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s)\.$/\1/p' | tail -n 1)
    f=$(printf '%s\n' "$output" | sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s), listed below:$/\1/p' | tail -n 1)
    if [ "$code" -ne 0 ] || [ -z "$p" ]; then
        printf '%s\n' "$output"
        bad="$bad ${program#build/}"
        [ -n "$f" ] || f=1
    fi
    passed=$((passed + ${p:-0}))
    failed=$((failed + ${f:-0}))
done
[ -z "$bad" ] || printf 'failed:%s\n' "$bad"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
