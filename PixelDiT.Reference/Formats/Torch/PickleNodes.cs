using System.Text;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>A node that holds others. Beside these a pickle gives null, bool, long, BigInteger, double, string and the nodes of this file that stand alone, and for tensors those of <see cref="TorchRules"/>.</summary>
internal abstract class PickleContainer
{
    /// <summary>Whether the walk over all nodes has met it.</summary>
    public bool IsMet { get; set; }

    /// <summary>Whether a tensor can be reached from it.</summary>
    public bool HoldsTensor { get; set; }

    /// <summary>Whether the walk along names is inside it, so that to meet it again is to go round in a circle.</summary>
    public bool IsOnPath { get; set; }
}

/// <summary>A Python tuple.</summary>
internal sealed class PickleTuple(object?[] items) : PickleContainer
{
    /// <summary>The items in order.</summary>
    public object?[] Items { get; } = items;
}

/// <summary>A Python list, a set, or a long tuple. Numbers behind the first few are counted and not kept.</summary>
internal sealed class PickleList : PickleContainer
{
    private const int PlainKept = 64;

    /// <summary>The items that are kept, with their places.</summary>
    public List<(int Index, object? Value)> Items { get; } = [];

    /// <summary>How many items it has, kept or not.</summary>
    public int Count { get; private set; }

    /// <summary>Takes the next item.</summary>
    /// <returns>Whether it is kept.</returns>
    public bool Add(PickleValue item)
    {
        bool kept = Count < PlainKept || !item.IsPlain;
        if (kept) Items.Add((Count, item.ToObject()));
        Count++;
        return kept;
    }
}

/// <summary>A Python dict, or what a class that is known to be no more than one gives. Numbers behind the first thousand entries are not kept, but for those that say how long a model was trained.</summary>
internal sealed class PickleDict : PickleContainer
{
    private const int PlainKept = 1000;

    private static readonly string[] s_steps = ["step", "global_step"];

    /// <summary>Keys and values in the order of the file; a key may occur again.</summary>
    public List<(object? Key, object? Value)> Items { get; } = [];

    /// <summary>Takes an entry.</summary>
    /// <returns>Whether it is kept.</returns>
    public bool Add(PickleValue key, PickleValue value)
    {
        bool kept = Items.Count < PlainKept || !value.IsPlain || IsStep(key.ToObject());
        if (kept) Items.Add((key.ToObject(), value.ToObject()));
        return kept;
    }

    /// <summary>Whether a number under this key is the steps of a training run.</summary>
    public static bool IsStep(object? key) => key is string name && s_steps.Contains(name);
}

/// <summary>The name of a class or function. It is only ever compared with names.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    /// <summary>Module and name with a dot.</summary>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>What a call or a class outside the closed list stands for: the name of what was to be called, and what it was given. Nothing is called.</summary>
internal sealed class PickleObject(PickleGlobal? made, PickleTuple arguments) : PickleContainer
{
    /// <summary>What was to be called; null where that is no name.</summary>
    public PickleGlobal? Made { get; } = made;

    /// <summary>What it was to be called with.</summary>
    public PickleTuple Arguments { get; } = arguments;

    /// <summary>What its attributes were to be set from.</summary>
    public object? State { get; set; }

    /// <summary>What was put into it as into a dict; null where nothing was.</summary>
    public PickleDict? Entries { get; set; }

    /// <summary>What was put into it as into a list; null where nothing was.</summary>
    public PickleList? Elements { get; set; }

    /// <summary>Its class in words.</summary>
    public string Class => Made is null ? "a class without a name" : $"class {Quote.Text(Made.ToString())}";
}

/// <summary>Bytes that stand in the pickle itself.</summary>
/// <param name="Stored">As they stand there.</param>
/// <param name="IsText">Whether each byte stands there as a letter of Latin-1 in UTF-8, as protocols before 3 write bytes.</param>
internal sealed record PickleBytes(ReadOnlyMemory<byte> Stored, bool IsText = false)
{
    /// <summary>How many bytes they are.</summary>
    public int Length { get; } = IsText ? Stored.Length - Stored.Span.Count((byte)0xC2) - Stored.Span.Count((byte)0xC3) : Stored.Length;

    /// <summary>Whether a text is of Latin-1 alone, so that it can stand for bytes.</summary>
    public static bool IsLatin1(ReadOnlySpan<byte> utf8)
    {
        for (int i = 0; i < utf8.Length; i++)
        {
            if (utf8[i] < 0x80) continue;
            if (utf8[i] is not (0xC2 or 0xC3) || ++i == utf8.Length || (utf8[i] & 0xC0) != 0x80) return false;
        }
        return true;
    }

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Decode()
    {
        if (!IsText) return Stored;
        byte[] bytes = GC.AllocateUninitializedArray<byte>(Length);
        var stored = Stored.Span;
        for (int from = 0, to = 0; to < bytes.Length; to++)
        {
            byte lead = stored[from++];
            bytes[to] = lead < 0x80 ? lead : (byte)((lead << 6) | (stored[from++] & 0x3F));
        }
        return bytes;
    }

    /// <summary>The bytes as a name, where they are short; null where they are too long for one.</summary>
    public string? AsName(int longest) => Stored.Length <= longest ? Encoding.UTF8.GetString(Stored.Span) : null;
}

/// <summary>A text too long for a name, left where it stands in the pickle.</summary>
/// <param name="Utf8">The text.</param>
internal sealed record PickleLongText(ReadOnlyMemory<byte> Utf8);
