using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Vision;

namespace PixelDiT.Reference.Vision;

/// <summary>How the tokens of one grid are mixed into those of another, as PyTorch pools and resizes; tokens are row-major.</summary>
internal static class TokenGrid
{
    /// <summary>Adaptive average pooling: cell i of n averages places ⌊i·m/n⌋ to ⌈(i + 1)·m/n⌉ − 1, so that cells may overlap.</summary>
    /// <param name="device">Where the matrix lives.</param>
    /// <param name="height">Rows of tokens that are given.</param>
    /// <param name="width">Columns of tokens that are given.</param>
    /// <param name="toHeight">Rows of tokens of the result.</param>
    /// <param name="toWidth">Columns of tokens of the result.</param>
    /// <exception cref="ShapeException">A size is below 1.</exception>
    public static CsrMatrix AveragePool(Device device, int height, int width, int toHeight, int toWidth) => Create(device, height, width, toHeight, toWidth, Average);

    /// <summary>Bilinear resizing between centres, without averaging: place i reads (i + ½)·m/n − ½, at least 0.</summary>
    /// <inheritdoc cref="AveragePool"/>
    public static CsrMatrix Bilinear(Device device, int height, int width, int toHeight, int toWidth) => Create(device, height, width, toHeight, toWidth, Interpolate);

    private static CsrMatrix Create(Device device, int height, int width, int toHeight, int toWidth, Func<int, int, (int Place, float Weight)[][]> along)
    {
        if (height < 1 || width < 1 || toHeight < 1 || toWidth < 1) throw new ShapeException($"a grid of {height}×{width} tokens was to become one of {toHeight}×{toWidth}; all must be at least 1");
        (int Place, float Weight)[][] rows = along(height, toHeight), columns = along(width, toWidth);
        return CsrMatrix.Create(device, height * width,
        [
            .. from row in rows
               from column in columns
               select (from r in row from c in column select ((r.Place * width) + c.Place, r.Weight * c.Weight)).ToArray()
        ]);
    }

    private static (int Place, float Weight)[][] Average(int from, int to) =>
    [
        .. Enumerable.Range(0, to).Select(i =>
        {
            int first = (int)((long)i * from / to), end = (int)((((long)(i + 1) * from) + to - 1) / to);
            return Enumerable.Range(first, end - first).Select(place => (place, 1f / (end - first))).ToArray();
        })
    ];

    private static (int Place, float Weight)[][] Interpolate(int from, int to) =>
    [
        .. Enumerable.Range(0, to).Select(i =>
        {
            float position = MathF.Max(0, (((float)from / to) * (i + 0.5f)) - 0.5f);
            int place = Math.Min((int)position, from - 1), next = Math.Min(place + 1, from - 1);
            float share = position - place;
            return new[] { (place, 1 - share), (next, share) };
        })
    ];
}
