using System.Globalization;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Kernels.Operations;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Autodiff;

namespace PixelDiT.Reference.Benchmarking;

/// <summary>The sizes of a product y [M, N] = x [M, K]·Wᵀ with W [N, K].</summary>
/// <param name="M">Rows of x.</param>
/// <param name="N">Outputs.</param>
/// <param name="K">Inputs.</param>
internal readonly partial record struct ProductSize(int M, int N, int K)
{
    /// <summary>1e9 operations, a multiply-add counted as two.</summary>
    public double Gflop => 2.0 * M * N * K / 1e9;

    /// <summary>Reads MxNxK, such as 8192x1152x24576.</summary>
    /// <exception cref="ConfigurationException">It is something else, or a matrix is too large.</exception>
    public static ProductSize Parse(string text)
    {
        var match = Form().Match(text);
        if (!match.Success) throw new ConfigurationException($"product is '{text}'; three sizes MxNxK from 1 to 999999 were expected, such as 8192x1152x24576");
        int[] sizes = [.. match.Groups.Values.Skip(1).Select(group => int.Parse(group.Value, CultureInfo.InvariantCulture))];
        var (m, n, k) = (sizes[0], sizes[1], sizes[2]);
        if (Math.Max((long)m * n, Math.Max((long)m * k, (long)n * k)) > int.MaxValue) throw new ConfigurationException($"product is '{text}'; matrices of at most {int.MaxValue} elements were expected");
        return new ProductSize(m, n, k);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{M}×{N}×{K}";

    [GeneratedRegex(@"^([1-9]\d{0,5})x([1-9]\d{0,5})x([1-9]\d{0,5})$")]
    private static partial Regex Form();
}

/// <summary>Times one Linear without bias as the model runs it: x and y in the precision's storage, W a float32 parameter in its prepared form.</summary>
internal static class ProductBenchmark
{
    /// <summary>Runs it with random operands.</summary>
    /// <param name="size">The sizes.</param>
    /// <param name="device">Where.</param>
    /// <param name="repeat">Runs of which the median is taken.</param>
    /// <param name="precision">What both operands are rounded to.</param>
    /// <param name="cancel">Stops between runs.</param>
    /// <param name="warmUp">Seconds of runs before the first that counts.</param>
    /// <exception cref="ConfigurationException">The number of runs is out of range.</exception>
    /// <exception cref="DeviceException">The device is out of memory, or does not multiply in that precision.</exception>
    public static BenchmarkRun Run(ProductSize size, Device device, int repeat, Precision precision, CancellationToken cancel = default, double warmUp = Repeated.WarmUpSeconds)
    {
        Repeated.RequireCount(repeat);
        using var parameters = new ParameterSet(device);
        var weight = parameters.Add("weight", [size.N, size.K]);
        parameters.Allocate();
        Noise.Fill(weight.Value, 1, 0);
        using var inputs = new Tape(device, recording: false) { Precision = precision };
        var x = inputs.Output([size.M, size.K], inputs.Storage, requiresGradient: false);
        using (var drawn = device.Allocate([size.M, size.K, 1, 1]))
        {
            Noise.Fill(drawn, 1, 1);
            // Patches of one pixel keep the order, and round to the storage.
            Patches.ToPatches(drawn, 1, x.Value);
        }
        return Repeated.Measure(Multiply, size.Gflop, repeat, device, warmUp, cancel);

        void Multiply()
        {
            using var tape = new Tape(device, recording: false) { Precision = precision };
            tape.Linear(tape.Input(x.Value), weight, null);
        }
    }
}
