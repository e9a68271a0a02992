using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Pictures.Resizing;

namespace PixelDiT.Reference.Data;

/// <summary>The picture files of a folder, a subfolder a class (<see cref="FolderListing"/>).</summary>
/// <param name="folder">The folder that holds a subfolder for each class.</param>
/// <param name="size">The size of an image, in pixels.</param>
/// <param name="channels">1 or 3.</param>
/// <param name="name">What the user called the source; otherwise "folder:" and the folder.</param>
/// <param name="options">How it is opened.</param>
/// <param name="mostKept">The memory that decoded images may take, in bytes.</param>
/// <param name="limit">What decoding a file may take; only one that hangs takes so long.</param>
/// <exception cref="DataException">There is no such folder, it or a class of it has no picture, no picture in it is readable, or decoding one hangs.</exception>
/// <exception cref="OperationCanceledException">Cancelled.</exception>
internal sealed class ImageFolder(string folder, ImageSize size, int channels, string? name = null, SourceOptions? options = null, long mostKept = ListedImages.MostKept, TimeSpan? limit = null) : ListedImages(
    FolderListing.Read(folder, options?.AllowEmptyClasses ?? false, options?.Cancel ?? default, options?.CacheFolder), size, channels, name ?? $"folder:{folder}", options ?? new SourceOptions(),
    new Preparation(options?.Resize ?? ResizeRule.Adm, options?.Background ?? Background.White), mostKept, limit);
