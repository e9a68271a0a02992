using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Editing;

/// <summary>How a picture whose sides are no multiples of the patch is brought to the model's grid.</summary>
public enum GridFit
{
    /// <summary>Mirrored beyond its right and lower edge; the edited picture has its size again.</summary>
    Pad,

    /// <summary>Cut to its centre, by less than a patch on each axis; the edited picture is so much smaller.</summary>
    Cut
}

/// <summary>
/// A picture to be edited: put upright as its EXIF data say, and seen on white where it is transparent. The edited picture has the same opacity, and where nothing was changed the same colours to the byte.
/// </summary>
public sealed class EditImage
{
    private readonly Picture _colours;
    private readonly byte[]? _opacity;
    private readonly int _patch, _channels;

    private EditImage(Picture before, Picture colours, byte[]? opacity, int patch, int channels, IReadOnlyList<string> remarks)
        => (Before, _colours, _opacity, _patch, _channels, Remarks) = (before, colours, opacity, patch, channels, remarks);

    /// <summary>What is edited and compared with: [H, W, C] of the model's channels.</summary>
    public Picture Before { get; }

    /// <summary>What of the file is not kept, a line each.</summary>
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>The size that the model is given: sides are multiples of the patch.</summary>
    public ImageSize GridSize => new(Up(Before.Height), Up(Before.Width));

    /// <summary>Reads a file.</summary>
    /// <param name="path">PNG, JPEG, WebP, GIF or BMP.</param>
    /// <param name="patch">p, the model's patch.</param>
    /// <param name="channels">C, the model's channels.</param>
    /// <param name="fit">How it is brought to the grid.</param>
    /// <exception cref="DataException">It cannot be read or decoded, or is smaller than a patch and to be cut.</exception>
    public static EditImage Open(string path, int patch, int channels, GridFit fit)
    {
        var whole = Decode(path);
        var (width, height) = fit == GridFit.Pad ? (whole.Seen.Width, whole.Seen.Height) : (whole.Seen.Width / patch * patch, whole.Seen.Height / patch * patch);
        if (width == 0 || height == 0) throw new DataException($"{path}: has {whole.Seen.Width} × {whole.Seen.Height} pixels; at least {patch} × {patch}, the model's patch, were expected to cut it to");
        int left = (whole.Seen.Width - width) / 2, top = (whole.Seen.Height - height) / 2;
        var seen = Part(whole.Seen, left, top, width, height);
        var remarks = new List<string>();
        if (whole.IsDeep) remarks.Add($"{path}: has 16 bits a channel, of which 8 are kept");
        if (channels == 1) return new(Gray(seen), Gray(seen), null, patch, channels, remarks);
        byte[]? opacity = whole.Opacity is { } all ? [.. Enumerable.Range(0, width * height).Select(i => all[((top + (i / width)) * whole.Seen.Width) + left + (i % width)])] : null;
        return new(seen, Part(whole.Colours, left, top, width, height), opacity, patch, channels, remarks);
    }

    /// <summary>Reads a mask of a picture: where it is brighter than half, in what is seen of it on white, something may change.</summary>
    /// <param name="path">A picture of the size of the source, before it is cut.</param>
    /// <param name="source">The source's file, for messages and its size.</param>
    /// <param name="fit">As of the source.</param>
    /// <exception cref="DataException">It cannot be read, is of another size, or nothing of it is bright.</exception>
    public bool[] OpenMask(string path, string source, GridFit fit)
    {
        var mask = Decode(path).Seen;
        bool isCut = fit == GridFit.Cut && mask.Width - Before.Width < _patch && mask.Height - Before.Height < _patch && mask.Width >= Before.Width && mask.Height >= Before.Height;
        if ((mask.Width, mask.Height) != (Before.Width, Before.Height) && !isCut) throw new DataException($"{path}: the mask has {mask.Width} × {mask.Height} pixels; {Before.Width} × {Before.Height} were expected, as {source} has");
        var part = Gray(Part(mask, (mask.Width - Before.Width) / 2, (mask.Height - Before.Height) / 2, Before.Width, Before.Height));
        bool[] inside = Array.ConvertAll(part.Pixels, value => value > byte.MaxValue / 2);
        return inside.Contains(true) ? inside : throw new DataException($"{path}: the mask is dark everywhere; bright where something may change was expected");
    }

    /// <summary>The values that the model is given, [C, H', W'] of <see cref="GridSize"/>.</summary>
    public float[] ToValues()
    {
        var (height, width) = GridSize;
        var values = new float[checked(_channels * height * width)];
        for (int c = 0; c < _channels; c++)
        {
            for (int y = 0; y < height; y++)
            {
                for (int x = 0; x < width; x++)
                {
                    int from = (Mirrored(y, Before.Height) * Before.Width) + Mirrored(x, Before.Width);
                    values[(((c * height) + y) * width) + x] = PixelScale.ToValue(Before.Pixels[(from * _channels) + c]);
                }
            }
        }
        return values;
    }

    /// <summary>The edited picture of a model's values, without what was padded; outside of a region that is given, the source's own pixels.</summary>
    /// <param name="values">[C, H', W'] of <see cref="GridSize"/>.</param>
    /// <param name="region">[H, W], where something may change; null for everywhere.</param>
    public Picture After(ReadOnlySpan<float> values, bool[]? region = null)
    {
        var (height, width) = GridSize;
        var whole = Picture.FromImage(values, _channels, height, width);
        var after = Part(whole, 0, 0, Before.Width, Before.Height);
        for (int i = 0; region is not null && i < region.Length; i++)
        {
            if (!region[i]) Before.Pixels.AsSpan(i * _channels, _channels).CopyTo(after.Pixels.AsSpan(i * _channels));
        }
        return after;
    }

    /// <summary>Writes an edited picture as PNG, with the source's opacity.</summary>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="after">What is to be seen, of the source's size.</param>
    /// <param name="texts">What stands beside the pixels; null for nothing.</param>
    /// <exception cref="FileFormatException">It cannot be written.</exception>
    public void Write(string path, Picture after, IReadOnlyList<PngText>? texts = null)
    {
        if (_opacity is null)
        {
            PngWriter.Write(path, after, texts);
            return;
        }
        // What is seen on white is α·c + (1 − α)·255. A pixel that looks as before keeps its colour, and so does one that cannot be seen.
        byte[] colours = [.. _colours.Pixels];
        for (int i = 0; i < _opacity.Length; i++)
        {
            Span<byte> was = Before.Pixels.AsSpan(3 * i, 3), now = after.Pixels.AsSpan(3 * i, 3);
            if (_opacity[i] == 0 || now.SequenceEqual(was)) continue;
            double share = _opacity[i] / 255.0;
            for (int c = 0; c < 3; c++) colours[(3 * i) + c] = (byte)Math.Clamp(Math.Round((now[c] - (255 * (1 - share))) / share), 0, 255);
        }
        PngWriter.Write(path, new Picture(after.Width, after.Height, 3, colours), _opacity, texts);
    }

    private static UprightPicture Decode(string path)
    {
        try
        {
            return ImageDecoder.DecodeWhole(FileStart.ReadAll(path));
        }
        catch (DataException error)
        {
            throw new DataException($"{path}: {error.Message}", error);
        }
    }

    private static Picture Part(Picture picture, int left, int top, int width, int height)
    {
        int row = width * picture.Channels;
        var pixels = new byte[row * height];
        for (int y = 0; y < height; y++) picture.Pixels.AsSpan((((top + y) * picture.Width) + left) * picture.Channels, row).CopyTo(pixels.AsSpan(y * row));
        return new Picture(width, height, picture.Channels, pixels);
    }

    private static Picture Gray(Picture colours)
    {
        var gray = new byte[colours.Width * colours.Height];
        for (int i = 0; i < gray.Length; i++) gray[i] = PixelScale.Gray(colours.Pixels[3 * i], colours.Pixels[(3 * i) + 1], colours.Pixels[(3 * i) + 2]);
        return new Picture(colours.Width, colours.Height, 1, gray);
    }

    /// <summary>The place of a pixel beyond the edge: as in a mirror whose edge pixel is not repeated, however far.</summary>
    private static int Mirrored(int at, int size)
    {
        if (size == 1) return 0;
        int period = 2 * (size - 1), within = at % period;
        return within < size ? within : period - within;
    }

    private int Up(int side) => (side + _patch - 1) / _patch * _patch;
}
