namespace PixelDiT.Reference.Formats.Torch;

/// <content>The stack, its marks and the memo, and what they and the nodes may take.</content>
internal sealed partial class PickleMachine
{
    // Objects may take what small files need, and beyond it in proportion to the bytes that describe them.
    private const long FreeMemory = 32 << 20, MemoryPerByte = 40, MaximumMemory = 256 << 20;
    // What a place on the stack, a node, a reference in it and an entry of the memo, a dict or a list take at most while their containers grow.
    private const int SlotCost = 64, NodeCost = 80, ReferenceCost = 32, EntryCost = 96;

    private readonly List<PickleValue> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, PickleValue> _memo = [];
    private long _memory;
    private int _deepest;

    private void Charge(long cost)
    {
        _memory += cost;
        long most = Math.Min(FreeMemory + (MemoryPerByte * _position), MaximumMemory);
        if (_memory > most) throw Error($"describes more objects in its first {_position} bytes than {most >> 20} MiB hold");
    }

    private void Push(PickleValue value)
    {
        // A place that was used before takes no new memory, so a list of any length is counted in batches of the same places.
        if (_stack.Count == _deepest)
        {
            Charge(SlotCost);
            _deepest++;
        }
        _stack.Add(value);
    }

    private void Remember(uint index)
    {
        if (!_memo.ContainsKey(index)) Charge(EntryCost);
        _memo[index] = Peek();
    }

    private void Recall(uint index) => Push(_memo.TryGetValue(index, out var value) ? value : throw Error($"recalls value {index}, which it has not kept"));

    private int Floor => _marks.Count > 0 ? _marks[^1] : 0;

    private void RequireAbove(int first)
    {
        if (first < Floor) throw Error("takes more from its stack than lies there");
    }

    /// <summary>The value that items from a place on are put into.</summary>
    private object? Below(int first) => first > Floor ? _stack[first - 1].ToObject() : throw Error("takes more from its stack than lies there");

    private PickleValue Peek() => _stack.Count > Floor ? _stack[^1] : throw Error("takes more from its stack than lies there");

    private PickleValue Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object? PopObject() => Pop().ToObject();

    private void Cut(int first) => _stack.RemoveRange(first, _stack.Count - first);

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
}
