using System.Globalization;
using System.Text;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Training.Watching;

namespace PixelDiT.Reference.Training;

/// <summary>
/// loss.csv: a row a step, readable while the run goes on. New columns come at the end, so a run that goes on may have rows of an earlier version with fewer of them. Where rows cannot be written, as on a full disk, they are kept and written with the next that can be; the file
/// never ends in the middle of a row.
/// </summary>
internal sealed class RunLog : IDisposable
{
    /// <summary>The first line.</summary>
    public static string Header { get; } =
        $"step,loss,grad_norm,lr,images_per_second,{string.Join(',', Enumerable.Range(0, LossBands.Count).Select(BandColumn))},{AlignmentColumn},{HeldOutColumn},{HeldOutRawColumn},{WaitColumn},{DeviceColumn},{ProcessColumn},{TimeColumn},{PartColumn}";

    internal const string HeldOutColumn = "held_out", HeldOutRawColumn = "held_out_raw";

    internal const string AlignmentColumn = "alignment_loss", WaitColumn = "data_wait", DeviceColumn = "device_mib", ProcessColumn = "process_mib", TimeColumn = "time", PartColumn = "part";

    private const double Mebibyte = 1 << 20;

    private readonly FileStream _file;
    private readonly string _path;
    private readonly StringBuilder _waiting = new();
    private readonly Action<string>? _warn;
    private readonly TimeProvider _clock;
    private readonly long _part;
    private long _length;
    private bool _warned;

    /// <summary>Opens a log.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keep">Steps of an earlier part of the run whose rows are kept, with empty fields for columns that they do not have; 0 begins anew.</param>
    /// <param name="warn">Is told, once, that rows cannot be written; null makes that an error.</param>
    /// <param name="clock">Tells the time of a row; null for the system's.</param>
    /// <exception cref="FileFormatException">The file cannot be written.</exception>
    public RunLog(string path, long keep = 0, Action<string>? warn = null, TimeProvider? clock = null)
    {
        (_path, _warn, _clock) = (path, warn, clock ?? TimeProvider.System);
        try
        {
            string[] kept = keep > 0 && File.Exists(path) ? [.. File.ReadLines(path).Skip(1).TakeWhile(line => StepOf(line) <= keep)] : [];
            _part = 1 + (kept.Length == 0 ? 0 : PartOf(kept[^1]));
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
        _waiting.Append(CultureInfo.InvariantCulture, $"{report.Step},{report.Loss:G9},{report.GradientNorm:G9},{report.LearningRate:G9},{report.ImagesPerSecond:F1}");
        for (int band = 0; band < LossBands.Count; band++)
        {
            _waiting.Append(',');
            // A band without images has no number, which is no NaN of the loss.
            if (band < report.LossByTime.Count && (!double.IsNaN(report.LossByTime[band]) || !float.IsFinite(report.Loss))) _waiting.Append(CultureInfo.InvariantCulture, $"{report.LossByTime[band]:G6}");
        }
        foreach (double? loss in (ReadOnlySpan<double?>)[report.AlignmentLoss, report.HeldOut?.Averaged, report.HeldOut?.Raw]) _waiting.Append(CultureInfo.InvariantCulture, $",{loss:G6}");
        double seconds = (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        _waiting.Append(CultureInfo.InvariantCulture, $",{report.DataWait.TotalSeconds:0.####},{report.DeviceBytes / Mebibyte:0.#},{report.ProcessBytes / Mebibyte:0.#},{seconds:F1},{_part}\n");
        Write();
    }

    /// <summary>The column of a band of t, named after where the band begins, in hundredths.</summary>
    internal static string BandColumn(int band) => string.Create(CultureInfo.InvariantCulture, $"loss_t{100 * band / LossBands.Count:00}");

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

    private static long StepOf(string line) => long.TryParse(line.AsSpan(0, Math.Max(0, line.IndexOf(','))), out long step) ? step : long.MaxValue;

    /// <summary>Which process of the run has written a row, from 1; rows without the column are of the first.</summary>
    private static long PartOf(string line)
    {
        int column = Array.IndexOf(Header.Split(','), PartColumn);
        string[] fields = line.Split(',');
        return fields.Length > column && long.TryParse(fields[column], NumberStyles.None, CultureInfo.InvariantCulture, out long part) ? part : 1;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
