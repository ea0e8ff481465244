#!/bin/bash
# A benchmark, not a test: what sinklab bench measures, kept in FOLDER by the CPU's name and threads as a table (.md)
# and as JSON, and held against an earlier JSON: AGAINST=FILE, else the one that it replaces, if there is one.
# Usage: [AGAINST=FILE] tests/perf.sh FOLDER [WORD of sinklab bench ...]
set -eu
cd "$(dirname "$0")/.."
folder=$1 against=${AGAINST:-}
shift
work=$(mktemp -d "${TMPDIR:-/tmp}/sinklab-perf-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
fail() {
    echo "perf: $1" >&2
    exit 2
}

# Queries from standard input on bench (age, j), JSON of `now` and `then`, and config (age, i, name, precision, j).
sql() {
    (cd "$work" && sqlite3 -batch -init /dev/null -cmd "
        CREATE TABLE bench AS SELECT column1 AS age, CAST(readfile(column1) AS TEXT) AS j FROM (VALUES ('now'), ('then'))
            WHERE json_valid(CAST(readfile(column1) AS TEXT));
        CREATE TABLE config AS SELECT age, key AS i, value->>'config' AS name, value->>'precision' AS precision, value AS j
            FROM bench, json_each(bench.j, '\$.configs')" :memory:)
}
take_earlier() { # FILE, before minutes go into measuring
    [ -r "$1" ] || fail "$1: cannot be read"
    cp "$1" "$work/then"
    [ "$(sql 2>/dev/null <<'END'
SELECT count(*) > 0 AND min(json_type(j, '$.phases') IS 'object' AND j->>'tokens_per_second' > 0) FROM config;
END
    )" = 1 ] || fail "$1: not what sinklab bench --json writes"
}
table() {
    sql <<'END'
SELECT printf('# %s, %d thread%s

%s, commit %s. Medians of %d interleaved round%s, lowest to highest.
Peaks: fp32 %.0f GF/s, bf16 %.0f GF/s, memory %.1f GB/s; each round''s share is of the peak that it found.

| config | precision | tokens/s | share of peak | memory |
|---|---|---|---|---|', j->>'cpu', j->>'threads', iif(j->>'threads' > 1, 's', ''), j->>'date', j->>'commit', j->>'rounds',
    iif(j->>'rounds' > 1, 's', ''), j->>'peak_fp32' / 1e9, j->>'peak_bf16' / 1e9, j->>'peak_bytes' / 1e9)
FROM bench WHERE age = 'now';
SELECT printf('| `%s` | %s | %.0f (%.0f to %.0f) | %.1f %% (%.1f to %.1f) | %.0f MB |', name, precision,
    j->>'tokens_per_second', j->>'tokens_per_second_low', j->>'tokens_per_second_high', j->>'mfu_nominal' * 100,
    j->>'mfu_nominal_low' * 100, j->>'mfu_nominal_high' * 100, j->>'memory' / 1e6)
FROM config WHERE age = 'now' ORDER BY i;
END
}
compare() {
    sql <<'END'
SELECT printf('against commit %s, %s; speed: above 1 is faster now', j->>'commit', j->>'date') FROM bench WHERE age = 'then';
SELECT printf('that was on %s (%s), %d threads: shares can be compared, speeds cannot', t.j->>'cpu', t.j->>'blas_arch',
    t.j->>'threads')
FROM bench AS t JOIN bench AS n ON t.age = 'then' AND n.age = 'now'
WHERE t.j->>'cpu' <> n.j->>'cpu' OR t.j->>'blas_arch' <> n.j->>'blas_arch' OR t.j->>'threads' <> n.j->>'threads';
CREATE TABLE pair AS SELECT n.i, n.name || ' (' || n.precision || ')' AS config, t.j AS was, n.j AS is_now
FROM config AS n LEFT JOIN config AS t ON t.age = 'then' AND t.name = n.name AND t.precision = n.precision
WHERE n.age = 'now';
SELECT config || ': not in it' FROM pair WHERE was IS NULL ORDER BY i;
CREATE TABLE line AS SELECT i, config, -1 AS at, 'tokens/s' AS phase, was->>'tokens_per_second' AS a,
    is_now->>'tokens_per_second' AS b, is_now->>'tokens_per_second' / (was->>'tokens_per_second') AS speed,
    was->>'mfu_nominal' AS share_a, is_now->>'mfu_nominal' AS share_b FROM pair WHERE was IS NOT NULL
UNION ALL SELECT i, config, n.id, n.key || ', ms', t.value->>'ms', n.value->>'ms', t.value->>'ms' / (n.value->>'ms'),
    t.value->>'share', n.value->>'share'
FROM pair, json_each(is_now, '$.phases') AS n JOIN json_each(was, '$.phases') AS t ON t.key = n.key
WHERE t.value->>'ms' >= 1e-3 AND n.value->>'ms' >= 1e-3;
.mode box
SELECT config, phase, printf('%.5g', a) AS "then", printf('%.5g', b) AS now, printf('%.3f', speed) AS speed,
    iif(share_a > 0, printf('%.1f %%', share_a * 100), '') AS "of limit, then",
    iif(share_b > 0, printf('%.1f %%', share_b * 100), '') AS "of limit, now" FROM line ORDER BY i, at;
END
}

[ -z "$against" ] || take_earlier "$against"
./sinklab bench "$@" --json >"$work/now"
name=$(echo "SELECT printf('%s %d thread%s', j->>'cpu', j->>'threads', iif(j->>'threads' > 1, 's', '')) FROM bench
             WHERE age = 'now';" | sql | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9]\{1,\}/-/g; s/^-//')
if [ -z "$against" ] && [ -f "$folder/$name.json" ]; then
    against=$folder/$name.json
    take_earlier "$against"
fi
[ -z "$against" ] || compare >"$work/compared"
mkdir -p "$folder"
table >"$folder/$name.md"
cp "$work/now" "$folder/$name.json"
cat "$folder/$name.md"
[ -z "$against" ] || { echo && cat "$work/compared"; }
