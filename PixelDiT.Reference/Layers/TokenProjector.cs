using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Layers;

/// <summary>What turns a block's tokens into a teacher's (REPA): Linear D→inner, SiLU, Linear inner→inner, SiLU, Linear inner→width. It is trained beside the model and no part of it.</summary>
/// <param name="parameters">Where <c>0</c>, <c>2</c> and <c>4</c>, weights and biases, are declared.</param>
/// <param name="sizes">Its sizes.</param>
/// <param name="hidden">D.</param>
public sealed class TokenProjector(ParameterSet parameters, ProjectorSizes sizes, int hidden)
{
    private readonly Linear _first = new(parameters, $"{sizes.Name}.0", hidden, sizes.Inner, beside: true);
    private readonly Linear _second = new(parameters, $"{sizes.Name}.2", sizes.Inner, sizes.Inner, beside: true);
    private readonly Linear _third = new(parameters, $"{sizes.Name}.4", sizes.Inner, sizes.Width, beside: true);

    /// <summary>Its sizes.</summary>
    public ProjectorSizes Sizes { get; } = sizes;

    /// <summary>Tokens [B, L, D] → [B, L, width], in float32.</summary>
    public Variable Forward(Tape tape, Variable tokens)
        => tape.Widen(_third.Forward(tape, tape.AddSilu(_second.Forward(tape, tape.AddSilu(_first.Forward(tape, tokens), null)), null)));
}

/// <summary>The sizes of a projector.</summary>
/// <param name="Name">Its released name: <c>proj.0</c> of class models, <c>_repa_projector</c> of text models.</param>
/// <param name="Block">The block, from 1, behind which tokens are projected.</param>
/// <param name="Inner">The inner width: D in class models, 2048 in the published text model.</param>
/// <param name="Width">The teacher's width.</param>
public sealed record ProjectorSizes(string Name, int Block, int Inner, int Width)
{
    /// <summary>The names of its parameters begin so in every kind of model.</summary>
    public static IReadOnlyList<string> Names => [OfClasses, OfText];

    /// <summary>A class model's.</summary>
    public const string OfClasses = "proj.0";

    /// <summary>A text model's.</summary>
    public const string OfText = "_repa_projector";

    /// <summary>Trained numbers.</summary>
    /// <param name="hidden">D.</param>
    public long Parameters(int hidden) => ((long)(hidden + 1) * Inner) + ((long)(Inner + 1) * Inner) + ((long)(Inner + 1) * Width);
}
