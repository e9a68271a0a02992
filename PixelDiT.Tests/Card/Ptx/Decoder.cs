using System.Globalization;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>Turns the body of an entry into instructions over rows of registers. What it does not know it refuses by name.</summary>
internal sealed class Decoder(PtxText text)
{
    private readonly Stack<Dictionary<string, Register>> _scopes = new([[]]);
    private readonly Dictionary<(ulong Bits, int Bytes), Register> _constants = [];
    private readonly Dictionary<string, Register> _specials = [];
    private readonly Stack<Dictionary<string, int>> _labels = new([[]]);
    private readonly List<(Branch Branch, Dictionary<string, int>[] Labels)> _branches = [];
    private readonly List<Instruction> _code = [];

    /// <summary>Rows that registers take.</summary>
    public int Slots { get; private set; }

    /// <summary>Registers that hold a constant.</summary>
    public IReadOnlyList<Constant> Constants => [.. _constants.Select(pair => new Constant(pair.Value, pair.Key.Bits))];

    /// <summary>Registers that hold what the card says of a thread.</summary>
    public IReadOnlyDictionary<string, Register> Specials => _specials;

    /// <summary>Which instructions threads may reach from several places, or wait at.</summary>
    public bool[] Leaders { get; private set; } = [];

    /// <summary>All instructions.</summary>
    public Instruction[] Decode()
    {
        foreach (var item in text.Items)
        {
            switch (item)
            {
                case PtxItem.Label label:
                    _labels.Peek().Add(label.Name, _code.Count);
                    break;
                case PtxItem.Scope { Opens: true }:
                    _scopes.Push([]);
                    _labels.Push([]);
                    break;
                case PtxItem.Scope:
                    _scopes.Pop();
                    _labels.Pop();
                    break;
                case PtxItem.Declaration declaration:
                    Declare(declaration);
                    break;
                case PtxItem.Operation operation:
                    _code.Add(Decode(operation.Line));
                    if (_code[^1] is Branch leaving) _branches.Add((leaving, [.. _labels]));
                    break;
            }
        }
        if (_code.Count == 0 || _code[^1].Control is not (Control.Return or Control.Branch)) throw new PtxFault("the entry does not end in ret");
        Leaders = new bool[_code.Count + 1];
        for (int i = 0; i < _code.Count; i++)
        {
            if (_code[i].Control is Control.Together or Control.Phase) Leaders[i] = true;
            if (_code[i] is Branch) Leaders[i + 1] = true;
        }
        foreach (var (branch, labels) in _branches)
        {
            // The innermost scope that has the label.
            if (labels.FirstOrDefault(scope => scope.ContainsKey(branch.Label)) is not { } known) throw new PtxFault($"line {branch.Line.Number} branches to {branch.Label}, which is nowhere");
            branch.Target = known[branch.Label];
            Leaders[branch.Target] = true;
        }
        return [.. _code];
    }

    private void Declare(PtxItem.Declaration declaration)
    {
        int bytes = PtxType.Bytes(declaration.Type);
        if (declaration.Count == 0)
        {
            foreach (string name in declaration.Names) _scopes.Peek()[name] = New(bytes, name);
        }
        else
        {
            for (int i = 0; i < declaration.Count; i++)
            {
                string name = declaration.Names[0] + i.ToString(CultureInfo.InvariantCulture);
                _scopes.Peek()[name] = New(bytes, name);
            }
        }
    }

    private Register New(int bytes, string name)
    {
        var register = new Register(Slots, bytes, name);
        Slots += register.Slots;
        return register;
    }

    private Instruction Decode(PtxLine line)
    {
        try
        {
            var operands = new Operands(this, line);
            var instruction = Opcodes.Decode(operands) ?? throw new PtxFault($"opcode {line.Opcode} is unknown");
            operands.RequireAllUsed();
            instruction.Line = line;
            if (line.Guard is { } guard) instruction.Guard = Find(guard) ?? throw new PtxFault($"predicate {guard} is not declared");
            return instruction;
        }
        catch (PtxFault fault)
        {
            throw new PtxFault($"{text.Name}: {fault.Message}; line {line.Number}: {line.Text}");
        }
    }

    /// <summary>A declared register, or null.</summary>
    public Register? Find(string name)
    {
        foreach (var scope in _scopes)
        {
            if (scope.TryGetValue(name, out var register)) return register;
        }
        return null;
    }

    /// <summary>An operand that is read: a register, a number, an address in shared memory, or what the card says of a thread.</summary>
    /// <param name="name">As it is written.</param>
    /// <param name="bytes">Of the value that the instruction wants.</param>
    /// <param name="isPredicate">Whether it wants a truth.</param>
    public Register Value(string name, int bytes, bool isPredicate)
    {
        if (Find(name) is { } register) return register;
        if (name is "%tid.x" or "%ctaid.x" or "%ntid.x" or "%laneid") return _specials.TryGetValue(name, out var special) ? special : _specials[name] = New(4, name);
        if (name.StartsWith('%')) throw new PtxFault($"{name} is neither declared nor known");
        ulong bits = Number(name);
        if (isPredicate) bits = bits != 0 ? uint.MaxValue : 0;
        else if (bytes < 8) bits &= (1UL << (8 * bytes)) - 1;
        return _constants.TryGetValue((bits, bytes), out var constant) ? constant : _constants[(bits, bytes)] = New(bytes, name);
    }

    private ulong Number(string name)
    {
        if (text.Symbols.TryGetValue(name, out long address)) return (ulong)address;
        if (text.Parameters.TryGetValue(name, out var parameter)) return (ulong)(PtxText.ParameterStart + parameter.Offset);
        if (name.StartsWith("0f", StringComparison.OrdinalIgnoreCase) || name.StartsWith("0d", StringComparison.OrdinalIgnoreCase)) return ulong.Parse(name.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        if (name.StartsWith("0x", StringComparison.OrdinalIgnoreCase)) return ulong.Parse(name.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        if (ulong.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)) return number;
        return long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long signed) ? (ulong)signed : throw new PtxFault($"operand {name} is unknown");
    }

    /// <summary>A place among the parameters: its name, or its name and a number of bytes.</summary>
    public int Parameter(string operand, int bytes)
    {
        var (name, offset) = Split(operand);
        if (!text.Parameters.TryGetValue(name, out var parameter)) throw new PtxFault($"parameter {name} is unknown");
        if (offset < 0 || offset + bytes > parameter.Bytes) throw new PtxFault($"{bytes} bytes at {offset} of the parameter {name} are read, which has {parameter.Bytes}");
        return parameter.Offset + (int)offset;
    }

    /// <summary>The parts of [name+bytes].</summary>
    public static (string Name, long Offset) Split(string operand)
    {
        if (!operand.StartsWith('[')) throw new PtxFault($"{operand} is no address");
        string[] parts = operand[1..^1].Split('+', StringSplitOptions.TrimEntries);
        return (parts[0], parts.Length > 1 ? long.Parse(parts[1], CultureInfo.InvariantCulture) : 0);
    }
}
