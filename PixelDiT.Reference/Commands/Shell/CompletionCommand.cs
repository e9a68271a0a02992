using System.CommandLine;
using PixelDiT.Reference.Commands.Display;

namespace PixelDiT.Reference.Commands.Shell;

/// <summary><c>pixeldit completion</c>: the script with which a shell completes verbs, options and their words. It asks the program itself, by the directive <c>[suggest]</c> of System.CommandLine.</summary>
internal static class CompletionCommand
{
    private static readonly string[] s_shells = ["bash", "zsh"];

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = string.Join(" or ", s_shells) };
        shell.AcceptOnlyFromAmong(s_shells);
        var command = new Command("completion", "Print the script with which bash or zsh completes this program's verbs, options and words: source <(pixeldit completion bash).") { shell };
        command.SetRun((parsed, _) =>
        {
            foreach (string line in Script(parsed.GetRequiredValue(shell))) Terminal.WriteLine(line);
            return 0;
        });
        return command;
    }

    /// <summary>The lines of a shell's script.</summary>
    internal static IEnumerable<string> Script(string shell)
    {
        using var reader = new StreamReader(typeof(CompletionCommand).Assembly.GetManifestResourceStream($"completion.{shell}")!);
        while (reader.ReadLine() is { } line) yield return line;
    }
}
