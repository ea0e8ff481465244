"""A model of sinklab's that no class of transformers holds, in one file: AutoModelForCausalLM.from_pretrained(DIR,
trust_remote_code=True). The fields of config.json are sinklab's keys of model.*; `sinklab train --help` tells of each, with its
paper. A block is mid = x + W_O head_out(attention(norm(x))), then mid + mlp(norm(mid)), but for what a key changes."""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import CausalLMOutput


class SinklabConfig(PretrainedConfig):
    model_type = "sinklab"

    def __init__(self, **fields):
        super().__init__(**{**fields, "tie_word_embeddings": False, "use_cache": False})  # `tie` is seen to in the forward


# ---- parts ----


class Norm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.kind, self.eps, d = c.norm_kind, c.norm_eps, c.hidden_size
        self.weight = nn.Parameter(torch.ones(1 if self.kind == "rmsnorm_scalar" else d))
        if self.kind in ("layernorm", "dyt"):
            self.bias = nn.Parameter(torch.zeros(d))
        if self.kind == "dyt":
            self.alpha = nn.Parameter(torch.full((1,), 0.5))
        if self.kind == "pre_affine":
            self.register_parameter("lambda", nn.Parameter(torch.ones(d)))

    def forward(self, x):
        if self.kind == "dyt":
            return self.weight * torch.tanh(self.alpha * x) + self.bias
        if self.kind == "layernorm":
            return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        if self.kind == "pre_affine":
            x = x * getattr(self, "lambda")
        return rms(x, self.eps) * self.weight


class Gain(nn.Module):
    """An RMSNorm over the last dimension whose gain has any shape."""

    def __init__(self, c, *shape):
        super().__init__()
        self.eps, self.weight = c.norm_eps, nn.Parameter(torch.ones(*shape))

    def forward(self, x):
        return rms(x, self.eps) * self.weight.view(-1, x.shape[-1])


def cap(x, c):
    return c * torch.tanh(x / c) if c else x


def rms(x, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def rotate(x, theta, dims):
    """Halves of the first `dims` floats of each head are turned (arXiv 2104.09864). x (B, T, heads, d_head)"""
    half = dims // 2
    rate = theta ** (-torch.arange(half, device=x.device, dtype=torch.float64) / half)
    angle = torch.arange(x.shape[1], device=x.device, dtype=torch.float64)[:, None] * rate
    cos, sin = angle.cos()[:, None].to(x.dtype), angle.sin()[:, None].to(x.dtype)
    a, b = x[..., :half], x[..., half:dims]
    return torch.cat((a * cos - b * sin, b * cos + a * sin, x[..., dims:]), -1)


def seen(c, T, device):
    """(T, T): whether query i sees key j."""
    i, j = torch.arange(T, device=device)[:, None], torch.arange(T, device=device)
    near = i - j < c.window if c.window else torch.ones(T, T, dtype=torch.bool, device=device)
    return ((j <= i) | ((i < c.prefix) & (j < c.prefix))) & (near | (j < c.window_keep))


WEIGHTS = {  # of scores s, -inf where a key is not seen, n the number of those seen; the softmaxes are below
    "sigmoid": lambda c, s, n: torch.sigmoid(s),
    "sigmoid_bias": lambda c, s, n: torch.sigmoid(s - math.log(c.max_position_embeddings)),
    "sigmoid_norm": lambda c, s, n: torch.sigmoid(s) / (torch.sigmoid(s).sum(-1, keepdim=True) + 1e-8),
    "relu": lambda c, s, n: F.relu(s) / n,
    "elu1": lambda c, s, n: F.elu(s) + 1,
    "softpick": lambda c, s, n: softpick(s),
    "clipped": lambda c, s, n: torch.where(s > -math.inf, stretched(c, s.softmax(-1)), 0),
}


def stretched(c, A):
    return ((c.clip_zeta - c.clip_gamma) * A + c.clip_gamma).clamp(0, 1)


def softpick(s):
    m = s.amax(-1, keepdim=True).clamp(min=0)
    u = torch.where(s > -math.inf, (s - m).exp() - (-m).exp(), 0)
    return F.relu(u) / (u.abs().sum(-1, keepdim=True) + 1e-8)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, H, KV, dh = c.hidden_size, c.num_attention_heads, c.num_key_value_heads, c.head_dim
        self.c, self.H, self.KV, self.dh = c, H, KV, dh
        bias, gate = c.bias in (True, "qkv", "attention"), c.head_out.split("+")[-1]
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(d, n * dh, bias) for n in (H, KV, KV))
        self.o_proj = nn.Linear(H * dh, d, c.bias in (True, "attention"))
        if c.qk != "none":
            self.q_norm, self.k_norm = (Gain(c, dh if c.qk == "rmsnorm" else n * dh) for n in (H, KV))
        if c.attention in ("k_bias", "kv_bias"):
            self.k_bias = nn.Parameter(torch.zeros(KV * dh))
        if c.attention in ("v_bias", "kv_bias", "key0_bias"):
            self.v_bias = nn.Parameter(torch.zeros(KV * dh))
        if c.attention == "sink_logit":
            self.sinks = nn.Parameter(torch.zeros(H))
        if c.attention == "scalable":
            self.score_scale = nn.Parameter(torch.ones(H))
        if c.value_scale:
            self.value_scale = nn.Parameter(torch.ones(KV))
        if c.head_out.startswith("rmsnorm"):
            self.head_norm = Gain(c, H * dh if c.head_out_gain == "head" else dh)
        if gate.startswith("gate"):
            self.head_gate = nn.Linear(KV * dh if gate == "gate_value" else d, H if gate == "gate_head" else H * dh, False)

    def heads(self, x, n):
        return x.view(*x.shape[:2], n, self.dh)

    def qk(self, x, n, norm):
        """q or k (B, T, n heads, d_head): projected, normed, turned."""
        if self.c.qk == "rmsnorm_all":
            x = norm(x).view(x.shape)
        x = self.heads(x, n)
        if self.c.qk == "rmsnorm":
            x = norm(x)
        return rotate(x, self.c.rope_theta, self.c.rope_dims or self.dh) if self.c.position == "rope" else x

    def null_key(self, q):
        """Its score with every query (B, H, T, 1) and its value (H, d_head); None: there is none."""
        kind, group = self.c.attention, self.H // self.KV
        if kind in ("k_bias", "kv_bias"):
            k = self.k_bias.view(self.KV, self.dh).repeat_interleave(group, 0)
            score = (q * k[:, None]).sum(-1, keepdim=True) / math.sqrt(self.dh)
        elif kind == "sink_logit":
            score = self.sinks.view(-1, 1, 1).expand(q.shape[0], -1, q.shape[2], 1)
        elif kind in ("softmax1", "key0_bias"):
            score = q.new_zeros(*q.shape[:3], 1)
        else:
            return None, None
        value = self.v_bias.view(self.KV, self.dh).repeat_interleave(group, 0) if hasattr(self, "v_bias") else None
        return score, value

    def attend(self, q, k, v):
        """q, k, v (B, H, T, d_head) to what the heads read and the weights."""
        c, T = self.c, q.shape[2]
        see = seen(c, T, q.device)
        n = see.sum(-1, keepdim=True)
        s = cap(q @ k.transpose(-1, -2) / math.sqrt(self.dh), c.logit_cap)
        if c.position == "alibi":
            slope = 2 ** (-8 * torch.arange(1, self.H + 1, device=q.device, dtype=s.dtype) / self.H)
            t = torch.arange(T, device=q.device)
            s = s - slope.view(-1, 1, 1) * (t[:, None] - t).abs()
        if c.attention == "scalable":
            s = s * self.score_scale.view(-1, 1, 1) * n.to(s.dtype).log()
        s = s.masked_fill(~see, -math.inf)
        if c.attention in WEIGHTS:
            A = WEIGHTS[c.attention](c, s, n)
            return A @ v, A
        score, value = self.null_key(q)
        if score is None:
            A = s.softmax(-1)
            return A @ v, A
        A = torch.cat((s, score), -1).softmax(-1)
        A, left = A[..., :-1], A[..., -1:]
        return A @ v if value is None else A @ v + left * value[:, None], A

    def head_out(self, y, h, v, own):
        """y (B, T, H, d_head) as W_O reads it; own: the tokens' own values."""
        kind = self.c.head_out
        if kind.startswith("rmsnorm"):
            y = self.head_norm(y)
        if kind == "exclusive":
            square = own.pow(2).sum(-1, keepdim=True)
            y = y - torch.where(square > 0, (y * own).sum(-1, keepdim=True) / square, 0) * own
        if "gate" in kind:
            g = torch.sigmoid(self.head_gate(v if kind == "gate_value" else h))
            y = y * g.view(*y.shape[:3], -1)
        return y.flatten(2)

    def forward(self, h, first):
        """first: the first block's values, kept there for model.value_residual."""
        c, group = self.c, self.H // self.KV
        q = self.qk(self.q_proj(h), self.H, getattr(self, "q_norm", None))
        k = self.qk(self.k_proj(h), self.KV, getattr(self, "k_norm", None))
        v = self.v_proj(h)
        first.setdefault("v", v)
        if c.value_residual:
            v = (1 - c.value_residual) * v + c.value_residual * first["v"]
        if c.value_scale:
            v = (self.heads(v, self.KV) * self.value_scale[:, None]).flatten(2)
        own = self.heads(v, self.KV).repeat_interleave(group, 2)
        read = own + self.v_bias.view(self.KV, self.dh).repeat_interleave(group, 0) if c.attention == "v_bias" else own
        k = k.repeat_interleave(group, 2)
        y, A = self.attend(*(x.transpose(1, 2) for x in (q, k, read)))
        return self.o_proj(self.head_out(y.transpose(1, 2), h, v, own)), A


GATED = {"swiglu": F.silu, "geglu": lambda x: F.gelu(x, approximate="tanh"), "reglu": F.relu, "sigmoid_glu": torch.sigmoid}
PLAIN = {"gelu": GATED["geglu"], "gelu_exact": F.gelu, "relu": F.relu, "relu2": lambda x: F.relu(x).pow(2)}


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        d, f, bias = c.hidden_size, c.intermediate_size, c.bias in (True, "mlp")
        self.kind = c.mlp
        if c.mlp in GATED:
            self.gate_proj = nn.Linear(d, f, bias)
        self.up_proj, self.down_proj = nn.Linear(d, f, bias), nn.Linear(f, d, bias)

    def forward(self, h):
        if self.kind in GATED:
            return self.down_proj(GATED[self.kind](self.gate_proj(h)) * self.up_proj(h))
        return self.down_proj(PLAIN[self.kind](self.up_proj(h)))


NORMS = {  # where they stand, by model.norm
    "pre": ("input_layernorm", "post_attention_layernorm"),
    "post": ("attention_sum_norm", "mlp_sum_norm"),
    "sandwich": ("input_layernorm", "attention_output_norm", "post_attention_layernorm", "mlp_output_norm"),
    "branch": ("attention_output_norm", "mlp_output_norm"),
}


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, self.self_attn, self.mlp = c, Attention(c), Mlp(c)
        for name in NORMS[c.norm]:
            if not (c.parallel == "one_norm" and name == "post_attention_layernorm"):
                setattr(self, name, Norm(c))

    def norm(self, name, x):
        return getattr(self, name)(x) if hasattr(self, name) else x

    def forward(self, x, first):
        h = self.norm("input_layernorm", x)
        add, A = self.self_attn(h, first)
        mid = self.norm("attention_sum_norm", x + self.norm("attention_output_norm", add))
        if self.c.parallel != "one_norm":
            h = self.norm("post_attention_layernorm", x if self.c.parallel == "two_norms" else mid)
        x = self.norm("mlp_sum_norm", mid + self.norm("mlp_output_norm", self.mlp(h)))
        return (x.clamp(-self.c.residual_clip, self.c.residual_clip) if self.c.residual_clip else x), A


# ---- the whole ----


class Stack(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        if c.position == "learned":
            self.embed_positions = nn.Embedding(c.max_position_embeddings, c.hidden_size)
        self.layers = nn.ModuleList(Block(c) for _ in range(c.num_hidden_layers))
        if c.norm != "post":
            self.norm = Norm(c)

    def forward(self, ids):
        x, first, maps = self.embed_tokens(ids), {}, []
        if hasattr(self, "embed_positions"):
            x = x + self.embed_positions.weight[: ids.shape[1]]
        for block in self.layers:
            x, A = block(x, first)
            maps.append(A)
        return (self.norm(x) if hasattr(self, "norm") else x), tuple(maps)


class SinklabForCausalLM(PreTrainedModel, GenerationMixin):
    config_class = SinklabConfig
    base_model_prefix = "model"

    def __init__(self, config):
        super().__init__(config)
        self.model = Stack(config)
        if not config.tie:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.model.embed_tokens

    def get_output_embeddings(self):
        return None

    def prepare_inputs_for_generation(self, input_ids, **kwargs):
        return {"input_ids": input_ids}

    def forward(self, input_ids, attention_mask=None, labels=None, output_attentions=False, **kwargs):
        if attention_mask is not None and not bool(attention_mask.all()):
            raise ValueError("rows of one length only: this model has no mask for padding")
        x, maps = self.model(input_ids)
        logits = F.linear(x, self.model.embed_tokens.weight) if self.config.tie else self.lm_head(x)
        logits, loss = cap(logits, self.config.final_logit_cap), None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        return CausalLMOutput(loss=loss, logits=logits, attentions=maps if output_attentions else None)
