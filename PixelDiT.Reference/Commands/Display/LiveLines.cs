using System.Text;

namespace PixelDiT.Reference.Commands.Display;

/// <summary>Lines at the end of a terminal that are written anew in their place. What else is said meanwhile stands above them.</summary>
/// <param name="terminal">Understands control sequences of ECMA-48.</param>
internal sealed class LiveLines(TextWriter terminal)
{
    private const string RestOfLine = "\u001b[K", RestOfScreen = "\u001b[J";

    private readonly Lock _gate = new();
    private IReadOnlyList<string> _lines = [];

    /// <summary>Puts lines in the place of those before.</summary>
    /// <param name="lines">None is longer than the terminal is wide, and none steers it.</param>
    public void Draw(IReadOnlyList<string> lines)
    {
        lock (_gate) Write("", lines);
    }

    /// <summary>Writes a line above.</summary>
    public void Above(string line)
    {
        lock (_gate) Write($"{line}{RestOfLine}\n", _lines);
    }

    /// <summary>Leaves the lines as they are; what comes next begins below them.</summary>
    public void End()
    {
        lock (_gate)
        {
            if (_lines.Count > 0) terminal.Write("\n");
            _lines = [];
        }
    }

    private void Write(string above, IReadOnlyList<string> lines)
    {
        var text = new StringBuilder("\r");
        if (_lines.Count > 1) text.Append("\u001b[").Append(_lines.Count - 1).Append('A');
        text.Append(above).AppendJoin('\n', lines.Select(line => line + RestOfLine)).Append(RestOfScreen);
        terminal.Write(text.ToString());
        _lines = lines;
    }
}
