// PixelDiT in one file: the model, its gradients, its training and its sampler, in double precision and plain loops. Nothing here is fast, so nothing has to be
// clever. It computes what the program pixeldit computes, and tests hold it to that. "Real:" names the file where the program does the same. Left out are the
// text-to-image model, post-modulation and what only large runs need.
//   dotnet run docs/minimal/PixelDiT.cs                            trains on drawings of 8×8 pixels for less than a minute, then draws
//   dotnet run docs/minimal/PixelDiT.cs -- model.safetensors 32    draws 32×32 pixels with weights that pixeldit trained
// Letters: B images of C channels and H×W pixels; patches of p×p = P pixels; L patch tokens an image, of width D; pixel tokens of width d (docs/2-notation.md).

using System.Text.Json;
using static System.Linq.Enumerable;

namespace PixelDiT.Minimal;

// Rows of numbers, and the gradient ∂loss/∂number of each. Every value in this file is such a matrix; a comment at the end of a line says what its rows are.
// Real: PixelDiT.Kernels/Tensors/Tensor.cs and PixelDiT.Reference/Autodiff/Variable.cs.
internal sealed record Tensor(int Width, double[] Data, double[] Gradient)
{
    public Tensor(int width, double[] data) : this(width, data, new double[data.Length]) { }
    public int Rows => Data.Length / Width;
    public ref double this[int row, int column] => ref Data[row * Width + column];
    public ref double D(int row, int column) => ref Gradient[row * Width + column];

    // The same numbers as rows of another width: the P rows of a patch's pixels, each of d, are also one row of P·d. Nothing is copied.
    public Tensor View(int width) => new(width, Data, Gradient);
}

// Reverse-mode differentiation. An operation computes its output at once and records a function that adds to its inputs' gradients what the output's gradient
// means for them. An operation is recorded after those that made its inputs. In reverse order all users of a value therefore run before its maker, and when the
// maker's function runs, the value's gradient is complete. Real: PixelDiT.Reference/Autodiff/Tape.cs, with the operations in PixelDiT.Reference/Autodiff/Differentiable.cs.
internal sealed class Tape
{
    private readonly List<Action> _backward = [];

    // Computes ∂loss/∂value for every value that the loss was made from.
    public void Backward(Tensor loss)
    {
        loss.Gradient[0] = 1;
        for (int i = _backward.Count - 1; i >= 0; i--) _backward[i]();
    }

    // Makes y by a formula for each number, and records what the gradient dy of that number adds to the gradients of what it was made from.
    private Tensor Each(int rows, int width, Func<int, int, double> formula, Action<int, int, double> backward)
    {
        var y = new Tensor(width, new double[rows * width]);
        for (int r = 0; r < rows; r++) for (int i = 0; i < width; i++) y[r, i] = formula(r, i);
        _backward.Add(() => { for (int r = 0; r < rows; r++) for (int i = 0; i < width; i++) backward(r, i, y.D(r, i)); });
        return y;
    }

    // y = x Wᵀ + b. Backward: dx = dy W, dW = dyᵀ x, db = Σ dy over the rows. With groups > 1 the rows of x are cut into as many equal groups, and
    // group g uses the g-th block of rows of W: a batched product. Real: PixelDiT.Kernels/Operations/MatMul.cs.
    public Tensor Linear(Tensor x, Tensor W, Tensor? bias = null, int groups = 1)                                // [R, in], [groups·out, in], [1, out] → [R, out]
    {
        int Row(int r, int o) => r * groups / x.Rows * (W.Rows / groups) + o;                                    // of W
        double Dot(int r, int w)
        {
            double sum = 0;
            for (int i = 0; i < x.Width; i++) sum += x[r, i] * W[w, i];
            return sum;
        }
        return Each(x.Rows, W.Rows / groups, (r, o) => Dot(r, Row(r, o)) + (bias?[0, o] ?? 0), (r, o, dy) =>
        {
            if (bias is not null) bias.D(0, o) += dy;
            for (int i = 0, w = Row(r, o); i < x.Width; i++) { x.D(r, i) += dy * W[w, i]; W.D(w, i) += dy * x[r, i]; }
        });
    }

    // RMSNorm: y_i = w_i·x_i·rstd with rstd = 1/√(mean x² + 1e-6). As ∂rstd/∂x_j = −x_j·rstd³/n, each dy_i reaches every x_j of its row
    // (docs/3-equation-kernel-test.md derives it). Real: PixelDiT.Kernels/Operations/RmsNorm.cs.
    public Tensor RmsNorm(Tensor x, Tensor w)                                                                    // [R, n], [1, n] → [R, n]
    {
        int n = x.Width;
        double[] rstd = [.. Range(0, x.Rows).Select(r => 1 / Math.Sqrt(Range(0, n).Sum(i => x[r, i] * x[r, i]) / n + 1e-6))];
        return Each(x.Rows, n, (r, i) => w[0, i] * x[r, i] * rstd[r], (r, i, dy) =>
        {
            w.D(0, i) += dy * x[r, i] * rstd[r];
            x.D(r, i) += dy * w[0, i] * rstd[r];
            for (int j = 0; j < n; j++) x.D(r, j) -= dy * w[0, i] * x[r, i] * x[r, j] * rstd[r] * rstd[r] * rstd[r] / n;
        });
    }

    // y = a + b. If b has fewer rows than a, each of them serves a.Rows / b.Rows consecutive rows of a. Real: AddSilu in PixelDiT.Kernels/Operations/Activations.cs.
    public Tensor Add(Tensor a, Tensor b)
    {
        int share = a.Rows / b.Rows;
        return Each(a.Rows, a.Width, (r, i) => a[r, i] + b[r / share, i], (r, i, dy) => { a.D(r, i) += dy; b.D(r / share, i) += dy; });
    }

    // y = a·b, number by number, rows shared as in Add. Real: SwiGlu in PixelDiT.Kernels/Operations/Activations.cs.
    public Tensor Multiply(Tensor a, Tensor b)
    {
        int share = a.Rows / b.Rows;
        return Each(a.Rows, a.Width, (r, i) => a[r, i] * b[r / share, i], (r, i, dy) => { a.D(r, i) += dy * b[r / share, i]; b.D(r / share, i) += dy * a[r, i]; });
    }

    // AdaLN: x·(1 + scale) + shift. Real: PixelDiT.Kernels/Operations/Modulate.cs, and in one pass with the norm PixelDiT.Kernels/Operations/NormModulate.cs.
    public Tensor Modulate(Tensor x, Tensor shift, Tensor scale) => Add(Add(x, Multiply(x, scale)), shift);

    // The gated residual x + gate·update. Where the gate is zero, x stays. Real: PixelDiT.Kernels/Operations/Modulate.cs.
    public Tensor AddGated(Tensor x, Tensor gate, Tensor update) => Add(x, Multiply(update, gate));

    // silu(x) = x·σ(x) with σ(x) = 1/(1 + e⁻ˣ); its derivative is σ·(1 + x·(1 − σ)). Real: PixelDiT.Kernels/Machine/Lanes/Formulas.cs.
    public Tensor Silu(Tensor x)
        => Each(x.Rows, x.Width, (r, i) => x[r, i] * Sigmoid(x[r, i]), (r, i, dy) => x.D(r, i) += dy * Sigmoid(x[r, i]) * (1 + x[r, i] * (1 - Sigmoid(x[r, i]))));
    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    // gelu(x) = x·Φ(x), Φ the normal distribution; its derivative is Φ(x) + x·φ(x). Real: PixelDiT.Kernels/Machine/Lanes/Formulas.cs.
    public Tensor Gelu(Tensor x)
    {
        static double Density(double x) => Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
        static double Distribution(double x)                                                                     // Φ(x) = ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …)
        {
            if (Math.Abs(x) > 9) return x > 0 ? 1 : 0;
            double term = x, sum = x;
            for (int n = 3; Math.Abs(term) > 1e-18; n += 2) sum += term *= x * x / n;
            return 0.5 + sum * Density(x);
        }
        return Each(x.Rows, x.Width, (r, i) => x[r, i] * Distribution(x[r, i]), (r, i, dy) => x.D(r, i) += dy * (Distribution(x[r, i]) + x[r, i] * Density(x[r, i])));
    }

    // Each row becomes e^x / Σ e^x; scores of normalised q and k are small, so nothing overflows. Backward: dx_j = y_j·(dy_j − Σ_k dy_k·y_k).
    // Real: PixelDiT.Kernels/Operations/Heads/CpuSoftmax.cs.
    public Tensor Softmax(Tensor x)
    {
        double[] sum = [.. Range(0, x.Rows).Select(r => Range(0, x.Width).Sum(j => Math.Exp(x[r, j])))];
        double Y(int r, int i) => Math.Exp(x[r, i]) / sum[r];
        return Each(x.Rows, x.Width, Y, (r, k, dy) => { x.D(r, k) += Y(r, k) * dy; for (int j = 0; j < x.Width; j++) x.D(r, j) -= Y(r, j) * dy * Y(r, k); });
    }

    // RoPE: channels (2j, 2j + 1) of a head are a vector of the plane, rotated by an angle that depends on the token's place. Backward rotates dy back, since the
    // transpose of a rotation is its inverse. Real: PixelDiT.Kernels/Operations/NormRotate.cs.
    public Tensor Rotate(Tensor x, double[][] angles)                                                            // [B·L, D], [L, hd/2] → [B·L, D]
    {
        static int Other(int i) => i % 2 == 0 ? i + 1 : i - 1;                                                   // the other channel of the pair
        double Cos(int r, int i) => Math.Cos(angles[r % angles.Length][i / 2 % angles[0].Length]);
        double Sin(int r, int i) => Math.Sin(angles[r % angles.Length][i / 2 % angles[0].Length]) * (i % 2 == 0 ? -1 : 1);
        return Each(x.Rows, x.Width, (r, i) => x[r, i] * Cos(r, i) + x[r, Other(i)] * Sin(r, i), (r, i, dy) => { x.D(r, i) += dy * Cos(r, i); x.D(r, Other(i)) += dy * Sin(r, i); });
    }

    // y_k = x[order_k]. Patches, rows of a table and chunks are numbers in another order. Real: PixelDiT.Kernels/Operations/Patches.cs, PixelDiT.Kernels/Operations/Embedding.cs.
    public Tensor Gather(Tensor x, int width, int[] order)
        => Each(order.Length / width, width, (r, i) => x.Data[order[r * width + i]], (r, i, dy) => x.Gradient[order[r * width + i]] += dy);

    // Rows cut into equal parts: (shift, scale, gate, …) of a modulation; (q, k, v). Real: PixelDiT.Reference/Autodiff/Chunks.cs, which copies nothing.
    public Tensor[] Chunk(Tensor x, int parts)
        => [.. from part in Range(0, parts) select Gather(x, x.Width / parts, [.. from k in Range(0, x.Data.Length) where k % x.Width / (x.Width / parts) == part select k])];

    // mean (x − target)². Real: PixelDiT.Kernels/Operations/MeanSquaredError.cs.
    public Tensor MeanSquaredError(Tensor x, double[] target)
        => Each(1, 1, (_, _) => x.Data.Zip(target, (a, b) => (a - b) * (a - b)).Average(), (_, _, dy) =>
        {
            for (int i = 0; i < target.Length; i++) x.Gradient[i] += dy * 2 * (x.Data[i] - target[i]) / target.Length;
        });
}

// The class-conditional model (docs/SPEC.md §3). Parameters have the names of the released files, and their shapes say the sizes of the model.
// Real: PixelDiT.Reference/Models/PixelDiTModel.cs and PixelDiT.Reference/Models/PixelLevel.cs; without a tape PixelDiT.Reference/Oracle/ExactModel.cs.
internal sealed record Model(Dictionary<string, Tensor> Parameters)
{
    private Tensor this[string name] => Parameters[$"{name}.weight"];
    public int C => this["pixel_embedder.proj"].Width;
    public int d => this["pixel_embedder.proj"].Rows;
    public int D => this["s_embedder.proj"].Rows;
    public int P => this["s_embedder.proj"].Width / C;
    public int p => (int)Math.Sqrt(P);
    public int Heads => D / this["patch_blocks.0.attn.q_norm"].Width;
    public int NullClass => this["y_embedder.embedding_table"].Rows - 1;

    // v = model(x, t, y), the velocity from noise to data.
    public Tensor Forward(Tape tape, Tensor x, double[] t, int[] y, int height, int width)                       // [B, C·H·W], [B], [B] → [B, C·H·W]
    {
        double[][] rope = RopeAngles(height / p, width / p, D / Heads);                                          // [L, hd/2]
        var tEmb = tape.Silu(Linear(tape, TimestepEmbedding(t), "t_embedder.mlp.0"));                            // [B, D]
        tEmb = Linear(tape, tEmb, "t_embedder.mlp.2");                                                           // [B, D]
        var yEmb = tape.Gather(this["y_embedder.embedding_table"], D, [.. from label in y from i in Range(0, D) select label * D + i]);
        var c = tape.Silu(tape.Add(yEmb, tEmb));                                                                 // [B, D], the condition of patch blocks

        int[] pixels = ImageOrder(t.Length, height, width, byPixel: true);
        var s = Linear(tape, tape.Gather(x, C * P, ImageOrder(t.Length, height, width, byPixel: false)), "s_embedder.proj"); // [B·L, D], patch tokens
        for (int i = 0; Parameters.ContainsKey($"patch_blocks.{i}.norm1.weight"); i++) s = PatchBlock(tape, s, c, rope, $"patch_blocks.{i}");

        var condition = tape.Silu(tape.Add(s, tEmb));                                                            // [B·L, D], the condition of pixel blocks
        var u = tape.Add(Linear(tape, tape.Gather(x, C, pixels), "pixel_embedder.proj"), PixelPositions(pixels, height, width)); // [B·L·P, d], pixel tokens
        for (int j = 0; Parameters.ContainsKey($"pixel_blocks.{j}.norm1.weight"); j++) u = PixelBlock(tape, u, condition, rope, $"pixel_blocks.{j}");

        var v = Linear(tape, tape.RmsNorm(u, this["final_layer.norm"]), "final_layer.linear");                   // [B·L·P, C]
        return tape.Gather(v, x.Width, [.. Range(0, pixels.Length).OrderBy(k => pixels[k])]);                    // [B, C·H·W]
    }

    // A DiT block with RMSNorm, RoPE and SwiGLU. An image has one modulation. Real: PixelDiT.Reference/Models/PatchBlock.cs.
    private Tensor PatchBlock(Tape tape, Tensor s, Tensor c, double[][] rope, string name)
    {
        Tensor[] m = tape.Chunk(Linear(tape, c, $"{name}.adaLN_modulation.0"), 6);                               // 6 of [B, D]
        var a = tape.Modulate(tape.RmsNorm(s, this[$"{name}.norm1"]), shift: m[0], scale: m[1]);                 // [B·L, D]
        s = tape.AddGated(s, gate: m[2], Attention(tape, a, rope, $"{name}.attn"));                              // [B·L, D]
        var f = tape.Modulate(tape.RmsNorm(s, this[$"{name}.norm2"]), shift: m[3], scale: m[4]);                 // [B·L, D]
        f = tape.Multiply(tape.Silu(Linear(tape, f, $"{name}.mlp.w1")), Linear(tape, f, $"{name}.mlp.w3"));      // [B·L, F], SwiGLU
        return tape.AddGated(s, gate: m[5], Linear(tape, f, $"{name}.mlp.w2"));                                  // [B·L, D]
    }

    // A PiT block, the paper's own. Pixel-wise AdaLN: a patch token's Linear has 6·d numbers for each pixel of its patch. Token compaction: attention sees a patch's
    // P·d numbers as one token, while the residual u goes round it and keeps every pixel. Real: PixelDiT.Reference/Models/PixelBlock.cs.
    private Tensor PixelBlock(Tape tape, Tensor u, Tensor condition, double[][] rope, string name)
    {
        Tensor[] m = tape.Chunk(Linear(tape, condition, $"{name}.adaLN_modulation.0").View(6 * d), 6);           // 6 of [B·L·P, d]
        var a = tape.Modulate(tape.RmsNorm(u, this[$"{name}.norm1"]), shift: m[0], scale: m[1]);                 // [B·L·P, d]
        a = Linear(tape, a.View(P * d), $"{name}.compress_to_attn");                                             // [B·L, D]
        a = Attention(tape, a, rope, $"{name}.attn");                                                            // [B·L, D]
        a = Linear(tape, a, $"{name}.expand_from_attn").View(d);                                                 // [B·L·P, d]
        u = tape.AddGated(u, gate: m[2], a);                                                                     // [B·L·P, d]
        var f = tape.Modulate(tape.RmsNorm(u, this[$"{name}.norm2"]), shift: m[3], scale: m[4]);                 // [B·L·P, d]
        f = tape.Gelu(Linear(tape, f, $"{name}.mlp.fc1"));                                                       // [B·L·P, 4d]
        return tape.AddGated(u, gate: m[5], Linear(tape, f, $"{name}.mlp.fc2"));                                 // [B·L·P, d]
    }

    // softmax(q kᵀ/√hd) v for each image and head: two batched products, whose weights are k and vᵀ. Real: PixelDiT.Kernels/Operations/Attention.cs.
    private Tensor Attention(Tape tape, Tensor x, double[][] rope, string name)
    {
        int L = rope.Length, hd = D / Heads, B = x.Rows / L;
        Tensor[] qkv = tape.Chunk(Linear(tape, x, $"{name}.qkv"), 3);                                            // 3 of [B·L, D]
        var q = tape.Rotate(tape.RmsNorm(qkv[0].View(hd), this[$"{name}.q_norm"]).View(D), rope);                // [B·L, D]
        var k = tape.Rotate(tape.RmsNorm(qkv[1].View(hd), this[$"{name}.k_norm"]).View(D), rope);                // [B·L, D]
        int[] heads = [.. from b in Range(0, B) from h in Range(0, Heads) from l in Range(0, L) from c in Range(0, hd) select (b * L + l) * D + h * hd + c];
        int[] transposed = [.. from b in Range(0, B) from h in Range(0, Heads) from c in Range(0, hd) from l in Range(0, L) select (b * L + l) * D + h * hd + c];
        int[] tokens = [.. from b in Range(0, B) from l in Range(0, L) from h in Range(0, Heads) from c in Range(0, hd) select ((b * Heads + h) * L + l) * hd + c];
        var scores = tape.Linear(tape.Gather(q, hd, heads), tape.Gather(k, hd, heads), groups: B * Heads);       // [B·h·L, L]
        var probabilities = tape.Softmax(tape.Multiply(scores, new Tensor(L, [.. Repeat(1 / Math.Sqrt(hd), L)]))); // [B·h·L, L]
        var o = tape.Linear(probabilities, tape.Gather(qkv[2], L, transposed), groups: B * Heads);               // [B·h·L, hd]
        return Linear(tape, tape.Gather(o, D, tokens), $"{name}.proj");                                          // [B·L, D]
    }

    private Tensor Linear(Tape tape, Tensor x, string name) => tape.Linear(x, this[name], Parameters.GetValueOrDefault($"{name}.bias"));

    // Where the numbers of patches are in an image [C, H, W]: patch after patch, inside it by channel, or pixel by pixel. Real: PixelDiT.Kernels/Operations/Patches.cs.
    private int[] ImageOrder(int B, int height, int width, bool byPixel)
    {
        var inside = from k in Range(0, P) from c in Range(0, C) select (Pixel: k, Channel: c);
        if (!byPixel) inside = inside.OrderBy(at => at.Channel);
        var patches = from b in Range(0, B) from y in Range(0, height / p) from x in Range(0, width / p) select (b * C * height + y * p) * width + x * p;
        return [.. from patch in patches from at in inside select patch + (at.Channel * height + at.Pixel / p) * width + at.Pixel % p];
    }

    // [cos(t·g_i) | sin(t·g_i)] with g_i = 10^(−i/128). Real: PixelDiT.Kernels/Operations/TimestepEmbedding.cs.
    private static Tensor TimestepEmbedding(double[] t)                                                          // [B, 256]
        => new(256, [.. from time in t from i in Range(0, 256) let angle = time * Math.Pow(10, -(i % 128) / 128.0) select i < 128 ? Math.Cos(angle) : Math.Sin(angle)]);

    // Pairs of channels turn by x·f and y·f in turn; x and y go from 0 to 16 over a grid of any size. Real: PixelDiT.Kernels/Operations/Heads/RotaryTable.cs.
    private static double[][] RopeAngles(int rows, int columns, int hd)                                          // [L, hd/2]
    {
        double Place(int l, int j) => j % 2 == 0 ? 16.0 * (l % columns) / Math.Max(1, columns - 1) : 16.0 * (l / columns) / Math.Max(1, rows - 1);
        return [.. Range(0, rows * columns).Select(l => (double[])[.. Range(0, hd / 2).Select(j => Place(l, j) * Math.Pow(10000, -4.0 * (j / 2) / hd))])];
    }

    // [sin xω | cos xω | sin yω | cos yω] of each pixel, ω_i = 10000^(−i/(d/4)), x and y in whole pixels. Real: PixelDiT.Kernels/Operations/AddPositions.cs.
    private Tensor PixelPositions(int[] pixels, int height, int width)                                           // [B·L·P, d]
        => new(d, [.. from at in pixels.Where((_, k) => k % C == 0) from i in Range(0, d)
                      let angle = (i < d / 2 ? at % width : at / width % height) * Math.Pow(10000, -(i % (d / 4)) / (d / 4.0))
                      select i / (d / 4) % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle)]);

    // The weights of a safetensors file: the length of a JSON header, the header, the numbers. Real: PixelDiT.Reference/Formats/Safetensors/SafetensorsReader.cs.
    public static Model Load(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int data = 8 + (int)BitConverter.ToInt64(bytes);
        var model = new Model([]);
        foreach (var (name, tensor) in JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(bytes.AsSpan(8..data))!.Where(entry => entry.Key != "__metadata__"))
        {
            if (tensor.GetProperty("dtype").GetString() != "F32") throw new NotSupportedException($"{file}: {name} is {tensor.GetProperty("dtype")}; F32 was expected");
            int[] at = [.. tensor.GetProperty("data_offsets").EnumerateArray().Select(offset => data + offset.GetInt32())];
            double[] numbers = [.. Range(0, (at[1] - at[0]) / sizeof(float)).Select(k => BitConverter.ToSingle(bytes, at[0] + k * sizeof(float)))];
            model.Parameters[name] = new Tensor(tensor.GetProperty("shape").EnumerateArray().Last().GetInt32(), numbers);
        }
        return model;
    }

    // Parameters as training begins. Modulations and head are zero, so that each block is the identity and the first output is 0 (the first loss is the mean of v²,
    // and only the head has a gradient then); norms are 1; the rest is uniform
    // in ±1/√inputs. (The real file draws three embedders from other distributions.) Real: PixelDiT.Reference/Models/Initialization.cs.
    public static Model Create(int C, int classes, int p, int D, int heads, int patchBlocks, int d, int pixelBlocks, Random random)
    {
        int P = p * p, F = 8 * D / 3;
        (string Name, int Out, int In)[] attention = [("attn.qkv", 3 * D, D), ("attn.q_norm", 1, D / heads), ("attn.k_norm", 1, D / heads), ("attn.proj", D, D)];
        (string Name, int Out, int In)[] patchBlock = [.. attention, ("norm1", 1, D), ("norm2", 1, D), ("adaLN_modulation.0", 6 * D, D), ("mlp.w1", F, D), ("mlp.w3", F, D), ("mlp.w2", D, F)];
        (string Name, int Out, int In)[] pixelBlock = [.. attention, ("norm1", 1, d), ("norm2", 1, d), ("adaLN_modulation.0", 6 * d * P, D), ("mlp.fc1", 4 * d, d), ("mlp.fc2", d, 4 * d),
            ("compress_to_attn", D, P * d), ("expand_from_attn", P * d, D)];
        (string Name, int Out, int In)[] layers = [("s_embedder.proj", D, C * P), ("pixel_embedder.proj", d, C), ("t_embedder.mlp.0", D, 256), ("t_embedder.mlp.2", D, D),
            ("y_embedder.embedding_table", classes + 1, D), ("final_layer.norm", 1, d), ("final_layer.linear", C, d),
            .. from i in Range(0, patchBlocks) from layer in patchBlock select layer with { Name = $"patch_blocks.{i}.{layer.Name}" },
            .. from j in Range(0, pixelBlocks) from layer in pixelBlock select layer with { Name = $"pixel_blocks.{j}.{layer.Name}" }];
        var model = new Model([]);
        foreach (var (name, outputs, inputs) in layers)
        {
            bool norm = name.Contains("norm"), zero = name.Contains("adaLN") || name == "final_layer.linear", bias = !norm && !((string[])["qkv", "w1", "w2", "w3", "table"]).Any(name.EndsWith);
            double[] Draw(int count) => [.. Range(0, count).Select(_ => norm ? 1 : zero ? 0 : (2 * random.NextDouble() - 1) / Math.Sqrt(inputs))];
            model.Parameters[$"{name}.weight"] = new Tensor(inputs, Draw(outputs * inputs));
            if (bias) model.Parameters[$"{name}.bias"] = new Tensor(outputs, Draw(outputs));
        }
        return model;
    }
}

// Flow matching: x_t = t·x + (1 − t)·ε goes from noise (t = 0) to an image (t = 1), and the model learns its velocity x − ε (docs/0-idea.md).
internal static class Flow
{
    // Moves times towards the noise where s is above 1. Real: PixelDiT.Reference/Diffusion/FlowTime.cs.
    public static double Shift(double t, double s) => t / (t + (1 - t) * s);

    // The mean squared error of the velocity; the parameters' gradients are those of this loss. Real: PixelDiT.Reference/Training/TrainingStep.cs.
    public static double Loss(Model model, double[] x, double[] noise, double[] t, int[] y, int height, int width)
    {
        int n = x.Length / t.Length;
        double[] xt = [.. x.Select((_, k) => t[k / n] * x[k] + (1 - t[k / n]) * noise[k])], velocity = [.. x.Select((_, k) => x[k] - noise[k])];
        var tape = new Tape();
        var loss = tape.MeanSquaredError(model.Forward(tape, new Tensor(n, xt), t, y, height, width), velocity);
        foreach (var parameter in model.Parameters.Values) Array.Clear(parameter.Gradient);
        tape.Backward(loss);
        return loss[0, 0];
    }

    // Euler's method along the velocity, with guidance v = u + g·(c − u) inside an interval of time. Real: PixelDiT.Reference/Diffusion/FlowSampler.cs.
    public static double[] Sample(Model model, double[] noise, int[] y, int height, int width, int steps, double guidance, double shift = 1, double min = 0, double max = 1)
    {
        double[] x = [.. noise];
        for (int i = 0; i < steps; i++)
        {
            double t = Shift((double)i / steps, shift), next = Shift((i + 1.0) / steps, shift);
            double[] Velocity(int[] labels) => model.Forward(new Tape(), new Tensor(x.Length / y.Length, x), [.. y.Select(_ => t)], labels, height, width).Data;
            double[] c = Velocity(y), u = min < t && t < max ? Velocity([.. y.Select(_ => model.NullClass)]) : c;
            for (int k = 0; k < x.Length; k++) x[k] += (next - t) * (u[k] + guidance * (c[k] - u[k]));
        }
        return x;
    }
}

// AdamW without weight decay, clipping before it, and the average of the weights after it. Real: PixelDiT.Kernels/Operations/Optimizer.cs.
internal sealed class AdamW(Model model, double rate, double beta1 = 0.9, double beta2 = 0.999, double clip = 1, double averageDecay = 0.99)
{
    private readonly Dictionary<string, (double[] M, double[] V)> _moments
        = model.Parameters.ToDictionary(p => p.Key, p => (new double[p.Value.Data.Length], new double[p.Value.Data.Length]));
    private int _steps;
    public Model Average { get; } = new(model.Parameters.ToDictionary(p => p.Key, p => new Tensor(p.Value.Width, [.. p.Value.Data])));

    public void Step()
    {
        double norm = Math.Sqrt(model.Parameters.Values.Sum(p => p.Gradient.Sum(g => g * g))), factor = Math.Min(1, clip / (norm + 1e-6));
        double mCorrection = 1 - Math.Pow(beta1, ++_steps), vCorrection = 1 - Math.Pow(beta2, _steps);
        foreach (var (name, p) in model.Parameters)
        {
            var (m, v, average) = (_moments[name].M, _moments[name].V, Average.Parameters[name].Data);
            for (int i = 0; i < m.Length; i++)
            {
                double g = factor * p.Gradient[i];
                m[i] = beta1 * m[i] + (1 - beta1) * g;
                v[i] = beta2 * v[i] + (1 - beta2) * g * g;
                p.Data[i] -= rate * (m[i] / mCorrection) / (Math.Sqrt(v[i] / vCorrection) + 1e-8);
                average[i] = averageDecay * average[i] + (1 - averageDecay) * p.Data[i];
            }
        }
    }
}

internal static class Drawings
{
    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    // A disc, a square or a cross somewhere on 8×8 pixels, −1 outside and 1 inside.
    private static double[] Drawing(int figure, Random random)
    {
        double cx = 3 + random.NextDouble(), cy = 3 + random.NextDouble(), size = 2 + random.NextDouble();
        bool Inside(double x, double y) => figure switch { 0 => Math.Sqrt(x * x + y * y) < size, 1 => Math.Max(x, y) < size, _ => Math.Min(x, y) < 0.8 && Math.Max(x, y) < size };
        return [.. Range(0, 64).Select(k => Inside(Math.Abs(k % 8 - cx), Math.Abs(k / 8 - cy)) ? 1.0 : -1)];
    }

    public static Model Train(int steps, Random random, Action<int, double> report)
    {
        var model = Model.Create(C: 1, classes: 3, p: 4, D: 16, heads: 2, patchBlocks: 1, d: 4, pixelBlocks: 1, random);
        var optimizer = new AdamW(model, rate: 5e-3);
        for (int step = 0; step < steps; step++)
        {
            int[] figures = [.. Range(0, 16).Select(_ => random.Next(3))], y = [.. figures.Select(figure => random.NextDouble() < 0.1 ? model.NullClass : figure)];
            double[] x = [.. figures.SelectMany(figure => Drawing(figure, random))], noise = [.. x.Select(_ => Normal(random))], t = [.. y.Select(_ => Tape.Sigmoid(Normal(random)))];
            report(step, Flow.Loss(model, x, noise, t, y, 8, 8));
            optimizer.Step();
        }
        return optimizer.Average;
    }

    private static void Main(string[] arguments)
    {
        var random = new Random(1);
        var model = arguments is [var file, _] ? Model.Load(file) : Train(2000, random, (step, loss) => { if (step % 100 == 0) Console.WriteLine($"step {step,4}  loss {loss:F3}"); });
        int pictures = 3, side = arguments is [_, var size] ? int.Parse(size) : 8, n = model.C * side * side;
        for (int label = 0; label < model.NullClass; label++)
        {
            double[] x = Flow.Sample(model, [.. Range(0, pictures * n).Select(_ => Normal(random))], [.. Repeat(label, pictures)], side, side, steps: 20, guidance: 2);
            string Line(int b, int row) => string.Concat(Range(0, side).Select(column => x[b * n + row * side + column] > 0 ? "██" : "··"));
            for (int row = 0; row < side; row++) Console.WriteLine(string.Join("   ", Range(0, pictures).Select(b => Line(b, row))));
            Console.WriteLine();
        }
    }
}
