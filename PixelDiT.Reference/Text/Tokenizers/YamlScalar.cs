using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Text.Tokenizers;

/// <summary>
/// One text of a block list in YAML: plain, in single or in double quotes, on one line or several. Where a line ends, the space around the end becomes one space; each blank line that
/// follows becomes a line feed instead.
/// </summary>
/// <param name="lines">The file's lines.</param>
/// <param name="line">The line of the item's dash.</param>
/// <param name="column">The dash's column; lines that go on are indented further.</param>
/// <param name="end">The line at which the list's mapping ends.</param>
/// <param name="source">How messages call the file.</param>
internal sealed partial class YamlScalar(string[] lines, int line, int column, int end, string source)
{
    private const string Escapes = "0abt\tnvfre \"/\\N_LP", Escaped = "\0\a\b\t\t\n\v\f\r\u001b \"/\\\u0085\u00a0\u2028\u2029";

    private readonly StringBuilder _text = new();
    private int _line = line, _at;

    /// <summary>The first line behind the text.</summary>
    public int NextLine => _line + 1;

    /// <summary>Reads the text.</summary>
    /// <exception cref="FileFormatException">It is no text, or in a form that is not read here.</exception>
    public string Read()
    {
        _at = column + 1;
        SkipBlanks();
        switch (_at < lines[_line].Length ? lines[_line][_at] : '#')
        {
            case '\'' or '"': Quoted(lines[_line][_at]); break;
            case '#': Refuse("is an item without a text"); break;
            case '|' or '>': Refuse("is a block text (| or >); a plain or quoted one was expected"); break;
            case '[' or '{' or ']' or '}' or ',' or '&' or '*' or '!' or '%' or '@' or '`': Refuse($"begins with {lines[_line][_at]}; a plain or quoted text was expected"); break;
            case '-' or '?' or ':' when lines[_line].AsSpan(_at + 1) is [] or [' ' or '\t', ..]: Refuse("is no text, but a list or mapping; a plain or quoted text was expected"); break;
            default: Plain(); break;
        }
        return _text.ToString();
    }

    private void Quoted(char quote)
    {
        _at++;
        // What an escape made is no white space that folding removes.
        int firm = 0;
        while (true)
        {
            if (_at >= lines[_line].Length)
            {
                while (_text.Length > firm && _text[^1] is ' ' or '\t') _text.Length--;
                Fold(isEscaped: false);
                firm = _text.Length;
                continue;
            }
            char c = lines[_line][_at++];
            if (c == quote && quote == '\'' && _at < lines[_line].Length && lines[_line][_at] == '\'') _at++;
            else if (c == quote) break;
            else if (c == '\\' && quote == '"')
            {
                if (_at >= lines[_line].Length) Fold(isEscaped: true);
                else Escape(lines[_line][_at++]);
                firm = _text.Length;
                continue;
            }
            _text.Append(c);
        }
        int before = _at;
        SkipBlanks();
        if (_at < lines[_line].Length && (lines[_line][_at] != '#' || _at == before)) Refuse("goes on behind the closing quote");
    }

    /// <summary>Goes to the next line with something on it; blank lines between become line feeds, an end alone a space.</summary>
    private void Fold(bool isEscaped)
    {
        int blank = 0;
        for (_line++; _line < end && lines[_line].AsSpan().Trim(" \t").IsEmpty; _line++) blank++;
        if (_line >= end)
        {
            _line = Math.Min(_line, lines.Length) - 1;
            Refuse("has no closing quote before the list's end");
        }
        _at = lines[_line].Length - lines[_line].TrimStart(' ').Length;
        if (_at <= column) Refuse("goes on with a text in quotes and is not indented further than its dash");
        SkipBlanks();
        if (blank > 0) _text.Append('\n', blank);
        else if (!isEscaped) _text.Append(' ');
    }

    private void Escape(char c)
    {
        int digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits == 0)
        {
            int known = Escapes.IndexOf(c);
            if (known < 0) Refuse($"has the escape {Quote.Text($"\\{c}")}, which YAML does not know");
            _text.Append(Escaped[known]);
            return;
        }
        var text = lines[_line].AsSpan(_at);
        if (text.Length < digits || !uint.TryParse(text[..digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) || !Rune.IsValid(code))
            Refuse($"has the escape \\{c} without a character's {digits} digits");
        else _text.Append(new Rune(code).ToString());
        _at += digits;
    }

    private void Plain()
    {
        int blank = 0;
        while (true)
        {
            var rest = lines[_line].AsSpan(_at);
            int comment = Comment(rest);
            var part = (comment < 0 ? rest : rest[..comment]).TrimEnd(" \t");
            if (part.EndsWith(':') || part.IndexOf(": ") >= 0 || part.IndexOf(":\t") >= 0) Refuse("is a mapping, not a text; put it in quotes");
            if (_text.Length > 0)
            {
                if (blank > 0) _text.Append('\n', blank);
                else _text.Append(' ');
            }
            _text.Append(part);
            int next = _line + 1;
            while (next < end && lines[next].AsSpan().Trim(" \t").IsEmpty) next++;
            if (comment >= 0 || next >= end) break;
            int indent = lines[next].Length - lines[next].TrimStart(' ').Length;
            if (indent <= column || lines[next].AsSpan().TrimStart(" \t")[0] == '#') break;
            (blank, _line, _at) = (next - _line - 1, next, indent);
            SkipBlanks();
        }
        if (NoText().IsMatch(_text.ToString())) Refuse($"is {Quote.Text(_text.ToString())}, which YAML takes for no text; put it in quotes");
    }

    private static int Comment(ReadOnlySpan<char> text)
    {
        int space = text.IndexOf(" #"), tab = text.IndexOf("\t#");
        return space < 0 || (tab >= 0 && tab < space) ? tab : space;
    }

    private void SkipBlanks()
    {
        while (_at < lines[_line].Length && lines[_line][_at] is ' ' or '\t') _at++;
    }

    [DoesNotReturn]
    private void Refuse(string why) => throw new FileFormatException($"{source}: line {_line + 1}: {why}");

    /// <summary>Nothing, truth, numbers and dates of YAML 1.1.</summary>
    [GeneratedRegex(@"\A(~|null|true|false|yes|no|on|off|=|<<|[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)(e[-+]?[0-9]+)?|[-+]?0[box][0-9a-f_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[-+]?\.inf|\.nan|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)\z",
        RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NoText();
}
