using System.Numerics;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>Products of small matrices in double precision.</summary>
internal static unsafe class Products
{
    /// <summary>sums [rows, columns] += left [rows, depth]·right [depth, columns]; columns are a multiple of 8.</summary>
    public static void Add(double* left, double* right, double* sums, int rows, int columns, int depth)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column += 8)
            {
                double* to = sums + (row * columns) + column;
                if (Vector<double>.Count == 4)
                {
                    Vector<double> first = Vector.Load(to), second = Vector.Load(to + 4);
                    for (int k = 0; k < depth; k++)
                    {
                        var factor = new Vector<double>(left[(row * depth) + k]);
                        double* line = right + (k * columns) + column;
                        first = Vector.FusedMultiplyAdd(factor, Vector.Load(line), first);
                        second = Vector.FusedMultiplyAdd(factor, Vector.Load(line + 4), second);
                    }
                    Vector.Store(first, to);
                    Vector.Store(second, to + 4);
                    continue;
                }
                for (int k = 0; k < depth; k++)
                {
                    for (int i = 0; i < 8; i++) to[i] += left[(row * depth) + k] * right[(k * columns) + column + i];
                }
            }
        }
    }
}
