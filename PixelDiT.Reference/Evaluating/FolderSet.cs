using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;

namespace PixelDiT.Reference.Evaluating;

/// <summary>All pictures of a folder and of those below it, at their own sizes, in ordinal order. The sheets that a sampling run puts beside its pictures are no pictures of it.</summary>
public sealed class FolderSet : IImageSet
{
    private const int AtOnce = 32;

    private static readonly string[] s_sheets = [SampleSheet.GridName, SampleSheet.FilmName, SampleSheet.AnimationName];

    private readonly FolderListing _listing;
    private readonly List<string> _leftOut = [];
    private readonly Lazy<string> _identity;
    private readonly int _threads;

    /// <summary>Lists a folder; nothing is decoded yet.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="threads">Threads that decode, or −1 for one a core.</param>
    /// <param name="cancel">Ends the listing.</param>
    /// <exception cref="DataException">There is no such folder, it cannot be listed, or it has no pictures.</exception>
    public FolderSet(string folder, int threads = -1, CancellationToken cancel = default)
    {
        (Name, _threads) = (folder, threads);
        _listing = FolderListing.ReadDeep(folder, cancel);
        // Only beside its record is a picture of that name a sheet.
        if (_listing.Files.Any(file => !s_sheets.Contains(file.Name)) && File.Exists(Path.Combine(folder, SampleFolder.RecordName))) _listing.LeaveOut(file => s_sheets.Contains(file.Name) ? "is the sheet of a sampling run, not a picture of it" : null);
        _leftOut.AddRange(_listing.LeftOut.Select(left => $"{left.Path}: {left.Reason}"));
        if (_listing.Remark is { } remark) _leftOut.Add(remark);
        _identity = new Lazy<string>(() =>
        {
            using var hash = new ListingHash();
            hash.Add(ImageDecoder.Rules).Add(_listing.Files.Count);
            foreach (var file in _listing.Files) hash.Add(file.Name).Add(file.Length).Add(file.Written);
            return hash.ToHex();
        });
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Kind => "folder";

    /// <inheritdoc/>
    public long Count => _listing.Files.Count;

    /// <inheritdoc/>
    public ImageSize? Size => null;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames => [];

    /// <summary>Names, lengths and times of all files, not their content.</summary>
    public string Identity => _identity.Value;

    /// <inheritdoc/>
    public IReadOnlyList<string> LeftOut => _leftOut;

    /// <inheritdoc/>
    public IEnumerable<SetPicture> Read(CancellationToken cancel)
    {
        foreach (var files in _listing.Files.Chunk(AtOnce))
        {
            var decoded = new (Picture? Picture, string? Reason)[files.Length];
            Parallel.For(0, files.Length, new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = cancel }, i => decoded[i] = Decode(files[i].Path));
            foreach (var (file, (picture, reason)) in files.Zip(decoded))
            {
                if (picture is not null) yield return new SetPicture(picture, null);
                else _leftOut.Add($"{file.Path}: {reason}");
            }
        }
    }

    private static (Picture? Picture, string? Reason) Decode(string path)
    {
        try
        {
            Picture? whole = null;
            ImageDecoder.DecodeUpright(FileStart.ReadAll(path), picture => (whole = picture).Pixels, Background.None);
            return (whole, null);
        }
        catch (DataException error)
        {
            return (null, error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (null, $"cannot be read: {SystemReason.Of(error)}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
