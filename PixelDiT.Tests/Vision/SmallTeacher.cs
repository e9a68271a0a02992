using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Tests.Vision;

/// <summary>The weights of a small DINOv2: width 32, 3 blocks, 4 heads, patches of 14, a table of 5×5.</summary>
internal static class SmallTeacher
{
    public const int Heads = 4;

    private static readonly ConformanceFiles s_files = ConformanceFiles.Shipped();

    /// <summary>Opens them.</summary>
    public static DinoWeights Open() => new(s_files.Open("dino/vit/weights"), Heads);

    /// <summary>Their tensors, each as it is or as a change makes it; null leaves one out.</summary>
    public static IReadOnlyList<TensorData> Tensors(Func<string, TensorData, TensorData?>? change = null)
    {
        using var file = s_files.Open("dino/vit/weights");
        return [.. file.Tensors.Select(spec => new TensorData(spec.Name, spec.Shape, file.ReadSingles(spec.Name))).Select(tensor => change is null ? tensor : change(tensor.Spec.Name, tensor)).OfType<TensorData>()];
    }

    /// <summary>Writes them into a file.</summary>
    public static string Write(string path, IReadOnlyList<TensorData>? tensors = null)
    {
        SafetensorsWriter.Write(path, tensors ?? Tensors());
        return path;
    }
}
