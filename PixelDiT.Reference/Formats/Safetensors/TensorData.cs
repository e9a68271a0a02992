using System.Runtime.InteropServices;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Safetensors;

/// <summary>A small tensor in memory, to be stored in the type of its array: float as F32, double as F64, long as I64, int as I32, byte as U8.</summary>
public sealed class TensorData
{
    private TensorData(TensorSpec spec, int length, Action<Stream> write)
    {
        if (!TensorInfo.TryMeasure(spec.Shape, spec.Type, out long bytes) || bytes / spec.Type.ElementBytes != length)
            throw new ShapeException($"tensor {Quote.Text(spec.Name)} has {length} elements; its shape is [{string.Join(", ", spec.Shape)}]");
        Spec = spec;
        WriteTo = write;
    }

    /// <summary>Takes a tensor to be stored as F32. The array is not copied.</summary>
    /// <exception cref="ShapeException">The array's length is not the product of the shape.</exception>
    public TensorData(string name, IReadOnlyList<long> shape, float[] values)
        : this(new TensorSpec(name, DataType.F32, shape), values.Length, output => output.Write(MemoryMarshal.AsBytes<float>(values))) { }

    /// <summary>Takes a tensor to be stored as F64. The array is not copied.</summary>
    /// <exception cref="ShapeException">The array's length is not the product of the shape.</exception>
    public TensorData(string name, IReadOnlyList<long> shape, double[] values)
        : this(new TensorSpec(name, DataType.F64, shape), values.Length, output => output.Write(MemoryMarshal.AsBytes<double>(values))) { }

    /// <summary>Takes a tensor to be stored as I64. The array is not copied.</summary>
    /// <exception cref="ShapeException">The array's length is not the product of the shape.</exception>
    public TensorData(string name, IReadOnlyList<long> shape, long[] values)
        : this(new TensorSpec(name, DataType.I64, shape), values.Length, output => output.Write(MemoryMarshal.AsBytes<long>(values))) { }

    /// <summary>Takes a tensor to be stored as I32. The array is not copied.</summary>
    /// <exception cref="ShapeException">The array's length is not the product of the shape.</exception>
    public TensorData(string name, IReadOnlyList<long> shape, int[] values)
        : this(new TensorSpec(name, DataType.I32, shape), values.Length, output => output.Write(MemoryMarshal.AsBytes<int>(values))) { }

    /// <summary>Takes a tensor to be stored as U8. The array is not copied.</summary>
    /// <exception cref="ShapeException">The array's length is not the product of the shape.</exception>
    public TensorData(string name, IReadOnlyList<long> shape, byte[] values)
        : this(new TensorSpec(name, DataType.U8, shape), values.Length, output => output.Write(values)) { }

    /// <summary>Name, stored type and shape.</summary>
    public TensorSpec Spec { get; }

    /// <summary>Writes the elements as they are stored.</summary>
    internal Action<Stream> WriteTo { get; }
}
