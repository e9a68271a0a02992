using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Operations.Vision;
using PixelDiT.Kernels.Tensors;
using PixelDiT.Reference.Vision;

namespace PixelDiT.Tests.Vision;

/// <summary>Grids of tokens pooled and resized. The authors' tensors hold square grids; these hold what follows from the definitions for any.</summary>
internal sealed class TokenGridTests
{
    private static float[] Mix(Func<Device, CsrMatrix> make, float[] tokens)
    {
        using var device = Device.Open("cpu", 1);
        using var matrix = make(device);
        using var x = device.Upload(tokens, [1, tokens.Length, 1]);
        using var y = device.Allocate([1, matrix.Rows, 1]);
        SparseMatMul.Forward(matrix, x, y);
        return y.ToArray();
    }

    [Test]
    public void Cells_of_a_pooling_overlap_where_sizes_do_not_divide()
    {
        // Rows 0–1 and 1–2 of 3 into 2; columns 0–1, 1–3 and 3–4 of 5 into 3.
        float[] tokens = [.. Enumerable.Range(0, 15).Select(i => (float)(i * i))];
        float[] expected = [.. from rows in new[] { (0, 2), (1, 3) } from columns in new[] { (0, 2), (1, 4), (3, 5) } select (from r in Range(rows) from c in Range(columns) select tokens[(r * 5) + c]).Average()];
        Assert.That(Mix(device => TokenGrid.AveragePool(device, 3, 5, 2, 3), tokens), Is.EqualTo(expected).Within(1e-5f));

        static IEnumerable<int> Range((int First, int End) range) => Enumerable.Range(range.First, range.End - range.First);
    }

    [TestCase(3, 5, 3, 5), TestCase(2, 4, 7, 9), TestCase(6, 3, 2, 2), TestCase(1, 1, 3, 2), TestCase(9, 2, 1, 1)]
    public void A_plane_stays_a_plane(int height, int width, int toHeight, int toWidth)
    {
        // Away from the border, where positions are held, resizing reads a linear function exactly; everywhere it keeps constants.
        float[] flat = [.. Enumerable.Repeat(2.5f, height * width)];
        Assert.That(Mix(device => TokenGrid.Bilinear(device, height, width, toHeight, toWidth), flat), Is.EqualTo(Enumerable.Repeat(2.5f, toHeight * toWidth)).Within(1e-6f));
        Assert.That(Mix(device => TokenGrid.AveragePool(device, height, width, toHeight, toWidth), flat), Is.EqualTo(Enumerable.Repeat(2.5f, toHeight * toWidth)).Within(1e-6f));
        float[] slope = [.. from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) select (3f * y) - x];
        float[] resized = Mix(device => TokenGrid.Bilinear(device, height, width, toHeight, toWidth), slope);
        for (int y = 0; y < toHeight; y++)
        {
            for (int x = 0; x < toWidth; x++)
            {
                double row = ((y + 0.5) * height / toHeight) - 0.5, column = ((x + 0.5) * width / toWidth) - 0.5;
                if (row >= 0 && row <= height - 1 && column >= 0 && column <= width - 1) Assert.That(resized[(y * toWidth) + x], Is.EqualTo((3 * row) - column).Within(1e-4), $"{y}, {x}");
            }
        }
    }

    [Test]
    public void The_same_grid_is_read_as_it_is()
    {
        float[] tokens = [.. Enumerable.Range(0, 12).Select(i => (float)Math.Sin(i))];
        Assert.That(Mix(device => TokenGrid.Bilinear(device, 3, 4, 3, 4), tokens), Is.EqualTo(tokens));
        Assert.That(Mix(device => TokenGrid.AveragePool(device, 3, 4, 3, 4), tokens), Is.EqualTo(tokens));
    }

    [Test]
    public void A_grid_without_tokens_is_refused()
    {
        using var device = Device.Open("cpu", 1);
        Assert.That(() => TokenGrid.Bilinear(device, 3, 0, 2, 2), Throws.TypeOf<ShapeException>().With.Message.Contains("3×0"));
    }
}
