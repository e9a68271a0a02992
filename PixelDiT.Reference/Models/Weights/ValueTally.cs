using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Models.Weights;

/// <summary>Values that are not as weights should be, counted by tensor.</summary>
public sealed class ValueTally
{
    private const uint Exponent = 0x7F80_0000;

    private readonly OrderedDictionary<string, (long Count, float Largest)> _tensors = new(StringComparer.Ordinal);

    /// <summary>The tensors that have such values, in the order in which they were met, each with their number and the largest magnitude among those that are finite (0 for none).</summary>
    public IReadOnlyList<(string Tensor, long Count, float Largest)> Tensors => [.. _tensors.Select(entry => (entry.Key, entry.Value.Count, entry.Value.Largest))];

    /// <summary>All such values.</summary>
    public long Total => _tensors.Values.Sum(entry => entry.Count);

    /// <summary>The tensors with their numbers, such as <c>final_layer.linear.bias (3)</c>; the first few of many.</summary>
    public override string ToString() => WeightSet.List(_tensors.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{Printable.Name(entry.Key)} ({entry.Value.Count})")));

    /// <summary>Counts values of a tensor, or of a part of it.</summary>
    internal void Add(string tensor, long count, float largest = 0)
    {
        if (count == 0) return;
        var (before, most) = _tensors.GetValueOrDefault(tensor);
        _tensors[tensor] = (before + count, Math.Max(most, largest));
    }

    /// <summary>Counts those of some values that are infinite or no number.</summary>
    internal void AddNotFinite(string tensor, ReadOnlySpan<float> values) => Add(tensor, CountNotFinite(values));

    /// <summary>How many of some values are infinite or no number.</summary>
    internal static long CountNotFinite(ReadOnlySpan<float> values)
    {
        var bits = MemoryMarshal.Cast<float, uint>(values);
        int width = Vector<uint>.Count, at = 0;
        long count = 0;
        var exponent = new Vector<uint>(Exponent);
        for (; at + width <= bits.Length; at += width)
        {
            // Nearly always no value is; only where one is are they looked at singly.
            if (Vector.EqualsAny(new Vector<uint>(bits[at..]) & exponent, exponent)) count += CountSingly(bits.Slice(at, width));
        }
        return count + CountSingly(bits[at..]);
    }

    private static long CountSingly(ReadOnlySpan<uint> bits)
    {
        long count = 0;
        foreach (uint value in bits) count += (value & Exponent) == Exponent ? 1 : 0;
        return count;
    }
}
