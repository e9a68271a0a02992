using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Archives;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>Opens an image source from the text a user types.</summary>
public static class ImageSources
{
    /// <summary>The smallest side of the images of a source, in pixels.</summary>
    internal const int SmallestSide = 8;

    private static readonly string[] s_kinds = ["shapes", "idx", "cifar10", "folder", "zip", "h5"];

    /// <summary>The forms of a specification, each with a few words of explanation.</summary>
    public static IReadOnlyList<(string Form, string Meaning)> Known { get; } =
    [
        ("shapes", "discs, squares and triangles in red, green and blue, drawn on demand"),
        ("idx:FOLDER", "MNIST or Fashion-MNIST in its idx files, gzipped or not"),
        ("cifar10:FOLDER", "CIFAR-10 in its binary version"),
        ("folder:PATH", "PNG, JPEG, WebP, GIF and BMP files, a subfolder a class"),
        ("zip:FILE", "such files in a zip archive whose dataset.json says their classes, as EDM2's tool writes it"),
        ("h5:FILE", "the same in an images.h5 with its images_h5.json, as REPA-E's tool writes it")
    ];

    /// <summary>
    /// Opens a source. Images of another size are scaled to it, what is too much on two sides cut off; gray ones repeated and coloured ones grayed to fit the channels. A folder that is there
    /// needs no word before it to be one of pictures, and "~" at the start of a path is the user's home.
    /// </summary>
    /// <param name="spec">One of <see cref="Known"/>.</param>
    /// <param name="size">The size of the images, sides from 8 to 4096 pixels; drawings are squares.</param>
    /// <param name="channels">3 or 1.</param>
    /// <param name="part">The images to train on, or those to measure with.</param>
    /// <param name="options">How it is opened.</param>
    /// <exception cref="DataException">
    /// The specification is unknown, files are missing or not what their format says, or no image is readable; the message names the file, the field, what was found and what was expected.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled by the options.</exception>
    public static IImageSource Open(string spec, ImageSize size, int channels = 3, ImagePart part = ImagePart.Training, SourceOptions? options = null)
    {
        RequireInRange(spec, size);
        if (channels is not (1 or 3)) throw new DataException($"{spec}: {channels} channels; images have 3 (colour) or 1 (gray)");

        var (kind, path) = Split(spec, s_kinds);
        if (kind is "shapes") RequireUnprepared(spec, options, "is drawn at its size", resizes: false);
        if (kind is "idx" or "cifar10") RequireUnprepared(spec, options, "has no transparent parts", resizes: true);
        return (kind, path) switch
        {
            ("shapes", null) => new Shapes(RequireSquare(spec, size), channels, part),
            ("idx" or "cifar10" or "folder", null or "") => throw new DataException($"data '{spec}' names no folder; write {kind}:FOLDER"),
            ("idx", _) => IdxFiles.Open(path!, size, channels, part, spec, options?.Resize),
            ("cifar10", _) => Cifar10.Open(path!, size, channels, part, spec, options?.Resize),
            ("zip" or "h5", null or "") => throw new DataException($"data '{spec}' names no file; write {kind}:FILE"),
            ("folder" or "zip" or "h5", _) when part == ImagePart.HeldOut => throw new DataException($"data '{spec}' has no held-out part; open a second folder to measure with"),
            ("folder", _) when !File.Exists(path) && NamedFolder.DatasetOf(path!) is not null => Labelled(new NamedFolder(FolderListing.ReadDeep(path!, options?.Cancel ?? default, options?.CacheFolder))),
            ("folder", _) => new ImageFolder(path!, size, channels, spec, options),
            ("zip", _) => Labelled(new ZipFiles(path!)),
            ("h5", _) => Labelled(new H5Files(path!)),
            _ when Expanded(spec) is var file && File.Exists(file) && Path.GetExtension(file).ToLowerInvariant() is ".zip" or ".h5" or ".hdf5" => throw new DataException($"data '{spec}' is a file; write {(Path.GetExtension(spec).Equals(".zip", StringComparison.OrdinalIgnoreCase) ? "zip" : "h5")}:{spec}"),
            _ when File.Exists(Expanded(spec)) => throw new DataException($"data '{spec}' is a file; a folder was expected, or one of {string.Join(", ", Known.Select(known => known.Form))}"),
            _ => throw new DataException($"data '{spec}' is unknown; known are {string.Join(", ", Known.Select(known => known.Form))}")
        };

        ListedImages Labelled(INamedFiles files) => new(
            new LabelledFiles(files, options?.AllowEmptyClasses ?? false), size, channels, spec, options ?? new SourceOptions(), new Preparation(options?.Resize ?? ResizeRule.Adm, options?.Background ?? Background.White));
    }

    /// <summary>Opens the picture files of a folder, a subfolder a class; without subfolders there is one class.</summary>
    /// <param name="folder">The folder's path as it is.</param>
    /// <param name="size">The size of the images, sides from 8 to 4096 pixels.</param>
    /// <param name="channels">3 or 1.</param>
    /// <param name="options">How it is opened.</param>
    /// <exception cref="DataException">There is no such folder, or no picture in it is readable.</exception>
    /// <exception cref="OperationCanceledException">Cancelled by the options.</exception>
    public static IImageSource OpenFolder(string folder, ImageSize size, int channels = 3, SourceOptions? options = null) => Open($"folder:{Path.GetFullPath(folder)}", size, channels, ImagePart.Training, options);

    /// <summary>Whether a source is drawn, so that nothing is scaled.</summary>
    public static bool IsDrawn(string spec) => Split(spec, s_kinds).Kind == "shapes";

    /// <summary>Whether a source has test images of its own, which are never trained on.</summary>
    public static bool HasTestImages(string spec) => Split(spec, s_kinds).Kind is "shapes" or "idx" or "cifar10";

    /// <summary>Refuses what a kind of source does not do with its pictures.</summary>
    internal static void RequireUnprepared(string spec, SourceOptions? options, string why, bool resizes)
    {
        if (!resizes && options?.Resize is { } rule) throw new DataException($"data '{spec}' {why}; --resize {ResizeRules.NameOf(rule)} is of pictures of any size");
        if (options?.Background is { } background) throw new DataException($"data '{spec}' {why}; --background {background} is of picture files of a folder or an archive");
    }

    /// <summary>Whether opening a source decodes files, which takes its time.</summary>
    public static bool IsFolder(string spec) => Split(spec, s_kinds) is ("folder" or "zip" or "h5", not (null or ""));

    /// <summary>Refuses sides below 8 and above 4096.</summary>
    internal static void RequireInRange(string spec, ImageSize size)
    {
        if (size is { Height: >= SmallestSide and <= ImageSize.LargestSide, Width: >= SmallestSide and <= ImageSize.LargestSide }) return;
        throw new DataException($"{spec}: the {(size.IsSquare ? $"resolution is {size.Height}; it" : $"size is {size}; each side")} must be from {SmallestSide} to {ImageSize.LargestSide}");
    }

    /// <summary>The side of squares, where there is nothing else.</summary>
    internal static int RequireSquare(string spec, ImageSize size, string why = "the drawings are squares")
        => size.IsSquare ? size.Height : throw new DataException($"{spec}: {size} was asked for; {why}");

    /// <summary>The file or folder that a specification names, which need not be there; null where it names none.</summary>
    internal static string? PathOf(string spec) => Split(spec, s_kinds).Path;

    /// <summary>Takes a specification apart: its kind and what follows the colon, or "folder" and a folder that is there. What is neither is a kind of its own.</summary>
    /// <param name="spec">What the user typed.</param>
    /// <param name="kinds">The words that may stand before a colon, or alone.</param>
    internal static (string Kind, string? Path) Split(string spec, IReadOnlyList<string> kinds)
    {
        if (kinds.Contains(spec)) return (spec, null);
        if (spec.Split(':', 2) is [var kind, var rest] && kinds.Contains(kind)) return (kind, Expanded(rest));
        string path = Expanded(spec);
        return Directory.Exists(path) ? ("folder", path) : (spec, null);
    }

    /// <summary>A shell replaces "~" at the start of a word only, not behind "folder:".</summary>
    internal static string Expanded(string path) => path == "~" || path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith($"~{Path.DirectorySeparatorChar}", StringComparison.Ordinal)
        ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + path[1..]
        : path;
}
