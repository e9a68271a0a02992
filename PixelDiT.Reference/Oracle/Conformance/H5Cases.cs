using System.Text;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Archives;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Oracle.Conformance;

/// <summary>
/// An <c>images.h5</c> as REPA-E's preprocessing writes it: names, labels and pixels as it wrote them, and the pictures in the folder <c>source</c>, where there is one, cut to the same bytes. All is equal or wrong, and read on the
/// host, whatever the device.
/// </summary>
internal static class H5Cases
{
    /// <summary>The folder of these cases.</summary>
    public const string Folder = "h5";

    private const string Case = "/expected", Images = "images.h5", Source = "source";

    /// <summary>Runs a case; null says that there is no <c>images.h5</c> beside it.</summary>
    public static CaseResult? Run(string name, ConformanceFiles files)
    {
        if (!name.EndsWith(Case, StringComparison.Ordinal)) return null;
        string place = name[..^Case.Length];
        using var folder = files.OpenFolder(place);
        string images = Path.Combine(folder.Path, Images), source = Path.Combine(folder.Path, Source);
        if (!File.Exists(images)) return null;

        using var golden = files.Open(name);
        var comparison = new Comparison(name, golden);
        byte[] pixels = [.. golden.ReadIntegers("images").Select(value => (byte)value)];
        long[] labels = golden.ReadIntegers("labels");
        int side = golden.ShapeOf("images", 4)[3];
        var archive = new H5Files(images);
        comparison.Value("names", Differences(golden.Settings("names").Texts(), [.. Enumerable.Range(0, archive.Count).Select(i => Encoding.UTF8.GetString(archive.NameOf(i)))]), 0);
        comparison.Value("labels", Differences(labels, Labels(ImageSources.Open($"{archive.Kind}:{images}", Math.Max(side, ImageSources.SmallestSide)))), 0);
        comparison.Value("images", Differences(pixels, [.. Enumerable.Range(0, archive.Count).SelectMany(i => Planes(ImageDecoder.DecodeColours(archive.Read(i)).Pixels))]), 0);
        if (Directory.Exists(source)) comparison.Value(Source, Differences(pixels, Cut(source, side)), 0);
        return comparison.Result();
    }

    private static long[] Labels(IImageSource source) => [.. Enumerable.Range(0, (int)source.Count).Select(i => (long)source.Label(i))];

    /// <summary>Pictures at any depth, in the order of their paths' bytes, cut to squares: bytes [N, 3, H, W].</summary>
    private static byte[] Cut(string folder, int side) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(FolderListing.IsPicture).Order(StringComparer.Ordinal)
            .SelectMany(path => ImageDecoder.Read(path, side, 3, how: new(ResizeRule.Adm, Background.None)).Pixels)
    ];

    /// <summary>Pixels [H, W, 3] as planes [3, H, W].</summary>
    private static byte[] Planes(byte[] pixels) => [.. Enumerable.Range(0, 3).SelectMany(c => pixels.Where((_, i) => i % 3 == c))];

    /// <summary>How many elements differ; all, where there are more or fewer than expected.</summary>
    private static int Differences<T>(T[] expected, T[] actual) => actual.Length != expected.Length ? Math.Max(expected.Length, actual.Length) : expected.Where((value, i) => !value!.Equals(actual[i])).Count();
}
