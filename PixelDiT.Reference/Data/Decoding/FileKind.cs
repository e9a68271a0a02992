using System.Buffers.Binary;
using System.Text;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>The picture formats that are decoded.</summary>
internal enum PictureFormat
{
    /// <summary>Anything else.</summary>
    None,

    /// <summary>PNG, also Apple's own kind.</summary>
    Png,

    /// <summary>JPEG.</summary>
    Jpeg,

    /// <summary>WebP.</summary>
    WebP,

    /// <summary>GIF.</summary>
    Gif,

    /// <summary>Windows bitmap.</summary>
    Bmp
}

/// <summary>What a file is, told by its first bytes; its name has no say.</summary>
/// <param name="Format">How it is decoded.</param>
/// <param name="Name">What it is, in words that follow "is".</param>
internal sealed record FileKind(PictureFormat Format, string Name)
{
    /// <summary>First bytes that are enough for every kind.</summary>
    public const int BytesNeeded = 512;

    /// <summary>The formats that are read, in words.</summary>
    public const string Read = "PNG, JPEG, WebP, GIF and BMP are read";

    private static readonly (byte[] Start, FileKind Kind)[] s_starts =
    [
        ([0x89, .. "PNG\r\n"u8, 0x1A, 0x0A], new(PictureFormat.Png, "a PNG picture")),
        ([0x89, .. "PNG"u8], new(PictureFormat.None, "a PNG picture whose line ends were changed on its way, as if it were text")),
        ([.. "?PNG\r\n"u8], new(PictureFormat.None, "a PNG picture whose first byte was changed on its way, as if it were text")),
        ([0xEF, 0xBF, 0xBD, .. "PNG"u8], new(PictureFormat.None, "a PNG picture that was stored as if it were text")),
        ([0xFF, 0xD8], new(PictureFormat.Jpeg, "a JPEG picture")),
        ([.. "GIF87a"u8], new(PictureFormat.Gif, "a GIF picture")),
        ([.. "GIF89a"u8], new(PictureFormat.Gif, "a GIF picture")),
        ([.. "II*\0"u8], new(PictureFormat.None, "a TIFF picture")),
        ([.. "MM\0*"u8], new(PictureFormat.None, "a TIFF picture")),
        ([.. "II+\0"u8], new(PictureFormat.None, "a BigTIFF picture")),
        ([.. "MM\0+"u8], new(PictureFormat.None, "a BigTIFF picture")),
        ([.. "8BPS"u8], new(PictureFormat.None, "a Photoshop document (PSD)")),
        ([.. "gimp xcf"u8], new(PictureFormat.None, "a GIMP document (XCF)")),
        ([0xFF, 0x0A], new(PictureFormat.None, "a JPEG XL picture")),
        ([0, 0, 0, 0x0C, .. "JXL "u8], new(PictureFormat.None, "a JPEG XL picture")),
        ([0, 0, 0, 0x0C, .. "jP  "u8], new(PictureFormat.None, "a JPEG 2000 picture")),
        ([0xFF, 0x4F, 0xFF, 0x51], new(PictureFormat.None, "a JPEG 2000 picture")),
        ([0, 0, 1, 0], new(PictureFormat.None, "an icon (ICO)")),
        ([0, 0, 2, 0], new(PictureFormat.None, "a cursor (CUR)")),
        ([0x8A, .. "MNG"u8], new(PictureFormat.None, "an MNG animation")),
        ([0x8B, .. "JNG"u8], new(PictureFormat.None, "a JNG picture")),
        ([0x76, 0x2F, 0x31, 0x01], new(PictureFormat.None, "an OpenEXR picture")),
        ([.. "#?RADIANCE"u8], new(PictureFormat.None, "a Radiance HDR picture")),
        ([.. "qoif"u8], new(PictureFormat.None, "a QOI picture")),
        ([.. "DDS "u8], new(PictureFormat.None, "a DDS texture")),
        ([.. "%PDF"u8], new(PictureFormat.None, "a PDF document")),
        ([.. "%!PS"u8], new(PictureFormat.None, "a PostScript document")),
        ([.. "PK\u0003\u0004"u8], new(PictureFormat.None, "a zip archive")),
        ([0x1F, 0x8B], new(PictureFormat.None, "a gzip file")),
        ([.. "Rar!"u8], new(PictureFormat.None, "a RAR archive")),
        ([.. "7z"u8, 0xBC, 0xAF], new(PictureFormat.None, "a 7-Zip archive")),
        ([0x1A, 0x45, 0xDF, 0xA3], new(PictureFormat.None, "a Matroska or WebM video")),
        ([.. "version https://git-lfs"u8], new(PictureFormat.None, "a Git LFS pointer (the picture itself was not fetched: git lfs pull)"))
    ];

    // Sizes of the header that follows the 14 bytes of a bitmap's file header; "BM" alone begins many a text.
    private static readonly uint[] s_bitmapHeaders = [12, 16, 40, 52, 56, 64, 108, 124];

    /// <summary>Tells a file by its first bytes.</summary>
    /// <param name="start">The first <see cref="BytesNeeded"/> bytes, or the whole of a shorter file.</param>
    public static FileKind Of(ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty) return new(PictureFormat.None, "empty");
        if (start.Length >= 12 && start[..4].SequenceEqual("RIFF"u8))
        {
            return start[8..12].SequenceEqual("WEBP"u8) ? new(PictureFormat.WebP, "a WebP picture") : new(PictureFormat.None, "a sound or video (RIFF)");
        }
        if (start.Length >= 18 && start[..2].SequenceEqual("BM"u8) && s_bitmapHeaders.Contains(BinaryPrimitives.ReadUInt32LittleEndian(start[14..]))) return new(PictureFormat.Bmp, "a BMP picture");
        if (start.Length >= 12 && start[4..8].SequenceEqual("ftyp"u8)) return new(PictureFormat.None, OfBrand(Encoding.Latin1.GetString(start[8..12])));
        foreach (var (bytes, kind) in s_starts)
        {
            if (start.StartsWith(bytes)) return kind;
        }
        if (start.Length > 2 && start[0] == 'P' && start[1] is >= (byte)'1' and <= (byte)'7' && char.IsWhiteSpace((char)start[2])) return new(PictureFormat.None, "a Netpbm picture");
        if (!start.ContainsAnyExcept((byte)0)) return new(PictureFormat.None, "zeros only");
        return new(PictureFormat.None, OfText(start));
    }

    private static string OfBrand(string brand) => brand switch
    {
        "avif" or "avis" => "an AVIF picture",
        "heic" or "heix" or "heim" or "heis" or "hevc" or "hevx" or "mif1" or "msf1" => "a HEIC picture",
        "crx " => "a Canon raw picture (CR3)",
        _ => "a video, or another file of the ISO media format"
    };

    private static string OfText(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) start = start[3..];
        foreach (byte value in start)
        {
            if (value < 0x20 && value is not ((byte)'\t' or (byte)'\n' or (byte)'\r' or (byte)'\f')) return "not a picture of a known format";
        }
        string text = Encoding.UTF8.GetString(start).TrimStart();
        bool Begins(string word) => text.StartsWith(word, StringComparison.OrdinalIgnoreCase);
        if (text.Length == 0) return "white space only";
        if (text.Contains("<svg", StringComparison.OrdinalIgnoreCase)) return "an SVG drawing";
        if (Begins("<!doctype html") || Begins("<html") || Begins("<head") || Begins("<body")) return "an HTML page (a server's answer instead of the picture?)";
        if (Begins("<")) return "XML or HTML text (a server's answer instead of the picture?)";
        if (Begins("{") || Begins("[")) return "JSON text (a server's answer instead of the picture?)";
        return text.Contains('\uFFFD') ? "not a picture of a known format" : "text";
    }
}
