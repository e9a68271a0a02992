using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Captions;
using PixelDiT.Reference.Data.Drawings;
using PixelDiT.Reference.Data.Shards;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>Opens a source of captioned images from the text a user types.</summary>
public static class CaptionedSources
{
    private static readonly string[] s_kinds = ["shapes", "folder", "wids"];

    /// <summary>The forms of a specification, each with a few words of explanation.</summary>
    public static IReadOnlyList<(string Form, string Meaning)> Known { get; } =
    [
        ("shapes", "drawings of coloured figures that their captions describe, drawn on demand"),
        ("folder:PATH", $"PNG, JPEG, WebP, GIF and BMP files with captions ({CaptionFiles.Expected})"),
        ("wids:FOLDER", $"tar shards with their index, {ShardList.IndexName}")
    ];

    private static string KnownForms => string.Join(", ", Known.Select(known => known.Form));

    /// <summary>
    /// Opens a source. A folder that is there needs no word before it: with an index of shards it is one of shards, otherwise one of pictures. "~" at the start of a path is the user's home. One of shards holds its files open and
    /// is disposable.
    /// </summary>
    /// <param name="spec">One of <see cref="Known"/>.</param>
    /// <param name="size">The size of the images, sides from 8 to 4096 pixels; not looked at where there are buckets.</param>
    /// <param name="buckets">The sizes that images are brought to, each the one nearest to its shape; null for one size.</param>
    /// <param name="channels">3 or 1; drawings have 3.</param>
    /// <param name="part">The images to train on, or those to measure with, which only drawings have.</param>
    /// <param name="options">How it is opened.</param>
    /// <exception cref="PixelDiTException">
    /// The specification is unknown, does not go with the other parameters, files are missing or not what their format says, or no image is readable and has a caption; the message names the file, the field, what was found and what was expected.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled by the options.</exception>
    public static ICaptionedSource Open(string spec, ImageSize size, AspectBuckets? buckets = null, int channels = 3, ImagePart part = ImagePart.Training, SourceOptions? options = null)
    {
        if (buckets is null) ImageSources.RequireInRange(spec, size);
        if (channels is not (1 or 3)) throw new DataException($"{spec}: {channels} channels; images have 3 (colour) or 1 (gray)");
        options ??= new SourceOptions();
        var (kind, path) = ImageSources.Split(spec, s_kinds);
        if (kind == "folder" && path is not null && !spec.StartsWith("folder:", StringComparison.Ordinal) && HasIndex(path)) kind = "wids";
        if (kind == "shapes") ImageSources.RequireUnprepared(spec, options, "is drawn at its size", resizes: false);
        if (kind == "wids") ImageSources.RequireUnprepared(spec, options, "is scaled, and its opacity dropped, as the published loader does", resizes: false);
        if (buckets is not null && options.Resize is { } rule) throw new DataException($"data '{spec}' in buckets is scaled as the published loader does; --resize {ResizeRules.NameOf(rule)} is of images of one size");
        switch (kind, path)
        {
            case ("shapes", null):
                if (buckets is not null) throw new DataException("data 'shapes' is drawn in squares; for buckets folder:PATH or wids:FOLDER was expected");
                return channels == 3 ? new CaptionedShapes(ImageSources.RequireSquare(spec, size), part) : throw new DataException("data 'shapes' has captions that name colours; 3 channels were expected, not 1");
            case ("folder" or "wids", null or ""):
                throw new DataException($"data '{spec}' names no folder; write {kind}:FOLDER");
            case ("folder" or "wids", _) when part == ImagePart.HeldOut:
                throw new DataException($"data '{spec}' has no held-out part; open a second folder to measure with");
            case ("folder", _) when HasIndex(path):
                throw new DataException($"data '{spec}' is a folder of shards, since it has {ShardList.IndexName}; write wids:{path}");
            case ("folder", _):
                return new CaptionedFolder(path, size, buckets, channels, spec, options);
            case ("wids", _):
                return new ShardSource(path, buckets is null ? ImageSources.RequireSquare(spec, size, "the published loader cuts squares; of other sizes there are those of buckets") : 0, buckets, channels, spec, options);
            default:
                bool isFile = File.Exists(ImageSources.Expanded(spec));
                throw new DataException(isFile ? $"data '{spec}' is a file; a folder was expected, or one of {KnownForms}" : $"data '{spec}' is unknown; with captions there are {KnownForms}");
        }
    }

    /// <summary>Opens the picture files with captions of a folder and of those below it.</summary>
    /// <param name="folder">The folder's path as it is.</param>
    /// <param name="size">The size of the images, sides from 8 to 4096 pixels; not looked at where there are buckets.</param>
    /// <param name="buckets">The sizes that images are brought to, each the one nearest to its shape; null for one size.</param>
    /// <param name="channels">3 or 1.</param>
    /// <param name="options">How it is opened.</param>
    /// <exception cref="DataException">There is no such folder, or no picture in it is readable and has a caption.</exception>
    /// <exception cref="OperationCanceledException">Cancelled by the options.</exception>
    public static ICaptionedSource OpenFolder(string folder, ImageSize size, AspectBuckets? buckets = null, int channels = 3, SourceOptions? options = null)
        => Open($"folder:{Path.GetFullPath(folder)}", size, buckets, channels, ImagePart.Training, options);

    /// <summary>Whether opening a source reads files, which takes its time.</summary>
    public static bool IsFolder(string spec) => ImageSources.Split(spec, s_kinds) is ("folder" or "wids", not (null or ""));

    /// <inheritdoc cref="ImageSources.PathOf"/>
    internal static string? PathOf(string spec) => ImageSources.Split(spec, s_kinds).Path;

    private static bool HasIndex(string folder) => File.Exists(Path.Combine(folder, ShardList.IndexName));
}
