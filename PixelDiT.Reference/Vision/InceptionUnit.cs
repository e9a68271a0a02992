using PixelDiT.Kernels.Operations.Convolutions;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Reference.Vision;

/// <summary>
/// A convolution of the FID Inception network: without bias, then batch norm with running statistics and ε = 0.001, then ReLU.
/// </summary>
/// <param name="Name">The name before <c>.conv</c> and <c>.bn</c> in files of weights.</param>
/// <param name="Inputs">Channels in.</param>
/// <param name="Outputs">Channels out.</param>
/// <param name="Window">Kernel, stride and padding.</param>
internal sealed record InceptionUnit(string Name, int Inputs, int Outputs, Window Window)
{
    /// <summary>ε of every batch norm.</summary>
    public const double Epsilon = 0.001;

    /// <summary>Outputs of the classifier: the 1000 classes of ImageNet among them, in an order of the network's own.</summary>
    public const int Classes = 1008;

    /// <summary>Channels of the last image and of the pool.</summary>
    public const int Features = 2048;

    /// <summary>The weight of the classifier, [1008, 2048].</summary>
    public const string ClassifierWeight = "fc.weight";

    /// <summary>The bias of the classifier, [1008].</summary>
    public const string ClassifierBias = "fc.bias";

    /// <summary>What torch counts in a batch norm beside its values; files may have it or not.</summary>
    public const string Counter = ".bn.num_batches_tracked";

    /// <summary>All 94, in the order of files.</summary>
    public static IReadOnlyList<InceptionUnit> All { get; } =
    [
        new("Conv2d_1a_3x3", 3, 32, new(3, 3, 2)), new("Conv2d_2a_3x3", 32, 32, new(3, 3)), new("Conv2d_2b_3x3", 32, 64, Padded(3, 3)), new("Conv2d_3b_1x1", 64, 80, new(1, 1)), new("Conv2d_4a_3x3", 80, 192, new(3, 3)),
        .. BlockA("Mixed_5b", 192, 32), .. BlockA("Mixed_5c", 256, 64), .. BlockA("Mixed_5d", 288, 64), .. BlockB("Mixed_6a", 288),
        .. BlockC("Mixed_6b", 128), .. BlockC("Mixed_6c", 160), .. BlockC("Mixed_6d", 160), .. BlockC("Mixed_6e", 192), .. BlockD("Mixed_7a", 768), .. BlockE("Mixed_7b", 1280), .. BlockE("Mixed_7c", 2048)
    ];

    /// <summary>Names and shapes of all 472 tensors of a file.</summary>
    public static IEnumerable<(string Name, Shape Shape)> Tensors => All.SelectMany(unit => unit.Shapes).Concat([(ClassifierWeight, [Classes, Features]), (ClassifierBias, [Classes])]);

    private IEnumerable<(string, Shape)> Shapes =>
    [
        ($"{Name}.conv.weight", [Outputs, Inputs, Window.Height, Window.Width]), ($"{Name}.bn.weight", [Outputs]), ($"{Name}.bn.bias", [Outputs]), ($"{Name}.bn.running_mean", [Outputs]), ($"{Name}.bn.running_var", [Outputs])
    ];

    private static InceptionUnit[] BlockA(string name, int inputs, int pooled) =>
    [
        new($"{name}.branch1x1", inputs, 64, new(1, 1)), new($"{name}.branch5x5_1", inputs, 48, new(1, 1)), new($"{name}.branch5x5_2", 48, 64, Padded(5, 5)),
        new($"{name}.branch3x3dbl_1", inputs, 64, new(1, 1)), new($"{name}.branch3x3dbl_2", 64, 96, Padded(3, 3)), new($"{name}.branch3x3dbl_3", 96, 96, Padded(3, 3)),
        new($"{name}.branch_pool", inputs, pooled, new(1, 1))
    ];

    private static InceptionUnit[] BlockB(string name, int inputs) =>
    [
        new($"{name}.branch3x3", inputs, 384, new(3, 3, 2)), new($"{name}.branch3x3dbl_1", inputs, 64, new(1, 1)), new($"{name}.branch3x3dbl_2", 64, 96, Padded(3, 3)), new($"{name}.branch3x3dbl_3", 96, 96, new(3, 3, 2))
    ];

    private static InceptionUnit[] BlockC(string name, int c) =>
    [
        new($"{name}.branch1x1", 768, 192, new(1, 1)), new($"{name}.branch7x7_1", 768, c, new(1, 1)), new($"{name}.branch7x7_2", c, c, Padded(1, 7)), new($"{name}.branch7x7_3", c, 192, Padded(7, 1)),
        new($"{name}.branch7x7dbl_1", 768, c, new(1, 1)), new($"{name}.branch7x7dbl_2", c, c, Padded(7, 1)), new($"{name}.branch7x7dbl_3", c, c, Padded(1, 7)), new($"{name}.branch7x7dbl_4", c, c, Padded(7, 1)),
        new($"{name}.branch7x7dbl_5", c, 192, Padded(1, 7)), new($"{name}.branch_pool", 768, 192, new(1, 1))
    ];

    private static InceptionUnit[] BlockD(string name, int inputs) =>
    [
        new($"{name}.branch3x3_1", inputs, 192, new(1, 1)), new($"{name}.branch3x3_2", 192, 320, new(3, 3, 2)), new($"{name}.branch7x7x3_1", inputs, 192, new(1, 1)),
        new($"{name}.branch7x7x3_2", 192, 192, Padded(1, 7)), new($"{name}.branch7x7x3_3", 192, 192, Padded(7, 1)), new($"{name}.branch7x7x3_4", 192, 192, new(3, 3, 2))
    ];

    private static InceptionUnit[] BlockE(string name, int inputs) =>
    [
        new($"{name}.branch1x1", inputs, 320, new(1, 1)), new($"{name}.branch3x3_1", inputs, 384, new(1, 1)), new($"{name}.branch3x3_2a", 384, 384, Padded(1, 3)), new($"{name}.branch3x3_2b", 384, 384, Padded(3, 1)),
        new($"{name}.branch3x3dbl_1", inputs, 448, new(1, 1)), new($"{name}.branch3x3dbl_2", 448, 384, Padded(3, 3)), new($"{name}.branch3x3dbl_3a", 384, 384, Padded(1, 3)),
        new($"{name}.branch3x3dbl_3b", 384, 384, Padded(3, 1)), new($"{name}.branch_pool", inputs, 192, new(1, 1))
    ];

    /// <summary>A window whose image is as large as what it moves over.</summary>
    private static Window Padded(int height, int width) => new(height, width, 1, height / 2, width / 2);
}
