using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;
using PixelDiT.Reference.Commands.Display;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>--help of verbs whose options stand in groups; that of other verbs is the library's.</summary>
/// <param name="usual">The library's.</param>
internal sealed class GroupedHelp(SynchronousCommandLineAction usual) : SynchronousCommandLineAction
{
    private const int Indent = 2, NamesWide = 30, NarrowestTwoColumns = 70;

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <summary>Puts it in the place of a root's help.</summary>
    public static void Use(RootCommand root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new GroupedHelp((SynchronousCommandLineAction)help.Action!);
    }

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        if (parseResult.CommandResult.Command is not GroupedCommand command) return usual.Invoke(parseResult);
        foreach (string line in Lines(command, Terminal.Columns)) Terminal.WriteLine(line);
        return 0;
    }

    /// <summary>The help of a verb.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="width">Columns.</param>
    internal static IEnumerable<string> Lines(GroupedCommand command, int width)
    {
        foreach (string line in Wrap(command.Description!, width)) yield return line;
        yield return "";
        foreach (var (example, meaning) in command.Examples)
        {
            foreach (string line in Wrap(meaning, width - Indent)) yield return Blank(Indent) + line;
            // A command line stays whole, so that it can be copied.
            yield return $"{Blank(2 * Indent)}pixeldit {example}";
        }
        foreach (var group in command.Groups)
        {
            yield return "";
            yield return group.Title;
            foreach (string line in group.Options.Where(option => !option.Hidden).SelectMany(option => Describe(option, width))) yield return line;
        }
        yield return "";
        yield return "Of all verbs";
        foreach (string line in command.Parents.OfType<Command>().SelectMany(parent => parent.Options.Where(option => option.Recursive && !option.Hidden)).SelectMany(option => Describe(option, width))) yield return line;
    }

    private static IEnumerable<string> Describe(Option option, int width)
    {
        string names = Blank(Indent) + string.Join(", ", option.Aliases.Order(StringComparer.Ordinal).Prepend(option.Name).Where(name => !name.StartsWith('/'))) + Value(option);
        string meaning = $"{option.Description}{Default(option)}";
        int column = width < NarrowestTwoColumns ? 3 * Indent : NamesWide;
        bool startsBeside = names.Length + Indent <= column;
        string[] lines = [.. Wrap(meaning, Math.Max(1, width - column))];
        if (!startsBeside) yield return names;
        foreach (var (number, line) in lines.Index()) yield return number == 0 && startsBeside ? names.PadRight(column) + line : Blank(column) + line;
    }

    private static string Value(Option option) => option switch
    {
        _ when option.ValueType == typeof(bool) || option is HelpOption => "",
        { HelpName: { } name } => $" {name}",
        _ when option.ValueType == typeof(int) => " N",
        _ when option.ValueType == typeof(double) => " NUMBER",
        _ => " TEXT"
    };

    private static string Default(Option option)
        => option.HasDefaultValue && option.ValueType != typeof(bool) && option is not HelpOption && option.GetDefaultValue() is { } value && Convert.ToString(value, CultureInfo.InvariantCulture) is { Length: > 0 } text ? $" [default: {text}]" : "";

    /// <summary>A text in lines, broken between words where there is room for a word at all.</summary>
    private static IEnumerable<string> Wrap(string text, int width)
    {
        string line = "";
        foreach (string word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line;
                line = "";
            }
            line += line.Length > 0 ? $" {word}" : word;
        }
        if (line.Length > 0) yield return line;
    }

    private static string Blank(int columns) => new(' ', columns);
}
