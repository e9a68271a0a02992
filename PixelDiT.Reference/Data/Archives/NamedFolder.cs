using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;

namespace PixelDiT.Reference.Data.Archives;

/// <summary>The pictures in a folder that has a <c>dataset.json</c>, and in the folders below it.</summary>
/// <param name="listing">The pictures.</param>
internal sealed class NamedFolder(FolderListing listing) : INamedFiles
{
    /// <inheritdoc/>
    public string Kind => "labelled folder";

    /// <inheritdoc/>
    public string Place => listing.Place;

    /// <inheritdoc/>
    public int Count => listing.Count;

    /// <inheritdoc/>
    public IReadOnlyList<SkippedImage> LeftOut => listing.LeftOut;

    /// <inheritdoc/>
    public IReadOnlyList<string> Remarks => listing.Remarks;

    /// <summary>The folder's own <c>dataset.json</c>, where it says labels; null if it is no such folder.</summary>
    public static byte[]? DatasetOf(string folder)
    {
        string path = Path.Combine(folder, DatasetJson.Name);
        if (!File.Exists(path)) return null;
        try
        {
            byte[] json = FileStart.ReadAll(path);
            return DatasetJson.HasLabels(json) ? json : null;
        }
        catch (DataException error)
        {
            throw new DataException($"{path}: {error.Message}", error);
        }
    }

    /// <inheritdoc/>
    public ReadOnlySpan<byte> NameOf(int index) => listing.Files.NameBytes(index);

    /// <inheritdoc/>
    public string PathOf(int index) => listing.PathOf(index);

    /// <inheritdoc/>
    public byte[] Read(int index) => listing.Read(index);

    /// <inheritdoc/>
    public bool MayChange(int index) => listing.MayChange(index);

    /// <inheritdoc/>
    public byte[]? ReadDataset() => DatasetOf(Place);

    /// <inheritdoc/>
    public void AddContent(ListingHash hash, int index) => hash.Add(listing.Files.LengthOf(index));

    /// <inheritdoc/>
    public void AddState(ListingHash hash) => listing.AddState(hash);
}
