#!/usr/bin/python3
"""Writes golden.txt: losses, gradients and training curves of an independent implementation in PyTorch,
in double precision. CpuFeatures Debian's python3-torch; the tests only read the file.

    /usr/bin/python3 tests/model/golden.py > tests/model/golden.txt
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

V, L, D, H, FF, T, ROWS = 61, 2, 32, 2, 40, 40, 3
DH = D // H
STEPS, LR = 10, 3e-3


def hashed(stream, n):
    """n numbers of [0, 1): the top 24 bits of a mixed 64-bit counter. golden_test.c does the same."""
    x = np.arange(n, dtype=np.uint64) + np.uint64((stream * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF)
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        x ^= x >> np.uint64(31)
        x *= np.uint64(factor)
    x ^= x >> np.uint64(29)
    return (x >> np.uint64(40)).astype(np.float64) * 2.0**-24


def shapes(case):
    """Tensors in the order of the C program's table, which numbers their streams from 1."""
    yield "model.embed_tokens.weight", (V, D)
    if case["position"] == "learned":
        yield "model.embed_positions.weight", (T, D)
    for l in range(L):
        p = f"model.layers.{l}."
        yield p + "input_layernorm.weight", (D,)
        for part in "qkv":
            yield p + f"self_attn.{part}_proj.weight", (D, D)
        if case["head_out"] == "rmsnorm":
            yield p + "self_attn.head_norm.weight", (DH,)
        yield p + "self_attn.o_proj.weight", (D, D)
        yield p + "post_attention_layernorm.weight", (D,)
        if case["mlp"] == "swiglu":
            yield p + "mlp.gate_proj.weight", (FF, D)
        yield p + "mlp.up_proj.weight", (FF, D)
        yield p + "mlp.down_proj.weight", (D, FF)
    yield "model.norm.weight", (D,)
    if not case["tie"]:
        yield "lm_head.weight", (V, D)


def weights(case):
    w = {}
    for stream, (name, shape) in enumerate(shapes(case), 1):
        u = hashed(stream, math.prod(shape)) - 0.5
        values = 1 + 0.5 * u if len(shape) == 1 else u * (3.0 / math.sqrt(shape[1]))
        single = torch.tensor(values.astype(np.float32)).double().reshape(shape)
        w[name] = single.requires_grad_(True)
    return w


def batch(case):
    n = ROWS * T
    x = torch.tensor((hashed(1001, n) * V).astype(np.int64)).reshape(ROWS, T)
    y = torch.tensor((hashed(1002, n) * V).astype(np.int64))
    y[torch.arange(n) % 11 == 5] = -1
    t = torch.arange(T)
    first = t // case["documents"] * case["documents"] if case["documents"] else torch.zeros(T, dtype=torch.long)
    if case["window"]:
        first = torch.maximum(first, t - case["window"] + 1)
    seen = (t[None, :] <= t[:, None]) & (t[None, :] >= first[:, None])
    return x, y.reshape(ROWS, T), seen


def rms_norm(x, gain):
    return gain * x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5)


def rope(x):
    """x (B, H, T, DH): the pair (i, i + DH/2) turns by t / 10000^(2i/DH)."""
    rate = 10000.0 ** (-torch.arange(0, DH, 2, dtype=torch.double) / DH)
    angle = torch.arange(T, dtype=torch.double)[:, None] * rate
    turn = torch.complex(angle.cos(), angle.sin())
    z = torch.complex(x[..., : DH // 2], x[..., DH // 2 :]) * turn
    return torch.cat([z.real, z.imag], -1)


def attention(case, w, p, h, seen):
    q, k, v = (
        (h @ w[p + f"self_attn.{part}_proj.weight"].T).reshape(ROWS, T, H, DH).transpose(1, 2) for part in "qkv"
    )
    if case["position"] == "rope":
        q, k = rope(q), rope(k)
    scores = (q @ k.transpose(-1, -2) / math.sqrt(DH)).masked_fill(~seen, -math.inf)
    o = torch.softmax(scores, -1) @ v
    if case["head_out"] == "rmsnorm":
        o = rms_norm(o, w[p + "self_attn.head_norm.weight"])
    return o.transpose(1, 2).reshape(ROWS, T, D) @ w[p + "self_attn.o_proj.weight"].T


def mlp(case, w, p, h):
    up = h @ w[p + "mlp.up_proj.weight"].T
    if case["mlp"] == "swiglu":
        s = F.silu(h @ w[p + "mlp.gate_proj.weight"].T) * up
    else:
        s = 0.5 * up * (1 + torch.tanh(math.sqrt(2 / math.pi) * (up + 0.044715 * up**3)))
    return s @ w[p + "mlp.down_proj.weight"].T


def mean_loss(case, w, x, y, seen):
    h = w["model.embed_tokens.weight"][x]
    if case["position"] == "learned":
        h = h + w["model.embed_positions.weight"]
    for l in range(L):
        p = f"model.layers.{l}."
        h = h + attention(case, w, p, rms_norm(h, w[p + "input_layernorm.weight"]), seen)
        h = h + mlp(case, w, p, rms_norm(h, w[p + "post_attention_layernorm.weight"]))
    head = w["model.embed_tokens.weight"] if case["tie"] else w["lm_head.weight"]
    logits = rms_norm(h, w["model.norm.weight"]) @ head.T
    return F.cross_entropy(logits.reshape(-1, V), y.reshape(-1), ignore_index=-1)


def main():
    plain = dict(head_out="none", position="rope", mlp="swiglu", tie=False, window=0, documents=0)
    cases = {
        "baseline": plain,
        "head_rmsnorm": dict(plain, head_out="rmsnorm", documents=13),
        "gelu_learned_tied": dict(plain, mlp="gelu", position="learned", tie=True, window=9),
    }
    for name, case in cases.items():
        w, (x, y, seen) = weights(case), batch(case)
        loss = mean_loss(case, w, x, y, seen)
        loss.backward()
        for stream, (tensor, parameter) in enumerate(w.items(), 1):
            g = parameter.grad.reshape(-1)
            along = g @ torch.tensor(hashed(2000 + stream, g.numel()) - 0.5)
            print(name, "gradient", tensor, f"{g.norm():.12g} {along:.12g}")
        matrices = [p for p in w.values() if p.dim() == 2]
        gains = [p for p in w.values() if p.dim() == 1]
        groups = [dict(params=matrices, weight_decay=0.1), dict(params=gains, weight_decay=0.0)]
        adamw = torch.optim.AdamW(groups, lr=LR, betas=(0.9, 0.95), eps=1e-8)
        for step in range(1, STEPS + 1):
            adamw.zero_grad()
            loss = mean_loss(case, w, x, y, seen)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
            adamw.step()
            print(name, "step", step, f"{loss:.12g} {norm:.12g}")


main()
