using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>The class-conditional PixelDiT (SPEC §3): patch tokens find the semantics, pixel tokens refine the texture.</summary>
public sealed class PixelDiTModel : IDisposable
{
    // All parameters, with the padding between them, are one tensor.
    private const long MostParameters = 2_000_000_000;

    private readonly PixelEmbedder _pixelEmbedder;
    private readonly Linear _sEmbedder;
    private readonly TimestepEmbedder _tEmbedder;
    private readonly ClassEmbedder _yEmbedder;
    private readonly FinalLayer _finalLayer;
    private readonly PatchBlock[] _patchBlocks;
    private readonly PixelBlock[] _pixelBlocks;
    private readonly Dictionary<(int Height, int Width), Tables> _tables = [];

    private sealed record Tables(RotaryTable Patch, RotaryTable Pixel, Tensor Positions);

    /// <summary>A model with all parameters zero: load them, or draw them by <see cref="Initialization.Draw"/>.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="device">Where the model lives.</param>
    /// <exception cref="ConfigurationException">The sizes do not fit each other.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public PixelDiTModel(ModelConfig config, Device device)
    {
        (Config, Device) = (config.Validate(), device);
        RequireSize(config);
        var p = Parameters = new ParameterSet(device);
        _pixelEmbedder = new PixelEmbedder(p, "pixel_embedder", config.Channels, config.PixelHidden, config.Patch);
        _sEmbedder = new Linear(p, "s_embedder.proj", config.Channels * config.PatchPixels, config.Hidden);
        _tEmbedder = new TimestepEmbedder(device, p, "t_embedder", config.Hidden);
        _yEmbedder = new ClassEmbedder(p, "y_embedder", config.Classes, config.Hidden);
        _finalLayer = new FinalLayer(p, "final_layer", config.PixelHidden, config.Channels);
        _patchBlocks = [.. Enumerable.Range(0, config.PatchDepth).Select(i => new PatchBlock(p, $"patch_blocks.{i}", config))];
        _pixelBlocks = [.. Enumerable.Range(0, config.PixelDepth).Select(j => new PixelBlock(p, $"pixel_blocks.{j}", config))];
        p.Allocate();
    }

    /// <summary>The sizes.</summary>
    public ModelConfig Config { get; }

    /// <summary>Where the model lives.</summary>
    public Device Device { get; }

    /// <summary>The parameters under their released names.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>
    /// What products round their operands to. TF32 and bfloat16 run on a GPU's tensor cores and are imitated elsewhere; bfloat16 is also how activations are stored.
    /// Parameters, their gradients, the conditions of images, statistics of norms, softmax, rotations, times and the loss are float32 whatever the precision.
    /// </summary>
    public Precision Precision { get; set; }

    /// <summary>The velocity v of images x_t at times t for classes y.</summary>
    /// <param name="tape">Records when a backward will follow.</param>
    /// <param name="x">x_t [B, C, H, W], H and W multiples of the patch.</param>
    /// <param name="t">[B], in [0, 1]; 1 is data.</param>
    /// <param name="y">Labels [B], 0 to the null class.</param>
    /// <returns>v [B, C, H, W].</returns>
    /// <exception cref="ShapeException">The shapes do not fit the model.</exception>
    public Variable Forward(Tape tape, Variable x, Tensor t, Tensor y)
    {
        var (tables, batch) = (Check(x.Shape, t, y), x.Shape[0]);

        tape.Precision = Precision;
        // snippet: forward
        var tEmb = _tEmbedder.Forward(tape, t);                                   // [B, D]
        tape.Stage("t_embedder", tEmb);
        var yEmb = _yEmbedder.Forward(tape, y);                                   // [B, D]
        tape.Stage("y_embedder", yEmb);
        var c = tape.AddSilu(yEmb, tEmb);                                         // [B, D]
        tape.Step("patch_condition", c);

        var s = _sEmbedder.Forward(tape, tape.Patchify(x, Config.Patch, tape.Storage));         // [B, L, D]
        tape.Stage("s_embedder", s);
        for (int i = 0; i < _patchBlocks.Length; i++)
        {
            s = tape.Replace(s, _patchBlocks[i].Forward(tape, s, c, tables.Patch));                // [B, L, D]
            tape.Stage($"patch_blocks.{i}", s);
        }
        var condition = tape.AddSilu(s, tEmb);                                    // [B, L, D]
        tape.Step("pixel_condition", condition);

        var u = _pixelEmbedder.Forward(tape, x, tables.Positions);                // [B·L, P, d]
        tape.Stage("pixel_embedder", u);
        for (int j = 0; j < _pixelBlocks.Length; j++)
        {
            u = tape.Replace(u, _pixelBlocks[j].Forward(tape, u, condition, batch, tables.Pixel)); // [B·L, P, d]
            tape.Stage($"pixel_blocks.{j}", u);
        }
        var pixels = _finalLayer.Forward(tape, u);                                // [B·L, P, C]
        tape.Stage("final_layer", pixels);
        return tape.ToImage(pixels, Config.Patch, x.Shape);                       // [B, C, H, W]
        // end of snippet
    }

    private Tables Check(Shape x, Tensor t, Tensor y)
    {
        if (x.Rank != 4 || x[1] != Config.Channels) throw new ShapeException($"x is {x}; this model takes [B, {Config.Channels}, H, W]");
        RequireDivides(x[2], x[3]);
        if (t.Count != x[0] || y.Count != x[0]) throw new ShapeException($"x has {x[0]} images, t {t.Shape} and y {y.Shape}; each image has one time and one label");
        if (_tables.TryGetValue((x[2], x[3]), out var known)) return known;
        int height = x[2] / Config.Patch, width = x[3] / Config.Patch;
        return _tables[(x[2], x[3])] = new Tables(
            RotaryTable.Create(Device, height, width, Config.HeadWidth),
            RotaryTable.Create(Device, height, width, Config.PixelAttentionWidth / Config.PixelAttentionHeads),
            AddPositions.Table(Device, Config.PixelHidden, x[2], x[3], Config.Patch));
    }

    /// <summary>Checks that an image size is a multiple of the patch.</summary>
    /// <exception cref="ShapeException">It is not.</exception>
    public void RequireDivides(int height, int width)
    {
        if (height < 1 || width < 1 || height % Config.Patch != 0 || width % Config.Patch != 0)
            throw new ShapeException($"an image of {height}×{width} cannot be cut into patches of {Config.Patch}×{Config.Patch}; both sides must be multiples of {Config.Patch}");
    }

    /// <summary>Checks that a model of these sizes can be built.</summary>
    /// <exception cref="ConfigurationException">It cannot.</exception>
    public static void RequireSize(ModelConfig config)
    {
        if (ModelCost.Parameters(config) is > MostParameters and long parameters)
            throw new ConfigurationException($"a model of these sizes has {parameters} parameters; at most {MostParameters} were expected");
    }

    /// <summary>Frees the model's memory.</summary>
    public void Dispose()
    {
        foreach (var tables in _tables.Values)
        {
            tables.Patch.Dispose();
            tables.Pixel.Dispose();
            tables.Positions.Dispose();
        }
        _tables.Clear();
        _tEmbedder.Dispose();
        Parameters.Dispose();
    }
}
