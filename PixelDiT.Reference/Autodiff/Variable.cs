using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Autodiff;

/// <summary>A tensor in a computation, and the gradient of the root with respect to it once the backward has reached it.</summary>
public sealed class Variable
{
    internal Variable(Tensor value, bool requiresGradient, bool owned) => (Value, RequiresGradient, Owned) = (value, requiresGradient, owned);

    /// <summary>The value. A value that the tape made lives until the tape has no more use for it.</summary>
    public Tensor Value { get; }

    /// <summary>The dimensions of the value.</summary>
    public Shape Shape => Value.Shape;

    /// <summary>The gradient, of the value's shape; null before the backward has come here, and after a variable's producer has used it.</summary>
    public Tensor? Gradient { get; internal set; }

    /// <summary>Whether the root's gradient with respect to this is wanted or needed on the way to one that is.</summary>
    public bool RequiresGradient { get; }

    /// <summary>Whether the tape releases the value.</summary>
    internal bool Owned { get; }

    /// <summary>For a gradient that consumers write in disjoint parts (chunks of a modulation; q, k, v): a bit for each part that is not written yet.</summary>
    internal uint PartsMissing { get; set; }

    /// <summary>Whether some of those consumers may lead nowhere, so that their parts stay zero.</summary>
    internal bool PartsAreOptional { get; set; }
}
