using System.Globalization;
using System.Runtime.InteropServices;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>
/// <c>output.npz</c>, which the evaluation suite of ADM reads: <c>arr_0</c>, bytes [n, H, W, C], and <c>arr_1</c>, the labels, 64-bit whole numbers [n].
/// It grows under the name <c>output.npz.part</c>, and beside it <c>output.npz.count</c> says how many images of it have reached the disk, so that a run that ended
/// at any moment is gone on with behind them.
/// </summary>
internal sealed class ImageArchive : IDisposable
{
    /// <summary>The finished archive.</summary>
    public const string FileName = "output.npz";

    /// <summary>The archive while it grows, and the number of its images.</summary>
    public const string PartName = FileName + ".part", CountName = FileName + ".count";

    private readonly string _folder;
    private readonly SamplePlan _plan;
    private readonly FileStream _stream;
    private readonly NpzWriter _writer;
    private readonly int _imageBytes;

    /// <summary>Opens the archive of a run and goes behind the images that it has.</summary>
    /// <param name="folder">The run's folder, which is there.</param>
    /// <param name="plan">The run, all of one size; what the folder holds of it is of the same plan.</param>
    /// <param name="channels">C.</param>
    /// <exception cref="FileFormatException">A file cannot be read or written, or is damaged; another run may hold it open.</exception>
    public ImageArchive(string folder, SamplePlan plan, int channels)
    {
        var size = plan.Frame;
        (_folder, _plan, _imageBytes) = (folder, plan, checked((int)size.Area * channels));
        _stream = Guard(() => new FileStream(PathOf(PartName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16));
        try
        {
            _writer = new NpzWriter(_stream);
            Guard(() =>
            {
                _writer.Begin("arr_0", NpyHeader.UInt8, [plan.Count, size.Height, size.Width, channels], 1);
                Done = Math.Min(ReadCount(folder, plan), Math.Max(0, _stream.Length - _stream.Position) / _imageBytes);
                _writer.Keep(Done * _imageBytes);
                _stream.SetLength(_stream.Position);
            });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The images that are on the disk.</summary>
    public long Done { get; private set; }

    /// <summary>Adds the next images and waits until they are on the disk.</summary>
    /// <exception cref="FileFormatException">They cannot be written; those before them are safe.</exception>
    public void Add(IReadOnlyList<Picture> pictures)
    {
        Guard(() =>
        {
            foreach (var picture in pictures) _writer.Write(picture.Pixels);
            _stream.Flush(flushToDisk: true);
        });
        Done += pictures.Count;
        AtomicFile.WriteText(PathOf(CountName), string.Create(CultureInfo.InvariantCulture, $"{Done}\n"));
    }

    /// <summary>Adds the labels and the directory, and gives the archive its name. All images must be there.</summary>
    /// <exception cref="FileFormatException">The file cannot be written.</exception>
    public void Complete() => Guard(() =>
    {
        _writer.Begin("arr_1", NpyHeader.Int64, [_plan.Count], sizeof(long));
        long[] labels = new long[_plan.PerRow];
        for (int row = 0; row < _plan.Rows; row++)
        {
            Array.Fill(labels, _plan.LabelOf((long)row * _plan.PerRow));
            _writer.Write(MemoryMarshal.AsBytes(labels.AsSpan()));
        }
        _writer.Finish();
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        File.Move(PathOf(PartName), PathOf(FileName), overwrite: true);
        File.Delete(PathOf(CountName));
    });

    /// <summary>How many images of a run are on the disk, by the file beside the archive; 0 where there is none.</summary>
    /// <exception cref="FileFormatException">The file cannot be read, or holds no number from 0 to n.</exception>
    private static long ReadCount(string folder, SamplePlan plan)
    {
        string path = Path.Combine(folder, CountName);
        if (!File.Exists(path)) return 0;
        using var stream = AtomicFile.OpenRead(path);
        Span<byte> text = stackalloc byte[32];
        int length = stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        return long.TryParse(text[..length].TrimEnd((byte)'\n'), NumberStyles.None, CultureInfo.InvariantCulture, out long count) && count <= plan.Count
            ? count
            : throw new FileFormatException($"{path}: holds {Quote.Bytes(text[..length])}; the number of images in {PartName}, from 0 to {plan.Count}, was expected");
    }

    private string PathOf(string name) => Path.Combine(_folder, name);

    private void Guard(Action act) => Guard(() =>
    {
        act();
        return true;
    });

    private T Guard<T>(Func<T> act)
    {
        try
        {
            return act();
        }
        catch (Exception error) when (AtomicFile.IsFileSystemError(error))
        {
            throw new FileFormatException($"{PathOf(PartName)}: cannot be written: {SystemReason.Of(error)}", error);
        }
    }

    /// <summary>Closes the file; what is on the disk stays.</summary>
    public void Dispose()
    {
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // The images that could not be written were named when they were added, and are not counted.
        }
    }
}
