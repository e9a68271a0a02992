using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Text.Encoders;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>Text encoders: every run of a case, the state of every layer on the way.</summary>
internal static class EncoderCases
{
    /// <summary>The folder of text cases.</summary>
    public const string Folder = "text";

    /// <summary>A run of a case.</summary>
    /// <param name="Name">The run.</param>
    /// <param name="Ids">The tensor of ids.</param>
    /// <param name="Mask">The tensor of the mask, or null.</param>
    /// <param name="Cap">The soft cap, or null.</param>
    /// <param name="Rows">The tensor that marks the rows which every implementation must agree in, or null for all.</param>
    internal sealed record Run(string Name, string Ids, string? Mask, double? Cap, string? Rows);

    /// <summary>Whether files hold such a case.</summary>
    public static bool IsCase(ConformanceFiles files, string name) => files.Contains($"{name}/weights") && files.Contains($"{name}/forward");

    /// <summary>All runs of a case.</summary>
    public static CaseResult Forward(string name, Device device, ConformanceFiles files, Precision precision)
    {
        var tolerances = new ConformanceTolerances(precision);
        using var golden = files.Open($"{name}/forward");
        var comparison = new Comparison($"{name}/forward", golden);
        using var weights = files.Open($"{name}/weights");
        var config = Config(weights);
        foreach (var run in Runs(golden, config))
        {
            // Stored in bfloat16, from operands in bfloat16: not this program's arithmetic, whatever its precision.
            double tolerance = run.Name == "bf16" ? Math.Max(tolerances.Activation, tolerances.StateInBFloat16) : tolerances.Activation;
            using var encoder = new GemmaEncoder(device, config, files.Open($"{name}/weights"), new() { SoftCap = run.Cap, Precision = precision });
            var shape = golden.ShapeOf(run.Ids, 2);
            int[] ids = golden.WholeNumbers(run.Ids), mask = run.Mask is null ? [] : golden.WholeNumbers(run.Mask, shape.Count);
            int[]? rows = run.Rows is null ? null : golden.WholeNumbers(run.Rows, shape.Count);
            using var states = encoder.Encode(ids, mask, shape[0], (stage, x) => Compare($"{run.Name}.hidden.{stage}", x.ToArray()));
            Compare($"{run.Name}.out", states.ToArray());

            void Compare(string tensor, float[] actual)
            {
                double[] expected = golden.ReadDoubles(tensor);
                if (actual.Length != expected.Length) throw new ShapeException($"{golden.Source}: {tensor} has {expected.Length} elements, {actual.Length} were computed");
                var error = new TensorError();
                for (int i = 0; i < actual.Length; i++)
                {
                    if (rows is null || rows[i / config.Hidden] != 0) error.Add(expected[i], actual[i]);
                }
                comparison.Value(tensor, error.Over(() => 0), tolerance);
            }
        }
        return comparison.Result();
    }

    /// <summary>What a case's weights are.</summary>
    internal static GemmaConfig Config(SafetensorsReader weights) => GemmaConfigFile.Parse(weights.Text("config"), weights.Source);

    /// <summary>The runs that a file holds.</summary>
    internal static IEnumerable<Run> Runs(SafetensorsReader golden, GemmaConfig config)
    {
        double? Cap(string key) => golden.Metadata.ContainsKey(key) ? golden.Number(key) : config.TrainedSoftCap;
        Run[] known =
        [
            new("softcap", "in.ids", "in.mask", Cap("cap"), null), new("softcap_small", "in.ids", "in.mask", Cap("small_cap"), null), new("no_softcap", "in.ids", "in.mask", null, null),
            new("unmasked", "unmasked.ids", null, Cap("cap"), null), new("long_padding", "long_padding.ids", "long_padding.mask", Cap("cap"), "long_padding.defined_rows"),
            new("bf16", "in.ids", "in.mask", config.TrainedSoftCap, null), new("f32", "in.ids", "in.mask", config.TrainedSoftCap, null)
        ];
        return known.Where(run => golden.Contains($"{run.Name}.out"));
    }
}
