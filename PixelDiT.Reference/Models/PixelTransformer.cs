using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>What the class model and the text model share: sizes, parameters, embedders of patches and times, position tables, and the pixel level, or the head in its place.</summary>
public abstract class PixelTransformer : IDisposable
{
    // All parameters, with the padding between them, are one tensor.
    private const long MostParameters = 2_000_000_000;

    private readonly PixelEmbedder? _pixelEmbedder;
    private readonly ProjectorSizes? _projector;
    private readonly Dictionary<(int Height, int Width), Tables> _tables = [];
    private FinalLayer? _pixelHead;
    private PatchHead? _patchHead;
    private PixelLevel? _pixelLevel;

    /// <summary>Position tables of an image size.</summary>
    /// <param name="Patch">RoPE of patch blocks.</param>
    /// <param name="Pixel">RoPE of PiT blocks; null without a pixel level.</param>
    /// <param name="Positions">The position embedding of pixels; null without a pixel level.</param>
    private protected sealed record Tables(RotaryTable Patch, RotaryTable? Pixel, Tensor? Positions);

    /// <summary>Declares the parameters up to the timestep embedder; a model goes on with its own, then calls <see cref="Complete"/>.</summary>
    private protected PixelTransformer(ModelConfig config, Device device, ProjectorSizes? projector)
    {
        (Config, Device, _projector) = (config.Validate(), device, projector);
        if (projector is not null && (projector.Block < 1 || projector.Block > config.PatchDepth)) throw new ConfigurationException($"tokens are to be projected behind patch block {projector.Block}; the model has {config.PatchDepth}");
        RequireSize(config);
        var p = Parameters = new ParameterSet(device);
        if (config.HasPixelLevel) _pixelEmbedder = new PixelEmbedder(p, "pixel_embedder", config.Channels, config.PixelHidden, config.Patch);
        SEmbedder = new Linear(p, "s_embedder.proj", config.Channels * config.PatchPixels, config.Hidden);
        TEmbedder = new TimestepEmbedder(device, p, "t_embedder", config.Hidden);
    }

    /// <summary>A model of the kind that the sizes say, with all parameters zero.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="device">Where the model lives.</param>
    /// <param name="projector">What is trained beside it for representation alignment; null for nothing.</param>
    /// <exception cref="ConfigurationException">The sizes do not fit each other.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public static PixelTransformer Create(ModelConfig config, Device device, ProjectorSizes? projector = null)
        => config.IsText ? new TextToImageModel(config, device, projector) : new PixelDiTModel(config, device, projector);

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

    /// <summary>What is trained beside the model for representation alignment, or null.</summary>
    public TokenProjector? Projector { get; private set; }

    /// <summary>Whether blocks are run again in the backward instead of keeping their activations (<see cref="Tape.Checkpoints"/>).</summary>
    public bool Checkpoints { get; set; }

    private protected Linear SEmbedder { get; }

    private protected TimestepEmbedder TEmbedder { get; }

    /// <summary>Declares the head.</summary>
    private protected void DeclareHead()
    {
        if (Config.HasPixelLevel) _pixelHead = new(Parameters, "final_layer", Config.PixelHidden, Config.Channels);
        else _patchHead = new(Parameters, "final_layer", Config.Hidden, Config.PatchPixels, Config.Channels);
    }

    /// <summary>Declares the PiT blocks and takes the memory of all parameters.</summary>
    private protected void Complete()
    {
        var blocks = Enumerable.Range(0, Config.PixelDepth).Select(j => new PixelBlock(Parameters, $"pixel_blocks.{j}", Config)).ToArray();
        if (_projector is not null) Projector = new TokenProjector(Parameters, _projector, Config.Hidden);
        Parameters.Allocate();
        if (Config.HasPixelLevel) _pixelLevel = new PixelLevel(_pixelEmbedder!, blocks, _pixelHead!, Config.Patch);
    }

    /// <summary>What the patch tokens become: v [B, C, H, W], by the pixel level, or without one by a linear head.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">x_t [B, C, H, W].</param>
    /// <param name="s">Patch tokens [B, L, D].</param>
    /// <param name="c">The condition of patch blocks [B, D], which only the linear head reads.</param>
    /// <param name="tEmb">[B, D].</param>
    /// <param name="tables">Of this size of images.</param>
    private protected Variable Decode(Tape tape, Variable x, Variable s, Variable c, Variable tEmb, Tables tables)
    {
        if (_pixelLevel is not null) return _pixelLevel.Forward(tape, x, s, tEmb, tables.Pixel!, tables.Positions!);
        var pixels = _patchHead!.Forward(tape, s, c);                              // [B·L, P, C]
        tape.Stage("final_layer", pixels);
        return tape.ToImage(pixels, Config.Patch, x.Shape);                       // [B, C, H, W]
    }

    /// <summary>Tokens behind a patch block, projected where the projector wants them and a backward will follow.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="block">The block, from 0.</param>
    /// <param name="tokens">Its output.</param>
    /// <param name="projected">What was projected behind earlier blocks.</param>
    private protected Variable? Project(Tape tape, int block, Variable tokens, Variable? projected)
        => tape.Recording && Projector is { } projector && projector.Sizes.Block == block + 1 ? projector.Forward(tape, tokens) : projected;

    /// <summary>The tables for images [B, C, H, W].</summary>
    /// <exception cref="ShapeException">The images do not fit the model.</exception>
    private protected Tables TablesFor(Shape x)
    {
        if (x.Rank != 4 || x[1] != Config.Channels) throw new ShapeException($"x is {x}; this model takes [B, {Config.Channels}, H, W]");
        RequireDivides(x[2], x[3]);
        if (_tables.TryGetValue((x[2], x[3]), out var known)) return known;
        int height = x[2] / Config.Patch, width = x[3] / Config.Patch;
        int head = Config.PixelAttentionWidth / Config.PixelAttentionHeads;
        return _tables[(x[2], x[3])] = new Tables(
            RotaryTable.Create(Device, height, width, Config.HeadWidth),
            Config.PixelLevel switch
            {
                PixelLevelKind.None => null,
                PixelLevelKind.NoCompaction => RotaryTable.Create(Device, x[2], x[3], head, Config.Patch),
                _ => RotaryTable.Create(Device, height, width, head)
            },
            Config.HasPixelLevel ? AddPositions.Table(Device, Config.PixelHidden, x[2], x[3], Config.Patch) : null);
    }

    /// <summary>Checks that an image size is a multiple of the patch.</summary>
    /// <exception cref="ShapeException">It is not.</exception>
    public void RequireDivides(int height, int width) => Config.RequireDivides(height, width);

    /// <summary>Checks that a model of these sizes can be built.</summary>
    /// <exception cref="ConfigurationException">It cannot.</exception>
    public static void RequireSize(ModelConfig config)
    {
        if (ModelCost.Parameters(config) is > MostParameters and long parameters)
            throw new ConfigurationException($"a model of these sizes has {parameters} parameters; at most {MostParameters} were expected");
    }

    /// <summary>Frees the model's memory.</summary>
    public virtual void Dispose()
    {
        foreach (var tables in _tables.Values)
        {
            tables.Patch.Dispose();
            tables.Pixel?.Dispose();
            tables.Positions?.Dispose();
        }
        _tables.Clear();
        TEmbedder.Dispose();
        Parameters.Dispose();
    }
}
