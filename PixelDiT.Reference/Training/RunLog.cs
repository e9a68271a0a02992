using System.Globalization;
using PixelDiT.Kernels;

namespace PixelDiT.Reference.Training;

/// <summary>loss.csv: a row a step, readable while the run goes on.</summary>
public sealed class RunLog : IDisposable
{
    /// <summary>The first line.</summary>
    public const string Header = "step,loss,grad_norm,lr,images_per_second";

    private readonly StreamWriter _writer;
    private readonly string _path;

    /// <summary>Opens a log.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keep">Steps of an earlier part of the run whose rows are kept; 0 begins anew.</param>
    /// <exception cref="FileFormatException">The file cannot be written.</exception>
    public RunLog(string path, long keep = 0)
    {
        _path = path;
        try
        {
            string[] kept = keep > 0 && File.Exists(path) ? [.. File.ReadLines(path).Skip(1).TakeWhile(line => StepOf(line) <= keep)] : [];
            _writer = new StreamWriter(path) { NewLine = "\n" };
            _writer.WriteLine(Header);
            foreach (string line in kept) _writer.WriteLine(line);
            _writer.Flush();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException($"{path}: cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Adds a row.</summary>
    /// <exception cref="FileFormatException">The disk is full.</exception>
    public void Add(StepReport report)
    {
        try
        {
            _writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Step},{report.Loss:G9},{report.GradientNorm:G9},{report.LearningRate:G9},{report.ImagesPerSecond:F1}"));
            _writer.Flush();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FileFormatException($"{_path}: cannot be written: {error.Message}", error);
        }
    }

    private static long StepOf(string line) => long.TryParse(line.AsSpan(0, Math.Max(0, line.IndexOf(','))), out long step) ? step : long.MaxValue;

    /// <summary>Closes the file.</summary>
    public void Dispose() => _writer.Dispose();
}
