#!/bin/bash
# Pastes every block of "I want to ..." of ablations/README.md, asks sqlite3 and sinklab query the questions of
# ablations/queries/README.md, and runs the cells of ablations/notebook.ipynb, in a copy of the tree beside the results of a
# demo. Runs are made small, an export of the demo's model stands in for GPT-2, and a block whose program or library is not
# installed is skipped with a word. A block that this script does not know fails it.
# Usage: tests/howto.sh DB
set -u
cd "$(dirname "$0")/.." || exit 1
tree=$PWD db=$(realpath "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/sinklab-howto-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
passed=0 skipped=0 failed=0

# ---- the copy: its own results, what is prepared for the demo, and a program that makes every run small ----
mkdir -p "$work/data/cache" "$work/bin"
cp -r "$tree"/{README.md,CITATION.cff,configs,model} "$work" || exit 1
tar -C "$tree" -cf - --exclude=node_modules ablations | tar -C "$work" -xf - || exit 1
for prepared in "$tree"/data/cache/*; do ln -s "$prepared" "$work/data/cache"; done
cp "$db" "$work/results.db" && cp -r "$db.d" "$work/results.db.d" || exit 1
cd "$work" || exit 1
cat >sinklab <<END
#!/bin/bash
small='--short 8 model.layers=1 model.width=32 model.heads=2 model.mlp_width=32 data.source=model/README.md
    data.tokenizer=bytes train.batch_tokens=256 probe.sequences=4'
words=("\$@")
case \$1 in
train) words=(train "\$2" \$small "\${@:3}") ;;
sweep) words=(sweep "\$2" "\$3" \$small "\${@:4}") ;;
watch) words=("\$@" --port 0) ;;
esac
exec '$tree/sinklab' "\${words[@]}"
END
cat >bin/hf <<END
#!/bin/bash
# hf download MODEL --local-dir DIR ...
key=\$(sqlite3 results.db "SELECT key FROM run WHERE variant = 'baseline' AND status = 'done' LIMIT 1")
exec '$tree/sinklab' export "\$key" "\$4"
END
chmod +x sinklab bin/hf
export PATH=$work/bin:/usr/bin:$PATH MPLBACKEND=Agg OMP_NUM_THREADS=1 # the python3 that Debian's pandas is for

# ---- what a block leaves behind ----
lines() { # FILE N: at least so many
    [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ] || { echo "no $1 of $2 lines"; return 1; }
}
says() { # WORD ...: each in what it printed
    local word
    for word; do grep -qF -- "$word" out || { echo "does not say: $word"; return 1; }; done
}
trained() { # TOKENIZER: a run of it is done
    [ "$(sqlite3 results.db "SELECT count(*) FROM result WHERE tokenizer = '$1' AND status = 'done'")" -ge 1 ]
}
left() {
    case $title in
    compare*) says 'elu1' 'sink_rate_03' 'undecided' ;;
    try*cat*) lines rates.csv 16 && lines figures/sink_rate.svg 5 && lines rates.html 20 ;;
    try*) lines rates.svg 100 ;;
    watch*) says 'http://127.0.0.1:' 'step 8 of 8' ;;
    measure*) says 'sink rate 0.3' 'loss' 'after' 'change' && lines gpt2-figures/maps.svg 2 ;;
    train*) lines mine.jsonl 2000 && [ "$(grep -c 'step 8 of 8' out)" -eq 2 ] && trained ids ;;
    use\ 64*) says '15 of 15 done' ;;
    read*) lines heads.svg 100 ;;
    use*'query curve'*) lines curve.csv 4 ;;
    use*duckdb*) says baseline no_bos head_rmsnorm ;;
    use*sqlite3*) grep -q '"first_mass":' metadata.json ;;
    cite*) says_citation ;;
    *'?: '*) lines ours.csv 1 ;;
    notebook*) says baseline no_bos head_rmsnorm ;;
    *) echo 'tests/howto.sh does not know what this block leaves behind' && false ;;
    esac
}
says_citation() {
    local version
    version=$(sed -n 's/^version: "\(.*\)"$/\1/p' CITATION.cff)
    grep -q "version = {$version}" sinklab.bib && grep -qF "$(./sinklab --version)" sinklab.bib
}

# ---- a block ----
report() { printf '%-7s %s%s\n' "$1" "$title" "${2:+  ($2)}"; }
skip() { skipped=$((skipped + 1)) && report skipped "$1"; }
bad() { failed=$((failed + 1)) && report FAILED "$1" && sed 's/^/        /' out | tail -n 12; }
# Why the block is not run here, in words; nothing where it is.
reason() {
    local first=${block%% *} library
    case $first in
    ablations/slurm/*) echo 'make test-slurm runs it' ;;
    make) echo 'make test-mpi runs it' ;;
    datasette) echo 'it serves until Ctrl-C' ;;
    duckdb) command -v duckdb >/dev/null || echo 'no duckdb' ;;
    esac
    for library in $(sed -n 's/^import \([a-z0-9]*\).*/\1/p' <<<"$block"); do
        python3 -c "import $library" 2>/dev/null || echo "no $library for python3"
    done
}
try() { # COMMAND ...: takes the block from standard input; what it leaves is looked at
    local why code
    why=$(reason | head -n 1)
    [ -z "$why" ] || { skip "$why"; return; }
    "$@" <<<"$block" >out 2>&1
    code=$?
    [ $code -eq 0 ] || { bad "exit $code"; return; }
    left >>out || { bad "$(tail -n 1 out)"; return; }
    passed=$((passed + 1)) && report ok
}
rows() { # of a CSV, numbers to six digits: programs print and quote them otherwise
    tr -d '\r"' | awk -F, '{ for (i = 1; i <= NF; i++)
        printf "%s%s", ($i ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ ? sprintf("%.6g", $i) : $i), i < NF ? "," : "\n" }'
}
both() { # the question of standard input: the same rows from both
    local question
    question=$(cat)
    ./sinklab query "$question" --limit 0 --csv >ours.csv && sqlite3 -csv results.db "$question" >theirs.csv || return
    cmp <(tail -n +2 ours.csv | rows) <(rows <theirs.csv)
}
run() {
    title="$heading: ${block%%$'\n'*}"
    case $language in
    sh) try bash -e ;;
    python) try python3 - ;;
    sql) try both ;;
    *) : >out && bad "a block of $language" ;;
    esac
}

# Runs the blocks of standard input from the heading `from` on, to the next of its kind; "": from the beginning.
blocks() {
    local from=$1 inside="" line
    [ -n "$from" ] || inside=yes
    language="" block=""
    while IFS= read -r line; do
        case $line in
        '## '*) [ "$line" = "$from" ] && inside=yes || inside="" ;;
        '### '* | *'?') [ -n "$language" ] || heading=${line#'### '} ;;
        '```') [ -z "$language" ] || run; language="" ;;
        '```'*) [ -z "$inside" ] || language=${line#'```'}; block="" ;;
        *) block+=${block:+$'\n'}$line ;;
        esac
    done
}
blocks '## I want to ...' <"$tree/ablations/README.md"
blocks '' <"$tree/ablations/queries/README.md"

# ---- the notebook ----
cat >cells.py <<'END'
# Ten cells, kept without output; runs those of code as Jupyter does, from the notebook's folder.
import ast, json, os
os.chdir("ablations")
book = json.load(open("notebook.ipynb"))
cells = book["cells"]
assert book["nbformat"] == 4 and len(cells) == 10 and len({c["id"] for c in cells}) == 10
names = {"display": print}
for cell in (c for c in cells if c["cell_type"] == "code"):
    assert cell["outputs"] == [] and cell["execution_count"] is None
    body = ast.parse("".join(cell["source"])).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), cell["id"], "exec"), names)
    if last: print(cell["id"], eval(compile(ast.Expression(last.value), cell["id"], "eval"), names))
END
heading=notebook.ipynb block=$(cat cells.py) language=python
run

echo "I want to ...: $passed blocks ran, $skipped skipped, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
