using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Formats.Torch;

/// <summary>
/// Reads Python pickles of protocols 2 to 5 into inert nodes. Nothing is executed, imported or looked up: a call outside the closed list of
/// <see cref="TorchRules"/> becomes a <see cref="PickleObject"/> that remembers a name. Work and memory are bounded, whatever the bytes say.
/// </summary>
internal sealed class PickleMachine(byte[] bytes, string source)
{
    private const int MaximumOpcodes = 4_000_000, MaximumMarks = 1000, MaximumText = 1 << 20, MaximumInteger = 1024;
    private const long MaximumMemory = 32 << 20;
    // What a slot of the stack, a node and an entry of the memo or a dict take at most while their containers grow.
    private const int SlotCost = 24, NodeCost = 56, EntryCost = 64;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false);

    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private readonly TorchRules _rules = new(source);
    private long _memory;
    private int _opcodes, _position;

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
            if (opcode == (byte)'.') return Pop();
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
            case (byte)'1': PopToMark(); break;
            case (byte)'2': object? top = Pop(); Push(top); Push(top); break;

            case (byte)'N': Push(null); break;
            case 0x88: PushNode(true); break;
            case 0x89: PushNode(false); break;
            case (byte)'K': PushNode((long)Take(1)[0]); break;
            case (byte)'M': PushNode((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case (byte)'J': PushNode((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case 0x8A: PushNode(Integer(Take(Take(1)[0]))); break;
            case 0x8B: PushNode(Integer(Take(Length32(MaximumInteger)))); break;
            case (byte)'G': PushNode(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;

            case (byte)'X': PushText(Length32(MaximumText)); break;
            case 0x8C: PushText(Take(1)[0]); break;
            case 0x8D: PushText(Length64(MaximumText)); break;
            case (byte)'U': PushText(Take(1)[0]); break;                                                  // Python 2's str: names in old files
            case (byte)'T': PushText(Length32(MaximumText)); break;
            case (byte)'C': PushBytes(Take(1)[0]); break;
            case (byte)'B': PushBytes(Length32(bytes.Length)); break;
            case 0x8E or 0x96: PushBytes(Length64(bytes.Length)); break;

            case (byte)')': PushNode(new PickleTuple([])); break;
            case 0x85 or 0x86 or 0x87: PushTuple(_stack.Count - (opcode - 0x84)); break;
            case (byte)'t': PushTuple(PopMark()); break;
            case (byte)']' or 0x8F: PushNode(new PickleList()); break;                                    // EMPTY_LIST, EMPTY_SET
            case (byte)'l' or 0x91: PushList(PopToMark()); break;                                         // LIST, FROZENSET
            case (byte)'a': object? item = Pop(); Append([item]); break;
            case (byte)'e' or 0x90: Append(PopToMark()); break;                                           // APPENDS, ADDITEMS
            case (byte)'}': PushNode(new PickleDict()); break;
            case (byte)'d': object?[] pairs = PopToMark(); PushNode(new PickleDict()); SetItems(pairs); break;
            case (byte)'s': object? value = Pop(), key = Pop(); SetItems([key, value]); break;
            case (byte)'u': SetItems(PopToMark()); break;

            case (byte)'q': Remember(Take(1)[0]); break;
            case (byte)'r': Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
            case 0x94: Remember((uint)_memo.Count); break;
            case (byte)'h': Recall(Take(1)[0]); break;
            case (byte)'j': Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;

            case (byte)'c': PushGlobal(Line(), Line()); break;
            case 0x93: object? name = Pop(), module = Pop(); PushGlobal(module as string, name as string); break;
            case (byte)'R': object? arguments = Pop(); PushNode(_rules.Call(Pop(), arguments)); break;
            case 0x81: Pop(); PushNode(new PickleObject(Pop() as PickleGlobal)); break;                   // NEWOBJ
            case 0x92: Pop(); Pop(); PushNode(new PickleObject(Pop() as PickleGlobal)); break;            // NEWOBJ_EX
            case (byte)'b': Pop(); Push(Pop()); break;                                                    // BUILD: an inert node has no state
            case (byte)'Q': PushNode(_rules.Persistent(Pop())); break;
            default: throw Error($"has opcode 0x{opcode:x2} at byte {_position - 1}, which torch.save does not write");
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - _position) throw Error("is cut short");
        var taken = bytes.AsSpan(_position, count);
        _position += count;
        return taken;
    }

    private int Length32(int most) => Checked(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)), most);

    private int Length64(int most) => Checked(BinaryPrimitives.ReadUInt64LittleEndian(Take(8)), most);

    private int Checked(ulong length, int most) => length <= (ulong)most ? (int)length : throw Error($"has a value of {length} bytes at byte {_position}; at most {most} were expected");

    private static object Integer(ReadOnlySpan<byte> little)
    {
        var value = new BigInteger(little);
        return value >= long.MinValue && value <= long.MaxValue ? (object)(long)value : value;
    }

    private string Line()
    {
        int length = bytes.AsSpan(_position, Math.Min(bytes.Length - _position, 1024)).IndexOf((byte)'\n');
        if (length < 0) throw Error("has a name of more than 1024 bytes, or is cut short");
        string line = s_utf8.GetString(Take(length));
        Take(1);
        return line;
    }

    private void Charge(long cost)
    {
        _memory += cost;
        if (_memory > MaximumMemory) throw Error($"describes more objects than {MaximumMemory >> 20} MiB hold");
    }

    private void Push(object? value)
    {
        Charge(SlotCost);
        _stack.Add(value);
    }

    private void PushNode(object? value)
    {
        Charge(NodeCost);
        Push(value);
    }

    private void PushText(int length)
    {
        Charge(2L * length);
        PushNode(s_utf8.GetString(Take(length)));
    }

    private void PushBytes(int length)
    {
        Charge(length);
        PushNode(Take(length).ToArray());
    }

    private void PushGlobal(string? module, string? name)
    {
        if (module is null || name is null) throw Error("names a class by something that is no text");
        Charge(2L * (module.Length + name.Length));
        PushNode(new PickleGlobal(module, name));
    }

    private void PushTuple(int first)
    {
        if (first < Floor) throw Error("takes more from its stack than lies there");
        Charge((long)SlotCost * (_stack.Count - first));
        PushNode(new PickleTuple(PopFrom(first)));
    }

    private void PushList(object?[] items)
    {
        PushNode(new PickleList());
        Append(items);
    }

    private void Append(object?[] items)
    {
        if (Peek() is not PickleList list) return;
        Charge((long)SlotCost * items.Length);
        list.Items.AddRange(items);
    }

    private void SetItems(object?[] pairs)
    {
        if (pairs.Length % 2 != 0) throw Error("has a key without a value");
        if (Peek() is not PickleDict dict) return;
        Charge((long)EntryCost * pairs.Length / 2);
        for (int i = 0; i < pairs.Length; i += 2) dict.Items.Add((pairs[i], pairs[i + 1]));
    }

    private void Remember(uint index)
    {
        Charge(EntryCost);
        _memo[index] = Peek();
    }

    private void Recall(uint index) => Push(_memo.TryGetValue(index, out object? value) ? value : throw Error($"recalls value {index}, which it has not kept"));

    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Error("takes more from its stack than lies there");

    private object? Pop()
    {
        object? value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    /// <summary>POP, which takes a mark when one is on top.</summary>
    private void Drop()
    {
        if (_marks.Count > 0 && _marks[^1] == _stack.Count) PopMark();
        else Pop();
    }

    private int PopMark()
    {
        if (_marks.Count == 0) throw Error("looks for a mark that it has not set");
        int mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return mark;
    }

    private object?[] PopToMark()
    {
        int mark = PopMark();
        Charge((long)SlotCost * (_stack.Count - mark));
        return PopFrom(mark);
    }

    private object?[] PopFrom(int first)
    {
        object?[] items = [.. _stack[first..]];
        _stack.RemoveRange(first, items.Length);
        return items;
    }

    private FileFormatException Error(string problem) => new($"{source}: its pickle {problem}");
}
