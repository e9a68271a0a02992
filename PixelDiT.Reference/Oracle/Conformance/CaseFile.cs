using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>What a case's file says. In a folder of one's own anything may be missing or misspelt: every method throws a <see cref="FileFormatException"/> that names the file, the entry, what was found and what was expected.</summary>
internal static class CaseFile
{
    /// <summary>An entry of the metadata.</summary>
    public static string Text(this SafetensorsReader golden, string key) => golden.Metadata.TryGetValue(key, out string? text) ? text : throw new FileFormatException($"{golden.Source}: has no {Quote.Text(key)} in its metadata");

    /// <summary>A number in the metadata.</summary>
    public static double Number(this SafetensorsReader golden, string key) => golden.Numbers(key, 1)[0];

    /// <summary>Numbers in the metadata, with commas between them.</summary>
    public static double[] Numbers(this SafetensorsReader golden, string key, int count)
    {
        string text = golden.Text(key);
        string[] parts = text.Split(',');
        double[] numbers = new double[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!double.TryParse(parts[i], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[i]) || !double.IsFinite(numbers[i])) throw Unexpected(golden, key, text, count == 1 ? "a number" : $"{count} numbers");
        }
        return numbers.Length == count ? numbers : throw Unexpected(golden, key, text, $"{count} numbers");
    }

    /// <summary>A whole number from 1 in the metadata.</summary>
    public static int Whole(this SafetensorsReader golden, string key)
    {
        string text = golden.Text(key);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0 ? number : throw Unexpected(golden, key, text, "a whole number from 1");
    }

    /// <summary>JSON in the metadata.</summary>
    public static CaseSettings Settings(this SafetensorsReader golden, string key) => new(golden.Source, key, golden.Text(key));

    /// <summary>A tensor's shape.</summary>
    /// <param name="golden">The file.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="rank">How many dimensions it must have; 0 for at least one.</param>
    public static Shape ShapeOf(this SafetensorsReader golden, string tensor, int rank = 0)
    {
        var shape = golden[tensor].Shape;
        if ((rank == 0 ? shape.Count == 0 : shape.Count != rank) || shape.Any(size => size is < 1 or > int.MaxValue))
            throw new FileFormatException($"{golden.Source}: {tensor} has the shape [{string.Join(", ", shape)}]; {(rank == 0 ? "dimensions" : $"{rank} dimensions")} from 1 were expected");
        return Shape.Create([.. shape.Select(size => (int)size)]);
    }

    /// <summary>A tensor on a device.</summary>
    /// <inheritdoc cref="ShapeOf" path="/param"/>
    public static Tensor Upload(this SafetensorsReader golden, Device device, string tensor, int rank = 0)
    {
        var shape = golden.ShapeOf(tensor, rank);
        return device.Upload(golden.ReadSingles(tensor), shape);
    }

    /// <summary>The one value, or the first, of a tensor.</summary>
    public static double First(this SafetensorsReader golden, string tensor) => golden.ReadDoubles(tensor) is [var first, ..] ? first : throw new FileFormatException($"{golden.Source}: {tensor} is empty; a number was expected");

    /// <summary>Values of a tensor of so many.</summary>
    public static double[] Doubles(this SafetensorsReader golden, string tensor, long count) => Counted(golden, tensor, golden.ReadDoubles(tensor), count);

    /// <summary>The same in float32.</summary>
    public static float[] Singles(this SafetensorsReader golden, string tensor, long count) => Counted(golden, tensor, golden.ReadSingles(tensor), count);

    /// <summary>Whole numbers of a tensor, such as labels or ids.</summary>
    public static int[] WholeNumbers(this SafetensorsReader golden, string tensor, long? count = null) => Array.ConvertAll(
        Counted(golden, tensor, golden.ReadIntegers(tensor), count), value => value is >= int.MinValue and <= int.MaxValue ? (int)value : throw new FileFormatException($"{golden.Source}: {tensor} holds {value}; 32-bit numbers were expected"));

    private static T[] Counted<T>(SafetensorsReader golden, string tensor, T[] values, long? count)
        => count is null || values.Length == count ? values : throw new FileFormatException($"{golden.Source}: {tensor} has {values.Length} elements; {count} were expected");

    private static FileFormatException Unexpected(SafetensorsReader golden, string key, string text, string expected) => new($"{golden.Source}: {Quote.Text(key)} is {Quote.Text(text)} in its metadata; {expected} was expected");
}
