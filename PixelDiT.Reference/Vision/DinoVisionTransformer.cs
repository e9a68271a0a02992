using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Vision;

/// <summary>
/// DINOv2, forward only: the teacher of representation alignment. Activations are float32; products round their operands as the precision says.
/// <code>
/// x = [cls | patches·Wᵀ + b] + positions
/// x += γ₁ ⊙ proj(attention(LN₁ x))          x += γ₂ ⊙ fc2(gelu(fc1(LN₂ x)))          the result is LN x
/// </code>
/// </summary>
public sealed class DinoVisionTransformer : IDisposable
{
    private const float Epsilon = 1e-6f;

    // The interpolation of the position table steps by M/(h + 0.1) and not M/h, as the published weights were trained with it.
    private const double Offset = 0.1;

    private readonly Device _device;
    private readonly ParameterSet _parameters;
    private readonly float[] _class, _positions;
    private readonly Dictionary<(int Height, int Width), Grid> _grids = [];

    /// <summary>What a grid of patches needs: the shift of patches behind the class token, and the position table with the class token added to its first row.</summary>
    private sealed record Grid(CsrMatrix Shift, Tensor Positions);

    /// <summary>Takes the weights to a device; the file may be closed afterwards.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, or a number is not finite.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public DinoVisionTransformer(Device device, DinoWeights weights) : this(device, weights.Config)
    {
        try
        {
            weights.Read("cls_token").CopyTo(_class, 0);
            weights.Read("pos_embed").CopyTo(_positions, 0);
            foreach (var parameter in _parameters.All) parameter.Value.Upload(weights.Read(parameter.Name));
            _parameters.MarkChanged();
        }
        catch
        {
            _parameters.Dispose();
            throw;
        }
    }

    /// <summary>One whose weights are zero, to count its memory.</summary>
    internal DinoVisionTransformer(Device device, DinoConfig config)
    {
        (_device, Config) = (device, config.Validate());
        (_class, _positions) = (new float[config.Width], new float[(1 + (config.Grid * config.Grid)) * config.Width]);
        _parameters = new ParameterSet(device);
        foreach (var (name, shape) in config.Shapes().Skip(2)) _parameters.Add(name, shape.Rank == 4 ? [shape[0], shape[1] * shape[2] * shape[3]] : shape);
        _parameters.Allocate();
    }

    /// <summary>The sizes.</summary>
    public DinoConfig Config { get; }

    /// <summary>What products round their operands to.</summary>
    public Precision Precision { get; set; }

    /// <summary>The tokens of images behind the last norm.</summary>
    /// <param name="images">[B, 3, H, W] as the teacher takes them (<see cref="TeacherImages"/>); H and W multiples of the patch.</param>
    /// <param name="tokens">Receives the patch tokens [B, L, D], row-major, without the class token.</param>
    /// <param name="observe">Is told of stages by the names <c>patch_embed</c>, <c>blocks.i</c>, <c>x_prenorm</c> and <c>x_norm</c>; the tensors are valid during the call.</param>
    /// <exception cref="ShapeException">The images do not fit.</exception>
    public void Forward(Tensor images, Tensor tokens, Action<string, Tensor>? observe = null)
    {
        if (images.Shape.Rank != 4 || images.Shape[1] != 3 || images.Shape[2] % Config.Patch != 0 || images.Shape[3] % Config.Patch != 0)
            throw new ShapeException($"images are {images.Shape}; a vision transformer of patches of {Config.Patch} takes [B, 3, H, W] of their multiples");
        int batch = images.Shape[0], height = images.Shape[2] / Config.Patch, width = images.Shape[3] / Config.Patch, length = 1 + (height * width);
        if (tokens.Shape != [batch, height * width, Config.Width]) throw new ShapeException($"tokens {tokens.Shape} do not fit images {images.Shape}; [{batch}, {height * width}, {Config.Width}] was expected");
        var grid = GridOf(height, width);
        using var tape = new Tape(_device, recording: false) { Precision = Precision.Single };
        var patches = Linear(tape, tape.Patchify(tape.Input(images), Config.Patch), "patch_embed.proj");            // [B, L, D]
        observe?.Invoke("patch_embed", patches.Value);
        using var x = _device.Allocate([batch, length, Config.Width]);
        SparseMatMul.Forward(grid.Shift, patches.Value, x);
        AddPositions.Forward(x, grid.Positions, x);                                                                  // [B, 1 + L, D]
        for (int i = 0; i < Config.Depth; i++)
        {
            using (tape.Begin()) Block(tape, x, $"blocks.{i}");
            observe?.Invoke($"blocks.{i}", x);
        }
        observe?.Invoke("x_prenorm", x);
        LayerNorm.Forward(x, Value("norm.weight"), Value("norm.bias"), Epsilon, x);
        observe?.Invoke("x_norm", x);
        SparseMatMul.Forward(grid.Shift.Transposed, x, tokens);
    }

    /// <summary>The position table for a grid of patches, the class row first: [1 + h·w, D].</summary>
    internal float[] PositionsOf(int height, int width)
    {
        int d = Config.Width, m = Config.Grid;
        if ((height, width) == (m, m)) return _positions;
        var table = new float[(1 + (height * width)) * d];
        _positions.AsSpan(0, d).CopyTo(table);
        var (rows, columns) = (Places(height), Places(width));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                var to = table.AsSpan((1 + (y * width) + x) * d, d);
                foreach (var (row, ofRow) in rows[y])
                {
                    foreach (var (column, ofColumn) in columns[x])
                    {
                        var from = _positions.AsSpan((1 + (row * m) + column) * d, d);
                        float weight = ofRow * ofColumn;
                        for (int i = 0; i < d; i++) to[i] += weight * from[i];
                    }
                }
            }
        }
        return table;
    }

    private (int Place, float Weight)[][] Places(int to) =>
        [.. Enumerable.Range(0, to).Select(i => Pictures.Resizing.TorchBicubic.PlacesAt((float)((float)(Config.Grid / (to + Offset)) * (i + 0.5) - 0.5), Config.Grid))];

    private void Block(Tape tape, Tensor x, string name)
    {
        int batch = x.Shape[0], length = x.Shape[1], heads = Config.Heads, hd = Config.Width / heads, rows = batch * length;
        var normed = tape.Allocate(x.Shape);
        LayerNorm.Forward(x, Value($"{name}.norm1.weight"), Value($"{name}.norm1.bias"), Epsilon, normed);
        var qkv = Linear(tape, tape.Input(normed), $"{name}.attn.qkv").Value.Reshape([batch, length, 3, heads, hd]);
        Tensor attended = tape.Allocate([batch, length, heads, hd]), lse = tape.Allocate([batch, heads, length]);
        Attention.Forward(HeadView.PartOf(qkv, 0), HeadView.PartOf(qkv, 1), HeadView.PartOf(qkv, 2), new AttentionSizes(batch, length, heads, hd), HeadView.Of(attended), lse, Precision);
        Add(x, Linear(tape, tape.Input(attended.Reshape(x.Shape)), $"{name}.attn.proj"), $"{name}.ls1.gamma", rows);

        LayerNorm.Forward(x, Value($"{name}.norm2.weight"), Value($"{name}.norm2.bias"), Epsilon, normed);
        Add(x, Linear(tape, tape.Gelu(Linear(tape, tape.Input(normed), $"{name}.mlp.fc1")), $"{name}.mlp.fc2"), $"{name}.ls2.gamma", rows);
    }

    /// <summary>x += γ ⊙ branch: LayerScale.</summary>
    private void Add(Tensor x, Variable branch, string gamma, int rows) => Modulate.ForwardGate(branch.Value, x, new ModulationLayout(Value(gamma), 1, rows), 0, x);

    private Variable Linear(Tape tape, Variable x, string name) => tape.Linear(x, _parameters[$"{name}.weight"], _parameters[$"{name}.bias"], precision: Precision);

    private Tensor Value(string name) => _parameters[name].Value;

    private Grid GridOf(int height, int width)
    {
        if (_grids.TryGetValue((height, width), out var known)) return known;
        float[] positions = [.. PositionsOf(height, width)];
        for (int i = 0; i < Config.Width; i++) positions[i] += _class[i];
        int length = height * width;
        var shift = CsrMatrix.Create(_device, length, [[], .. Enumerable.Range(0, length).Select(i => (IReadOnlyList<(int, float)>)[(i, 1f)])]);
        return _grids[(height, width)] = new Grid(shift, _device.Upload(positions, [1 + length, Config.Width]));
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        foreach (var grid in _grids.Values)
        {
            grid.Shift.Dispose();
            grid.Positions.Dispose();
        }
        _grids.Clear();
        _parameters.Dispose();
    }
}
