using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

public static partial class Exact
{
    /// <summary>The values of a timestep embedding: 128 cosines, then 128 sines.</summary>
    public const int TimestepWidth = 256;

    /// <summary>
    /// [cos(t·g_i) | sin(t·g_i)], g_i = exp(−ln(10)·i/128), i = 0 … 127 (SPEC §2). The maximum period is 10, not the usual 10000,
    /// so the frequencies fall only from 1 to about 1/10.
    /// </summary>
    /// <param name="t">[B], from 0 to 1 in class models</param>
    /// <returns>[B, 256]</returns>
    public static double[] TimestepEmbedding(double[] t)
    {
        const int half = TimestepWidth / 2;
        double[] y = new double[t.Length * TimestepWidth];
        for (int b = 0; b < t.Length; b++)
        {
            for (int i = 0; i < half; i++)
            {
                double angle = t[b] * Math.Exp(-Math.Log(10) * i / half);
                y[b * TimestepWidth + i] = Math.Cos(angle);
                y[b * TimestepWidth + half + i] = Math.Sin(angle);
            }
        }
        return y;
    }

    /// <summary>Rows of a table, such as the class table with its null row at the end (SPEC §3.2).</summary>
    /// <param name="table">[n, width]</param>
    /// <param name="rows">[B], each from 0 to n − 1</param>
    /// <param name="width">The width of a row.</param>
    /// <returns>[B, width]</returns>
    /// <exception cref="ShapeException">The width does not divide the table, or there is no such row.</exception>
    public static double[] Embedding(double[] table, int[] rows, int width)
    {
        int count = Rows(table, width, "table");
        double[] y = new double[rows.Length * width];
        for (int b = 0; b < rows.Length; b++)
        {
            if ((uint)rows[b] >= (uint)count) throw new ShapeException($"row {rows[b]} was asked of a table of {count} rows");
            Array.Copy(table, rows[b] * width, y, b * width, width);
        }
        return y;
    }
}
