using System.Text;
using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;
using PixelDiT.Tests.Data;
using StbImageSharp;

namespace PixelDiT.Tests.Pictures;

/// <summary>Texts beside the pixels: what is written is read, other decoders see the same pixels, and nothing that is damaged is believed.</summary>
public sealed class PngInfoTests
{
    private static readonly Picture s_picture = new(3, 2, 3, [.. Enumerable.Range(0, 18).Select(i => (byte)(13 * i))]);

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private PngInfo Read(byte[] bytes)
    {
        _folder.Write("a.png", bytes);
        return PngInfo.Read(Path.Combine(_folder.Path, "a.png"));
    }

    private string Refusal(byte[] bytes) => Assert.Throws<FileFormatException>(() => Read(bytes))!.Message[Path.Combine(_folder.Path, "a.png: ").Length..];

    /// <summary>A PNG with chunks of one's own after its header.</summary>
    private static byte[] With(params (string Name, byte[] Content)[] chunks)
    {
        const int header = 33;
        byte[] png = PngWriter.ToBytes(s_picture);
        using var stream = new MemoryStream();
        stream.Write(png, 0, header);
        foreach (var (name, content) in chunks) PngChunks.Write(stream, name, content);
        stream.Write(png, header, png.Length - header);
        return stream.ToArray();
    }

    [Test]
    public void Texts_are_read_as_they_were_written_and_pixels_are_the_same()
    {
        PngText[] texts = [new("parameters", "a disc\nSteps: 5"), new("pixeldit", "größer, 高い, 🎨"), new("empty", "")];
        byte[] png = PngWriter.ToBytes(s_picture, texts);
        var info = Read(png);
        Assert.That(info.Texts, Is.EqualTo(texts));
        Assert.That((info.Width, info.Height, info.IsAnimated), Is.EqualTo((3u, 2u, false)));
        string latin = Encoding.Latin1.GetString(png);
        Assert.That(latin, Does.Contain("tEXtparameters\0a disc").And.Contain("iTXtpixeldit\0\0\0\0\0").And.Contain("tEXtempty\0"), "plain text where it is plain");
        Assert.That(ImageResult.FromMemory(png).Data, Is.EqualTo(s_picture.Pixels));
        Assert.That(info.Essence, Is.EqualTo(Read(PngWriter.ToBytes(s_picture)).Essence), "texts are not seen");
        Assert.That(Read(PngWriter.ToBytes(s_picture with { })).Texts, Is.Empty);
    }

    [Test]
    public void An_animation_shows_its_still_picture_to_programs_that_know_none()
    {
        var still = new Picture(3, 2, 3, new byte[18]);
        using var stream = new MemoryStream();
        AnimatedPng.Write(stream, still, [s_picture, still], 80, 2000, [new("a", "b")]);
        byte[] png = stream.ToArray();
        Assert.That(ImageResult.FromMemory(png).Data, Is.EqualTo(still.Pixels));
        var info = Read(png);
        Assert.That((info.IsAnimated, info.Texts.Count), Is.EqualTo((true, 1)));
        string[] names = [.. PngChunks.Of(png).Select(chunk => chunk.Name)];
        Assert.That(names, Is.EqualTo((string[])["IHDR", "tEXt", "acTL", "IDAT", "fcTL", "fdAT", "fcTL", "fdAT", "IEND"]));
        // Frames are numbered without a gap, and hold what a PNG of theirs would.
        var numbered = PngChunks.Of(png).Where(chunk => chunk.Name is "fcTL" or "fdAT").Select(chunk => (int)png[chunk.Content.Start.Value + 3]);
        Assert.That(numbered, Is.EqualTo((int[])[0, 1, 2, 3]));
        byte[] alone = PngWriter.ToBytes(s_picture), frame = png[PngChunks.Of(png).First(chunk => chunk.Name == "fdAT").Content][4..];
        Assert.That(frame, Is.EqualTo(alone[PngChunks.Of(alone).Single(chunk => chunk.Name == "IDAT").Content]));
        Assert.That(() => AnimatedPng.Write(stream, still, [], 80, 80), Throws.TypeOf<ShapeException>());
        Assert.That(() => AnimatedPng.Write(stream, still, [new Picture(1, 1, 3, new byte[3])], 80, 80), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void What_is_damaged_is_refused_by_name()
    {
        byte[] png = PngWriter.ToBytes(s_picture, [new("a", "b")]);
        Assert.That(Refusal([1, 2, 3]), Is.EqualTo("is no PNG"));
        Assert.That(Refusal([]), Is.EqualTo("is no PNG"));
        Assert.That(Refusal(png[..^12]), Is.EqualTo("is cut short: it has no end"));
        Assert.That(Refusal(png[..40]), Does.StartWith("is cut short"));
        byte[] flipped = [.. png];
        flipped[^20] ^= 1;
        Assert.That(Refusal(flipped), Is.EqualTo("is damaged: the check sum of its part IDAT is another"));
        Assert.That(Refusal(With(("tEXt", new byte[100]))), Does.Contain("no keyword"));
        Assert.That(Refusal(With(("iTXt", [.. "k\0"u8, 0]))), Does.Contain("\"k\" is cut short"));
        Assert.That(Refusal(With(("iTXt", [.. "k\0"u8, 0, 0, 0, 0, 0xFF]))), Does.Contain("is not UTF-8"));
        Assert.That(Refusal(With(("IHDR", new byte[13]))), Is.EqualTo("is damaged: it has two parts IHDR"));
        Assert.That(Refusal(With([.. Enumerable.Repeat(("tEXt", (byte[])[.. "k\0"u8]), 1001)])), Does.StartWith("has more text than is read"));
        Assert.That(Read(With(("iTXt", [.. "k\0"u8, 1, 0, 0, 0, 1, 2, 3]), ("zTXt", [1, 2, 3]))).Texts, Is.Empty, "compressed texts are not read");
    }

    [Test]
    public void A_length_beyond_the_file_costs_nothing()
    {
        byte[] png = PngWriter.ToBytes(s_picture, [new("a", "b")]);
        byte[] hostile = [.. png[..33], 0x7F, 0xFF, 0xFF, 0xFF, .. png[37..]];
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Refusal(hostile), Does.StartWith("is cut short: its part tEXt has 2147483647 bytes"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void Any_damage_is_refused_or_leaves_a_text_as_it_was()
    {
        byte[] png = PngWriter.ToBytes(s_picture, [new("pixeldit", "{}")]);
        var known = Read(png);
        Gen.Select(Gen.Int[0, png.Length - 1], Gen.Byte, Gen.Int[0, png.Length]).Sample((at, value, length) =>
        {
            byte[] damaged = [.. png];
            damaged[at] = value;
            try
            {
                var info = Read(damaged[..length]);
                return info.Essence == known.Essence && info.Texts.SequenceEqual(known.Texts);
            }
            catch (FileFormatException error)
            {
                return error.Message.Contains("a.png: ") && !error.Message.Contains('\n');
            }
        }, iter: 400, threads: 1);
    }
}
