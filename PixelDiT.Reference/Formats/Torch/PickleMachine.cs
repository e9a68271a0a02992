using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>
/// Reads Python pickles of protocols 2 to 5 into inert nodes. Nothing is executed, imported or looked up: a call outside the closed list of
/// <see cref="TorchRules"/> becomes a <see cref="PickleObject"/> that remembers a name. Work and memory are bounded, whatever the bytes say.
/// </summary>
internal sealed partial class PickleMachine
{
    private const int MaximumOpcodes = 10_000_000, MaximumMarks = 1000, MaximumName = 4096, MaximumInteger = 1024, LongTuple = 1000;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);

    private readonly byte[] _bytes;
    private readonly string _source;
    private readonly TorchRules _rules;
    private int _opcodes, _position;

    /// <summary>Takes a file of one pickle or several, one behind the other.</summary>
    /// <param name="bytes">The file's bytes, or those of its beginning.</param>
    /// <param name="source">How messages call the file.</param>
    public PickleMachine(byte[] bytes, string source) => (_bytes, _source, _rules) = (bytes, source, new TorchRules(source, Charge));

    /// <summary>The first byte after the pickle that was read last.</summary>
    public int Position => _position;

    /// <summary>The storages that the pickles so far have named, by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _rules.Storages;

    /// <summary>Reads one pickle, from <see cref="Position"/> to its STOP.</summary>
    /// <exception cref="FileFormatException">The pickle is damaged, too large, or of a protocol not read here.</exception>
    public object? Run()
    {
        _stack.Clear();
        _marks.Clear();
        _memo.Clear();
        while (true)
        {
            if (++_opcodes > MaximumOpcodes) throw Error($"has more than {MaximumOpcodes} opcodes");
            byte opcode = Take(1)[0];
            if (opcode == (byte)'.') return Pop().ToObject();
            Step(opcode);
        }
    }

    private void Step(byte opcode)
    {
        switch (opcode)
        {
            case 0x80: byte protocol = Take(1)[0]; if (protocol is < 2 or > 5) throw Error($"is of protocol {protocol}; 2 to 5 were expected"); break;
            case 0x95: Take(8); break;                                                                    // FRAME: a hint for readers of streams
            case (byte)'(': if (_marks.Count == MaximumMarks) throw Error($"nests more than {MaximumMarks} deep"); _marks.Add(_stack.Count); break;
            case (byte)'0': Drop(); break;
            case (byte)'1': Cut(PopMark()); break;
            case (byte)'2': var top = Pop(); Push(top); Push(top); break;

            case (byte)'N': Push(PickleValue.Of((object?)null)); break;
            case 0x88: Push(PickleValue.Of(true)); break;
            case 0x89: Push(PickleValue.Of(false)); break;
            case (byte)'K': Push(PickleValue.Of((long)Take(1)[0])); break;
            case (byte)'M': Push(PickleValue.Of((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)))); break;
            case (byte)'J': Push(PickleValue.Of((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)))); break;
            case 0x8A: PushInteger(Take(Take(1)[0])); break;
            case 0x8B: PushInteger(Take(Length32(MaximumInteger))); break;
            case (byte)'G': Push(PickleValue.Of(BinaryPrimitives.ReadDoubleBigEndian(Take(8)))); break;

            case (byte)'X': PushText(Length32(_bytes.Length)); break;
            case 0x8C: PushText(Take(1)[0]); break;
            case 0x8D: PushText(Length64(_bytes.Length)); break;
            case (byte)'U': PushOldText(Take(1)[0]); break;                                               // Python 2's str: names in old files, and bytes
            case (byte)'T': PushOldText(Length32(_bytes.Length)); break;
            case (byte)'C': PushBytes(Take(1)[0]); break;
            case (byte)'B': PushBytes(Length32(_bytes.Length)); break;
            case 0x8E or 0x96: PushBytes(Length64(_bytes.Length)); break;

            case (byte)')': PushNode(new PickleTuple([])); break;
            case 0x85 or 0x86 or 0x87: PushTuple(_stack.Count - (opcode - 0x84)); break;
            case (byte)'t': PushTuple(PopMark()); break;
            case (byte)']' or 0x8F: PushNode(new PickleList()); break;                                    // EMPTY_LIST, EMPTY_SET
            case (byte)'l' or 0x91: PushList(PopMark()); break;                                           // LIST, FROZENSET
            case (byte)'a': AppendTo(_stack.Count - 1); break;
            case (byte)'e' or 0x90: AppendTo(PopMark()); break;                                           // APPENDS, ADDITEMS
            case (byte)'}': PushNode(new PickleDict()); break;
            case (byte)'d': int pairs = PopMark(); _stack.Insert(pairs, PickleValue.Of(new PickleDict())); Charge(NodeCost + SlotCost); SetItems(pairs + 1); break;
            case (byte)'s': SetItems(_stack.Count - 2); break;
            case (byte)'u': SetItems(PopMark()); break;

            case (byte)'q': Remember(Take(1)[0]); break;
            case (byte)'r': Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
            case 0x94: Remember((uint)_memo.Count); break;
            case (byte)'h': Recall(Take(1)[0]); break;
            case (byte)'j': Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;

            case (byte)'c': PushGlobal(Line(), Line()); break;
            case 0x93: object? name = PopObject(), module = PopObject(); PushGlobal(module as string, name as string); break;
            case (byte)'R': object? arguments = PopObject(); PushNode(_rules.Call(PopObject(), arguments)); break;
            case 0x81: object? given = PopObject(); PushNode(_rules.Make(PopObject(), given)); break;     // NEWOBJ
            case 0x92: Pop(); object? positional = PopObject(); PushNode(_rules.Make(PopObject(), positional)); break;      // NEWOBJ_EX
            case (byte)'b': object? state = PopObject(); Push(PickleValue.Of(_rules.Build(PopObject(), state))); break; // BUILD
            case (byte)'Q': PushNode(_rules.Persistent(PopObject())); break;
            default: throw Error($"has opcode 0x{opcode:x2} at byte {_position - 1}, which torch.save does not write");
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _position) throw Error("is cut short");
        var taken = _bytes.AsSpan(_position, count);
        _position += count;
        return taken;
    }

    private ReadOnlyMemory<byte> TakeSlice(int count)
    {
        Take(count);
        return _bytes.AsMemory(_position - count, count);
    }

    private int Length32(int most) => Checked(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)), most);

    private int Length64(int most) => Checked(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)), most);

    private int Checked(ulong length, int most) => length <= (ulong)most ? (int)length : throw Error($"has a value of {length} bytes at byte {_position}; at most {most} were expected");

    private string Line()
    {
        int length = _bytes.AsSpan(_position, Math.Min(_bytes.Length - _position, 1024)).IndexOf((byte)'\n');
        if (length < 0) throw Error("has a name of more than 1024 bytes, or is cut short");
        string line = s_utf8.GetString(Take(length));
        Take(1);
        return line;
    }

    private void PushNode(object? node)
    {
        Charge(NodeCost);
        Push(PickleValue.Of(node));
    }

    private void PushInteger(ReadOnlySpan<byte> little)
    {
        if (little.Length > sizeof(long))
        {
            Charge(little.Length);
            PushNode(new BigInteger(little));
            return;
        }
        long value = 0;
        for (int i = little.Length - 1; i >= 0; i--) value = (value << 8) | little[i];
        int unused = 8 * (sizeof(long) - little.Length);
        Push(PickleValue.Of(little.Length == 0 ? 0 : value << unused >> unused));
    }

    private void PushText(int length)
    {
        if (length > MaximumName)
        {
            PushNode(new PickleLongText(TakeSlice(length)));
            return;
        }
        Charge(2L * length);
        PushNode(s_utf8.GetString(Take(length)));
    }

    /// <summary>A text of Python 2 may as well be bytes; it is a name where it is short and ASCII.</summary>
    private void PushOldText(int length)
    {
        if (length <= MaximumName && Ascii.IsValid(_bytes.AsSpan(_position, Math.Min(length, _bytes.Length - _position)))) PushText(length);
        else PushBytes(length);
    }

    private void PushBytes(int length) => PushNode(new PickleBytes(TakeSlice(length)));

    private void PushGlobal(string? module, string? name)
    {
        if (module is null || name is null) throw Error("names a class by something that is no text");
        Charge(2L * (module.Length + name.Length));
        PushNode(new PickleGlobal(module, name));
    }

    private void PushTuple(int first)
    {
        RequireAbove(first);
        int count = _stack.Count - first;
        if (count > LongTuple)
        {
            PushList(first);
            return;
        }
        Charge((long)ReferenceCost * count);
        object?[] items = new object?[count];
        for (int i = 0; i < count; i++) items[i] = _stack[first + i].ToObject();
        Cut(first);
        PushNode(new PickleTuple(items));
    }

    private void PushList(int first)
    {
        var list = new PickleList();
        Append(list, first);
        Cut(first);
        PushNode(list);
    }

    private void AppendTo(int first)
    {
        RequireAbove(first);
        if (Below(first) is PickleList list) Append(list, first);
        else if (Below(first) is PickleObject made) Append(made.Elements ??= new PickleList(), first);
        Cut(first);
    }

    private void Append(PickleList list, int first)
    {
        for (int i = first; i < _stack.Count; i++)
        {
            if (list.Add(_stack[i])) Charge(EntryCost);
        }
    }

    private void SetItems(int first)
    {
        RequireAbove(first);
        if ((_stack.Count - first) % 2 != 0) throw Error("has a key without a value");
        var dict = Below(first) switch { PickleDict node => node, PickleObject made => made.Entries ??= new PickleDict(), _ => null };
        for (int i = first; dict is not null && i < _stack.Count; i += 2)
        {
            if (dict.Add(_stack[i], _stack[i + 1])) Charge(EntryCost);
        }
        Cut(first);
    }

    private FileFormatException Error(string problem) => new($"{_source}: its pickle {problem}");
}
