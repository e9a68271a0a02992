namespace PixelDiT.Reference.Formats.Torch;

/// <summary>The type of a tensor's or storage's elements.</summary>
/// <param name="Type">The type; <see cref="DataType.Other"/> where this program does not know it.</param>
/// <param name="Name">What the file calls it, where <paramref name="Type"/> does not tell.</param>
internal readonly record struct TorchType(DataType Type, string? Name = null)
{
    private static readonly Dictionary<string, DataType> s_storages = new(StringComparer.Ordinal)
    {
        ["DoubleStorage"] = DataType.F64,
        ["FloatStorage"] = DataType.F32,
        ["HalfStorage"] = DataType.F16,
        ["BFloat16Storage"] = DataType.BF16,
        ["LongStorage"] = DataType.I64,
        ["IntStorage"] = DataType.I32,
        ["ShortStorage"] = DataType.I16,
        ["CharStorage"] = DataType.I8,
        ["ByteStorage"] = DataType.U8,
        ["BoolStorage"] = DataType.Bool,
        ["ComplexDoubleStorage"] = DataType.C128,
        ["ComplexFloatStorage"] = DataType.C64,
        ["ComplexHalfStorage"] = DataType.C32,
        ["QInt8Storage"] = DataType.QInt8,
        ["QUInt8Storage"] = DataType.QUInt8,
        ["QInt32Storage"] = DataType.QInt32,
        ["Float8_e4m3fnStorage"] = DataType.F8_E4M3,
        ["Float8_e5m2Storage"] = DataType.F8_E5M2,
        ["Float8_e4m3fnuzStorage"] = DataType.F8_E4M3FNUZ,
        ["Float8_e5m2fnuzStorage"] = DataType.F8_E5M2FNUZ,
        ["UInt16Storage"] = DataType.U16,
        ["UInt32Storage"] = DataType.U32,
        ["UInt64Storage"] = DataType.U64,
        ["UntypedStorage"] = DataType.U8,
        ["_UntypedStorage"] = DataType.U8
    };

    private static readonly Dictionary<string, DataType> s_dtypes = new(StringComparer.Ordinal)
    {
        ["float64"] = DataType.F64,
        ["double"] = DataType.F64,
        ["float32"] = DataType.F32,
        ["float"] = DataType.F32,
        ["float16"] = DataType.F16,
        ["half"] = DataType.F16,
        ["bfloat16"] = DataType.BF16,
        ["int64"] = DataType.I64,
        ["long"] = DataType.I64,
        ["int32"] = DataType.I32,
        ["int"] = DataType.I32,
        ["int16"] = DataType.I16,
        ["short"] = DataType.I16,
        ["int8"] = DataType.I8,
        ["uint8"] = DataType.U8,
        ["uint16"] = DataType.U16,
        ["uint32"] = DataType.U32,
        ["uint64"] = DataType.U64,
        ["bool"] = DataType.Bool,
        ["complex128"] = DataType.C128,
        ["cdouble"] = DataType.C128,
        ["complex64"] = DataType.C64,
        ["cfloat"] = DataType.C64,
        ["complex32"] = DataType.C32,
        ["chalf"] = DataType.C32,
        ["float8_e4m3fn"] = DataType.F8_E4M3,
        ["float8_e5m2"] = DataType.F8_E5M2,
        ["float8_e4m3fnuz"] = DataType.F8_E4M3FNUZ,
        ["float8_e5m2fnuz"] = DataType.F8_E5M2FNUZ,
        ["float8_e8m0fnu"] = DataType.F8_E8M0,
        ["qint8"] = DataType.QInt8,
        ["quint8"] = DataType.QUInt8,
        ["qint32"] = DataType.QInt32
    };

    /// <summary>A type of which nothing is known.</summary>
    public static TorchType Unknown => new(DataType.Other);

    /// <summary>The type that a storage's class tells, such as <c>torch.FloatStorage</c>.</summary>
    public static TorchType OfStorage(PickleGlobal storage)
        => storage.Module is "torch" or "torch.storage" or "torch.cuda" && s_storages.TryGetValue(storage.Name, out var type) ? new(type) : new(DataType.Other, storage.ToString());

    /// <summary>The type that a dtype tells, such as <c>torch.float32</c>; null where the value is none.</summary>
    public static TorchType? OfDtype(object? dtype) => dtype is not PickleGlobal { Module: "torch" } global ? null
        : s_dtypes.TryGetValue(global.Name, out var type) ? new(type) : new(DataType.Other, global.ToString());

    /// <summary>Whether a storage's class says nothing of its elements but their bytes.</summary>
    public static bool IsUntyped(PickleGlobal storage) => storage.Name is "UntypedStorage" or "_UntypedStorage";
}
