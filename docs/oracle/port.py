"""The first stages of PixelDiT's class model in NumPy, as a port begins: embeddings, patches, the first patch block.

python3 port.py WEIGHTS INPUTS OUT [--fault rope|patches]
"""
import json
import struct
import sys

try:
    import numpy as np
except ModuleNotFoundError:
    sys.exit("port.py needs NumPy: python3 -m pip install numpy")


def read(path):
    """The float32 and int64 tensors of a safetensors file, and its metadata."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    types = {"F32": np.float32, "I64": np.int64}
    tensors = {}
    for name, tensor in header.items():
        begin, end = tensor["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], types[tensor["dtype"]]).reshape(tensor["shape"])
    return tensors, metadata


def write(path, tensors):
    """A safetensors file of float32 tensors."""
    header, parts, at = {}, [], 0
    for name, tensor in tensors.items():
        part = np.ascontiguousarray(tensor, np.float32).tobytes()
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def linear(x, weights, name):
    y = x @ weights[name + ".weight"].T
    return y + weights[name + ".bias"] if name + ".bias" in weights else y


def silu(x):
    return x / (1 + np.exp(-x))


def rms_norm(x, weight):
    return weight * x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(1e-6))


def rotate(x, rows, columns):
    """RoPE on the patch grid. x [B, L, h, hd]; pairs 2i turn by the column, pairs 2i + 1 by the row."""
    width = x.shape[-1]
    token = np.arange(rows * columns)
    column, row = np.linspace(0, 16, columns)[token % columns], np.linspace(0, 16, rows)[token // columns]
    frequency = 10000.0 ** (-4.0 * np.arange(width // 4) / width)
    angle = np.stack([np.outer(column, frequency), np.outer(row, frequency)], axis=-1).reshape(len(token), 1, width // 2)
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    a, b = x[..., 0::2], x[..., 1::2]
    return np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)


def main(weights_path, inputs_path, out_path, fault):
    w, metadata = read(weights_path)
    given, _ = read(inputs_path)
    config = json.loads(metadata["config"])
    p, heads, d = config["patch_size"], config["num_groups"], config["hidden_size"]
    x, t, y = given["in.x"], given["in.t"], given["in.y"]
    batch, channels, height, width = x.shape
    rows, columns = height // p, width // p
    trace = {}

    angle = t[:, None] * (10.0 ** (-np.arange(128) / 128)).astype(np.float32)
    t_emb = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    t_emb = linear(silu(linear(t_emb, w, "t_embedder.mlp.0")), w, "t_embedder.mlp.2")
    y_emb = w["y_embedder.embedding_table.weight"][y]
    c = silu(t_emb + y_emb)

    patches = x.reshape(batch, channels, rows, p, columns, p)
    order = (0, 2, 4, 3, 5, 1) if fault == "patches" else (0, 2, 4, 1, 3, 5)
    patches = patches.transpose(order).reshape(batch, rows * columns, channels * p * p)
    s = linear(patches, w, "s_embedder.proj")
    trace |= {"act.t_embedder": t_emb, "act.y_embedder": y_emb, "act.s_embedder": s}

    block = "patch_blocks.0"
    modulation = linear(c, w, block + ".adaLN_modulation.0")
    shift1, scale1, gate1, shift2, scale2, gate2 = np.split(modulation[:, None, :], 6, axis=-1)

    a = rms_norm(s, w[block + ".norm1.weight"]) * (1 + scale1) + shift1
    qkv = linear(a, w, block + ".attn.qkv").reshape(batch, rows * columns, 3, heads, d // heads)
    q, k = (rms_norm(qkv[:, :, i], w[f"{block}.attn.{name}_norm.weight"]) for i, name in enumerate("qk"))
    if fault != "rope":
        q, k = rotate(q, rows, columns), rotate(k, rows, columns)
    scores = np.einsum("blhc,bmhc->bhlm", q, k) / np.float32(np.sqrt(d // heads))
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    out = np.einsum("bhlm,bmhc->blhc", scores, qkv[:, :, 2])
    attn = linear(out.reshape(batch, rows * columns, d), w, block + ".attn.proj")
    s = s + gate1 * attn

    m = rms_norm(s, w[block + ".norm2.weight"]) * (1 + scale2) + shift2
    mlp = linear(silu(linear(m, w, block + ".mlp.w1")) * linear(m, w, block + ".mlp.w3"), w, block + ".mlp.w2")
    s = s + gate2 * mlp
    trace |= {f"act.{block}.modulation": modulation, f"act.{block}.modulated1": a, f"act.{block}.attn.qkv": qkv}
    trace |= {f"act.{block}.attn.q": q, f"act.{block}.attn.k": k, f"act.{block}.attn.out": out, f"act.{block}.attn": attn}
    trace |= {f"act.{block}.modulated2": m, f"act.{block}.mlp": mlp, f"act.{block}": s}
    write(out_path, trace)


if __name__ == "__main__":
    main(*sys.argv[1:4], fault=sys.argv[5] if sys.argv[4:5] == ["--fault"] else None)
