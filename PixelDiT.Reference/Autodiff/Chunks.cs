using PixelDiT.Kernels.Operations.Rows;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>Modulation in a tape: the variable that holds it and its layout.</summary>
/// <param name="Variable">The output of an adaLN Linear.</param>
/// <param name="Values">Its layout.</param>
public sealed record Chunks(Variable Variable, ModulationLayout Values)
{
    /// <summary>Sees a variable as rows of <paramref name="chunks"/> chunks, each shared by <paramref name="rowsPerModulation"/> rows of the activation.</summary>
    public static Chunks Of(Variable variable, int chunks, int rowsPerModulation) => new(variable, new ModulationLayout(variable.Value, chunks, rowsPerModulation));

    /// <summary>Where a consumer writes the gradients of its chunks.</summary>
    internal ModulationLayout Gradient(Tape tape, params ReadOnlySpan<int> chunks)
    {
        Tensor? target = null;
        foreach (int chunk in chunks) target = tape.TargetPart(Variable, chunk, Values.Chunks);
        return Values.With(target ?? throw new InvalidOperationException("a modulation needs a gradient"));
    }
}
