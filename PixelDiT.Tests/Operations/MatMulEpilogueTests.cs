using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations;

/// <summary>
/// A product that ends with a gate, a GELU or a SwiGLU, by warps and by warp groups, gives the bits of the operations that it replaces, forward and backward,
/// recorded or not.
/// </summary>
[TestFixture(false), TestFixture(true)]
internal sealed class MatMulEpilogueTests(bool warpGroups)
{
    private Device _device = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _device = TestedDevices.OpenTiles(warpGroups);
        // A card is asked first, which launches too.
        if (warpGroups) Assert.That(WgmmaCheck.Trusts(_device));
    }

    [OneTimeTearDown]
    public void Close() => _device.Dispose();

    // The last runs on warp groups where there are some: 192 outputs and 128 inputs.
    [TestCase(5, 8, 12, 5, ElementType.Single)]
    [TestCase(6, 24, 20, 1, ElementType.BFloat16)]
    [TestCase(66, 128, 196, 22, ElementType.Single)]
    [TestCase(33, 128, 196, 1, ElementType.BFloat16)]
    public void A_gate(int rows, int inputs, int outputs, int rowsPerModulation, ElementType stored)
    {
        Tensor x = Draw([rows, inputs], 1), stream = Draw([rows, outputs], 2), modulation = Draw([rows / rowsPerModulation, 2 * outputs], 3, stored);
        Compare([x, stream, modulation], outputs, inputs, [0, 1],
            (tape, given, weight, bias) => tape.LinearGate(given[0], weight, bias, new(given[1], Chunks.Of(given[2], 2, rowsPerModulation), 1, "step")),
            (tape, given, weight, bias) => tape.Gate(given[1], tape.Linear(given[0], weight, bias), Chunks.Of(given[2], 2, rowsPerModulation), 1));
    }

    [TestCase(5, 16, 64)]
    [TestCase(66, 128, 196)]
    public void A_gelu(int rows, int inputs, int outputs) => Compare([Draw([rows, inputs], 1)], outputs, inputs, [0],
        (tape, given, weight, bias) => tape.LinearGelu(given[0], weight, bias),
        (tape, given, weight, bias) => tape.Gelu(tape.Linear(given[0], weight, bias)));

    // Both products with one weight: its gradient is the sum of both.
    [TestCase(5, 16, 64)]
    [TestCase(66, 128, 196)]
    public void A_swiglu(int rows, int inputs, int outputs) => Compare([Draw([rows, inputs], 1)], outputs, inputs, [0],
        (tape, given, weight, bias) => tape.LinearSwiGlu(given[0], weight, weight),
        (tape, given, weight, bias) => tape.SwiGlu(tape.Linear(given[0], weight, null), tape.Linear(given[0], weight, null)));

    /// <summary>Elements move four at a time: a result or an operand that begins elsewhere would be written without its end, or not at all.</summary>
    [Test]
    public void What_is_not_aligned_is_refused()
    {
        using Tensor x = Draw([5, 8], 1), weight = Draw([12, 8], 2), whole = Draw([61], 3), y = Draw([5, 12], 4);
        var shifted = whole.Slice(1, [5, 12]);
        Assert.That(() => MatMulEpilogue.Gelu(x, weight, null, null, shifted), Throws.TypeOf<ShapeException>().With.Message.Contains("lines of y that begin at multiples of 4 elements"));
        Assert.That(() => MatMulEpilogue.Gelu(x, weight, null, shifted, y), Throws.TypeOf<ShapeException>().With.Message.Contains("lines of z"));
        Assert.That(() => MatMulEpilogue.SwiGlu(x, weight, shifted, null, y), Throws.TypeOf<ShapeException>().With.Message.Contains("the other product"));
    }

    private delegate Variable Operation(Tape tape, Variable[] given, Parameter weight, Parameter bias);

    /// <summary>Of the inputs, <paramref name="whole"/> receive gradients in all of their elements.</summary>
    private void Compare(Tensor[] given, int outputs, int inputs, int[] whole, Operation fused, Operation apart)
    {
        using var set = new ParameterSet(_device);
        Parameter weight = set.Add("w", [outputs, inputs]), bias = set.Add("b", [outputs]);
        set.Allocate();
        set.RequireGradients();
        weight.Value.Upload(Draw(weight.Shape, 4).ToArray());
        bias.Value.Upload(Draw(bias.Shape, 5).ToArray());
        set.MarkChanged();
        Assert.That(weight.Prepared(1, Precision.BFloat16), Is.Not.Null);
        var (results, launches) = Run(fused, recording: true);
        var (expected, more) = Run(apart, recording: true);
        Assert.That(launches, Is.EqualTo(more - 1), "one launch less");
        foreach (var (actual, wanted) in results.Zip(expected)) Assert.That(Distance.SameBits(actual, wanted));
        Assert.That(Distance.SameBits(Run(fused, recording: false).Results[0], expected[0]), "not recorded");
        foreach (var tensor in given) tensor.Dispose();

        (List<float[]> Results, long Launches) Run(Operation operation, bool recording)
        {
            long before = _device.Launches;
            set.ClearGradients();
            using var tape = new Tape(_device, recording) { Precision = Precision.BFloat16 };
            var variables = Array.ConvertAll(given, tensor => tape.Input(tensor, requiresGradient: true));
            var output = operation(tape, variables, weight, bias);
            List<float[]> values = [output.Value.ToArray()];
            if (!recording) return (values, 0);
            using var cotangent = Draw(output.Shape, 6);
            tape.Backward(output, cotangent);
            values.AddRange(whole.Select(i => variables[i].Gradient!.ToArray()));
            // Of a modulation only the second chunk is used.
            if (given.Length > 2) values.Add([.. variables[2].Gradient!.ToArray().Where((_, i) => i / outputs % 2 == 1)]);
            values.Add(weight.Gradient!.ToArray());
            values.Add(bias.Gradient!.ToArray());
            return (values, _device.Launches - before);
        }
    }

    private Tensor Draw(Shape shape, int seed, ElementType type = ElementType.BFloat16)
    {
        var random = new Random(seed);
        var tensor = _device.Allocate(shape, type);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }
}
