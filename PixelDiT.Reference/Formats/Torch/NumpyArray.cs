using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>NumPy's type of an element: a kind and a size, such as <c>f4</c>, completed by a state that tells the order of its bytes.</summary>
internal sealed class NumpyType(string code)
{
    private const string Orders = "<>=|";

    /// <summary>Kind and size, such as "f4".</summary>
    public string Code { get; } = code.TrimStart([.. Orders]);

    /// <summary>"&lt;" little-endian, "&gt;" big-endian, "=" the machine's own, "|" no order.</summary>
    public char Order { get; private set; } = code.Length > 0 && Orders.Contains(code[0]) ? code[0] : '=';

    /// <summary>Whether an element has fields of its own.</summary>
    public bool HasFields { get; private set; }

    /// <summary>The type, where its elements are plain numbers, little-endian; else <see cref="DataType.Other"/>.</summary>
    public TorchType Type => Order == '>' || HasFields ? new(DataType.Other, $"NumPy {Order}{Code}") : Code switch
    {
        "f8" => new(DataType.F64),
        "f4" => new(DataType.F32),
        "f2" => new(DataType.F16),
        "i8" => new(DataType.I64),
        "i4" => new(DataType.I32),
        "i2" => new(DataType.I16),
        "i1" => new(DataType.I8),
        "u8" => new(DataType.U64),
        "u4" => new(DataType.U32),
        "u2" => new(DataType.U16),
        "u1" => new(DataType.U8),
        "b1" => new(DataType.Bool),
        "c8" => new(DataType.C64),
        "c16" => new(DataType.C128),
        _ => new(DataType.Other, $"NumPy {Code}")
    };

    /// <summary>Takes the state of a dtype: (version, order, subtype, names, fields, …).</summary>
    public void Build(object? state)
    {
        if (state is not PickleTuple { Items: [_, var order, var subtype, var names, ..] }) return;
        if (order is string { Length: 1 } letter) Order = letter[0];
        else if (order is PickleBytes { Stored.Length: 1 } bytes) Order = (char)bytes.Stored.Span[0];
        HasFields = subtype is not null || names is not null;
    }
}

/// <summary>A NumPy array, which becomes a tensor when its state is known.</summary>
internal sealed class NumpyArray
{
    private const int MaximumRank = 64;

    /// <summary>The tensor; one without numbers until a state gives them.</summary>
    public object Tensor { get; private set; } = new UnreadableTensor("it is a NumPy array without content", TorchType.Unknown, []);

    /// <summary>Takes the state of an array: (version, shape, dtype, whether it is in Fortran's order, data).</summary>
    public void Build(object? state)
    {
        if (state is PickleTuple { Items: [_, PickleTuple shape, NumpyType type, bool fortran, var data] }) Tensor = Make(shape, type, fortran, data);
    }

    /// <summary>An array of a shape, type and order from its bytes.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="type">The type.</param>
    /// <param name="fortran">Whether the first index runs fastest.</param>
    /// <param name="data">The bytes.</param>
    /// <returns>A <see cref="TorchTensor"/>, or an <see cref="UnreadableTensor"/>.</returns>
    public static object Make(PickleTuple shape, NumpyType type, bool fortran, object? data)
    {
        if (shape.Items.Length > MaximumRank || !shape.Items.All(item => item is long and >= 0)) return new UnreadableTensor("it is a NumPy array whose sizes are no whole numbers", type.Type, []);
        long[] sizes = [.. shape.Items.Select(item => (long)item!)];
        if (!TensorInfo.TryMeasure(sizes, DataType.C128, out _)) return new UnreadableTensor("it is a NumPy array of more than 2^63 - 1 bytes", type.Type, []);
        if (type.Type.Type == DataType.Other) return new UnreadableTensor($"it is a NumPy array of type {Quote.Text(type.Type.Name)}, which this program cannot turn into numbers", type.Type, sizes);
        if (Bytes(data) is not { } bytes) return new UnreadableTensor("it is a NumPy array whose numbers are not stored as bytes", type.Type, sizes);
        long needed = sizes.Aggregate(1L, (product, size) => product * size) * (type.Type.Type.ElementBits / 8);
        if (bytes.Length != needed) return new UnreadableTensor($"it is a NumPy array of {needed} bytes by its shape, but has {bytes.Length}", type.Type, sizes);
        long[] strides = new long[sizes.Length];
        long step = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            int axis = fortran ? i : sizes.Length - 1 - i;
            strides[axis] = step;
            step *= Math.Max(sizes[axis], 1);
        }
        var storage = new TorchStorage("NumPy", type.Type, needed / (type.Type.Type.ElementBits / 8)) { Inline = bytes };
        return new TorchTensor(storage, type.Type, 0, sizes, strides);
    }

    /// <summary>What stands for bytes in a pickle; null where nothing does.</summary>
    public static PickleBytes? Bytes(object? data) => data switch
    {
        PickleBytes bytes => bytes,
        // Bytes of Python 2 that are ASCII by chance.
        string text when text.All(char.IsAscii) => new PickleBytes(System.Text.Encoding.Latin1.GetBytes(text)),
        _ => null
    };
}
