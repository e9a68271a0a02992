using System.Globalization;
using System.Text.RegularExpressions;

namespace PixelDiT.Tests.Card.Ptx;

/// <summary>An instruction as it is written.</summary>
/// <param name="Number">Its line, from 1.</param>
/// <param name="Text">The line.</param>
/// <param name="Guard">The predicate before it, or null.</param>
/// <param name="Negated">Whether it runs where the predicate is false.</param>
/// <param name="Opcode">The opcode with its modifiers.</param>
/// <param name="Operands">The operands; a vector's parts and an address keep their brackets.</param>
internal sealed record PtxLine(int Number, string Text, string? Guard, bool Negated, string Opcode, IReadOnlyList<string> Operands)
{
    /// <summary>The opcode's parts.</summary>
    public string[] Parts { get; } = Opcode.Split('.');
}

/// <summary>What stands in the body of an entry, in order.</summary>
internal abstract record PtxItem
{
    /// <summary>A place that branches name.</summary>
    public sealed record Label(string Name) : PtxItem;

    /// <summary>{ or }.</summary>
    public sealed record Scope(bool Opens) : PtxItem;

    /// <summary>Registers of a type: names, or a prefix for as many as it says.</summary>
    public sealed record Declaration(string Type, IReadOnlyList<string> Names, int Count) : PtxItem;

    /// <summary>An instruction.</summary>
    public sealed record Operation(PtxLine Line) : PtxItem;
}

/// <summary>A parameter of an entry: where it lies among all of them.</summary>
internal readonly record struct PtxParameter(int Offset, int Bytes);

/// <summary>The text of a module with one entry, read. Functions beside it are not looked at: a call is an instruction that the interpreter does not know.</summary>
internal sealed partial class PtxText
{
    /// <summary>Where shared memory begins: a driver keeps the first KiB, and an address of 0 is nobody's.</summary>
    public const int SharedStart = 1024;

    /// <summary>Where parameters lie, for instructions that take their addresses: a space of its own.</summary>
    public const long ParameterStart = 0x7C00_0000_0000;

    private PtxText(string text)
    {
        string[] lines = text.Split('\n');
        var module = Entry().Match(text);
        if (!module.Success) throw new PtxFault("the text has no entry");
        Name = KernelComment().Match(text) is { Success: true } named ? named.Groups[1].Value : module.Groups[1].Value;
        Architecture = Target().Match(text).Groups[1].Value;
        Parameters = ReadParameters(module.Groups[2].Value, out int bytes);
        ParameterBytes = bytes;
        MaxThreads = Number(MaxThreadsDirective().Match(module.Groups[3].Value).Groups[1].Value, 1024);
        int first = text.AsSpan(0, module.Groups[4].Index).Count('\n');
        Items = [.. ReadBody(lines, first)];
        if (DynamicShared().Match(text) is not { Success: true } dynamic) return;
        HasDynamicShared = true;
        SharedBytes = Align(SharedBytes, int.Parse(dynamic.Groups[1].Value, CultureInfo.InvariantCulture));
        Symbols[dynamic.Groups[2].Value] = SharedStart + SharedBytes;
    }

    /// <summary>The kernel's name as the loader writes it, or the entry's.</summary>
    public string Name { get; }

    /// <summary>The architecture that the text is for.</summary>
    public string Architecture { get; }

    /// <summary>Parameters by name.</summary>
    public IReadOnlyDictionary<string, PtxParameter> Parameters { get; }

    /// <summary>Bytes of all parameters.</summary>
    public int ParameterBytes { get; }

    /// <summary>The most threads of a group.</summary>
    public int MaxThreads { get; }

    /// <summary>Whether a launch may bring shared memory.</summary>
    public bool HasDynamicShared { get; }

    /// <summary>Bytes of the shared memory that the entry declares.</summary>
    public int SharedBytes { get; private set; }

    /// <summary>Addresses of what is declared in shared memory.</summary>
    public Dictionary<string, long> Symbols { get; } = [];

    /// <summary>The body.</summary>
    public IReadOnlyList<PtxItem> Items { get; }

    /// <summary>Reads a text.</summary>
    /// <exception cref="PtxFault">It is not written as ILGPU writes.</exception>
    public static PtxText Read(string text) => new(text);

    private static Dictionary<string, PtxParameter> ReadParameters(string text, out int bytes)
    {
        var parameters = new Dictionary<string, PtxParameter>();
        bytes = 0;
        foreach (Match match in Parameter().Matches(text))
        {
            int size = match.Groups[4].Success ? int.Parse(match.Groups[4].Value, CultureInfo.InvariantCulture) : PtxType.Bytes(match.Groups[2].Value);
            int alignment = Number(match.Groups[1].Value, size);
            bytes = Align(bytes, alignment);
            parameters.Add(match.Groups[3].Value, new(bytes, size));
            bytes += size;
        }
        return parameters;
    }

    private IEnumerable<PtxItem> ReadBody(string[] lines, int first)
    {
        for (int i = first + 1, depth = 1; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0 || line.StartsWith("//", StringComparison.Ordinal)) continue;
            if (line == "{")
            {
                depth++;
                yield return new PtxItem.Scope(Opens: true);
            }
            else if (line == "}")
            {
                if (--depth == 0) yield break;
                yield return new PtxItem.Scope(Opens: false);
            }
            else if (LabelLine().Match(line) is { Success: true } label) yield return new PtxItem.Label(label.Groups[1].Value);
            else if (SharedLine().Match(line) is { Success: true } shared) Declare(shared);
            else if (RegisterRange().Match(line) is { Success: true } range)
                yield return new PtxItem.Declaration(range.Groups[1].Value, [range.Groups[2].Value], int.Parse(range.Groups[3].Value, CultureInfo.InvariantCulture));
            else if (RegisterNames().Match(line) is { Success: true } names)
                yield return new PtxItem.Declaration(names.Groups[1].Value, names.Groups[2].Value.Split(',', StringSplitOptions.TrimEntries), 0);
            else if (InstructionLine().Match(line) is { Success: true } match)
            {
                string[] operands = [.. Operand().Matches(match.Groups[4].Value).Select(operand => operand.Value)];
                yield return new PtxItem.Operation(new(i + 1, line, match.Groups[2].Success ? match.Groups[2].Value : null, match.Groups[1].Value == "!", match.Groups[3].Value, operands));
            }
            else throw new PtxFault($"line {i + 1} cannot be read: {line}");
        }
        throw new PtxFault("the entry has no end");
    }

    private void Declare(Match shared)
    {
        int alignment = int.Parse(shared.Groups[1].Value, CultureInfo.InvariantCulture);
        SharedBytes = Align(SharedBytes, alignment);
        Symbols[shared.Groups[2].Value] = SharedStart + SharedBytes;
        SharedBytes += int.Parse(shared.Groups[3].Value, CultureInfo.InvariantCulture);
    }

    private static int Align(int bytes, int alignment) => (bytes + alignment - 1) / alignment * alignment;

    private static int Number(string text, int otherwise) => text.Length > 0 ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    [GeneratedRegex(@"\.visible \.entry (\w+)\((.*?)\)(.*?)(\{)", RegexOptions.Singleline)]
    private static partial Regex Entry();

    [GeneratedRegex(@"^// Kernel: (.+)$", RegexOptions.Multiline)]
    private static partial Regex KernelComment();

    [GeneratedRegex(@"^\.target (\w+)", RegexOptions.Multiline)]
    private static partial Regex Target();

    [GeneratedRegex(@"\.param (?:\.align (\d+) )?\.(\w+) (\w+)(?:\[(\d+)\])?")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"\.maxntid (\d+)")]
    private static partial Regex MaxThreadsDirective();

    [GeneratedRegex(@"^\.extern \.shared \.align (\d+) \.b8 (\w+)\[\];", RegexOptions.Multiline)]
    private static partial Regex DynamicShared();

    [GeneratedRegex(@"^(\w+):$")]
    private static partial Regex LabelLine();

    [GeneratedRegex(@"^\.shared \.align (\d+) \.b8 (\w+)\[(\d+)\];$")]
    private static partial Regex SharedLine();

    [GeneratedRegex(@"^\.reg \.(\w+)\s+(%\w+)<(\d+)>;$")]
    private static partial Regex RegisterRange();

    [GeneratedRegex(@"^\.reg \.(\w+)\s+([\w%, ]+);$")]
    private static partial Regex RegisterNames();

    [GeneratedRegex(@"^(?:@(!?)(\S+)\s+)?([a-z][\w.:]*)(?:\s+(.*?))?\s*;$")]
    private static partial Regex InstructionLine();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^,\s]+")]
    private static partial Regex Operand();
}
