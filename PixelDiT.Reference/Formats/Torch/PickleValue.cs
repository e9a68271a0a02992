namespace PixelDiT.Reference.Formats.Torch;

/// <summary>A value on the stack of a <see cref="PickleMachine"/>. Numbers lie in it without an object of their own, so that a list of millions of them takes no memory while it is counted.</summary>
internal readonly struct PickleValue
{
    private static readonly object s_whole = new(), s_real = new(), s_true = true, s_false = false;

    private readonly object? _kind;
    private readonly long _bits;

    private PickleValue(object? kind, long bits) => (_kind, _bits) = (kind, bits);

    /// <summary>A whole number.</summary>
    public static PickleValue Of(long number) => new(s_whole, number);

    /// <summary>A floating-point number.</summary>
    public static PickleValue Of(double number) => new(s_real, BitConverter.DoubleToInt64Bits(number));

    /// <summary>A truth value.</summary>
    public static PickleValue Of(bool flag) => new(flag ? s_true : s_false, 0);

    /// <summary>Anything else.</summary>
    public static PickleValue Of(object? node) => node switch { long number => Of(number), double number => Of(number), _ => new(node, 0) };

    /// <summary>Whether it is a number that lies in the value itself.</summary>
    public bool IsNumber => ReferenceEquals(_kind, s_whole) || ReferenceEquals(_kind, s_real);

    /// <summary>Whether it is a number, a truth value or none: nothing that a name or a tensor could be made of.</summary>
    public bool IsPlain => IsNumber || _kind is null or bool;

    /// <summary>The value as an object: null, bool, long, double or a node.</summary>
    public object? ToObject() => ReferenceEquals(_kind, s_whole) ? _bits : ReferenceEquals(_kind, s_real) ? BitConverter.Int64BitsToDouble(_bits) : _kind;
}
