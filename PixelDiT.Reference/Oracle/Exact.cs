using PixelDiT.Kernels;

namespace PixelDiT.Reference.Oracle;

/// <summary>
/// The oracle: every operation of the model as plain loops over <c>double[]</c>, forward only, written to be read beside SPEC. Arrays are
/// row-major; no argument is ever changed. Results do not depend on the number of threads: one thread computes an element, in one order.
/// </summary>
public static partial class Exact
{
    /// <summary>Elements of an elementwise function that one thread takes at a time: enough to hide the cost of handing them out.</summary>
    private const int ElementsAtOnce = 4096;

    /// <summary>The number of rows of <paramref name="width"/> values in <paramref name="x"/>.</summary>
    /// <exception cref="ShapeException"><paramref name="width"/> is not positive or does not divide the length.</exception>
    private static int Rows(double[] x, int width, string name) =>
        width > 0 && x.Length % width == 0
            ? x.Length / width
            : throw new ShapeException($"{name} has {x.Length} values; a multiple of {width} was expected");

    /// <summary>Checks that <paramref name="x"/> has <paramref name="length"/> values.</summary>
    /// <exception cref="ShapeException">It has not.</exception>
    private static void Expect(double[] x, long length, string name)
    {
        if (x.Length != length) throw new ShapeException($"{name} has {x.Length} values; {length} were expected");
    }

    /// <summary>The array whose element i is <paramref name="element"/>(i).</summary>
    private static double[] Map(int length, Func<int, double> element)
    {
        double[] y = new double[length];
        Parallel.For(0, (length + ElementsAtOnce - 1) / ElementsAtOnce, block =>
        {
            int end = Math.Min(length, (block + 1) * ElementsAtOnce);
            for (int i = block * ElementsAtOnce; i < end; i++) y[i] = element(i);
        });
        return y;
    }
}
