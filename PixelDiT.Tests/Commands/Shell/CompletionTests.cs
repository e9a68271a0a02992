using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Commands.Shell;

/// <summary>The scripts of <c>completion</c>, in the shells that they are for; and the version.</summary>
public sealed class CompletionTests
{
    [TestCase("pixeldit tr", "trace train")]
    [TestCase("pixeldit train --pres", "--preset")]
    [TestCase("pixeldit sample --sampler ", "dpm-solver++ euler flow-dpm heun heun-exact")]
    [TestCase("pixeldit sample --model some/fi", "")]
    [TestCase("pixeldit info ", "")]
    public void Bash_completes_verbs_options_and_words(string line, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "completion.bash"), PixelDiTProgram.RunHere("completion", "bash").Done());
        // What bash sets before it calls a completion.
        string said = Run(folder.Path, "bash", [], $"""
            pixeldit() (exec dotnet exec '{PixelDiTProgram.Assembly}' "$@")
            source completion.bash
            COMP_LINE='{line}'; COMP_POINT=${"{#COMP_LINE}"}
            read -ra COMP_WORDS <<<"$COMP_LINE"
            [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$(({"${#COMP_WORDS[@]}"} - 1))
            _pixeldit
            printf '%s\n' "${"{COMPREPLY[@]}"}" | sort | xargs
            complete -p pixeldit
            """);
        Assert.That(said.TrimEnd().Split('\n')[0].Trim(), Is.EqualTo(expected));
        Assert.That(said, Does.Contain("complete -o default -F _pixeldit pixeldit"));
    }

    [TestCase("pixeldit tr", "trace train")]
    [TestCase("pixeldit train --preset ", "B L T2I XL micro micro-text small tiny tiny-text")]
    [TestCase("pixeldit sample --sampler ", "dpm-solver++ euler flow-dpm heun heun-exact")]
    [TestCase("pixeldit sample --model some/fi", "files")]
    [TestCase("pixeldit info ", "files")]
    public void Zsh_completes_verbs_options_and_words(string line, string expected)
    {
        if (!Path.Exists("/bin/zsh") && !Path.Exists("/usr/bin/zsh")) Assert.Ignore("needs zsh");
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "completion.zsh"), PixelDiTProgram.RunHere("completion", "zsh").Done());
        // What zsh sets before it calls a completion, and compadd as it chooses: what begins like the word at the cursor, and failure where nothing does.
        string said = Run(folder.Path, "zsh", ["-f"], $$"""
            emulate zsh
            pixeldit() (exec dotnet exec '{{PixelDiTProgram.Assembly}}' "$@")
            compdef() { print -r -- "compdef $*" }
            compadd() { local -a fit=(${(M)${(P)2}:#$PREFIX*}); (( $#fit )) && print -r -- ${(o)fit} }
            _files() { print files }
            source completion.zsh
            line='{{line}}'
            words=(${(s: :)line})
            [[ $line == *' ' ]] && words+=('')
            CURRENT=$#words PREFIX=$words[-1]
            _pixeldit
            """);
        Assert.That(said.TrimEnd().Split('\n'), Is.EqualTo((string[])["compdef _pixeldit pixeldit", expected]));
    }

    [Test]
    public void The_script_of_zsh_says_to_compinit_what_it_completes() => Assert.That(PixelDiTProgram.RunHere("completion", "zsh").Done(), Does.StartWith("#compdef pixeldit\n").And.Contain("[suggest:"));

    [Test]
    public void Another_shell_is_refused_by_name()
    {
        var result = PixelDiTProgram.RunHere("completion", "fish");
        Assert.That((result.ExitCode, result.Output), Is.EqualTo((1, "")));
        Assert.That(result.Error, Does.Contain("fish").And.Contain("bash").And.Contain("zsh"));
    }

    [TestCase("--version"), TestCase("version")]
    public void The_version_says_what_it_was_built_from_and_what_it_runs_on(string typed)
        => Assert.That(PixelDiTProgram.RunHere(typed).Done(), Does.Match(@"^\d+\.\d+\.\d+(\+[0-9a-f]{40})?\r?\n\.NET 10\.\S+, \S+, .+, .+\r?\n$"));

    private static string Run(string folder, string shell, string[] options, string script)
    {
        var start = new ProcessStartInfo(shell, [.. options, "-c", script]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(error.Result, Is.Empty);
        return output;
    }
}
