using System.Diagnostics;
using System.Text.Json;
using NUnit.Framework;

namespace PixelDiT.Tests.Docs;

/// <summary>The lines for a machine with a card, rehearsed with a program that answers some of them, fails at others and hangs at one.</summary>
internal sealed class CardKitTests
{
    private const string Program = """
        #!/usr/bin/env bash
        case "$*" in
          devices) echo 'cuda  a "card"' ;;
          *verify*bf16*) echo '54 passed, 0 failed, 0 skipped' ;;
          *verify*) echo 'PersistentProduct: the driver did not load it'; exit 1 ;;
          *8192x24576x1152*) echo 'product                  0.600 ms (from 0.590 to 0.610), 773.100 TFLOP/s' ;;
          *8192x3456x1152*) sleep 30 ;;
          *--preset\ XL*--train*) echo 'training step            70.25 ms (from 70 to 71), 455.5 images a second' ;;
          *) exit 3 ;;
        esac
        """;

    [Test]
    public void Every_line_is_tried_and_every_number_kept()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("needs bash");
        string script = Path.Combine(Repository.Root ?? throw new IgnoreException("the tests do not run in their repository"), "docs", "kit", "card"), folder = Directory.CreateTempSubdirectory("kit").FullName;
        try
        {
            string program = Path.Combine(folder, "program");
            File.WriteAllText(program, Program);
            if (OperatingSystem.IsLinux()) File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var start = new ProcessStartInfo("bash", [script, Path.Combine(folder, "results")]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["PIXELDIT_PROGRAM"] = program;
            // The line that hangs takes all that is left, and what follows is left out.
            start.Environment["PIXELDIT_SECONDS"] = "4";
            using var process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, process.StandardError.ReadToEnd());

            var results = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "results", "results.json"))).RootElement.EnumerateArray().ToDictionary(line => line.GetProperty("name").GetString()!, line => line);
            Assert.That(results, Has.Count.EqualTo(19));
            Assert.Multiple(() =>
            {
                Assert.That(Measured("devices"), Is.EqualTo("cuda  a \"card\""));
                Assert.That(Measured("verify-bf16"), Is.EqualTo("0 failed"));
                Assert.That(Measured("product-bf16"), Is.EqualTo("773.100"));
                Assert.That(Measured("product-qkv"), Does.StartWith("no answer in"));
                Assert.That(Measured("xl-train"), Is.EqualTo("left out"));
                Assert.That(results["product-bf16"].GetProperty("predicted").GetString(), Is.EqualTo("788"));
                Assert.That(output, Does.Match(@"product 8192×24576×1152, bf16 +788 +773.100 TFLOP/s"));
            });

            string Measured(string name) => results[name].GetProperty("measured").GetString()!;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void The_lines_fit_their_time_with_a_margin()
    {
        string script = File.ReadAllText(Path.Combine(Repository.Root ?? throw new IgnoreException("the tests do not run in their repository"), "docs", "kit", "card"));
        int sum = 0;
        foreach (string line in script.Split('\n'))
        {
            string[] words = line.Trim().Split(' ');
            if (words[0] is "line" or "bench" && words.Length > 3 && int.TryParse(words[2], out int seconds)) sum += seconds;
            else if (words[0] == "product" && words.Length > 3) sum += 20;
        }
        Assert.That(sum, Is.InRange(600, 780));
    }
}
