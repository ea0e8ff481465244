#!/usr/bin/env python3
"""The half of hf_table.sh that needs torch and transformers. Of FOLDER/exports: each is loaded, and its logits, loss and tokens are
held against what sinklab wrote beside it. Then small random models of transformers' classes are saved, imported by $SINKLAB and
exported again, and both ways are held against transformers in double. Where transformers is missing, modeling_sinklab.py is
tried on stand-ins for its three base classes, and a line counts what was left out."""

import glob
import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F

try:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
except ImportError:
    AutoModelForCausalLM = None

W, SINKLAB = sys.argv[1], os.environ["SINKLAB"]
LOGITS, LOSS = 1e-4, 1e-5
ROWS, TOKENS, VOCAB = 3, 25, 160


# ---- models ----


def stand_in(folder):
    """A model of modeling_sinklab.py without transformers."""

    class Config:
        def __init__(self, **fields):
            self.__dict__.update(fields)

    class Model(torch.nn.Module):
        def __init__(self, config):
            super().__init__()
            self.config = config

        def post_init(self):
            pass

    names = {"": dict(PretrainedConfig=Config, PreTrainedModel=Model), ".generation": dict(GenerationMixin=type("GenerationMixin", (), {})), ".modeling_outputs": dict(CausalLMOutput=types.SimpleNamespace)}
    for name, members in names.items():
        sys.modules["transformers" + name] = module = types.ModuleType("transformers" + name)
        module.__dict__.update(members)
    spec = importlib.util.spec_from_file_location("modeling_sinklab", folder + "/modeling_sinklab.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.SinklabForCausalLM(module.SinklabConfig(**json.load(open(folder + "/config.json"))))
    with open(folder + "/model.safetensors", "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        head = json.loads(f.read(size))
        data = f.read()
    head.pop("__metadata__")
    state = {}
    for name, t in head.items():
        a, b = t["data_offsets"]
        state[name] = torch.from_numpy(np.frombuffer(data[a:b], "<f4").reshape(t["shape"]).copy())
    model.load_state_dict(state)
    return model


def load(folder):
    if AutoModelForCausalLM is None:
        return stand_in(folder).double().eval()
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", trust_remote_code=True).double().eval()


def logits_and_loss(model, ids):
    ids = torch.tensor(ids)
    with torch.no_grad():
        logits = model(ids[:, :-1]).logits
    return logits.numpy(), F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).item()


def difference(model, ids, logits, loss):
    have, have_loss = logits_and_loss(model, ids)
    return float(np.abs(have - logits).max()), abs(have_loss - loss)


def tokens_differ(folder, text, want):
    """How many places differ, the lengths' difference included; BOS is looked at apart."""
    t = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
    have = t(text, add_special_tokens=False)["input_ids"]
    whole, bos = t(text)["input_ids"], json.load(open(folder + "/config.json")).get("bos_token_id")
    wrong = sum(a != b for a, b in zip(have, want)) + abs(len(have) - len(want))
    wrong += t.decode(have) != text
    return wrong + (whole not in (have, [bos] + have))


# ---- the table ----


def row(way, name, model, d_logit=None, d_loss=None, tokens=None, error=""):
    number = lambda x, f: "" if x is None else format(x, f)
    print(f"| {way} | {name} | {model} | {number(d_logit, '.1e')} | {number(d_loss, '.1e')} | {number(tokens, 'd')} | {error} |", flush=True)
    return not error and (d_logit or 0) <= LOGITS and (d_loss or 0) <= LOSS and not tokens


def attempt(way, name, check):
    try:
        return row(way, name, *check())
    except Exception as e:  # one row's fault is no other's
        return row(way, name, "", error=f"{type(e).__name__}: {e}".replace("\n", " ")[:160])


def export_row(name):
    folder = f"{W}/exports/{name}"
    architecture = json.load(open(folder + "/config.json"))["architectures"][0]
    ids = [json.loads(line) for line in open(f"{W}/ids.json")]
    said = json.load(open(folder + ".json"))["loss"]
    d = difference(load(folder), ids, np.load(folder + ".npy"), said)
    if AutoModelForCausalLM is None:
        return architecture, *d
    tokens = np.fromfile(folder + ".tokens", "<u2")[512:].tolist()
    return architecture, *d, tokens_differ(folder, open(f"{W}/odd.txt", encoding="utf-8").read(), tokens)


# ---- folders of theirs ----

LLAMA = dict(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=64, max_position_embeddings=64, vocab_size=VOCAB)
NEOX = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=96, max_position_embeddings=64, vocab_size=VOCAB)
GPT2 = dict(n_embd=48, n_layer=2, n_head=4, n_positions=64, vocab_size=VOCAB)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
IMPORTS = {  # name: model_type, fields as their files of old have them, how they are saved
    "llama_grouped": ("llama", LLAMA, {}),
    "llama_tied": ("llama", {**LLAMA, "tie_word_embeddings": True}, {}),
    "llama_biases": ("llama", {**LLAMA, "attention_bias": True, "mlp_bias": True}, {}),
    "llama_theta": ("llama", {**LLAMA, "rope_theta": 500000.0, "rms_norm_eps": 1e-3}, {}),
    "llama_llama3": ("llama", {**LLAMA, "rope_theta": 500000.0, "rope_scaling": LLAMA3}, {}),
    "llama_linear": ("llama", {**LLAMA, "rope_scaling": {"type": "linear", "rope_type": "linear", "factor": 4.0}}, {}),
    "llama_yarn": ("llama", {**LLAMA, "rope_scaling": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)}, {}),
    "llama_head_dim": ("llama", {**LLAMA, "head_dim": 20}, {}),
    "llama_bf16": ("llama", LLAMA, {"dtype": torch.bfloat16}),
    "llama_f16_shards": ("llama", LLAMA, {"dtype": torch.float16, "shard": "40KB"}),
    "mistral_window": ("mistral", {**LLAMA, "sliding_window": 7}, {}),
    "mistral_no_window": ("mistral", {**LLAMA, "sliding_window": None}, {}),
    "qwen2": ("qwen2", {**LLAMA, "use_sliding_window": False, "max_window_layers": 2}, {}),
    "qwen2_tied_bf16": ("qwen2", {**LLAMA, "tie_word_embeddings": True}, {"dtype": torch.bfloat16}),
    "qwen3": ("qwen3", {**LLAMA, "head_dim": 16}, {}),
    "olmo2": ("olmo2", LLAMA, {}),
    "gpt2": ("gpt2", GPT2, {}),
    "gpt2_untied_gelu": ("gpt2", {**GPT2, "tie_word_embeddings": False, "activation_function": "gelu", "n_inner": 80}, {}),
    "gpt2_no_prefix": ("gpt2", GPT2, {"cut": "transformer."}),
    "neox": ("gpt_neox", NEOX, {}),
    "neox_serial_all_turned": ("gpt_neox", {**NEOX, "use_parallel_residual": False, "rotary_pct": 1.0, "rotary_emb_base": 500}, {}),
    "neox_no_bias_tanh": ("gpt_neox", {**NEOX, "attention_bias": False, "hidden_act": "gelu_new"}, {"shard": "60KB"}),
}


def randomize(model):
    g = torch.Generator().manual_seed(1)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=g)
        p.data = noise * 1.5 / math.sqrt(min(p.shape)) if p.dim() > 1 else noise * 0.2 + (not name.endswith("bias"))


def make_folder(folder, kind, fields, dtype=torch.float32, shard="5GB", cut=""):
    """A random model of transformers' own, saved by it."""
    os.makedirs(folder)
    config = {"model_type": kind, "architectures": None, **fields}
    json.dump(config, open(folder + "/config.json", "w"))
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
    config["architectures"] = [type(model).__name__]
    randomize(model)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    if cut:
        from safetensors.torch import load_file, save_file

        file = folder + "/model.safetensors"
        save_file({n[len(cut) :] if n.startswith(cut) else n: t for n, t in load_file(file).items()}, file, {"format": "pt"})
    return config


def sinklab(*words):
    done = subprocess.run([SINKLAB, *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip())
    return done.stdout


def import_rows(name):
    kind, fields, how = IMPORTS[name]
    folder = f"{W}/imports/{name}"
    shutil.rmtree(folder, ignore_errors=True)
    g = torch.Generator().manual_seed(2)
    ids = torch.randint(VOCAB, (ROWS, TOKENS), generator=g).tolist()
    with open(f"{W}/imports/{name}.ids", "w") as f:
        f.writelines(json.dumps(r) + "\n" for r in ids)
    reference = {}

    def measure(spelling):
        checkpoint = f"{folder}.{spelling}"
        shutil.rmtree(checkpoint, ignore_errors=True)
        sinklab("import", folder, checkpoint)
        loss = json.loads(sinklab("probe", checkpoint, "--ids", f"{W}/imports/{name}.ids", "--light", "--json"))["loss"]
        sinklab("probe", checkpoint, "--ids", f"{W}/imports/{name}.ids", "--light", "--dump", "logits", checkpoint + ".npy")
        logits, right = reference["logits"], reference["loss"]
        return reference["class"], float(np.abs(np.load(checkpoint + ".npy") - logits).max()), abs(loss - right)

    def as_saved():
        reference["config"] = make_folder(folder, kind, fields, **how)
        model = load(folder)
        reference["class"] = type(model).__name__
        reference["logits"], reference["loss"] = logits_and_loss(model, ids)
        return measure("saved")

    def as_of_old():
        json.dump({**reference["config"], "torch_dtype": "float32"}, open(folder + "/config.json", "w"))
        return measure("old")

    def and_back():
        shutil.rmtree(folder + ".back", ignore_errors=True)
        sinklab("export", folder + ".saved", folder + ".back")
        model = load(folder + ".back")
        return type(model).__name__, *difference(model, ids, reference["logits"], reference["loss"])

    return [attempt("import", name, as_saved), attempt("import, fields of old", name, as_of_old), attempt("and back", name, and_back)]


def main():
    ok, left = [], 0
    print("| way | model | class | largest logit difference | loss difference | tokens that differ | |\n|---|---|---|---|---|---|---|")
    for path in sorted(glob.glob(W + "/exports/*.json")):
        name = os.path.basename(path)[: -len(".json")]
        if AutoModelForCausalLM is None and not os.path.exists(f"{W}/exports/{name}/modeling_sinklab.py"):
            left += 1
            continue
        ok.append(attempt("export", name, lambda: export_row(name)))
    os.makedirs(W + "/imports", exist_ok=True)
    for name in IMPORTS:
        if AutoModelForCausalLM is None:
            left += 1
        else:
            ok += import_rows(name)
    if left:
        print(f"left out: {left} models, as transformers is not there")
    print(f"{sum(ok)} passed, {len(ok) - sum(ok)} failed")
    sys.exit(not ok or not all(ok))


main()
