using System.Reflection;
using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Machine.Gpu;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Operations.Products;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Tests.Card;

namespace PixelDiT.Tests.Operations.Products;

/// <summary>
/// Products whose tiles the copy engine brings, every kernel of them, against those of a CPU: several tiles a group, both ends of C within a tile, k that ends within a step and is longer than there are stages. They have no
/// body for a CPU and run where there is an interpreted card.
/// </summary>
internal sealed class PersistentProductTests
{
    private const int Depth = 456, Images = 2;

    private Device? _card;

    /// <summary>All kernels.</summary>
    public static IEnumerable<TestCaseData> Kernels => PersistentProduct.Kernels.Select(kernel => new TestCaseData(kernel).SetArgDisplayNames(KernelName.Of(kernel)));

    [OneTimeSetUp]
    public void Open()
    {
        if (!TestedDevices.OnCard) Assert.Ignore("runs on the interpreted card, by KernelsOnCardTests");
        _card = TestedDevices.OpenTiles(warpGroups: true, tensorMaps: true);
    }

    [OneTimeTearDown]
    public void Close() => _card?.Dispose();

    [TestCaseSource(nameof(Kernels))]
    public void A_kernel_agrees_with_a_cpu(Type kernel)
    {
        Type[] arguments = kernel.GetGenericArguments();
        try
        {
            GetType().GetMethod(nameof(Compare), BindingFlags.Instance | BindingFlags.NonPublic)!.MakeGenericMethod(arguments).Invoke(this, null);
        }
        catch (TargetInvocationException error)
        {
            throw error.InnerException!;
        }
    }

    private void Compare<TTile, TMajorA, TMajorB, TC, TEpilogue>()
        where TTile : struct, ITileShape where TMajorA : struct, IMajor where TMajorB : struct, IMajor where TC : unmanaged, IStorage<TC> where TEpilogue : struct, IEpilogue
    {
        // Few rows of a tile that is for few; else more than one tile each way.
        int m = TTile.Rows == 64 ? 40 : TTile.Rows + 24, n = TTile.Columns + 40;
        bool isForward = TMajorB.IsKMajor, isPartial = TMajorA.IsKMajor && typeof(TC) == typeof(Single32);
        Shape shapeA = TMajorA.IsKMajor ? [m, Depth] : [Depth, m], shapeB = TMajorB.IsKMajor ? [n, Depth] : [Depth, n];
        var cpu = OperationDevices.Cpu;
        using Tensor a = Draw(_card!, shapeA, 1), b = Draw(_card!, shapeB, 2), bias = Draw(_card!, [n], 3, ElementType.Single);
        using Tensor plainA = Draw(cpu, shapeA, 1), plainB = Draw(cpu, shapeB, 2), plainBias = Draw(cpu, [n], 3, ElementType.Single);
        var type = TMajorA.IsKMajor ? ElementType.BFloat16 : ElementType.Single;
        using Tensor c = Draw(_card!, [m, n], 4, type), expected = Draw(cpu, [m, n], 4, type);
        var sizes = new TiledProductSizes { M = m, N = n, K = Depth, ALine = shapeA[1], BLine = shapeB[1], Accumulate = isForward ? 0 : 1 };

        using Tensor residual = Draw(_card!, [m, n], 5), gate = Draw(_card!, [Images, 3 * n], 6, ModulationType<TEpilogue>()), kept = _card!.Allocate([m, n], ElementType.BFloat16);
        var launch = new PersistentLaunch<TTile, TMajorA, TMajorB, TEpilogue>(a, b, isForward ? bias : null, Epilogue<TEpilogue>(residual, gate, kept, m, n));
        if (isPartial) SplitK.Run<PersistentLaunch<TTile, TMajorA, TMajorB, TEpilogue>, BFloat16>(launch, c, sizes, slices: 2);
        else SplitK.Run<PersistentLaunch<TTile, TMajorA, TMajorB, TEpilogue>, TC>(launch, c, sizes, slices: 1);

        if (isForward) MatMul.Forward(plainA, plainB, null, plainBias, expected, Precision.BFloat16);
        else if (TMajorA.IsKMajor) MatMul.BackwardInput(plainA, plainB, expected, accumulate: true, Precision.BFloat16);
        else MatMul.BackwardWeight(plainA, plainB, expected, accumulate: true, Precision.BFloat16);

        float[] result = c.ToArray(), plain = expected.ToArray();
        if (typeof(TEpilogue) != typeof(IdentityEpilogue))
        {
            float[] z = kept.ToArray(), others = residual.ToArray(), gates = gate.ToArray();
            RequireClose("the product itself", z, plain, type);
            plain = [.. z.Select((value, i) => typeof(TEpilogue) == typeof(SwiGluEpilogue) ? others[i] / (1 + MathF.Exp(-others[i])) * value : others[i] + (value * gates[(i / n / (m / Images) * 3 * n) + n + (i % n)]))];
        }
        RequireClose("the result", result, plain, type);
    }

    /// <summary>Sums of both are float32 and differ in their order: 2e-5; where results are stored in bfloat16, by two units of the last place: what is added to is rounded before and after.</summary>
    private static void RequireClose(string what, float[] actual, float[] expected, ElementType type)
    {
        Assert.That(expected.Max(Math.Abs), Is.GreaterThan(1));
        double error = actual.Zip(expected, (x, y) => float.IsNaN(x) ? double.PositiveInfinity : Math.Abs(x - y) / (4e-5 + (type == ElementType.BFloat16 ? Math.Max(Math.Abs(y), 1) / 64 : 0))).Max();
        Assert.That(error, Is.LessThanOrEqualTo(1), what);
    }

    private static ElementType ModulationType<TEpilogue>() => typeof(TEpilogue) == typeof(GateEpilogue<Single32>) ? ElementType.Single : ElementType.BFloat16;

    private static TEpilogue Epilogue<TEpilogue>(Tensor residual, Tensor gate, Tensor kept, int m, int n) where TEpilogue : struct, IEpilogue
    {
        object epilogue = new IdentityEpilogue();
        if (typeof(TEpilogue) == typeof(GateEpilogue<Single32>)) epilogue = new GateEpilogue<Single32>(residual.View<BFloat16>(), gate.View<Single32>(), kept.View<BFloat16>(), 1, n, m / Images, 3 * n, n);
        else if (typeof(TEpilogue) == typeof(GateEpilogue<BFloat16>)) epilogue = new GateEpilogue<BFloat16>(residual.View<BFloat16>(), gate.View<BFloat16>(), kept.View<BFloat16>(), 1, n, m / Images, 3 * n, n);
        else if (typeof(TEpilogue) == typeof(SwiGluEpilogue)) epilogue = new SwiGluEpilogue(residual.View<BFloat16>(), kept.View<BFloat16>(), 1);
        return (TEpilogue)epilogue;
    }

    private static Tensor Draw(Device device, Shape shape, int seed, ElementType type = ElementType.BFloat16)
    {
        var random = new Random(seed);
        var tensor = device.Allocate(shape, type);
        tensor.Upload([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (2 * random.NextSingle()) - 1)]);
        return tensor;
    }
}
