using System.CommandLine;
using System.Text.RegularExpressions;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Commands.Shell;
using PixelDiT.Reference.Distributed;

namespace PixelDiT.Reference.Commands;

/// <summary>From arguments to a verb, or to one line a mistake.</summary>
internal static partial class CommandLine
{
    // An argument that begins with @ is a name like any other, not a file of arguments.
    private static readonly ParserConfiguration s_parser = new() { ResponseFileTokenReplacer = null };

    /// <summary>Runs the verb that the arguments name.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] arguments) => Run(Root(), arguments);

    /// <summary>Runs the verb of a root that the arguments name.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(RootCommand root, string[] arguments)
    {
        // What other programs have taught people to type.
        if (arguments is ["help", .. var about]) arguments = [.. about, "--help"];
        else if (arguments is ["version"]) arguments = ["--version"];
        else if (arguments is [])
        {
            root.Parse(["--help"], s_parser).Invoke();
            return Verb.Failure;
        }
        // A name with nothing behind its sign has an empty value; it does not take the next word for one.
        arguments = [.. arguments.SelectMany(argument => argument.StartsWith("--", StringComparison.Ordinal) && argument.IndexOf('=') == argument.Length - 1 ? (string[])[argument[..^1], ""] : [argument])];
        var parsed = root.Parse(arguments, s_parser);
        if (AsksForHelp(arguments))
        {
            if (parsed.CommandResult.Command is not RootCommand || arguments[0].StartsWith('-') || arguments[0].StartsWith('/')) return parsed.Invoke();
            // Help about a verb that there is not.
            arguments = [.. arguments.Where(argument => !AsksForHelp([argument]))];
            parsed = root.Parse(arguments, s_parser);
        }
        try
        {
            if (ConfigOption.Read(parsed) is { } config)
            {
                string[] before = [.. Messages(parsed)];
                int behind = Array.IndexOf(arguments, parsed.CommandResult.Command.Name) + 1;
                parsed = root.Parse([.. arguments[..behind], .. config.Arguments, .. arguments[behind..]], s_parser);
                // What only the file can have brought in is said of the file.
                string[] brought = [.. Messages(parsed).Except(before)];
                if (brought.Length > 0) return Refuse(parsed, arguments, message => brought.Contains(message) ? $"{config.Path}: " : "");
            }
        }
        catch (ConfigurationException error)
        {
            if (!Launcher.IsSecond) Terminal.Complain(error.Message);
            return Verb.Failure;
        }
        return parsed.Errors.Count > 0 ? Refuse(parsed, arguments, _ => "") : parsed.Invoke();
    }

    private static IEnumerable<string> Messages(ParseResult parsed) => parsed.Errors.Select(error => error.Message);

    private static RootCommand Root()
    {
        var root = new RootCommand("PixelDiT in C#: train, sample, verify.")
        {
            DemoCommand.Create(),
            TrainCommand.Create(),
            ReportCommand.Create(),
            DataCommand.Create(),
            SampleCommand.Create(),
            EncodeCommand.Create(),
            FeaturesCommand.Create(),
            EditCommand.Create(),
            ExplainCommand.Create(),
            EvaluateCommand.Create(),
            VerifyCommand.Create(),
            BenchCommand.Create(),
            TraceCommand.Create(),
            CompareCommand.Create(),
            InfoCommand.Create(),
            InitCommand.Create(),
            ConvertCommand.Create(),
            DevicesCommand.Create(),
            KernelsCommand.Create(),
            CompletionCommand.Create()
        };
        root.Options.Add(Verb.Verbose);
        GroupedHelp.Use(root);
        VersionText.Use(root);
        return root;
    }

    private static bool AsksForHelp(string[] arguments) => arguments is ["--version"] || arguments.Any(argument => argument is "--help" or "-h" or "-?" or "/?");

    private static int Refuse(ParseResult parsed, string[] arguments, Func<string, string> source)
    {
        // Of several processes with one command line, one says what is wrong with it.
        if (Launcher.IsSecond) return Verb.Failure;
        var command = parsed.CommandResult.Command;
        bool isRoot = command is RootCommand;
        string[] unmatched = [.. parsed.UnmatchedTokens];
        // Of an unknown verb, all that follows is unknown too.
        foreach (string token in isRoot ? unmatched.Take(1) : unmatched) Terminal.Complain(Unknown(command, isRoot, token));
        if (isRoot && unmatched.Length == 0) Terminal.Complain($"{string.Join(' ', arguments)}: names no verb; one of {string.Join(", ", Names(command))} was expected");
        foreach (string message in parsed.Errors.Select(error => error.Message).Distinct().Where(message => !isRoot && !unmatched.Any(token => message.Contains($"'{token}'", StringComparison.Ordinal))))
        {
            Terminal.Complain(source(message) + InOneLine(message));
        }
        Terminal.Complain($"{(isRoot ? "" : command.Name + " ")}--help explains the {(isRoot ? "verbs" : "options")}");
        return Verb.Failure;
    }

    private static string Unknown(Command command, bool isRoot, string token)
    {
        if (isRoot) return $"'{token}' is no verb; one of {string.Join(", ", Names(command))} was expected{Nearest.Advice(token, Names(command))}";
        if (!token.StartsWith('-')) return $"{command.Name} takes no argument '{token}'; one too many, or an option's value with a blank that needs quotes";
        string[] options = [.. command.Options.Concat(command.Parents.OfType<Command>().SelectMany(parent => parent.Options.Where(option => option.Recursive))).Where(option => !option.Hidden).Select(option => option.Name)];
        return $"{command.Name} has no option {token}{Nearest.Advice(token, options)}";
    }

    private static IEnumerable<string> Names(Command root) => root.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name);

    /// <summary>The library's messages name .NET's types where a person thinks of numbers, and list values in lines.</summary>
    private static string InOneLine(string message) => LineEnds().Replace(NetTypeName().Replace(message, "as a whole number in range."), " ");

    [GeneratedRegex(@"as expected type 'System\.\w+'\.")]
    private static partial Regex NetTypeName();

    [GeneratedRegex(@"\s*[\r\n]+\s*")]
    private static partial Regex LineEnds();
}
