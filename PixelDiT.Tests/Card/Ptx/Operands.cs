using System.Globalization;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>An instruction's operands, taken one after the other; what is read and what is written is kept for checks.</summary>
internal sealed class Operands(Decoder decoder, PtxLine line)
{
    private readonly List<Register> _reads = [], _writes = [];
    private int _next;

    /// <summary>The instruction.</summary>
    public PtxLine Line => line;

    /// <summary>The parts of its opcode.</summary>
    public string[] Parts => line.Parts;

    /// <summary>What has been read so far.</summary>
    public IReadOnlyList<Register> Reads => _reads;

    /// <summary>What has been written so far.</summary>
    public IReadOnlyList<Register> Writes => _writes;

    /// <summary>Whether there are more.</summary>
    public bool HasMore => _next < line.Operands.Count;

    /// <summary>The next operand's text.</summary>
    public string Next() => HasMore ? line.Operands[_next++] : throw new PtxFault("an operand is missing");

    /// <summary>Refuses what nobody took.</summary>
    public void RequireAllUsed()
    {
        if (HasMore) throw new PtxFault($"operand {line.Operands[_next]} is one too many");
    }

    /// <summary>A register that is written.</summary>
    /// <param name="bytes">Of the value.</param>
    /// <param name="wider">Whether the register may be wider than the value.</param>
    public Register Target(int bytes, bool wider = false) => Write(Next(), bytes, wider);

    /// <summary>Registers that are written, in brackets or alone.</summary>
    public Register[] Targets(int count, int bytes, bool wider = false) => [.. Vector(count).Select(name => Write(name, bytes, wider))];

    /// <summary>A value that is read.</summary>
    public Register Value(int bytes) => Read(Next(), bytes);

    /// <summary>A truth that is read.</summary>
    public Register Truth()
    {
        var register = decoder.Value(Next(), 4, isPredicate: true);
        _reads.Add(register);
        return register;
    }

    /// <summary>Values that are read, in brackets or alone.</summary>
    public Register[] Values(int count, int bytes) => [.. Vector(count).Select(name => Read(name, bytes))];

    /// <summary>Registers that an instruction reads and writes.</summary>
    public Register[] Sums()
    {
        string[] names = Elements(Next());
        Register[] registers = [.. names.Select(name => Write(name, 4, wider: false))];
        _reads.AddRange(registers);
        return registers;
    }

    /// <summary>An address in brackets.</summary>
    public Address Address()
    {
        var (name, offset) = Decoder.Split(Next());
        return new(Read(name, 8), offset);
    }

    /// <summary>A tensor map's address and a place in the tensor: [map, {element, line}].</summary>
    public (Register Map, Register[] Place) MapAndPlace()
    {
        string[] names = Next().Trim('[', ']').Split([',', '{', '}'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (names.Length != 3) throw new PtxFault($"a tensor map and two coordinates are expected, not {string.Join(" ", names)}");
        return (Read(names[0], 8), [Read(names[1], 4), Read(names[2], 4)]);
    }

    /// <summary>A number in the text.</summary>
    public int Number() => int.TryParse(Next(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number : throw new PtxFault($"operand {_next} is no number");

    /// <summary>Requires that a number stands in the text.</summary>
    public void Require(int expected)
    {
        if (Number() is var number && number != expected) throw new PtxFault($"operand {number} is unknown here; the interpreter knows {expected}");
    }

    /// <summary>A place among the parameters.</summary>
    public int Parameter(int bytes) => decoder.Parameter(Next(), bytes);

    private string[] Vector(int count)
    {
        string operand = Next();
        string[] names = Elements(operand);
        return names.Length == count ? names : throw new PtxFault($"{operand} has {names.Length} parts; {count} are expected");
    }

    private static string[] Elements(string operand) => operand.StartsWith('{') ? operand[1..^1].Split(',', StringSplitOptions.TrimEntries) : [operand];

    private Register Write(string name, int bytes, bool wider)
    {
        var register = decoder.Find(name) ?? throw new PtxFault($"register {name} is not declared");
        if (register.Bytes != bytes && !(wider && register.Bytes > bytes)) throw new PtxFault($"{name} has {register.Bytes} bytes and receives {bytes}");
        _writes.Add(register);
        return register;
    }

    private Register Read(string name, int bytes)
    {
        var register = decoder.Value(name, bytes, isPredicate: false);
        if (register.Bytes != bytes) throw new PtxFault($"{name} has {register.Bytes} bytes; {bytes} are read");
        _reads.Add(register);
        return register;
    }
}
