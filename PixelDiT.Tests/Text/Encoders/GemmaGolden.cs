using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>The golden cases of the text encoder, and how far a run lies from them.</summary>
internal static class GemmaGolden
{
    public static readonly string[] Cases = ["gemma", "gemma_bf16", "gemma_one_kv_head"];

    /// <summary>Two float32 implementations differ by 3.6e-6 of the largest over these few tokens, and by more where the instruction set is another.</summary>
    public const double Tolerance = 1e-5;

    public static SafetensorsReader Weights(string name) => ConformanceFiles.Shipped().Open($"text/{name}/weights");

    public static SafetensorsReader Forward(string name) => ConformanceFiles.Shipped().Open($"text/{name}/forward");

    public static GemmaConfig Config(string name)
    {
        using var weights = Weights(name);
        return EncoderCases.Config(weights);
    }

    /// <summary>A run's error against the golden tensors: the worst of all stages and the output, over the largest magnitude of each, and in root mean square.</summary>
    /// <param name="encoder">The encoder, made for the run.</param>
    /// <param name="name">The case.</param>
    /// <param name="run">The run.</param>
    /// <param name="mask">Another mask than the run's.</param>
    public static (double Largest, double MeanSquare) Error(GemmaEncoder encoder, string name, EncoderCases.Run run, int[]? mask = null)
    {
        using var golden = Forward(name);
        int[] ids = golden.WholeNumbers(run.Ids);
        int texts = (int)golden[run.Ids].Shape[0];
        var worst = (Largest: 0.0, MeanSquare: 0.0);
        using var states = encoder.Encode(ids, mask ?? (run.Mask is null ? [] : golden.WholeNumbers(run.Mask)), texts, (stage, x) => Compare($"{run.Name}.hidden.{stage}", x.ToArray()));
        Compare($"{run.Name}.out", states.ToArray());
        return worst;

        void Compare(string tensor, float[] actual) => worst = Worse(worst, Distance(golden, tensor, run, Array.ConvertAll(actual, value => (double)value)));
    }

    /// <summary>The error of one tensor.</summary>
    public static (double Largest, double MeanSquare) Distance(SafetensorsReader golden, string tensor, EncoderCases.Run run, double[] actual)
    {
        double[] expected = golden.ReadDoubles(tensor);
        int[]? rows = run.Rows is null ? null : golden.WholeNumbers(run.Rows);
        int width = (int)golden[tensor].Shape[^1];
        int[] compared = [.. Enumerable.Range(0, expected.Length).Where(i => rows is null || rows[i / width] != 0)];
        double largest = compared.Max(i => Math.Abs(expected[i])), difference = compared.Max(i => double.IsNaN(actual[i]) ? double.PositiveInfinity : Math.Abs(actual[i] - expected[i]));
        double squares = compared.Sum(i => expected[i] * expected[i]), differences = compared.Sum(i => (actual[i] - expected[i]) * (actual[i] - expected[i]));
        return actual.Length == expected.Length ? (difference / largest, Math.Sqrt(differences / squares)) : (double.PositiveInfinity, double.PositiveInfinity);
    }

    public static (double Largest, double MeanSquare) Worse((double Largest, double MeanSquare) a, (double Largest, double MeanSquare) b) => (Math.Max(a.Largest, b.Largest), Math.Max(a.MeanSquare, b.MeanSquare));

    /// <summary>The runs of a case.</summary>
    public static List<EncoderCases.Run> Runs(string name)
    {
        using var golden = Forward(name);
        return [.. EncoderCases.Runs(golden, Config(name))];
    }

    /// <summary>An encoder with a case's weights.</summary>
    public static GemmaEncoder Open(Device device, string name, double? cap, bool lowMemory = false) => new(device, Config(name), Weights(name), new() { SoftCap = cap, LowMemory = lowMemory });
}
