using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Tests.Commands;

/// <summary>Nothing that a file says steers a terminal, and a stream that cannot be written ends no work.</summary>
[Platform(Exclude = "Win", Reason = "these tests close and redirect streams by sh")]
[Parallelizable]
public sealed class TerminalTests
{
    private static readonly string[] s_train = ["train", "--data", "shapes", "--preset", "micro", "--hidden", "16", "--heads", "2", "--patch-depth", "1", "--pixel-hidden", "4", "--resolution", "16", "--batch", "4", "--sample-steps", "0", "--steps", "3", "--device", "cpu"];

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("pixeldit-tests").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestCase("plain", "plain")]
    [TestCase("a\nb", "a\\u000ab")]
    [TestCase("\u001b[31mred", "\\u001b[31mred")]
    [TestCase("right\u202eleft", "right\\u202eleft")]
    [TestCase("line\u2028end", "line\\u2028end")]
    [TestCase("tag \U000E0041", "tag \\udb40\\udc41")]
    [TestCase("고양이 👩\u200d👩 é", "고양이 👩\u200d👩 é")]
    public void A_line_is_one_line_and_steers_nothing(string text, string printed) => Assert.That(Printable.Line(text), Is.EqualTo(printed));

    [Test]
    public void Half_of_a_surrogate_pair_is_escaped() => Assert.That(Printable.Line($"half {(char)0xd800} pair"), Is.EqualTo("half \\ud800 pair"));

    [TestCase("red disc", "red disc")]
    [TestCase("cats, dogs", "\"cats, dogs\"")]
    [TestCase("", "\"\"")]
    [TestCase("a\rb", "\"a\\u000db\"")]
    public void A_name_among_names_can_be_told_from_them(string name, string printed) => Assert.That(Printable.Name(name), Is.EqualTo(printed));

    [Test]
    public void No_verb_lets_a_control_character_through()
    {
        const string name = "ev\u001b[2Jil\rname\nx\u202e";
        SafetensorsWriter.Write(Path.Combine(_folder, "m\u001b[31m.safetensors"), [new TensorData(name, [2], (float[])[1, 2])]);
        SafetensorsWriter.Write(Path.Combine(_folder, "other.safetensors"), [new TensorData(name, [2], (float[])[1, 3])]);
        Directory.CreateDirectory(Path.Combine(_folder, "pictures", "cl\u001bass\n1"));
        File.WriteAllBytes(Path.Combine(_folder, "pictures", "cl\u001bass\n1", "x\u001b.png"), [1, 2, 3]);
        File.WriteAllText(Path.Combine(_folder, "config.json"), "{\"\\u001b[1m\\n\": 1}");
        string file = "m\u001b[31m.safetensors";
        string[][] commands =
        [
            ["info", file, "--tensors"],
            ["info", "no\u001b\nfile"],
            ["compare", file, "other.safetensors", "--all"],
            ["compare", "other.safetensors", file],
            ["convert", file, "new\u001b.safetensors"],
            ["sample", "--model", file],
            ["trace", "--weights", file, "--out", "t"],
            ["verify", "nowhere\u001b"],
            ["train", "--data", "folder:pictures", "--out", "r\u001b\n"],
            ["data", "folder:pictures", "--no-estimate"],
            ["data", "folder:pictures", "--allow-empty-classes"],
            ["data", "shapes", "--out", "folder\u001b/x.png", "--no-estimate"],
            ["info", "pictures"],
            ["train", "--data", "x\u001b\n", "--out", "r"],
            ["train", "--data", "shapes", "--out", "r", "--config", "config.json"],
            ["train", "--data", "shapes", "--out", "r", "--preset", "\u001bB\n"],
            ["train", "--data", "shapes", "--out", "r", "--\u001bx"],
            ["\u001bx\n"],
            ["kernels", "--ptx", "config.json/\u001b"],
            ["init", "--out", "folder\u001b/x"],
            ["bench", "--product", "\u001b"],
            ["demo", "--out", "config.json/\u001b"]
        ];
        foreach (string[] command in commands)
        {
            var result = PixelDiTProgram.Run(_folder, command);
            string said = result.Output + result.Error;
            Assert.That(said.Where(c => (c < ' ' && c != '\n') || c is '\u202e' or '\u007f'), Is.Empty, $"{command[0]}: {Printable.Line(said)}");
            Assert.That(said, Is.Not.Empty);
            Assert.That(result.Error, Does.Not.Contain("internal error"));
            // Whatever the words, a line of an error begins with the program's name.
            Assert.That(result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), Is.All.StartsWith("pixeldit: "));
        }
    }

    [TestCase(">/dev/full", "No space left on device")]
    [TestCase(">&-", "standard output could not be written")]
    public void Training_goes_on_without_standard_output_and_the_exit_code_says_so(string redirection, string reason)
    {
        if (!File.Exists("/dev/full")) Assert.Ignore("/dev/full is not here");
        var result = Shell($"{redirection}", [.. s_train, "--out", "run"]);
        Assert.That(result.ExitCode, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain(reason).And.Contain("what it would have said is lost").And.Not.Contain("internal error"));
        Assert.That(File.ReadAllLines(Path.Combine(_folder, "run", "loss.csv")), Has.Length.EqualTo(4));
        Assert.That(File.Exists(Path.Combine(_folder, "run", "model.safetensors")));
    }

    [TestCase("2>&-"), TestCase("2>/dev/full"), TestCase(">&- 2>&-"), TestCase(">&- 2>&- <&-")]
    public void An_error_that_nobody_hears_is_an_exit_code(string redirection)
    {
        if (!File.Exists("/dev/full")) Assert.Ignore("/dev/full is not here");
        Assert.That(Shell(redirection, "info", "no-such-file").ExitCode, Is.EqualTo(1));
    }

    [TestCase(">&-"), TestCase("2>&-"), TestCase(">&- 2>&-"), TestCase("<&- >&- 2>&-")]
    public void A_closed_stream_puts_no_word_into_another_file(string redirection)
    {
        var closed = Shell(redirection, [.. s_train, "--out", "closed"]);
        Assert.That(Shell("", [.. s_train, "--out", "open"]).ExitCode, Is.Zero, closed.Error);
        foreach (string name in (string[])["model.safetensors", "training.safetensors", "config.json"])
            Assert.That(File.ReadAllBytes(Path.Combine(_folder, "closed", name)), Is.EqualTo(File.ReadAllBytes(Path.Combine(_folder, "open", name))), name);
    }

    [Test]
    public void An_argument_that_begins_with_at_is_a_name()
    {
        SafetensorsWriter.Write(Path.Combine(_folder, "@m.safetensors"), [new TensorData("x", [1], (float[])[1])]);
        Assert.That(PixelDiTProgram.Run(_folder, "info", "@m.safetensors").Output, Does.StartWith("@m.safetensors: safetensors, 1 tensor"));
        Assert.That(PixelDiTProgram.Run(_folder, "info", "@none").Error, Does.Contain("@none: "));
    }

    [Test]
    public void Bare_and_help_list_the_verbs()
    {
        var bare = PixelDiTProgram.Run(_folder);
        Assert.That(bare.Output, Does.Contain("train").And.Contain("sample").And.Contain("kernels"));
        Assert.That(bare.ExitCode, Is.EqualTo(1));
        var help = PixelDiTProgram.Run(_folder, "help", "train");
        Assert.That(help.ExitCode, Is.Zero);
        Assert.That(help.Output, Does.Contain("--data").And.Contain("(required)"));
        Assert.That(PixelDiTProgram.Run(_folder, "version").Output, Does.Match(@"^\d+\.\d+\.\d+"));
    }

    [TestCase("trian", "; did you mean train?")]
    [TestCase("samples", "; did you mean sample?")]
    [TestCase("xylophone", "")]
    public void A_name_that_is_near_is_proposed(string typed, string advice) => Assert.That(Nearest.Advice(typed, ["train", "sample", "verify"]), Is.EqualTo(advice));

    private ProgramResult Shell(string redirection, params string[] arguments)
    {
        var start = new ProcessStartInfo("sh") { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add($"exec dotnet exec \"$0\" \"$@\" {redirection}");
        foreach (string argument in (string[])[PixelDiTProgram.Assembly, .. arguments]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new ProgramResult(process.ExitCode, output, error.Result);
    }
}
