using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Autodiff;
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
    public static double[] Parameter(string parameter, string name = "c2i") => new GoldenFile($"{name}/weights").Doubles(Config(name).IsText ? $"core.{parameter}" : parameter);

    public static ModelConfig Config(string name = "c2i") => ModelConfig.FromJson(new GoldenFile($"{name}/weights").Metadata("config"), name);

    /// <summary>The golden model for hints that compute stages again.</summary>
    public static StageModel Model(string name = "c2i") => new(Config(name), parameter => Parameter(parameter, name));

    public static TraceComparisonResult Compare(MemoryTrace a, MemoryTrace b, StageModel? model = null, NameMap? map = null)
        => new TraceComparison(new TraceFile(a), new TraceFile(b, map)) { Model = model }.Run();

    private static bool IsStage(string stage) => StageName.Block(stage) is var (_, _, step) ? step.Length == 0 : stage is not ("patch_condition" or "y_positions" or "pixel_condition" or "final_layer.norm");
}
