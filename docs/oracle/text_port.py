"""The first stages of PixelDiT's text-to-image model in NumPy, as a port begins: embeddings, patches, the first MM-DiT block.

python3 text_port.py WEIGHTS INPUTS OUT [--fault apart|mask|time|rope|positions]
"""
import json
import sys

try:
    import numpy as np
except ModuleNotFoundError:
    sys.exit("text_port.py needs NumPy: python3 -m pip install numpy")

from port import linear, read, rms_norm, rotate, silu, write


def rotate_text(x):
    """RoPE along the text. x [B, n, h, hd]; pairs 2i, 2i + 1 turn by the token's place."""
    width = x.shape[-1]
    angle = np.outer(np.arange(x.shape[1]), 10000.0 ** (-2.0 * np.arange(width // 2) / width))[:, None, :]
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    a, b = x[..., 0::2], x[..., 1::2]
    return np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)


def main(weights_path, inputs_path, out_path, fault):
    stored, metadata = read(weights_path)
    w = {name.removeprefix("core."): tensor for name, tensor in stored.items()}
    given, _ = read(inputs_path)
    config = json.loads(metadata["config"])
    p, heads, d = config["patch_size"], config["num_groups"], config["hidden_size"]
    x, t, text = given["in.x"], given["in.t"], given["in.y"]
    batch, channels, height, width = x.shape
    rows, columns = height // p, width // p
    text = text[:, : config["txt_max_length"]]
    words = text.shape[1]

    angle = (t / 1000 if fault == "time" else t)[:, None] * (10.0 ** (-np.arange(128) / 128)).astype(np.float32)
    t_emb = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    t_emb = linear(silu(linear(t_emb, w, "t_embedder.mlp.0")), w, "t_embedder.mlp.2")
    c = silu(t_emb)

    y_emb = rms_norm(linear(text, w, "y_embedder.proj"), w["y_embedder.norm.weight"])
    y = y_emb if fault == "positions" else y_emb + w["y_pos_embedding"][:, :words]
    patches = x.reshape(batch, channels, rows, p, columns, p).transpose(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, channels * p * p)
    s = linear(patches, w, "s_embedder.proj")
    trace = {"act.t_embedder": t_emb, "act.y_embedder": y_emb, "act.y_positions": y, "act.s_embedder": s}

    block = "patch_blocks.0"
    streams = {"x": s, "y": y}
    modulation = {kind: linear(c, w, f"{block}.adaLN_modulation_{layer}.0") for kind, layer in (("x", "img"), ("y", "txt"))}
    parts = {kind: np.split(modulation[kind][:, None, :], 6, axis=-1) for kind in "xy"}
    q, k, v = {}, {}, {}
    for kind, stream in streams.items():
        shift, scale = parts[kind][:2]
        a = rms_norm(stream, w[f"{block}.norm_{kind}1.weight"]) * (1 + scale) + shift
        qkv = linear(a, w, f"{block}.attn.qkv_{kind}").reshape(batch, -1, 3, heads, d // heads)
        turn = (lambda z: rotate(z, rows, columns)) if kind == "x" else rotate_text if fault != "rope" else lambda z: z
        q[kind], k[kind] = (turn(rms_norm(qkv[:, :, i], w[f"{block}.attn.{name}_norm_{kind}.weight"])) for i, name in enumerate("qk"))
        v[kind] = qkv[:, :, 2]
        trace |= {f"act.{block}.modulation_{kind}": modulation[kind], f"act.{block}.attn.qkv_{kind}": qkv}
        trace |= {f"act.{block}.attn.q_{kind}": q[kind], f"act.{block}.attn.k_{kind}": k[kind]}

    q, k, v = (np.concatenate([z["y"], z["x"]], axis=1) for z in (q, k, v))
    scores = np.einsum("blhc,bmhc->bhlm", q, k) / np.float32(np.sqrt(d // heads))
    if fault == "mask":
        scores[..., 6:words] = -np.inf  # as if the texts had six tokens, and padding behind them
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    joint = np.einsum("bhlm,bmhc->blhc", scores, v)
    first, last = (joint[:, : rows * columns], joint[:, rows * columns :]) if fault == "apart" else (joint[:, words:], joint[:, :words])
    for kind, out in (("x", first), ("y", last)):
        stream = streams[kind]
        shift, scale, gate = parts[kind][3:]
        stream = stream + parts[kind][2] * linear(out.reshape(batch, -1, d), w, f"{block}.attn.proj_{kind}")
        m = rms_norm(stream, w[f"{block}.norm_{kind}2.weight"]) * (1 + scale) + shift
        mlp = linear(silu(linear(m, w, f"{block}.mlp_{kind}.w1")) * linear(m, w, f"{block}.mlp_{kind}.w3"), w, f"{block}.mlp_{kind}.w2")
        trace |= {f"act.{block}.attn.out_{kind}": out, f"act.{block}.mlp_{kind}": mlp, f"act.{block}.{kind}": stream + gate * mlp}
    write(out_path, trace)


if __name__ == "__main__":
    main(*sys.argv[1:4], fault=sys.argv[5] if sys.argv[4:5] == ["--fault"] else None)
