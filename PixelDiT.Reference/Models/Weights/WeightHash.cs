using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using PixelDiT.Reference.Formats;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>
/// A name for a model's weights: SHA-256 over its parameters in the order of <see cref="ModelCost.Shapes"/>, each as a line <c>name 2x3</c> in UTF-8, ended by a
/// line feed, and its values in float32, little-endian. The same weights have the same hash in any file format and under any prefix; rounded ones have another.
/// </summary>
public static class WeightHash
{
    private const int ChunkElements = 1 << 18;

    /// <summary>The hash of a model as it is.</summary>
    /// <returns>64 hexadecimal digits in lower case.</returns>
    public static string Of(PixelTransformer model) =>
        Of(ModelCost.Shapes(model.Config), (name, first, values) => model.Parameters[name].Value.Slice(first, [values.Length]).Download(values));

    /// <summary>The hash of a model that is read part by part.</summary>
    /// <param name="shapes">Its parameters, in the order of <see cref="ModelCost.Shapes"/>.</param>
    /// <param name="read">Reads consecutive elements of one.</param>
    /// <returns>64 hexadecimal digits in lower case.</returns>
    internal static string Of(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, TensorFill read)
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
