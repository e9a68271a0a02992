using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Captions;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Data.Shards;

namespace PixelDiT.Tests.Data.Captions;

/// <summary>Pictures find their captions beside them and above them, and what has none is left out by name.</summary>
internal sealed class CaptionedFolderTests
{
    private static readonly AspectBuckets s_buckets = new([new("0.5", 8, 16), new("1.0", 12, 12), new("2.0", 16, 8)]);

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Pictures_of_all_folders_have_the_captions_beside_them()
    {
        Picture("b.png", 10);
        Text("b.txt", "\ufeff  a grün b \r\n\n another b\n");
        Picture("deep/er/a.png", 20);
        Text("deep/er/a.txt", "a");
        Picture("deep/c.jpeg", 30);
        Text("deep/metadata.jsonl", """
            {"file_name": "c.jpeg", "text": "a c"}

            {"file_name": "./er/a.png", "text": "not this one: the text beside it comes first"}
            """);
        var source = Open();
        Assert.That(source.Count, Is.EqualTo(3));
        Assert.That(Enumerable.Range(0, 3).Select(index => Red(source, index)), Is.EqualTo(new[] { 10, 30, 20 }), "files of a folder before those of its subfolders");
        Assert.That(source.Captions, Is.EqualTo(new[] { "a grün b", "another b", "a c", "a" }));
        Assert.That(Enumerable.Range(0, 50).Select(draw => source.Read(0, (ulong)draw, new float[192])).Distinct(), Is.EquivalentTo(new[] { "a grün b", "another b" }));
        Assert.That(source.Read(0, 7, new float[192]), Is.EqualTo(source.Read(0, 7, new float[192])));
        Assert.That((source.Sizes, source.InOrder, source.Skipped.Count, source.Remarks.Count), Is.EqualTo((new[] { (8, 8) }, false, 0, 0)));
        Assert.That(source.Originals, Is.EqualTo(new Originals((8, 8), (8, 8), 0, 0)));
    }

    [Test]
    public void A_list_of_texts_and_a_second_line_are_more_captions_and_names_without_picture_are_remarked_upon()
    {
        Picture("x/a.png", 1);
        Text("metadata.jsonl", """
            {"file_name": "x/a.png", "caption": ["one", " two "]}
            {"file_name": "x/a.png", "prompt": "three"}
            {"file_name": "../gone.png", "text": "four"}
            """);
        var source = Open();
        Assert.That(source.Captions, Is.EqualTo(new[] { "one", "two", "three" }));
        Assert.That(source.Remarks, Is.EqualTo(new[] { $"{Path.Combine(_folder.Path, "metadata.jsonl")}: 1 of the 2 pictures that it names is not there, the first \"../gone.png\"" }));
    }

    [Test]
    public void What_has_no_caption_or_cannot_be_read_is_left_out_by_name()
    {
        Picture("a.png", 1);
        Text("a.txt", "a");
        Picture("b.png", 2);
        Picture("c.png", 3);
        Text("c.txt", " \n ");
        Picture("d.png", 4);
        _folder.Write("d.txt", [0xFF, 0xFE, 0x61]);
        Picture("e.png", 5);
        Text("e.txt", "");
        _folder.Write("f.png", [1, 2, 3]);
        Text("f.txt", "f");
        _folder.Write("g.png", ImageFolderTests.Png(8, 8, 1, 2, 3));
        _folder.Write("g.txt", new byte[(1 << 20) + 1]);
        foreach (var source in new[] { Open(), Open(s_buckets) })
        {
            Assert.That(source.Count, Is.EqualTo(1));
            Assert.That(source.Skipped.Select(skipped => $"{Path.GetFileName(skipped.Path)} {skipped.Reason}"), Is.EqualTo(new[]
            {
                "f.png is not a picture of a known format; PNG, JPEG, WebP, GIF and BMP are read",
                "b.png has no caption (NAME.txt beside NAME.png, or metadata.jsonl with file_name and text)",
                "c.png its caption file c.txt: holds white space only",
                "d.png its caption file d.txt: is not UTF-8",
                "e.png its caption file e.txt: the file is empty",
                "g.png its caption file g.txt: the file has 1048577 bytes; at most 1048576 are read"
            }));
        }
    }

    [TestCase("nonsense", "line 1 is no JSON; {\"file_name\": …, \"text\": …} was expected")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": \"a\"}\n[]", "line 2 is no object")]
    [TestCase("{\"text\": \"a\"}", "line 1 has no file_name")]
    [TestCase("{\"file_name\": \"a.png\"}", "line 1 has no caption; text, caption or prompt was expected beside \"a.png\"")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": 7}", "line 1 has as text \"7\"; a text, or a list of texts")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": [\"a\", \" \"]}", "line 1 has as text \"[\"a\", \" \"]\"")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": []}", "line 1 has as text \"[]\"")]
    [TestCase("{\"file_name\": \"a.png\", \"text\": \"\\ud800\"}", "line 1 holds text that is no Unicode")]
    [TestCase("", "has 0 bytes")]
    public void A_damaged_metadata_file_is_named_with_its_line(string lines, string message)
    {
        Picture("a.png", 1);
        Text("metadata.jsonl", lines);
        string error = Assert.Throws<DataException>(() => Open())!.Message;
        Assert.That(error, Does.StartWith($"{Path.Combine(_folder.Path, "metadata.jsonl")}: {message}").And.Not.Contain('\n'));
    }

    [Test]
    public void Metadata_that_is_not_UTF8_is_named()
    {
        Picture("a.png", 1);
        _folder.Write("metadata.jsonl", [.. "{}"u8, 0xFF]);
        Assert.That(() => Open(), Throws.TypeOf<DataException>().With.Message.EndsWith("metadata.jsonl: line 1 is not UTF-8"));
    }

    [Test]
    public void A_folder_without_captions_or_pictures_is_refused()
    {
        Text("a.txt", "a");
        Assert.That(() => Open(), Throws.TypeOf<DataException>().With.Message.StartsWith($"{_folder.Path}: no pictures, nor in the folders below it (PNG,"));
        Picture("b.png", 1);
        Picture("c.png", 1);
        Assert.That(() => Open(), Throws.TypeOf<DataException>().With.Message.StartsWith($"{_folder.Path}: none of 2 pictures has a caption; {Path.Combine(_folder.Path, "b.png")}: has no caption"));
    }

    [Test]
    public void Links_to_folders_are_not_followed()
    {
        Picture("a.png", 1);
        Text("a.txt", "a");
        Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "round"), _folder.Path);
        var source = Open();
        Assert.That((source.Count, source.Skipped.Single().Reason), Is.EqualTo((1L, "is a link to a folder, which is not followed")));
    }

    [Test]
    public void Buckets_hold_pictures_of_about_their_shape()
    {
        // Black, white, black across: the middle is what remains.
        byte[] stripes = [.. Enumerable.Range(0, 16 * 64).SelectMany(i => Enumerable.Repeat((byte)(i % 64 is >= 12 and < 52 ? 255 : 0), 3))];
        _folder.Write("wide.png", ImageFolderTests.Png(64, 16, 3, stripes));
        Text("wide.txt", "wide");
        _folder.Write("tall.png", ImageFolderTests.Png(9, 20, 10, 20, 30));
        Text("tall.txt", "tall");
        var source = Open(s_buckets);
        Assert.That(source.Sizes, Is.EqualTo(new[] { (8, 16), (12, 12), (16, 8) }));
        Assert.That((source.SizeOf(0), source.SizeOf(1)), Is.EqualTo((2, 0)));
        var (tall, wide) = (new float[3 * 16 * 8], new float[3 * 8 * 16]);
        Assert.That((source.Read(0, 0, tall), source.Read(1, 0, wide)), Is.EqualTo(("tall", "wide")));
        Assert.That(tall, Is.EqualTo(new[] { 10, 20, 30 }.SelectMany(v => Enumerable.Repeat((v / 255f - 0.5f) / 0.5f, 16 * 8))));
        Assert.That(wide, Is.All.EqualTo(1f));
        Assert.That(source.Originals, Is.EqualTo(new Originals((9, 20), (64, 16), 0, 0)));
        Assert.That(() => source.Read(0, 0, new float[3]), Throws.TypeOf<ShapeException>().With.Message.Contains("image 0 has 3·16·8 = 384 values"));
        var gray = new float[16 * 8];
        new CaptionedFolder(_folder.Path, 0, s_buckets, 1, "gray", new SourceOptions()).Read(0, 0, gray);
        Assert.That(gray, Is.All.EqualTo((18 / 255f - 0.5f) / 0.5f));
    }

    [Test]
    public void Images_that_are_not_kept_are_decoded_again()
    {
        Picture("a.png", 77);
        var listing = FolderListing.ReadDeep(_folder.Path);
        var images = new BucketedFolder(listing, _folder.Path, s_buckets, 3, "again", new SourceOptions(), mostKept: 0);
        Assert.That(images.Read(0).Take(144), Is.All.EqualTo(77));
        _folder.Write("a.png", ImageFolderTests.Png(8, 16, 1, 2, 3));
        Assert.That(() => images.Read(0), Throws.TypeOf<DataException>().With.Message.EndsWith("a.png: is another picture than when again was opened"));
        File.Delete(Path.Combine(_folder.Path, "a.png"));
        Assert.That(() => images.Read(0), Throws.TypeOf<DataException>().With.Message.Contains("a.png: was readable when again was opened and now cannot be read"));
    }

    [Test]
    public void The_identity_is_that_of_files_and_captions()
    {
        Picture("a.png", 1);
        Text("a.txt", "a");
        string before = Open().ListingHash;
        Assert.That((Open().ListingHash, Open(s_buckets).ListingHash), Is.EqualTo((before, before)));
        Text("a.txt", "b");
        Assert.That(Open().ListingHash, Is.Not.EqualTo(before).And.Length.EqualTo(64));
    }

    private CaptionedFolder Open(AspectBuckets? buckets = null) => new(_folder.Path, 8, buckets, 3, $"folder:{_folder.Path}", new SourceOptions());

    private void Picture(string name, byte red) => _folder.Write(name, ImageFolderTests.Png(8, 8, red, 2, 3));

    private void Text(string name, string text) => _folder.Write(name, Encoding.UTF8.GetBytes(text));

    private static int Red(CaptionedFolder source, int index)
    {
        var image = new float[192];
        source.Read(index, 0, image);
        return (int)MathF.Round((image[0] + 1) * 127.5f);
    }
}
