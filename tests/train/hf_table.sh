#!/bin/bash
# Models to and from transformers, as a table of largest differences: hf_table.sh [ours|theirs] [FOLDER]
#   ours    small models are trained and exported, with their logits, loss and tokens (SentencePiece's programs)
#   theirs  transformers (PYTHON has torch and it) loads those, and makes folders that SINKLAB imports and exports again
# Without a word both are done. Exit 1: something differs by more than 1e-4 (logits), 1e-5 (loss), or a token.
set -e
part=both
case ${1:-} in ours | theirs) part=$1; shift ;; esac
here=$(dirname "$(realpath "$0")")
W=$(realpath -m "${1:-build/hf_table}") SINKLAB=$(realpath "${SINKLAB:-./sinklab}") PYTHON=${PYTHON:-python3}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

# NAME KEY=VALUE ...: the classes that hold ours, then what modeling_sinklab.py does.
cases() {
    cat <<'END'
llama
llama_grouped_tied model.kv_heads=2 model.tie=true
llama_biases_bytes model.bias=true data.tokenizer=bytes data.vocab=4096
llama_theta_head_dim_no_bos model.rope_theta=500000 model.head_dim=12 data.bos=none
llama_llama3 model.rope_scaling=llama3 model.rope_factor=4 model.rope_original=16
llama_linear model.rope_scaling=linear model.rope_factor=2
llama_yarn model.rope_scaling=yarn model.rope_factor=2 model.rope_original=32 model.rope_high=32
mistral_window model.window=9
qwen2 model.bias=qkv
qwen3 model.qk=rmsnorm model.head_dim=10
olmo2 model.norm=branch model.qk=rmsnorm_all
gpt2 variant=gpt2
neox model.parallel=two_norms model.norm_kind=layernorm model.mlp=gelu_exact model.bias=true model.rope_dims=4
head_rmsnorm model.head_out=rmsnorm
head_rmsnorm_by_head model.head_out=rmsnorm+gate model.head_out_gain=head model.kv_heads=2
gate_elementwise model.head_out=gate_elementwise model.tie=true
gate_head model.head_out=gate_head model.norm=sandwich
gate_value model.head_out=gate_value model.norm=post model.norm_kind=pre_affine
sink_logit model.attention=sink_logit model.qk=rmsnorm model.value_scale=true
capped model.logit_cap=0.5 model.final_logit_cap=2 model.head_out=rmsnorm
softmax1_learned model.attention=softmax1 model.position=learned model.norm_kind=layernorm model.mlp=gelu model.bias=true
kv_bias_alibi model.attention=kv_bias model.position=alibi model.kv_heads=2
sigmoid_window model.attention=sigmoid model.window=8 model.window_keep=2
softpick_parallel model.attention=softpick model.parallel=one_norm model.mlp=relu2
clipped_dyt model.attention=clipped model.norm_kind=dyt
scalable_value_residual model.attention=scalable model.value_residual=0.5 model.head_out=exclusive
END
}

make_texts() {
    awk 'BEGIN { srand(3); for (i = 0; i < 6000; i++) { n = 2 + int(rand() * 5); w = ""
        for (k = 0; k < n; k++) w = w substr("etaoinshrdlucmfw", 1 + int(rand() * rand() * 16), 1)
        printf "%s%s", w, i % 11 == 10 ? ".\n" : " " } }' >"$W/text.txt"
    { printf 'The first word,\n\n  two  spaces\tand a tab: na\303\257ve \346\227\245\346\234\254 \360\237\230\200 <s> <0x0A>\n'
      tail -c 9000 "$W/text.txt"; echo; } >"$W/odd.txt"
    awk 'BEGIN { srand(5); for (r = 0; r < 4; r++) { printf "["; for (t = 0; t < 25; t++)
        printf "%s%d", t ? ", " : "", int(rand() * 257); print "]" } }' >"$W/ids.json"
}

ours() {
    rm -rf "$W"
    mkdir -p "$W/exports"
    cd "$W"
    make_texts
    cat >recipe.yaml <<END
data: {source: $W/text.txt, heldout: $W/odd.txt, vocab: 400}
model: {layers: 2, width: 32, heads: 4, context: 64}
train: {steps: 30, batch_tokens: 512}
optim: {warmup: 5, lr: 1e-2}
probe: {sequences: 8, length: 16}
END
    cases | while read -r name keys; do
        to="exports/$name"
        # shellcheck disable=SC2086
        "$SINKLAB" train recipe.yaml $keys --db "$name.db" --cache cache --quiet
        checkpoint=$(echo "$name".db.d/*/step-00000030)
        "$SINKLAB" export "$checkpoint" "$to" --db "$name.db" --cache cache
        # shellcheck disable=SC2086
        "$SINKLAB" data recipe.yaml $keys data.bos=none --cache cache --quiet --shards "$name.shards" >/dev/null
        mv "$name.shards/data_val_000000.bin" "$to.tokens"
        "$SINKLAB" probe "$checkpoint" --ids ids.json --json --light --cache cache >"$to.json"
        "$SINKLAB" probe "$checkpoint" --ids ids.json --light --dump logits "$to.npy" --cache cache >/dev/null
    done
    rm -rf ./*.db ./*.db.* ./*.shards cache
}

[ $part = theirs ] || (ours)
[ $part = ours ] || SINKLAB=$SINKLAB "$PYTHON" "$here/hf_table.py" "$W"
