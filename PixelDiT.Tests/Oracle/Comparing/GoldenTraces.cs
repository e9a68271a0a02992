using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Autodiff;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Oracle.Comparing;
using PixelDiT.Reference.Oracle.Comparing.Hints;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Tests.Oracle.Comparing;

/// <summary>Traces of the golden models, right and with faults planted in the weights, and comparisons of them.</summary>
internal static class GoldenTraces
{
    private static readonly Dictionary<string, MemoryTrace> s_right = [];
    private static readonly Dictionary<string, (GoldenFile File, ModelConfig Config)> s_weights = [];

    /// <summary>The golden model's own trace with gradients and every finer step; made once.</summary>
    public static MemoryTrace Right(string name = "c2i") => s_right.TryGetValue(name, out var known) ? known : s_right[name] = Run(name, _ => { });

    /// <summary>As <see cref="Right"/>, without the finer steps.</summary>
    public static MemoryTrace Stages(this MemoryTrace trace) => trace.Where(name => StageName.Of(name) is not { } stage || IsStage(stage));

    /// <summary>The model's trace after a change of its weights.</summary>
    public static MemoryTrace Run(string name, Action<ParameterSet> plant)
    {
        using var device = Device.Open("cpu", 1);
        var files = ConformanceFiles.Shipped();
        using PixelTransformer model = Config(name).IsText ? ModelCases.LoadText(device, files, $"{name}/weights", Precision.Single) : ModelCases.Load(device, files, $"{name}/weights", Precision.Single);
        plant(model.Parameters);
        model.Parameters.MarkChanged();
        using var inputs = files.Open($"{name}/forward_backward");
        string path = Path.GetTempFileName();
        try
        {
            SafetensorsWriter.Write(path, Trace.Run(model, TraceInputs.Read(inputs, model.Config), "*", backward: true));
            return MemoryTrace.Read(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Changes one parameter's values.</summary>
    public static void Change(this ParameterSet parameters, string name, Func<float[], float[]> change) => parameters[name].Value.Upload(change(parameters[name].Value.ToArray()));

    /// <summary>A parameter of a golden model.</summary>
    public static double[] Parameter(string parameter, string name = "c2i") => Weights(name).File.Doubles(Config(name).IsText ? $"core.{parameter}" : parameter);

    public static ModelConfig Config(string name = "c2i") => Weights(name).Config;

    /// <summary>The trace of a model that gives all pixels of a patch the modulation of the first.</summary>
    public static MemoryTrace OneModulation(string name = "c2i") => Run(name, parameters =>
    {
        foreach (string kind in (string[])["weight", "bias"])
            parameters.Change($"pixel_blocks.0.adaLN_modulation.0.{kind}", values => [.. values.Select((_, i) => values[i % (values.Length / 16)])]);
    });

    /// <summary>Values as a type of 16 bits holds them.</summary>
    public static double[] Rounded(double[] values, DataType type)
    {
        float[] singles = Array.ConvertAll(values, value => (float)value);
        byte[] stored = new byte[2 * values.Length];
        ElementConversion.Encode(type, singles, stored);
        ElementConversion.Decode(type, stored, values = new double[values.Length]);
        return values;
    }

    /// <summary>A tensor of these sizes with its axes in another order.</summary>
    public static double[] Permuted(double[] values, int[] sizes, int[] order)
    {
        int[] moved = [.. order.Select(axis => sizes[axis])];
        double[] y = new double[values.Length];
        for (int i = 0; i < y.Length; i++)
        {
            int[] index = TensorAxes.Index(moved, i);
            int source = 0;
            for (int axis = 0; axis < sizes.Length; axis++) source = (source * sizes[axis]) + index[Array.IndexOf(order, axis)];
            y[i] = values[source];
        }
        return y;
    }

    /// <summary>The golden model for hints that compute stages again.</summary>
    public static StageModel Model(string name = "c2i") => new(Config(name), parameter => Parameter(parameter, name));

    public static TraceComparisonResult Compare(MemoryTrace a, MemoryTrace b, StageModel? model = null, NameMap? map = null)
        => new TraceComparison(new TraceFile(a), new TraceFile(b, map)) { Model = model }.Run();

    private static (GoldenFile File, ModelConfig Config) Weights(string name)
    {
        if (s_weights.TryGetValue(name, out var known)) return known;
        var file = new GoldenFile($"{name}/weights");
        return s_weights[name] = (file, ModelConfig.FromJson(file.Metadata("config"), name));
    }

    private static bool IsStage(string stage) => StageName.Block(stage) is var (_, _, step) ? step.Length == 0 : stage is not ("patch_condition" or "y_positions" or "pixel_condition" or "final_layer.norm");
}
