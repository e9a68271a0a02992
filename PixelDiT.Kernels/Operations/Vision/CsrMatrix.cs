using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Tensors;

namespace PixelDiT.Kernels.Operations.Vision;

/// <summary>A sparse matrix in compressed rows (CSR) on a device, with its transpose: how each row of a result is mixed of rows that are given. Poolings and resizings of token grids are such matrices.</summary>
public sealed class CsrMatrix : IDisposable
{
    private CsrMatrix(Device device, int columns, IReadOnlyList<(int Column, float Weight)>[] rows)
    {
        (Rows, Columns) = (rows.Length, columns);
        var offsets = new int[rows.Length + 1];
        for (int r = 0; r < rows.Length; r++) offsets[r + 1] = offsets[r] + rows[r].Count;
        Offsets = device.Upload(offsets, [offsets.Length]);
        // A matrix of zeros has no entry, and a tensor has at least one element.
        Indices = device.Upload([.. rows.SelectMany(row => row.Select(entry => entry.Column)).DefaultIfEmpty(0)], [Math.Max(1, offsets[^1])]);
        Weights = device.Upload([.. rows.SelectMany(row => row.Select(entry => entry.Weight)).DefaultIfEmpty(0)], [Math.Max(1, offsets[^1])]);
    }

    /// <summary>Rows of the result.</summary>
    public int Rows { get; }

    /// <summary>Rows that are given.</summary>
    public int Columns { get; }

    /// <summary>Where each row's entries begin, and where the last one's end: [Rows + 1].</summary>
    internal Tensor Offsets { get; }

    /// <summary>The column of each entry.</summary>
    internal Tensor Indices { get; }

    /// <summary>Each entry.</summary>
    internal Tensor Weights { get; }

    /// <summary>The transpose, whose product turns gradients of the result into those of what is given.</summary>
    public CsrMatrix Transposed { get; private init; } = null!;

    /// <summary>A matrix from the entries of each row, which are summed in their order.</summary>
    /// <param name="device">Where it lives.</param>
    /// <param name="columns">Rows that are given.</param>
    /// <param name="rows">Of each row of the result the columns, 0 to columns − 1, and their weights.</param>
    /// <exception cref="ShapeException">There is no row, or no such column.</exception>
    public static CsrMatrix Create(Device device, int columns, IReadOnlyList<(int Column, float Weight)>[] rows)
    {
        if (rows.Length == 0 || columns < 1) throw new ShapeException($"a matrix of {rows.Length}×{columns} has no element");
        var turned = Enumerable.Range(0, columns).Select(_ => new List<(int, float)>()).ToArray();
        for (int r = 0; r < rows.Length; r++)
        {
            foreach (var (column, weight) in rows[r])
            {
                if (column < 0 || column >= columns) throw new ShapeException($"row {r} of a matrix of {columns} columns has an entry in column {column}");
                turned[column].Add((r, weight));
            }
        }
        return new CsrMatrix(device, columns, rows) { Transposed = new CsrMatrix(device, rows.Length, turned) };
    }

    /// <summary>Frees the matrix and its transpose.</summary>
    public void Dispose()
    {
        Offsets.Dispose();
        Indices.Dispose();
        Weights.Dispose();
        Transposed?.Dispose();
    }
}
