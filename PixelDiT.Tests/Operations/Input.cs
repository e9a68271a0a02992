using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Tests.Operations;

/// <summary>What an input is to its operation.</summary>
internal enum Role
{
    /// <summary>An activation in the storage under test, with a gradient.</summary>
    Activation,

    /// <summary>A float32 variable with a gradient, whatever the storage: a modulation, a shared vector, an image.</summary>
    Single,

    /// <summary>A trained float32 tensor, to whose gradient a backward adds.</summary>
    Parameter,

    /// <summary>Float32 numbers without a gradient.</summary>
    Constant,

    /// <summary>Class labels.</summary>
    Labels
}

/// <summary>An input of an operation case: its shape, what it is, and how it is drawn.</summary>
internal sealed record Input(string Name, Shape Shape, Role Role)
{
    /// <summary>Draws one element; standard normal unless a case needs otherwise.</summary>
    public Func<Random, double> Draw { get; init; } = Normal;

    /// <summary>The values of a <see cref="Role.Labels"/> input.</summary>
    public int[] Labels { get; init; } = [];

    /// <summary>Whether several consumers may share the input; where not, the operation must refuse a second one.</summary>
    public bool Shared { get; init; } = true;

    /// <summary>Whether the gradient is zero by mathematics: its error is then measured against the gradient fed in.</summary>
    public bool Vanishes { get; init; }

    /// <summary>Which elements of the gradient the operation writes, where other consumers write the rest; null means all.</summary>
    public Func<long, bool>? Written { get; init; }

    /// <summary>Whether the tape gives it a gradient.</summary>
    public bool HasGradient => Role is Role.Activation or Role.Single or Role.Parameter;

    public static Input Activation(string name, Shape shape) => new(name, shape, Role.Activation);

    public static Input Single(string name, Shape shape) => new(name, shape, Role.Single);

    public static Input Parameter(string name, Shape shape) => new(name, shape, Role.Parameter);

    public static Input Constant(string name, Shape shape) => new(name, shape, Role.Constant);

    public static Input Classes(string name, params int[] labels) => new(name, [labels.Length], Role.Labels) { Labels = labels };

    /// <summary>A modulation or a part of qkv: consumers write disjoint parts, so a second writer of a part is refused.</summary>
    public Input InParts() => this with { Shared = false };

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
