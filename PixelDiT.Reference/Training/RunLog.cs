using System.Globalization;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Training;

/// <summary>
/// loss.csv: a row a step, readable while the run goes on. Where rows cannot be written, as on a full disk, they are kept and written with the next that can be; the file
/// never ends in the middle of a row.
/// </summary>
public sealed class RunLog : IDisposable
{
    /// <summary>The first line.</summary>
    public const string Header = "step,loss,grad_norm,lr,images_per_second,wait_ms";

    private readonly FileStream _file;
    private readonly string _path;
    private readonly StringBuilder _waiting = new();
    private readonly Action<string>? _warn;
    private long _length;
    private bool _warned;

    /// <summary>Opens a log.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keep">Steps of an earlier part of the run whose rows are kept, with empty fields for columns that they do not have; 0 begins anew.</param>
    /// <param name="warn">Is told, once, that rows cannot be written; null makes that an error.</param>
    /// <exception cref="FileFormatException">The file cannot be written.</exception>
    public RunLog(string path, long keep = 0, Action<string>? warn = null)
    {
        (_path, _warn) = (path, warn);
        try
        {
            string[] kept = keep > 0 && File.Exists(path) ? [.. File.ReadLines(path).Skip(1).TakeWhile(line => StepOf(line) <= keep).Select(Filled)] : [];
            // With bufferSize 0 a row is written when it is added or not at all.
            _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            foreach (string line in (string[])[Header, .. kept]) _waiting.Append(line).Append('\n');
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{path}: cannot be written: {SystemReason.Of(error)}", error);
        }
        Write();
    }

    /// <summary>Adds a row.</summary>
    /// <exception cref="FileFormatException">The disk is full, and nobody is there to be warned.</exception>
    public void Add(StepReport report)
    {
        _waiting.Append(CultureInfo.InvariantCulture, $"{report.Step},{report.Loss:G9},{report.GradientNorm:G9},{report.LearningRate:G9},{report.ImagesPerSecond:F1},{report.DataWait.TotalMilliseconds:F1}\n");
        Write();
    }

    private void Write()
    {
        try
        {
            byte[] rows = Encoding.UTF8.GetBytes(_waiting.ToString());
            _file.Position = _length;
            _file.Write(rows);
            _length += rows.Length;
            _waiting.Clear();
            _warned = false;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            CutBack();
            string problem = $"{_path}: cannot be written: {SystemReason.Of(error)}";
            if (_warn is null) throw new FileFormatException(problem, error);
            if (!_warned) _warn($"{problem}; the run goes on, and its rows are written when they can be");
            _warned = true;
        }
    }

    private void CutBack()
    {
        try
        {
            _file.SetLength(_length);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            // The next write begins at the same place and puts whole rows over what is there.
        }
    }

    /// <summary>A row with as many fields as the header has: a run may have been begun when there were fewer columns.</summary>
    private static string Filled(string line) => line + new string(',', Math.Max(0, Header.AsSpan().Count(',') - line.AsSpan().Count(',')));

    private static long StepOf(string line) => long.TryParse(line.AsSpan(0, Math.Max(0, line.IndexOf(','))), out long step) ? step : long.MaxValue;

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
