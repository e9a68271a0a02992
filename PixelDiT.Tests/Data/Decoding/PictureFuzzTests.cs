using System.Buffers.Binary;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Formats;
using PixelDiT.Tests.Formats;
using SixLabors.ImageSharp.PixelFormats;
using StbImageWriteSharp;

namespace PixelDiT.Tests.Data.Decoding;

/// <summary>
/// Damaged pictures are decoded or refused in words of this program. A decoder that hangs is caught by the guard that catches it for a user; what a picture may cost is
/// counted in bytes of memory, in proportion to its pixels and its length.
/// </summary>
public sealed class PictureFuzzTests
{
    private const int Rounds = 5000, Fewer = 1000;
    private const long MostPixels = 1 << 24;

    private static readonly byte[] s_noise = Noise();

    // The passes of an interlaced picture of 24 × 24 pixels with four bits each.
    private static readonly (int Bytes, int Rows)[] s_passes = [(2, 3), (2, 3), (3, 3), (3, 6), (6, 6), (6, 12), (12, 12)];

    private static readonly byte[][] s_png =
    [
        Written(writer => (image, stream) => writer.WritePng(image, 24, 24, ColorComponents.RedGreenBlue, stream)),
        PngBytes.File(PngBytes.Header(24, 24, 4, 3, 1), PngBytes.Chunk("PLTE", s_noise[..48]), PngBytes.Chunk("tRNS", 1, 2, 3), PngBytes.Chunk("eXIf", ExifBytes.Block(5)), PngBytes.Pixels(s_passes.SelectMany(pass => s_noise.Chunk(pass.Bytes).Take(pass.Rows))), PngBytes.End),
        PngBytes.File(PngBytes.Chunk("CgBI", 1, 2, 3, 4), PngBytes.Header(16, 16, 8, 6), PngBytes.Chunk("IDAT", PngBytes.Zip(s_noise.Chunk(64).Take(16), isRaw: true)), PngBytes.End),
        PngBytes.File(PngBytes.Header(12, 12, 16, 2), PngBytes.Pixels(s_noise.Chunk(72).Take(12)), PngBytes.End)
    ];

    private static readonly byte[][] s_jpeg =
    [
        Written(writer => (image, stream) => writer.WriteJpg(image, 24, 24, ColorComponents.RedGreenBlue, stream, 90)),
        new JpegBytes { Values = [10, 200, 90], Restarts = 2, Side = 40 }.File,
        new JpegBytes { Values = [10, 200, 90], Frame = 0xC2, Side = 40, Before = JpegBytes.Segment(0xE1, [.. "Exif\0\0"u8, .. ExifBytes.Block(6)]) }.File,
        new JpegBytes { Values = [10, 200, 90, 30], Adobe = 2 }.File
    ];

    private static readonly byte[][] s_webp = [OtherFormatTests.WebP(24, 16, new Rgba32(9, 90, 200, 70), true), OtherFormatTests.WebP(24, 16, new Rgba32(9, 90, 200), false)];

    private static readonly byte[][] s_gif = [GifBytes.File(24, 24, s_noise[..48], [.. s_noise.Take(576).Select(value => (byte)(value & 15))], before: GifBytes.Transparent(3), flags: 0x40)];

    private static readonly byte[][] s_bmp = [OtherFormatTests.Bmp(12, 12, 24, s_noise[..36]), OtherFormatTests.Bmp(12, -12, 32, s_noise[..48]), OtherFormatTests.Bmp(24, 9, 4, s_noise[..12], s_noise[..64])];

    private static IEnumerable<TestCaseData> Formats() =>
    [
        new TestCaseData("PNG", s_png, Rounds).SetArgDisplayNames("PNG"),
        new TestCaseData("JPEG", s_jpeg, Rounds).SetArgDisplayNames("JPEG"),
        new TestCaseData("WebP", s_webp, Fewer).SetArgDisplayNames("WebP"),
        new TestCaseData("GIF", s_gif, Fewer).SetArgDisplayNames("GIF"),
        new TestCaseData("BMP", s_bmp, Fewer).SetArgDisplayNames("BMP")
    ];

    [TestCaseSource(nameof(Formats))]
    public void Whole_pictures_are_read(string format, byte[][] seeds, int rounds)
    {
        foreach (byte[] seed in seeds) Assert.That(Answer(seed), Is.True, $"{format}, for {rounds} damaged ones");
    }

    [TestCaseSource(nameof(Formats))]
    public void Damaged_pictures_are_read_or_refused(string format, byte[][] seeds, int rounds)
    {
        TestContext.Progress.WriteLine($"{format}: {rounds} damaged files, {Fuzz.SeedVariable}={Fuzz.Seed}");
        int read = 0;
        DecodingThreads.Run(rounds, i => $"{format} {i} of {Fuzz.SeedVariable}={Fuzz.Seed}", (i, begins) =>
        {
            var random = new Random(HashCode(Fuzz.Seed, i));
            byte[] file = Damage(random, seeds[random.Next(seeds.Length)]);
            if (format == "PNG" && random.Next(4) > 0) MendCheckSums(file);
            begins(0);
            try
            {
                if (Answer(file)) Interlocked.Increment(ref read);
            }
            catch (Exception error)
            {
                throw new InvalidDataException($"{format} {i} of {Fuzz.SeedVariable}={Fuzz.Seed}: {error.Message}: {Convert.ToHexString(file)}", error);
            }
        }, limit: TimeSpan.FromMinutes(1));
        Assert.That(read, Is.GreaterThan(0).And.LessThan(rounds), "both answers are tested");
    }

    /// <summary>Whether a file is decoded; that it is refused properly, and at what cost either is done.</summary>
    private static bool Answer(byte[] file)
    {
        long before = GC.GetAllocatedBytesForCurrentThread(), pixels = 0;
        bool wasRead = false;
        try
        {
            var image = ImageDecoder.Decode(file, 8, 3, count => pixels = count <= MostPixels ? count : throw new DataException("a huge picture, which may cost what it does"));
            wasRead = image.Pixels.Length == 192 && image.Width * (long)image.Height == pixels;
            if (!wasRead) throw new InvalidDataException("the image is of another size than said");
            // A decoder that leaves pixels as memory had them gives others the next time.
            if (!ImageDecoder.Decode(file, 8, 3).Pixels.SequenceEqual(image.Pixels)) throw new InvalidDataException("the file gives two images");
        }
        catch (DataException error)
        {
            if (error.Message.Length > 300 || error.Message.Any(char.IsControl) || error.Message.Contains("Parameter")) throw new InvalidDataException($"not a proper message: {error.Message}");
        }
        // The decoder of WebP keeps books of its own, for every block of 4 × 4 pixels and for its codes.
        var (each, once) = file.AsSpan().StartsWith("RIFF"u8) ? (256, 64 << 20) : (16, 1 << 20);
        long taken = GC.GetAllocatedBytesForCurrentThread() - before, most = 2 * ((each * pixels) + (8 * file.Length) + once);
        if (taken > most) throw new InvalidDataException($"took {taken} bytes for {pixels} pixels in a file of {file.Length}");
        return wasRead;
    }

    private static byte[] Damage(Random random, byte[] seed)
    {
        var file = seed.ToList();
        foreach (var edit in Edit.Draw(random, most: 4, kinds: 7))
        {
            int at = edit.At(file.Count), span = Math.Min(edit.Length, file.Count - at);
            switch (edit.Kind)
            {
                case 0 when span > 0: file[at] ^= (byte)(1 << (edit.Choice & 7)); break;
                case 1 when span > 0: file[at] = (byte)edit.Choice; break;
                case 2 when span > 0: file[at] = (byte)((edit.Choice & 1) * 255); break;
                case 3: file.InsertRange(at, Enumerable.Repeat((byte)edit.Choice, edit.Length)); break;
                case 4: file.RemoveRange(at, span); break;
                case 5: file.InsertRange(at, file.GetRange(at, span)); break;
                case 6 when edit.Choice < 64: file.RemoveRange(at, file.Count - at); break;
            }
        }
        return [.. file];
    }

    /// <summary>Gives chunks their right check sums, or all damage would be seen by them alone.</summary>
    private static void MendCheckSums(byte[] file)
    {
        for (int at = 8; at + 12 <= file.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at));
            if (length > file.Length - at - 12) return;
            int end = at + 8 + (int)length;
            BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(end), Crc32.Append(0, file.AsSpan((at + 4)..end)));
            at = end + 4;
        }
    }

    private static int HashCode(int seed, int file) => unchecked((int)((((uint)seed * 2654435761u) ^ ((uint)file * 2246822519u)) & int.MaxValue));

    private static byte[] Noise()
    {
        var bytes = new byte[24 * 24 * 3];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Written(Func<ImageWriter, Action<byte[], Stream>> write)
    {
        using var memory = new MemoryStream();
        write(new ImageWriter())(s_noise, memory);
        return memory.ToArray();
    }
}
