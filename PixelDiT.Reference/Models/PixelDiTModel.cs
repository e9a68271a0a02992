using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>The class-conditional PixelDiT (SPEC §3): patch tokens find the semantics, pixel tokens refine the texture.</summary>
public sealed class PixelDiTModel : PixelTransformer
{
    private readonly ClassEmbedder _yEmbedder;
    private readonly PatchBlock[] _patchBlocks;

    /// <summary>A model with all parameters zero: load them, or draw them by <see cref="Initialization.Draw"/>.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="device">Where the model lives.</param>
    /// <param name="projector">What is trained beside it for representation alignment; null for nothing.</param>
    /// <exception cref="ConfigurationException">The sizes do not fit each other, or are those of a text model.</exception>
    /// <exception cref="DeviceException">The device is out of memory.</exception>
    public PixelDiTModel(ModelConfig config, Device device, ProjectorSizes? projector = null) : base(config, device, projector)
    {
        if (config.IsText) throw new ConfigurationException("these are the sizes of a text-to-image model; those of a class-conditional one were expected");
        _yEmbedder = new ClassEmbedder(Parameters, "y_embedder", config.Classes, config.Hidden);
        DeclareHead();
        _patchBlocks = [.. Enumerable.Range(0, config.PatchDepth).Select(i => new PatchBlock(Parameters, $"patch_blocks.{i}", config))];
        Complete();
    }

    /// <summary>The velocity v of images x_t at times t for classes y.</summary>
    /// <param name="tape">Records when a backward will follow.</param>
    /// <param name="x">x_t [B, C, H, W], H and W multiples of the patch.</param>
    /// <param name="t">[B], in [0, 1]; 1 is data.</param>
    /// <param name="y">Labels [B], 0 to the null class.</param>
    /// <returns>v [B, C, H, W].</returns>
    /// <exception cref="ShapeException">The shapes do not fit the model.</exception>
    public Variable Forward(Tape tape, Variable x, Tensor t, Tensor y) => Forward(tape, x, t, y, out _);

    /// <summary>The same, and the tokens of the block that is aligned with a teacher.</summary>
    /// <inheritdoc cref="Forward(Tape, Variable, Tensor, Tensor)"/>
    /// <param name="tape">Records when a backward will follow.</param>
    /// <param name="x">x_t [B, C, H, W], H and W multiples of the patch.</param>
    /// <param name="t">[B], in [0, 1]; 1 is data.</param>
    /// <param name="y">Labels [B], 0 to the null class.</param>
    /// <param name="projected">[B, L, the teacher's width], float32; null without a projector or a backward.</param>
    public Variable Forward(Tape tape, Variable x, Tensor t, Tensor y, out Variable? projected)
    {
        projected = null;
        var tables = TablesFor(x.Shape);
        if (t.Count != x.Shape[0] || y.Count != x.Shape[0]) throw new ShapeException($"x has {x.Shape[0]} images, t {t.Shape} and y {y.Shape}; each image has one time and one label");

        (tape.Precision, tape.Checkpoints) = (Precision, Checkpoints);
        // snippet: forward
        var tEmb = TEmbedder.Forward(tape, t);                                    // [B, D]
        tape.Stage("t_embedder", tEmb);
        var yEmb = _yEmbedder.Forward(tape, y);                                   // [B, D]
        tape.Stage("y_embedder", yEmb);
        var c = tape.AddSilu(yEmb, tEmb);                                         // [B, D]
        tape.Step("patch_condition", c);

        var s = SEmbedder.Forward(tape, tape.Patchify(x, Config.Patch, tape.Storage));          // [B, L, D]
        tape.Stage("s_embedder", s);
        for (int i = 0; i < _patchBlocks.Length; i++)
        {
            s = tape.Replace(s, _patchBlocks[i].Forward(tape, s, c, tables.Patch));                // [B, L, D]
            tape.Stage($"patch_blocks.{i}", s);
            projected = Project(tape, i, s, projected);
        }
        return Decode(tape, x, s, c, tEmb, tables);                                             // [B, C, H, W]
        // end of snippet
    }
}
