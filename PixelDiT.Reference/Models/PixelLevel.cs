using PixelDiT.Kernels.Operations.Heads;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Layers;

namespace PixelDiT.Reference.Models;

/// <summary>The pixel level that both models own (SPEC §3.4 to §3.6): PiT blocks over all pixels, steered by the patch tokens.</summary>
/// <param name="embedder">Pixels as tokens.</param>
/// <param name="blocks">The PiT blocks.</param>
/// <param name="head">The final layer.</param>
/// <param name="patch">p.</param>
internal sealed class PixelLevel(PixelEmbedder embedder, PixelBlock[] blocks, FinalLayer head, int patch)
{
    /// <summary>v [B, C, H, W] from x_t and the patch tokens.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="x">x_t [B, C, H, W].</param>
    /// <param name="s">Patch tokens [B, L, D].</param>
    /// <param name="tEmb">[B, D].</param>
    /// <param name="rotary">RoPE on the patch grid for this level's heads.</param>
    /// <param name="positions">The position embedding of pixels.</param>
    public Variable Forward(Tape tape, Variable x, Variable s, Variable tEmb, RotaryTable rotary, Tensor positions)
    {
        // snippet: pixel-level
        var condition = tape.AddSilu(s, tEmb);                                    // [B, L, D]
        tape.Step("pixel_condition", condition);

        var u = embedder.Forward(tape, x, positions);                             // [B·L, P, d]
        tape.Stage("pixel_embedder", u);
        for (int j = 0; j < blocks.Length; j++)
        {
            u = tape.Replace(u, blocks[j].Forward(tape, u, condition, x.Shape[0], rotary));       // [B·L, P, d]
            tape.Stage($"pixel_blocks.{j}", u);
        }
        var pixels = head.Forward(tape, u);                                       // [B·L, P, C]
        tape.Stage("final_layer", pixels);
        return tape.ToImage(pixels, patch, x.Shape);                              // [B, C, H, W]
        // end of snippet
    }
}
