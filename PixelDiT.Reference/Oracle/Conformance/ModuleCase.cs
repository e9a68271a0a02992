using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Layers;
using PixelDiT.Reference.Models;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>One module alone, forward and backward, from given inputs, parameters and cotangent.</summary>
internal sealed class ModuleCase : IDisposable
{
    private readonly Device _device;
    private readonly SafetensorsReader _golden;
    private readonly ParameterSet _parameters;
    private readonly Dictionary<string, Variable> _inputs = [];
    private readonly List<IDisposable> _owned = [];
    private readonly Tape _tape;
    private readonly ConformanceTolerances _tolerances;

    private ModuleCase(Device device, SafetensorsReader golden, Precision precision)
    {
        (_device, _golden, _tolerances) = (device, golden, new ConformanceTolerances(precision));
        _parameters = new ParameterSet(device);
        // Inputs are given in float32 and stay so: what is rounded here are the operands of products.
        _tape = new Tape(device, recording: true) { Precision = precision };
    }

    /// <summary>Runs a case; null says that the module is not known here.</summary>
    public static CaseResult? Run(string name, Device device, SafetensorsReader golden, Precision precision)
    {
        if (!golden.Metadata.TryGetValue("module", out string? module)) return name.EndsWith("tables", StringComparison.Ordinal) ? Tables(name, device, golden) : null;
        using var run = new ModuleCase(device, golden, precision);
        if (module == "MMDiTBlockT2I") return run.Compare(name, run.BuildMmDit());
        return run.Build(module) is { } forward ? run.Compare(name, () => [forward()]) : null;
    }

    private int Number(string key) => _golden.Whole(key);

    private int Size(string tensor, Index dimension)
    {
        var shape = _golden.ShapeOf(tensor);
        int at = dimension.GetOffset(shape.Rank);
        return at >= 0 && at < shape.Rank ? shape[at] : throw new FileFormatException($"{_golden.Source}: {tensor} has {shape.Rank} dimensions; more were expected");
    }

    /// <summary>Declares the module's parameters and says how its forward is run.</summary>
    private Func<Variable>? Build(string module)
    {
        switch (module)
        {
            case "RMSNorm":
                var norm = new Norm(_parameters, "param", Size("in.x", ^1));
                return () => norm.Forward(_tape, Input("in.x"));
            case "FeedForward":
                var feedForward = new FeedForward(_parameters, "param", Size("in.x", ^1), Size("param.w1.weight", 0));
                return () => feedForward.Forward(_tape, Input("in.x"));
            case "MLP":
                var mlp = new Mlp(_parameters, "param", Size("in.x", ^1), Size("param.fc1.weight", 0));
                return () => mlp.Forward(_tape, Input("in.x"));
            case "RotaryAttention":
                var attention = new RotaryAttention(_parameters, "param", Size("in.x", ^1), Number("heads"));
                return () => attention.Forward(_tape, Input("in.x"), Rotary(Size("in.x", ^1) / Number("heads")));
            case "TimestepConditioner":
                var times = Own(new TimestepEmbedder(_device, _parameters, "param", Size("param.mlp.2.weight", 0)));
                return () => times.Forward(_tape, Upload("in.t"));
            case "ClassEmbedder":
                var classes = new ClassEmbedder(_parameters, "param", Size("param.embedding_table.weight", 0) - 1, Size("param.embedding_table.weight", 1));
                return () => classes.Forward(_tape, Labels("in.y", Size("param.embedding_table.weight", 0) - 1));
            case "PixelTokenEmbedder":
                var pixels = new PixelEmbedder(_parameters, "param", Size("in.x", 1), Size("param.proj.weight", 0), Number("patch"));
                return () => pixels.Forward(_tape, Input("in.x"), Own(AddPositions.Table(_device, Size("param.proj.weight", 0), Size("in.x", 2), Size("in.x", 3), Number("patch"))));
            case "FinalLayer":
                var head = new FinalLayer(_parameters, "param", Size("in.x", ^1), Size("param.linear.weight", 0));
                return () => head.Forward(_tape, Input("in.x"));
            case "AugmentedDiTBlock":
                var patchBlock = new PatchBlock(_parameters, "param", Config());
                return () => patchBlock.Forward(_tape, Input("in.x", rank: 3), Input("in.c", [Size("in.c", 0), Size("in.c", ^1)]), Rotary(Config().HeadWidth));
            case "PiTBlock":
                var config = Config();
                var pixelBlock = new PixelBlock(_parameters, "param", config);
                int tokens = Number("grid_height") * Number("grid_width");
                return () => pixelBlock.Forward(_tape, Input("in.x"), Input("in.s_cond"), Size("in.x", 0) / tokens, Rotary(config.PixelAttentionWidth / config.PixelAttentionHeads));
            default:
                return null;
        }
    }

    private Func<Variable[]> BuildMmDit()
    {
        var config = Config();
        var block = new MmDitBlock(_parameters, "param", config);
        return () =>
        {
            var (x, y) = block.Forward(
                _tape, Input("in.x", rank: 3), Input("in.y", rank: 3), Input("in.c", [Size("in.c", 0), Size("in.c", ^1)]), Rotary(config.HeadWidth),
                Own(RotaryTable.CreateText(_device, Size("in.y", 1), config.HeadWidth, config.TextRopeTheta)));
            return [x, y];
        };
    }

    private ModelConfig Config() => new ModelConfig
    {
        Hidden = Number("hidden"),
        Heads = Number("heads"),
        Patch = Number("patch"),
        PatchDepth = 1,
        PixelDepth = 1,
        PixelHidden = Number("pixel_hidden"),
        Classes = 1,
        PostModulation = _golden.Metadata.GetValueOrDefault("post_modulation") == "True",
        PixelAttention = _golden.Contains("param.compress_to_attn.weight") ? Size("param.compress_to_attn.weight", 0) : 0,
        PixelHeads = _golden.Metadata.ContainsKey("pixel_attention_heads") ? Number("pixel_attention_heads") : 0
    }.Validate();

    private CaseResult Compare(string name, Func<Variable[]> forward)
    {
        var comparison = new Comparison(name, _golden);
        _parameters.Allocate();
        _parameters.RequireGradients();
        foreach (var parameter in _parameters.All) parameter.Value.Upload(_golden.ReadSingles(parameter.Name));
        _parameters.MarkChanged();

        Variable[] outputs = [.. forward().Select(_tape.Widen)];
        string Named(string tensor, int output) => outputs.Length == 1 ? tensor : $"{tensor}.{output}";
        for (int i = 0; i < outputs.Length; i++) comparison.Tensor(Named("out", i), outputs[i].Value.ToArray(), _tolerances.ModuleOutput);
        _tape.Backward([.. outputs.Select((output, i) => (output, Own(_device.Upload(_golden.ReadSingles(Named("cotangent", i)), output.Shape))))]);
        double largest = comparison.LargestOf("grad.");
        foreach (var (input, variable) in _inputs) comparison.Tensor($"grad.{input}", variable.Gradient!.ToArray(), _tolerances.ModuleGradient, largest);
        foreach (var parameter in _parameters.All) comparison.Tensor($"grad.{parameter.Name}", parameter.Gradient!.ToArray(), _tolerances.ModuleGradient, largest);
        return comparison.Result();
    }

    private static CaseResult Tables(string name, Device device, SafetensorsReader golden)
    {
        var comparison = new Comparison(name, golden);
        int patch = golden.Whole("patch");
        Shape image = golden.ShapeOf("patchify.in", 4), rope = golden.ShapeOf("rope_2d.cos_sin", 3);
        using (var table = RotaryTable.Create(device, image[2] / patch, image[3] / patch, 2 * rope[1]))
        {
            float[] cos = table.Cos.ToArray(), sin = table.Sin.ToArray();
            comparison.Tensor("rope_2d.cos_sin", [.. Enumerable.Range(0, cos.Length).Select(i => i % 2 == 0 ? cos[i] : sin[i])], ConformanceTolerances.Single.ModuleOutput);
        }
        foreach (var (tensor, height, width) in new[] { ("pixel_pos.square", 6, 6), ("pixel_pos.rect", image[2], image[3]) })
        {
            // The golden embedding is row-major over the image; one patch as large as the image asks for that order.
            int channels = golden.ShapeOf(tensor, 2)[1];
            using var square = height == width ? AddPositions.Table(device, channels, height, width, height) : AddPositions.Table(device, channels, height, width, 1);
            comparison.Tensor(tensor, square.ToArray(), ConformanceTolerances.Single.ModuleOutput);
        }
        using var t = device.Upload(golden.ReadSingles("timestep_embedding.t"), [(int)golden["timestep_embedding.t"].Count]);
        using var frequencies = device.Upload(Kernels.Operations.TimestepEmbedding.FrequencyTable(), [Kernels.Operations.TimestepEmbedding.Frequencies]);
        using var tape = new Tape(device, recording: false);
        comparison.Tensor("timestep_embedding.out", tape.TimestepEmbedding(t, frequencies).Value.ToArray(), ConformanceTolerances.Single.ModuleOutput);
        using var x = golden.Upload(device, "patchify.in");
        comparison.Tensor("patchify.out", tape.Patchify(tape.Input(x), patch).Value.ToArray(), 0);
        return comparison.Result();
    }

    private Variable Input(string tensor, Shape? shape = null, int rank = 0)
    {
        var dimensions = shape ?? _golden.ShapeOf(tensor, rank);
        return _inputs[tensor] = _tape.Input(Own(_device.Upload(_golden.ReadSingles(tensor), dimensions)), requiresGradient: true);
    }

    private Tensor Upload(string tensor) => Own(_device.Upload(_golden.ReadSingles(tensor), [(int)_golden[tensor].Count]));

    private Tensor Labels(string tensor, int most) => Own(_device.Upload(ModelCases.Labels(_golden, tensor, most), [(int)_golden[tensor].Count]));

    private RotaryTable Rotary(int headWidth) => Own(RotaryTable.Create(_device, Number("grid_height"), Number("grid_width"), headWidth));

    private T Own<T>(T value) where T : IDisposable
    {
        _owned.Add(value);
        return value;
    }

    public void Dispose()
    {
        _tape.Dispose();
        foreach (var owned in _owned) owned.Dispose();
        _parameters.Dispose();
    }
}
