#!/usr/bin/env python3
"""Writes imported.txt: small models of classes of Hugging Face's, and the mean loss that their published formulas give, by
naive loops in double precision, without any library. Weights are functions of a counter (hashed), so that the file holds
none; tests/train/imported_test.c makes the folders and holds the import against the losses.

    python3 tests/train/imported.py > tests/train/imported.txt
"""
import json
import math
import struct

V, ROWS, T = 23, 2, 14
MASK = (1 << 64) - 1


def hashed(stream, i):
    """A number of [0, 1): the top 24 bits of a mixed 64-bit counter."""
    x = (i ^ (stream * 0x9E3779B97F4A7C15)) & MASK
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        x ^= x >> 31
        x = x * factor & MASK
    x ^= x >> 29
    return (x >> 40) * 2.0**-24


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def tensor(stream, shape):
    """Matrices about 0, vectors about 1, as rows; a vector is one row."""
    n = math.prod(shape)
    u = [hashed(stream, i) - 0.5 for i in range(n)]
    flat = [single(u_ * 2.5 / math.sqrt(shape[1])) if len(shape) == 2 else single(1 + u_) for u_ in u]
    return [flat[r * shape[1] : (r + 1) * shape[1]] for r in range(shape[0])] if len(shape) == 2 else flat


# ---- arithmetic ----


def linear(w, x, b=None):
    y = [sum(a * c for a, c in zip(row, x)) for row in w]
    return [u + v for u, v in zip(y, b)] if b else y


def turned(w):
    return [list(col) for col in zip(*w)]


def rms_norm(x, g, eps):
    r = 1 / math.sqrt(sum(v * v for v in x) / len(x) + eps)
    return [v * r * w for v, w in zip(x, g)]


def layer_norm(x, g, b, eps):
    m = sum(x) / len(x)
    r = 1 / math.sqrt(sum((v - m) ** 2 for v in x) / len(x) + eps)
    return [(v - m) * r * w + c for v, w, c in zip(x, g, b)]


def silu(x):
    return x / (1 + math.exp(-x))


ACT = {
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "gelu_new": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: max(x, 0.0),
}


def inverse_frequencies(dim, base, scaling, context):
    """transformers' modeling_rope_utils.py: the inverse frequencies, and what cosines and sines are multiplied by."""
    inv = [base ** (-2 * i / dim) for i in range(dim // 2)]
    kind = scaling.get("rope_type", scaling.get("type", "default")) if scaling else "default"
    if kind == "default":
        return inv, 1
    f = scaling["factor"]
    if kind == "linear":
        return [v / f for v in inv], 1
    old = scaling["original_max_position_embeddings"]
    if kind == "llama3":
        low, high, out = scaling["low_freq_factor"], scaling["high_freq_factor"], []
        for v in inv:
            wave = 2 * math.pi / v
            smooth = (old / wave - low) / (high - low)
            out.append(v if wave < old / high else v / f if wave > old / low else (1 - smooth) * v / f + smooth * v)
        return out, 1
    correction = lambda turns: dim * math.log(old / (turns * 2 * math.pi)) / (2 * math.log(base))
    low = max(math.floor(correction(scaling.get("beta_fast", 32))), 0)
    high = min(math.ceil(correction(scaling.get("beta_slow", 1))), dim - 1)
    high = high + 0.001 if low == high else high
    ramp = [min(max((i - low) / (high - low), 0), 1) for i in range(dim // 2)]
    return [v / f * r + v * (1 - r) for v, r in zip(inv, ramp)], 0.1 * math.log(f) + 1


def rotate(x, t, inv, length):
    """rotate_half on the first 2 len(inv) floats."""
    half, y = len(inv), list(x)
    for i, rate in enumerate(inv):
        c, s = length * math.cos(t * rate), length * math.sin(t * rate)
        y[i], y[i + half] = x[i] * c - x[i + half] * s, x[i + half] * c + x[i] * s
    return y


def attend(q, k, v, group, window):
    """q [t][head], k, v [t][kv head] to [t] of all heads' floats side by side."""
    out = []
    for t in range(len(q)):
        row = []
        for h in range(len(q[t])):
            first = max(0, t - window + 1) if window else 0
            z = [sum(a * b for a, b in zip(q[t][h], k[j][h // group])) / math.sqrt(len(q[t][h])) for j in range(first, t + 1)]
            top = max(z)
            e = [math.exp(u - top) for u in z]
            row += [sum(w * v[first + j][h // group][i] for j, w in enumerate(e)) / sum(e) for i in range(len(q[t][h]))]
        out.append(row)
    return out


def heads(x, n):
    size = len(x) // n
    return [x[i * size : (i + 1) * size] for i in range(n)]


# ---- the classes ----


def llama_like(c, w, ids):
    H, KV, d = c["num_attention_heads"], c.get("num_key_value_heads") or c["num_attention_heads"], c["hidden_size"]
    dh, eps = c.get("head_dim") or d // H, c.get("rms_norm_eps", 1e-5 if c["model_type"] == "olmo2" else 1e-6)
    rope = c.get("rope_parameters") or c.get("rope_scaling")
    base = (rope or {}).get("rope_theta", c.get("rope_theta", 10000.0))
    inv, length = inverse_frequencies(dh, base, rope, c["max_position_embeddings"])
    olmo = c["model_type"] == "olmo2"
    x = [list(w["model.embed_tokens.weight"][i]) for i in ids]
    for l in range(c["num_hidden_layers"]):
        p = f"model.layers.{l}."
        get = lambda name: w.get(p + name)
        proj = lambda name, h: linear(get(name + ".weight"), h, get(name + ".bias"))
        q, k, v = [], [], []
        for t, xt in enumerate(x):
            h = xt if olmo else rms_norm(xt, get("input_layernorm.weight"), eps)
            qt, kt = proj("self_attn.q_proj", h), proj("self_attn.k_proj", h)
            if olmo:
                qt, kt = rms_norm(qt, get("self_attn.q_norm.weight"), eps), rms_norm(kt, get("self_attn.k_norm.weight"), eps)
            qt, kt = heads(qt, H), heads(kt, KV)
            if c["model_type"] == "qwen3":
                qt = [rms_norm(a, get("self_attn.q_norm.weight"), eps) for a in qt]
                kt = [rms_norm(a, get("self_attn.k_norm.weight"), eps) for a in kt]
            q.append([rotate(a, t, inv, length) for a in qt])
            k.append([rotate(a, t, inv, length) for a in kt])
            v.append(heads(proj("self_attn.v_proj", h), KV))
        window = c.get("sliding_window") if c["model_type"] == "mistral" else None
        for t, o in enumerate(attend(q, k, v, H // KV, window)):
            add = proj("self_attn.o_proj", o)
            if olmo:
                add = rms_norm(add, get("post_attention_layernorm.weight"), eps)
            x[t] = [a + b for a, b in zip(x[t], add)]
            h = x[t] if olmo else rms_norm(x[t], get("post_attention_layernorm.weight"), eps)
            s = [silu(a) * b for a, b in zip(proj("mlp.gate_proj", h), proj("mlp.up_proj", h))]
            add = proj("mlp.down_proj", s)
            if olmo:
                add = rms_norm(add, get("post_feedforward_layernorm.weight"), eps)
            x[t] = [a + b for a, b in zip(x[t], add)]
    head = w["model.embed_tokens.weight"] if c.get("tie_word_embeddings") else w["lm_head.weight"]
    return [linear(head, rms_norm(xt, w["model.norm.weight"], eps)) for xt in x]


def gpt2(c, w, ids):
    H, d, eps = c["n_head"], c["n_embd"], c.get("layer_norm_epsilon", 1e-5)
    x = [[a + b for a, b in zip(w["transformer.wte.weight"][i], w["transformer.wpe.weight"][t])] for t, i in enumerate(ids)]
    for l in range(c["n_layer"]):
        p = f"transformer.h.{l}."
        norm = lambda name, h: layer_norm(h, w[p + name + ".weight"], w[p + name + ".bias"], eps)
        conv = {n: turned(w[p + n + ".weight"]) for n in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")}
        proj = lambda name, h: linear(conv[name], h, w[p + name + ".bias"])
        qkv = [proj("attn.c_attn", norm("ln_1", xt)) for xt in x]
        q, k, v = ([heads(a[i * d : (i + 1) * d], H) for a in qkv] for i in range(3))
        for t, o in enumerate(attend(q, k, v, 1, None)):
            x[t] = [a + b for a, b in zip(x[t], proj("attn.c_proj", o))]
            s = [ACT[c.get("activation_function", "gelu_new")](a) for a in proj("mlp.c_fc", norm("ln_2", x[t]))]
            x[t] = [a + b for a, b in zip(x[t], proj("mlp.c_proj", s))]
    head = w.get("lm_head.weight", w["transformer.wte.weight"])
    final = lambda h: layer_norm(h, w["transformer.ln_f.weight"], w["transformer.ln_f.bias"], eps)
    return [linear(head, final(xt)) for xt in x]


def neox(c, w, ids):
    H, d, eps = c["num_attention_heads"], c["hidden_size"], c.get("layer_norm_eps", 1e-5)
    dh = d // H
    inv, length = inverse_frequencies(int(dh * c.get("rotary_pct", 0.25)), c.get("rotary_emb_base", 10000), None, 0)
    x = [list(w["gpt_neox.embed_in.weight"][i]) for i in ids]
    for l in range(c["num_hidden_layers"]):
        p = f"gpt_neox.layers.{l}."
        norm = lambda name, h: layer_norm(h, w[p + name + ".weight"], w[p + name + ".bias"], eps)
        proj = lambda name, h: linear(w[p + name + ".weight"], h, w.get(p + name + ".bias"))
        q, k, v = [], [], []
        for t, xt in enumerate(x):
            each = heads(proj("attention.query_key_value", norm("input_layernorm", xt)), H)
            q.append([rotate(a[:dh], t, inv, length) for a in each])
            k.append([rotate(a[dh : 2 * dh], t, inv, length) for a in each])
            v.append([a[2 * dh :] for a in each])
        for t, o in enumerate(attend(q, k, v, 1, None)):
            add = proj("attention.dense", o)
            middle = [a + b for a, b in zip(x[t], add)]
            of = x[t] if c.get("use_parallel_residual", True) else middle
            s = [ACT[c.get("hidden_act", "gelu")](a) for a in proj("mlp.dense_h_to_4h", norm("post_attention_layernorm", of))]
            x[t] = [a + b for a, b in zip(middle, proj("mlp.dense_4h_to_h", s))]
    final = lambda h: layer_norm(h, w["gpt_neox.final_layer_norm.weight"], w["gpt_neox.final_layer_norm.bias"], eps)
    return [linear(w["embed_out.weight"], final(xt)) for xt in x]


# ---- shapes ----


def llama_shapes(c):
    H, KV, d, F = c["num_attention_heads"], c.get("num_key_value_heads") or c["num_attention_heads"], c["hidden_size"], c["intermediate_size"]
    dh, kind = c.get("head_dim") or d // H, c["model_type"]
    qkv, out, mlp = c.get("attention_bias") or kind == "qwen2", c.get("attention_bias"), c.get("mlp_bias")
    yield "model.embed_tokens.weight", (V, d)
    for l in range(c["num_hidden_layers"]):
        p = f"model.layers.{l}."
        if kind != "olmo2":
            yield p + "input_layernorm.weight", (d,)
        for n, rows, cols, bias in (("q", H * dh, d, qkv), ("k", KV * dh, d, qkv), ("v", KV * dh, d, qkv), ("o", d, H * dh, out)):
            yield p + f"self_attn.{n}_proj.weight", (rows, cols)
            if bias:
                yield p + f"self_attn.{n}_proj.bias", (rows,)
        if kind in ("qwen3", "olmo2"):
            yield p + "self_attn.q_norm.weight", (dh if kind == "qwen3" else H * dh,)
            yield p + "self_attn.k_norm.weight", (dh if kind == "qwen3" else KV * dh,)
        yield p + "post_attention_layernorm.weight", (d,)
        if kind == "olmo2":
            yield p + "post_feedforward_layernorm.weight", (d,)
        for n, rows, cols in (("gate", F, d), ("up", F, d), ("down", d, F)):
            yield p + f"mlp.{n}_proj.weight", (rows, cols)
            if mlp:
                yield p + f"mlp.{n}_proj.bias", (rows,)
    yield "model.norm.weight", (d,)
    if not c.get("tie_word_embeddings"):
        yield "lm_head.weight", (V, d)


def both(name, shape, bias):
    yield name + ".weight", shape
    if bias:
        yield name + ".bias", (bias,)


def gpt2_shapes(c):
    d, F = c["n_embd"], c.get("n_inner") or 4 * c["n_embd"]
    yield "transformer.wte.weight", (V, d)
    yield "transformer.wpe.weight", (c["n_positions"], d)
    for l in range(c["n_layer"]):
        p = f"transformer.h.{l}."
        for n, shape, bias in (("ln_1", (d,), d), ("attn.c_attn", (d, 3 * d), 3 * d), ("attn.c_proj", (d, d), d), ("ln_2", (d,), d), ("mlp.c_fc", (d, F), F), ("mlp.c_proj", (F, d), d)):
            yield from both(p + n, shape, bias)
    yield from both("transformer.ln_f", (d,), d)
    if not c.get("tie_word_embeddings", True):
        yield "lm_head.weight", (V, d)


def neox_shapes(c):
    d, F, bias = c["hidden_size"], c["intermediate_size"], c.get("attention_bias", True)
    yield "gpt_neox.embed_in.weight", (V, d)
    for l in range(c["num_hidden_layers"]):
        p = f"gpt_neox.layers.{l}."
        for n, shape, b in (("input_layernorm", (d,), d), ("post_attention_layernorm", (d,), d), ("attention.query_key_value", (3 * d, d), bias and 3 * d), ("attention.dense", (d, d), bias and d), ("mlp.dense_h_to_4h", (F, d), F), ("mlp.dense_4h_to_h", (d, F), d)):
            yield from both(p + n, shape, b)
    yield from both("gpt_neox.final_layer_norm", (d,), d)
    yield "embed_out.weight", (V, d)


CLASSES = {
    "LlamaForCausalLM": ("llama", llama_shapes, llama_like),
    "MistralForCausalLM": ("mistral", llama_shapes, llama_like),
    "Qwen2ForCausalLM": ("qwen2", llama_shapes, llama_like),
    "Qwen3ForCausalLM": ("qwen3", llama_shapes, llama_like),
    "Olmo2ForCausalLM": ("olmo2", llama_shapes, llama_like),
    "GPT2LMHeadModel": ("gpt2", gpt2_shapes, gpt2),
    "GPTNeoXForCausalLM": ("gpt_neox", neox_shapes, neox),
}


def case(cls, **fields):
    llama = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 24, "max_position_embeddings": 32}
    small = {"GPT2LMHeadModel": {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 32}, "GPTNeoXForCausalLM": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 40, "max_position_embeddings": 32}}
    return {"architectures": [cls], "model_type": CLASSES[cls][0], **small.get(cls, llama), **fields}


LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}
CASES = [
    case("LlamaForCausalLM"),
    case("LlamaForCausalLM", num_key_value_heads=None, rms_norm_eps=1e-2, tie_word_embeddings=True),
    case("LlamaForCausalLM", attention_bias=True, mlp_bias=True),
    case("LlamaForCausalLM", attention_bias=True, rope_theta=500000.0, rope_scaling=LLAMA3),
    case("LlamaForCausalLM", mlp_bias=True, head_dim=6, rope_parameters={**LLAMA3, "rope_theta": 100.0}),
    case("LlamaForCausalLM", rope_scaling={"type": "linear", "factor": 3.0}),
    case("LlamaForCausalLM", head_dim=16, rope_scaling={"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 16}),
    case("MistralForCausalLM", sliding_window=5, rope_theta=1000000.0),
    case("Qwen2ForCausalLM", rope_theta=1000000.0, tie_word_embeddings=True, sliding_window=8, use_sliding_window=False, max_window_layers=2),
    case("Qwen3ForCausalLM", head_dim=8, rope_theta=1000000, tie_word_embeddings=True, layer_types=["full_attention"] * 2),
    case("GPT2LMHeadModel"),
    case("GPT2LMHeadModel", activation_function="gelu", layer_norm_epsilon=1e-3, tie_word_embeddings=False, n_inner=20),
    case("GPTNeoXForCausalLM"),
    case("GPTNeoXForCausalLM", use_parallel_residual=False, rotary_pct=1.0, rotary_emb_base=100, hidden_act="gelu_new"),
    case("GPTNeoXForCausalLM", attention_bias=False, rotary_pct=0.5, layer_norm_eps=1e-3),
    case("Olmo2ForCausalLM"),
    case("Olmo2ForCausalLM", num_key_value_heads=4, rope_theta=500000, rms_norm_eps=1e-6),
]


def main():
    rows = [[int(hashed(1000 + r, t) * V) for t in range(T + 1)] for r in range(ROWS)]
    for c in CASES:
        _, shapes, forward = CLASSES[c["architectures"][0]]
        listed = list(shapes(c))
        w = {name: tensor(stream, shape) for stream, (name, shape) in enumerate(listed, 1)}
        loss = 0
        for row in rows:
            for logits, target in zip(forward(c, w, row[:-1]), row[1:]):
                top = max(logits)
                loss += math.log(sum(math.exp(z - top) for z in logits)) + top - logits[target]
        print("case", json.dumps(c))
        for name, shape in listed:
            print("tensor", name, *shape)
        print("loss", repr(loss / (ROWS * T)))


main()
