using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace PixelDiT.Reference.Models;

/// <summary>
/// A name for a model's weights: SHA-256 over its parameters in the order of <see cref="ModelCost.Shapes"/>, each as a line <c>name 2x3</c> in UTF-8, ended by a
/// line feed, and its values in float32, little-endian. The same weights have the same hash in any file format and under any prefix; rounded ones have another.
/// </summary>
public static class WeightHash
{
    private const int ChunkElements = 1 << 18;

    /// <summary>Reads consecutive elements of a parameter.</summary>
    private delegate void Reader(string name, long first, Span<float> values);

    /// <summary>The hash of a model as it is.</summary>
    /// <returns>64 hexadecimal digits in lower case.</returns>
    public static string Of(PixelDiTModel model) =>
        Of(ModelCost.Shapes(model.Config), (name, first, values) => model.Parameters[name].Value.Slice(first, [values.Length]).Download(values));

    /// <summary>The hash of a file's model, which a loaded model would have.</summary>
    /// <param name="weights">The model's tensors in the file.</param>
    /// <param name="config">Its sizes; the file has every tensor of them, as <see cref="WeightMap"/> finds it.</param>
    /// <returns>64 hexadecimal digits in lower case.</returns>
    /// <exception cref="Kernels.FileFormatException">The file cannot be read.</exception>
    public static string Of(WeightMap weights, ModelConfig config) => Of(ModelCost.Shapes(config), weights.ReadSingles);

    private static string Of(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, Reader read)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = new float[ChunkElements];
        foreach (var (name, shape) in shapes)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {string.Join('x', shape)}\n"));
            long count = shape.Aggregate(1L, (product, size) => product * size);
            for (long first = 0; first < count; first += ChunkElements)
            {
                var values = chunk.AsSpan(0, (int)Math.Min(ChunkElements, count - first));
                read(name, first, values);
                hash.AppendData(MemoryMarshal.AsBytes(values));
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
