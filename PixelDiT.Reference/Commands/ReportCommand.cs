using System.CommandLine;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Reports;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit report</c>: a run as a page.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("RUN") { Description = "The folder of a training run, finished or not; it may be running." };
        Option<string?> output = new("--out") { Description = $"The page to write. [default: RUN/{ReportPage.FileName}]", HelpName = "FILE" };
        var overwrite = OutputFile.OverwritePage();
        var command = new Command("report", "Write a page about a training run: its curves, pictures, checkpoints and settings in one HTML file that needs nothing else.") { folder, output, overwrite };
        command.SetRun((parsed, _) =>
        {
            string run = parsed.GetRequiredValue(folder), path = parsed.GetValue(output) ?? Path.Combine(run, ReportPage.FileName);
            var summary = RunSummary.Read(run);
            OutputFile.RequirePage(path, parsed.GetValue(overwrite), ReportPage.IsOne);
            if (File.Exists(path) && !ReportPage.IsOne(path)) OutputFile.RequireOutside(path, Path.GetFullPath(run));
            ReportPage.Write(path, summary, DateTimeOffset.UtcNow);
            Terminal.WriteLine($"wrote {path}");
            return 0;
        });
        return command;
    }
}
