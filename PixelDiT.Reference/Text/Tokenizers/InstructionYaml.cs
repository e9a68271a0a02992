using System.Diagnostics.CodeAnalysis;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// Reads one key of the authors' configurations, <c>text_encoder.chi_prompt</c>: in a block mapping of a block mapping, a block list of plain or quoted texts. No other YAML is read, and
/// what stands at that key in another form is refused with its line.
/// </summary>
internal sealed class InstructionYaml
{
    private const string Outer = "text_encoder", Inner = "chi_prompt";
    private const int MaximumItems = 1024;

    private readonly string[] _lines;
    private readonly string _source;

    private InstructionYaml(string text, string source)
    {
        (_lines, _source) = (text.Split('\n'), source);
        for (int line = 0; line < _lines.Length; line++)
        {
            foreach (char c in _lines[line])
            {
                if (c is '\u0085' or '\u2028' or '\u2029' || (char.IsControl(c) && c != '\t')) Refuse(line, $"holds the control character U+{(int)c:X4}");
            }
        }
    }

    /// <summary>The items of the list; none where the key's value is empty.</summary>
    /// <param name="text">The file, lines ended by a line feed.</param>
    /// <param name="source">How messages call it.</param>
    /// <exception cref="FileFormatException">There is no such key, or its value is no list that is read here.</exception>
    public static List<string> Lines(string text, string source)
    {
        var yaml = new InstructionYaml(text, source);
        int outer = yaml.FindKey(Outer, 0, 0, 0, yaml._lines.Length);
        if (outer < 0) throw new FileFormatException($"{source}: has no {Outer}; a configuration with {Outer}.{Inner} was expected");
        if (yaml.ValueOf(outer, 0, Outer).Length > 0) yaml.Refuse(outer, $"{Outer} is no block of keys");
        int first = yaml.NextContent(outer + 1);
        int indent = first < yaml._lines.Length ? Indent(yaml._lines[first]) : 0;
        int end = first;
        while (end < yaml._lines.Length && (IsBlank(yaml._lines[end]) || Indent(yaml._lines[end]) > 0)) end++;
        int inner = indent > 0 ? yaml.FindKey(Inner, indent, indent, first, end) : -1;
        if (inner < 0) throw new FileFormatException($"{source}: {Outer} has no {Inner}; a list of lines was expected");
        return yaml.List(inner, indent, end);
    }

    private static int Indent(string line) => line.Length - line.TrimStart(' ').Length;

    private static bool IsBlank(string line) => line.AsSpan().TrimStart(" \t") is [] or ['#', ..];

    private int NextContent(int line)
    {
        while (line < _lines.Length && IsBlank(_lines[line])) line++;
        return line;
    }

    /// <summary>The line of a key at this indentation; −1 where there is none.</summary>
    private int FindKey(string key, int indent, int least, int first, int end)
    {
        int found = -1;
        for (int line = first; line < end; line++)
        {
            if (IsBlank(_lines[line])) continue;
            int at = Indent(_lines[line]);
            if (at < least) Refuse(line, "is indented less than the keys before it");
            if (at == 0 && _lines[line].StartsWith("---", StringComparison.Ordinal) && NextContent(0) < line) Refuse(line, "begins another document");
            var rest = _lines[line].AsSpan(at);
            if (at != indent || !rest.StartsWith(key) || rest[key.Length..].TrimStart(' ') is not [':', ..]) continue;
            if (rest[key.Length..].TrimStart(' ') is [':', not (' ' or '\t'), ..]) continue;
            if (found >= 0) Refuse(line, $"{key} occurs twice, first on line {found + 1}");
            found = line;
        }
        return found;
    }

    /// <summary>What stands behind a key on its line, without a comment.</summary>
    private string ValueOf(int line, int indent, string key)
    {
        string text = _lines[line][(indent + key.Length)..].TrimStart(' ')[1..];
        string value = text.Trim(' ', '\t');
        return value.StartsWith('#') ? "" : value;
    }

    private List<string> List(int key, int indent, int end)
    {
        string value = ValueOf(key, indent, Inner);
        int line = NextContent(key + 1);
        var items = new List<string>();
        if (value is "[]" or "null" or "~" or "''" or "\"\"") return items;
        if (value.Length > 0) Refuse(key, $"{Inner} is {Quote.Text(value)}; a list with a line for each item was expected");
        if (line >= end || Indent(_lines[line]) < indent || (Indent(_lines[line]) == indent && !IsItem(_lines[line], indent))) return items;
        int column = Indent(_lines[line]);
        if (!IsItem(_lines[line], column)) Refuse(line, $"{Inner} is no list of texts");
        while (line < end && Indent(_lines[line]) >= column)
        {
            if (!IsItem(_lines[line], column))
            {
                if (Indent(_lines[line]) == column && column == indent) break;
                Refuse(line, $"is no item of {Inner}");
            }
            if (items.Count == MaximumItems) Refuse(line, $"{Inner} has more than {MaximumItems} items");
            var scalar = new YamlScalar(_lines, line, column, end, _source);
            items.Add(scalar.Read());
            line = NextContent(scalar.NextLine);
        }
        if (line < end && Indent(_lines[line]) > indent) Refuse(line, $"is no item of {Inner}");
        return items;
    }

    private static bool IsItem(string line, int column) => Indent(line) == column && line.AsSpan(column) is ['-'] or ['-', ' ' or '\t', ..];

    [DoesNotReturn]
    private void Refuse(int line, string why) => throw new FileFormatException($"{_source}: line {line + 1}: {why}");
}
