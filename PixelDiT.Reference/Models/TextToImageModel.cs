using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>
/// The text-to-image PixelDiT (SPEC §6): MM-DiT blocks in the place of patch blocks, and the class model's pixel level. Its time runs the other way, from noise at 1000 to data at 0, and its output is
/// ε − x.
/// </summary>
public sealed class TextToImageModel : PixelTransformer
{
    private readonly TextEmbedder _yEmbedder;
    private readonly Parameter _yPositions;
    private readonly MmDitBlock[] _patchBlocks;
    private readonly Dictionary<int, RotaryTable> _lines = [];

    /// <summary>A model with all parameters zero: load them, or draw them by <see cref="Initialization.Draw"/>.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="device">Where the model lives.</param>
    /// <param name="projector">What is trained beside it for representation alignment; null for nothing.</param>
    /// <exception cref="ConfigurationException">The sizes do not fit each other, or are those of a class model.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public TextToImageModel(ModelConfig config, Device device, ProjectorSizes? projector = null) : base(config, device, projector)
    {
        if (!config.IsText) throw new ConfigurationException("these are the sizes of a class-conditional model; those of a text-to-image one were expected");
        _yEmbedder = new TextEmbedder(Parameters, "y_embedder", config.TextWidth, config.Hidden);
        _yPositions = Parameters.Add("y_pos_embedding", [1, config.TextTokens, config.Hidden]);
        DeclareHead();
        _patchBlocks = [.. Enumerable.Range(0, config.PatchDepth).Select(i => new MmDitBlock(Parameters, $"patch_blocks.{i}", config, isLast: i == config.PatchDepth - 1))];
        Complete();
    }

    /// <summary>The velocity ε − x of images x_σ at model times 1000σ for texts.</summary>
    /// <param name="tape">Records when a backward will follow.</param>
    /// <param name="x">x_σ [B, C, H, W], H and W multiples of the patch.</param>
    /// <param name="t">[B], from 0 to 1000; 1000 is noise.</param>
    /// <param name="text">An encoder's states [B, n, width] in float32, padding too: nothing is masked. Of more tokens than the model takes, the first are used.</param>
    /// <returns>v [B, C, H, W].</returns>
    /// <exception cref="ShapeException">The shapes do not fit the model.</exception>
    public Variable Forward(Tape tape, Variable x, Tensor t, Variable text) => Forward(tape, x, t, text, out _);

    /// <summary>The same, and the image tokens of the block that is aligned with a teacher.</summary>
    /// <inheritdoc cref="Forward(Tape, Variable, Tensor, Variable)"/>
    /// <param name="tape">Records when a backward will follow.</param>
    /// <param name="x">x_σ [B, C, H, W], H and W multiples of the patch.</param>
    /// <param name="t">[B], from 0 to 1000; 1000 is noise.</param>
    /// <param name="text">An encoder's states [B, n, width] in float32.</param>
    /// <param name="projected">[B, L, the teacher's width], float32; null without a projector or a backward.</param>
    public Variable Forward(Tape tape, Variable x, Tensor t, Variable text, out Variable? projected)
    {
        projected = null;
        var tables = TablesFor(x.Shape);
        if (text.Shape.Rank != 3 || text.Shape[2] != Config.TextWidth) throw new ShapeException($"the text is {text.Shape}; this model takes [B, n, {Config.TextWidth}]");
        if (t.Count != x.Shape[0] || text.Shape[0] != x.Shape[0]) throw new ShapeException($"x has {x.Shape[0]} images, t {t.Shape} and text {text.Shape}; each image has one time and one text");
        int words = Math.Min(text.Shape[1], Config.TextTokens);
        var line = LineOf(words);

        (tape.Precision, tape.Checkpoints) = (Precision, Checkpoints);
        // snippet: forward
        var tEmb = TEmbedder.Forward(tape, t);                                                  // [B, D]
        tape.Stage("t_embedder", tEmb);
        var c = tape.AddSilu(tEmb, null);                                                       // [B, D]
        tape.Step("patch_condition", c);

        var y = _yEmbedder.Forward(tape, tape.Narrow(text, words, tape.Storage));               // [B, n, D]
        tape.Stage("y_embedder", y);
        y = tape.AddPositions(y, _yPositions);                                                  // [B, n, D]
        tape.Step("y_positions", y);
        var s = SEmbedder.Forward(tape, tape.Patchify(x, Config.Patch, tape.Storage));          // [B, L, D]
        tape.Stage("s_embedder", s);
        for (int i = 0; i < _patchBlocks.Length; i++)
        {
            var (nextS, nextY) = _patchBlocks[i].Forward(tape, s, y, c, tables.Patch, line);
            (s, y) = (tape.Replace(s, nextS), tape.Replace(y, nextY));                          // [B, L, D], [B, n, D]
            tape.Stage($"patch_blocks.{i}.x", s);
            tape.Stage($"patch_blocks.{i}.y", y);
            projected = Project(tape, i, s, projected);
        }
        return Decode(tape, x, s, c, tEmb, tables);                                             // [B, C, H, W]
        // end of snippet
    }

    private RotaryTable LineOf(int words)
    {
        if (!_lines.TryGetValue(words, out var line)) _lines[words] = line = RotaryTable.CreateText(Device, words, Config.HeadWidth, Config.TextRope ? Config.TextRopeTheta : null);
        return line;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var line in _lines.Values) line.Dispose();
        _lines.Clear();
        base.Dispose();
    }
}
