using System.Runtime.CompilerServices;

namespace PixelDiT.Kernels.Tensors;

/// <summary>The dimensions of a tensor, row-major, outermost first: <c>Shape s = [B, L, D];</c></summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IEnumerable<int>
{
    private readonly int[] _dimensions;

    private Shape(int[] dimensions)
    {
        _dimensions = dimensions;
        long count = 1;
        foreach (int size in dimensions)
        {
            if (size < 1) throw new ShapeException($"shape [{string.Join(", ", dimensions)}] has a dimension of {size}; every dimension must be at least 1");
            count = checked(count * size);
        }
        Count = count;
    }

    /// <summary>Makes a shape; the empty shape is a scalar.</summary>
    /// <exception cref="ShapeException">A dimension is below 1.</exception>
    public static Shape Create(ReadOnlySpan<int> dimensions) => new(dimensions.ToArray());

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    /// <summary>The number of dimensions.</summary>
    public int Rank => _dimensions?.Length ?? 0;

    /// <summary>A dimension; <c>shape[^1]</c> is the innermost.</summary>
    public int this[Index index] => _dimensions[index];

    /// <summary>The product of all dimensions but the last: the rows that a row kernel sees.</summary>
    public int Rows => checked((int)(Count / this[^1]));

    /// <inheritdoc/>
    public bool Equals(Shape other) => _dimensions.AsSpan().SequenceEqual(other._dimensions);

    /// <inheritdoc/>
    public override bool Equals(object? other) => other is Shape shape && Equals(shape);

    /// <inheritdoc/>
    public override int GetHashCode() => _dimensions.Aggregate(17, HashCode.Combine);

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)_dimensions).GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The shape as readers write it: <c>[2, 64, 192]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", _dimensions ?? [])}]";

    /// <summary>Equality of all dimensions.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Inequality of any dimension.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);
}
