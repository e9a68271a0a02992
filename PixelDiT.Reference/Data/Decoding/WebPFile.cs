using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using PixelDiT.Kernels;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.PixelFormats;

namespace PixelDiT.Reference.Data.Decoding;

/// <summary>
/// A WebP file taken apart before a decoder sees it. Of an animation the first frame is read, which is why a file is put together anew: a picture, its opacity,
/// and nothing else.
/// </summary>
/// <param name="Width">W of the whole picture, in pixels.</param>
/// <param name="Height">H of the whole picture, in pixels.</param>
/// <param name="Orientation">As in <see cref="Exif"/>.</param>
/// <param name="Left">Where the frame begins in the picture, in pixels.</param>
/// <param name="Top">Where the frame begins in the picture, in pixels.</param>
/// <param name="Still">A file of the frame alone.</param>
internal sealed record WebPFile(int Width, int Height, int Orientation, int Left, int Top, byte[] Still)
{
    private const int RiffHeader = 12, ChunkHeader = 8, FrameHeader = 16;

    // The decoder knows this format and no other.
    private static readonly Configuration s_configuration = new(new WebpConfigurationModule())
    {
        MaxDegreeOfParallelism = 1,
        MemoryAllocator = MemoryAllocator.Create(new MemoryAllocatorOptions { MaximumPoolSizeMegabytes = 64 })
    };

    /// <summary>Takes a file apart.</summary>
    /// <exception cref="DataException">It is damaged or cut short; the message is the reason.</exception>
    public static WebPFile Parse(ReadOnlySpan<byte> file)
    {
        long length = BinaryPrimitives.ReadUInt32LittleEndian(file[4..]);
        if (length > file.Length - 8 || length < 4) throw CutShort();
        var whole = new Parts();
        whole.Read(file[RiffHeader..(int)(length + 8)]);
        var shown = whole;
        var (left, top) = (0, 0);
        if (whole.Picture.IsEmpty && !whole.Frame.IsEmpty)
        {
            if (whole.Frame.Length < FrameHeader) throw CutShort();
            (left, top) = (2 * Triple(whole.Frame), 2 * Triple(whole.Frame[3..]));
            shown = new Parts();
            shown.Read(whole.Frame[FrameHeader..]);
        }
        if (shown.Picture.IsEmpty) throw new DataException("the WebP has no picture in it");
        var (across, down) = shown.Size();
        var (width, height) = whole.Canvas.IsEmpty ? (across, down) : (1 + Triple(whole.Canvas[4..]), 1 + Triple(whole.Canvas[7..]));
        RgbaPicture.CheckSize(width, height);
        if (left + across > width || top + down > height)
        {
            throw new DataException($"the WebP is damaged: a frame of {across} × {down} at {left}, {top} does not lie in its {width} × {height} pixels");
        }
        return new WebPFile(width, height, whole.Orientation, left, top, shown.Alone(across, down));
    }

    /// <summary>Decodes the picture.</summary>
    /// <exception cref="DataException">Its pixels are damaged.</exception>
    public RgbaPicture Decode()
    {
        try
        {
            using var image = Image.Load<Rgba32>(s_configuration, Still);
            if (Left + image.Width > Width || Top + image.Height > Height) throw new DataException("the WebP is damaged: its frame is larger than the picture");
            var pixels = new byte[4 * Width * Height];
            image.ProcessPixelRows(rows =>
            {
                for (int y = 0; y < rows.Height; y++) MemoryMarshal.AsBytes(rows.GetRowSpan(y)).CopyTo(pixels.AsSpan(4 * (((Top + y) * Width) + Left)));
            });
            return new RgbaPicture(Width, Height, pixels);
        }
        catch (Exception error) when (error is not (DataException or OutOfMemoryException))
        {
            throw new DataException("the WebP is cut short or damaged: its pixels cannot be decoded", error);
        }
    }

    private static int Triple(ReadOnlySpan<byte> at) => at[0] | (at[1] << 8) | (at[2] << 16);

    private static DataException CutShort() => new("the WebP is cut short: it ends before the length in its header");

    private ref struct Parts
    {
        public Parts()
        {
        }

        public ReadOnlySpan<byte> Canvas { get; private set; }

        public ReadOnlySpan<byte> Picture { get; private set; }

        public ReadOnlySpan<byte> Opacity { get; private set; }

        public ReadOnlySpan<byte> Frame { get; private set; }

        public int Orientation { get; private set; } = Exif.Upright;

        private bool IsLossless { get; set; }

        public void Read(ReadOnlySpan<byte> chunks)
        {
            while (chunks.Length >= ChunkHeader)
            {
                string name = Encoding.Latin1.GetString(chunks[..4]);
                long length = BinaryPrimitives.ReadUInt32LittleEndian(chunks[4..]);
                if (length > chunks.Length - ChunkHeader) throw CutShort();
                var content = chunks.Slice(ChunkHeader, (int)length);
                switch (name)
                {
                    case "VP8X":
                        if (length < 10) throw new DataException("the WebP is damaged: its chunk VP8X is too short");
                        Canvas = content;
                        break;
                    case "VP8 " or "VP8L" when Picture.IsEmpty:
                        Picture = content;
                        IsLossless = name == "VP8L";
                        break;
                    case "ALPH" when Opacity.IsEmpty:
                        Opacity = content;
                        break;
                    case "ANMF" when Frame.IsEmpty:
                        Frame = content;
                        break;
                    case "EXIF":
                        Orientation = Exif.Orientation(content);
                        break;
                }
                // Chunks begin at even places.
                chunks = chunks[(int)Math.Min(chunks.Length, ChunkHeader + length + (length & 1))..];
            }
        }

        public readonly (int Width, int Height) Size()
        {
            if (IsLossless)
            {
                if (Picture.Length < 5 || Picture[0] != 0x2F) throw new DataException("the WebP is damaged: its pixels do not begin like lossless ones");
                uint sizes = BinaryPrimitives.ReadUInt32LittleEndian(Picture[1..]);
                return (1 + (int)(sizes & 0x3FFF), 1 + (int)((sizes >> 14) & 0x3FFF));
            }
            if (Picture.Length < 10 || !Picture[3..6].SequenceEqual((ReadOnlySpan<byte>)[0x9D, 0x01, 0x2A])) throw new DataException("the WebP is damaged: its pixels do not begin like lossy ones");
            int width = BinaryPrimitives.ReadUInt16LittleEndian(Picture[6..]) & 0x3FFF, height = BinaryPrimitives.ReadUInt16LittleEndian(Picture[8..]) & 0x3FFF;
            // How a block of 16 × 16 pixels is predicted takes a bit at least.
            if ((width + 15L) / 16 * ((height + 15L) / 16) > 8L * Picture.Length) throw new DataException($"the WebP promises {width} × {height} pixels, more than its {Picture.Length} bytes can hold");
            return (width, height);
        }

        /// <summary>A file of the picture and its opacity.</summary>
        public readonly byte[] Alone(int width, int height)
        {
            var file = new MemoryStream(Picture.Length + Opacity.Length + 64);
            file.Write("RIFF\0\0\0\0WEBP"u8);
            if (!IsLossless && !Opacity.IsEmpty)
            {
                const byte HasOpacity = 0x10;
                var (across, down) = (width - 1, height - 1);
                Add(file, "VP8X"u8, [HasOpacity, 0, 0, 0, (byte)across, (byte)(across >> 8), (byte)(across >> 16), (byte)down, (byte)(down >> 8), (byte)(down >> 16)]);
                Add(file, "ALPH"u8, Opacity);
            }
            Add(file, IsLossless ? "VP8L"u8 : "VP8 "u8, Picture);
            byte[] bytes = file.ToArray();
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), bytes.Length - 8);
            return bytes;
        }

        private static void Add(MemoryStream file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, content.Length);
            file.Write(name);
            file.Write(length);
            file.Write(content);
            if (content.Length % 2 == 1) file.WriteByte(0);
        }
    }
}
