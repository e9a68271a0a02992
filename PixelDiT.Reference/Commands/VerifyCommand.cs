using System.CommandLine;
using System.Globalization;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Oracle.Conformance;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit verify</c>: is this build right on this machine?</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var folder = new Argument<string?>("DIR") { Description = "A folder of conformance cases; without it those inside this program.", Arity = ArgumentArity.ZeroOrOne };
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        var precision = Cli.Precision();
        var command = new Command("verify", "Compare modules, gradients, training and sampling with tensors of the authors' code. Exit code 1 on a failure.") { folder, precision, device, threads };
        command.SetRun((parsed, cancel) =>
        {
            var files = parsed.GetValue(folder) is { } path ? ConformanceFiles.In(path) : ConformanceFiles.Shipped();
            using var opened = Cli.Open(parsed, device, threads);
            Terminal.WriteLine($"verify on {opened.Description}, {parsed.GetRequiredValue(precision)}");
            var table = new TextTable("case", "tensors", "worst tensor", "error", "tolerance", "");
            int failed = 0, passed = 0, skipped = 0;
            foreach (var result in ConformanceSuite.Run(files, opened, PrecisionNames.Parse(parsed.GetRequiredValue(precision))))
            {
                cancel.ThrowIfCancellationRequested();
                Row(table, result);
                if (result.Status == CaseStatus.Pass) passed++;
                else if (result.Status == CaseStatus.Fail) failed++;
                else skipped++;
            }
            Terminal.Write(table);
            Terminal.WriteLine($"{passed} passed, {failed} failed, {skipped} skipped");
            return failed == 0 && passed > 0 ? 0 : 1;
        });
        return command;
    }

    private static void Row(TextTable table, CaseResult result)
    {
        string error = Number(result.Error, "0.0e-0"), tolerance = Number(result.Tolerance, "0.#e-0");
        if (result.Status == CaseStatus.Skipped) table.AddRow(Terminal.Cell(result.Name), "", Terminal.Cell(result.Worst), "", "", "[yellow]skipped[/]");
        else table.AddRow(Terminal.Cell(result.Name), $"{result.Compared}", Terminal.Cell(result.Worst), error, tolerance, result.Status == CaseStatus.Pass ? "[green]pass[/]" : "[red]FAIL[/]");
    }

    private static string Number(double value, string format) => value == 0 ? "0" : value.ToString(format, CultureInfo.InvariantCulture);
}
