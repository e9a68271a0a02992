using PixelDiT.Reference.Models;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Explaining;

/// <summary>Where the rows of the pixel level lie in a picture: row token·P + py·p + px, patches row-major (SPEC §3.5).</summary>
/// <param name="config">The model's sizes.</param>
/// <param name="size">Of the picture, multiples of the patch.</param>
internal sealed class PixelLayout(ModelConfig config, ImageSize size)
{
    /// <summary>p.</summary>
    public int Patch => config.Patch;

    /// <summary>H.</summary>
    public int Height => size.Height;

    /// <summary>W.</summary>
    public int Width => size.Width;

    /// <summary>Patches across.</summary>
    public int Across => size.Width / config.Patch;

    /// <summary>Patches down.</summary>
    public int Down => size.Height / config.Patch;

    /// <summary>L.</summary>
    public int Tokens => Across * Down;

    /// <summary>P.</summary>
    public int PatchPixels => config.PatchPixels;

    /// <summary>H·W.</summary>
    public int Pixels => Height * Width;

    /// <summary>The place y·W + x of a row.</summary>
    public int Place(int row)
    {
        int token = row / PatchPixels, inside = row % PatchPixels;
        return (((token / Across * Patch) + (inside / Patch)) * Width) + (token % Across * Patch) + (inside % Patch);
    }

    /// <summary>Values of rows, some a row, in the order of a picture.</summary>
    public T[] ToPicture<T>(ReadOnlySpan<T> rows, int values)
    {
        var picture = new T[rows.Length];
        for (int row = 0; row < rows.Length / values; row++) rows.Slice(row * values, values).CopyTo(picture.AsSpan(Place(row) * values));
        return picture;
    }
}
