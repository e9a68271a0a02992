using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats.Words;

namespace PixelDiT.Reference.Formats.TensorBoard;

/// <summary>
/// A file of events that TensorBoard reads: numbers and pictures by step. A run that goes on begins another file beside the first; its first event says from which step on the earlier files do not count any more.
/// What cannot be written, as on a full disk, is left out; the file never ends in the middle of a record.
/// </summary>
internal sealed class EventFile : IDisposable
{
    /// <summary>How the names of such files begin. Those of this program end in <see cref="NameEnd"/>; other programs put the machine's name there.</summary>
    public const string NameStart = "events.out.tfevents.", NameEnd = ".pixeldit";

    // Fields of tensorflow.Event, Summary, Summary.Value, Summary.Image and SessionLog.
    private const int EventTime = 1, EventStep = 2, EventVersion = 3, EventSummary = 5, EventSession = 7;
    private const int SummaryValue = 1, ValueTag = 1, ValueSingle = 2, ValueImage = 4;
    private const int ImageHeight = 1, ImageWidth = 2, ImageColors = 3, ImageBytes = 4, Rgb = 3;
    private const int SessionStatus = 1, SessionStart = 1;

    private readonly FileStream _file;
    private readonly Action<string>? _warn;
    private readonly TimeProvider _clock;
    private readonly string _path;
    private long _length;
    private bool _warned;

    /// <summary>Begins a file in a folder.</summary>
    /// <param name="folder">The folder, which is there.</param>
    /// <param name="firstStep">The first step that is still to come: what earlier files say of it and of later ones does not count any more.</param>
    /// <param name="warn">Is told, once, that something could not be written; null makes that an error.</param>
    /// <param name="clock">Tells the time of an event; null for the system's.</param>
    /// <exception cref="FileFormatException">No file can be made.</exception>
    public EventFile(string folder, long firstStep, Action<string>? warn = null, TimeProvider? clock = null)
    {
        (_warn, _clock) = (warn, clock ?? TimeProvider.System);
        // TensorBoard reads the files of a folder in the order of their names.
        long seconds = _clock.GetUtcNow().ToUnixTimeSeconds();
        while (File.Exists(_path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{NameStart}{seconds:D10}{NameEnd}")))) seconds++;
        try
        {
            _file = new FileStream(_path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{_path}: cannot be made: {SystemReason.Of(error)}", error);
        }
        Write(Event(0).Text(EventVersion, "brain.Event:2"));
        Write(Event(firstStep).Message(EventSession, new ProtobufWriter().Number(SessionStatus, SessionStart)));
    }

    /// <summary>The files that this program has written into a folder.</summary>
    public static IEnumerable<string> Of(string folder) => Directory.EnumerateFiles(folder, $"{NameStart}*{NameEnd}");

    /// <summary>Adds numbers of a step, one a tag.</summary>
    /// <exception cref="FileFormatException">They cannot be written, and nobody is there to be warned.</exception>
    public void Add(long step, IEnumerable<(string Tag, double Value)> numbers)
    {
        var summary = new ProtobufWriter();
        foreach (var (tag, value) in numbers) summary.Message(SummaryValue, new ProtobufWriter().Text(ValueTag, tag).Single(ValueSingle, (float)value));
        Write(Event(step).Message(EventSummary, summary));
    }

    /// <summary>Adds a picture of a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="tag">What it is called.</param>
    /// <param name="png">The bytes of a PNG file.</param>
    /// <param name="width">W, in pixels.</param>
    /// <param name="height">H, in pixels.</param>
    /// <exception cref="FileFormatException">It cannot be written, and nobody is there to be warned.</exception>
    public void AddPicture(long step, string tag, ReadOnlySpan<byte> png, int width, int height)
    {
        var image = new ProtobufWriter().Number(ImageHeight, height).Number(ImageWidth, width).Number(ImageColors, Rgb).Bytes(ImageBytes, png);
        Write(Event(step).Message(EventSummary, new ProtobufWriter().Message(SummaryValue, new ProtobufWriter().Text(ValueTag, tag).Message(ValueImage, image))));
    }

    private ProtobufWriter Event(long step) => new ProtobufWriter().Double(EventTime, (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds).Number(EventStep, step);

    private void Write(ProtobufWriter message)
    {
        byte[] record = RecordFrame.Of(message.Written);
        try
        {
            _file.Position = _length;
            _file.Write(record);
            _length += record.Length;
            _warned = false;
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            CutBack();
            string problem = $"{_path}: cannot be written: {SystemReason.Of(error)}";
            if (_warn is null) throw new FileFormatException(problem, error);
            if (!_warned) _warn($"{problem}; the run goes on, and TensorBoard will miss what comes until it can be");
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
            // The next record begins at the same place and is put over what is there.
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
