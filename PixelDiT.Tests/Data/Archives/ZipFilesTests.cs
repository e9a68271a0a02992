using CsCheck;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Tests.Data.Decoding;

namespace PixelDiT.Tests.Data.Archives;

/// <summary>Zip archives with a dataset.json, as EDM2's tool writes them and as they are broken.</summary>
public sealed class ZipFilesTests
{
    private const string Labels = """{"labels": [["00000/img00000000.png", 1], ["00000/img00000001.png", 0], ["00000/img00000002.png", 1]]}""";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(false, true)]
    [TestCase(true, true)]
    public void Stored_and_deflated_pictures_are_read_with_their_labels(bool deflate, bool zip64)
    {
        var zip = new ZipBytes { IsZip64 = zip64 };
        for (int i = 2; i >= 0; i--) zip.Add($"00000/img{i:00000000}.png", PngBytes.Plain((byte)(10 * (i + 1)), 0, 0), deflate);
        zip.Add("00000/", []).Add("notes.txt", "hello").Add("__MACOSX/00000/._img.png", "x").Add("dataset.json", Labels);
        var source = Open(zip);
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "0", "1" }));
        Assert.That(source.ClassCounts, Is.EqualTo(new[] { 1, 2 }));
        Assert.That(Reds(source), Is.EqualTo(new[] { (10, 1), (20, 0), (30, 1) }), "in the order of their names");
        Assert.That(source.Remarks, Is.EqualTo(new[] { "left out: 1 .txt (no picture)" }));
    }

    [Test]
    public void A_class_is_called_after_its_folder_where_each_has_one_of_its_own()
    {
        ZipBytes Zip(params (string Name, int Label)[] files)
        {
            var zip = new ZipBytes();
            foreach (var (name, _) in files) zip.Add(name, PngBytes.Plain(1, 2, 3));
            return zip.Add("dataset.json", $$"""{"labels": [{{string.Join(",", files.Select(file => $"""["{file.Name}", {file.Label}]"""))}}]}""");
        }
        Assert.That(Open(Zip(("cat/1.png", 1), ("cat/2.png", 1), ("dog/1.png", 0))).ClassNames, Is.EqualTo(new[] { "dog", "cat" }));
        Assert.That(Open(Zip(("cat/1.png", 1), ("cat/2.png", 0), ("dog/1.png", 0))).ClassNames, Is.EqualTo(new[] { "0", "1" }));
        Assert.That(Open(Zip(("cat/1.png", 0), ("dog/1.png", 0))).ClassNames, Is.EqualTo(new[] { "0" }));
        Assert.That(Open(Zip(("00000/1.png", 0), ("00001/1.png", 1))).ClassNames, Is.EqualTo(new[] { "0", "1" }));
    }

    [Test]
    public void Without_labels_all_pictures_are_of_one_class()
    {
        var source = Open(new ZipBytes().Add("1.png", PngBytes.Plain(1, 2, 3)).Add("dataset.json", """{"labels": null}"""));
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "all" }));
        Assert.That(source.Remarks.Single(), Does.Contain("says no labels"));
    }

    [TestCase("""{"labels": [["00000/img00000000.png", 0]]}""", "left out: 2 pictures (without a label in dataset.json)")]
    public void Pictures_without_a_label_are_left_out(string json, string remark)
    {
        var source = Open(Three(json));
        Assert.That((source.Count, source.Remarks.Single()), Is.EqualTo((1, remark)));
    }

    [TestCase("""{"labels": [["00000/img00000000.png", -1]]}""", "the label of \"00000/img00000000.png\" is -1; a whole number from 0 to 1048575 was expected")]
    [TestCase("""{"labels": [["00000/img00000000.png", 99999999999]]}""", "is 99999999999; a whole number")]
    [TestCase("""{"labels": [["00000/img00000000.png", 1048576]]}""", "is 1048576; a whole number")]
    [TestCase("""{"labels": [["00000/img00000000.png", 1.5]]}""", "is 1.5; a whole number")]
    [TestCase("""{"labels": [["00000/img00000000.png", null]]}""", "is null; a whole number")]
    [TestCase("""{"labels": [["00000/img00000000.png", [0, 1]]]}""", "is a list; a whole number")]
    [TestCase("""{"labels": [["00000/img00000000.png"]]}""", "is nothing; a whole number")]
    [TestCase("""{"labels": [["00000/img00000000.png", 0, 1]]}""", "has more than a name and a label")]
    [TestCase("""{"labels": [["00000/img00000000.png", 0], ["00000/img00000000.png", 0]]}""", "names \"00000/img00000000.png\" twice")]
    [TestCase("""{"labels": [["00000/img00000009.png", 0]]}""", "entry 0 of \"labels\" names \"00000/img00000009.png\", and there is no such picture")]
    [TestCase("""{"labels": [5]}""", "entry 0 of \"labels\" is 5; [name, label] was expected")]
    [TestCase("""{"labels": [[5, 5]]}""", "begins with 5; [name, label] was expected")]
    [TestCase("""{"labels": {}}""", "\"labels\" is an object; a list of [name, label], or null, was expected")]
    [TestCase("""{"label": []}""", "has no \"labels\"")]
    [TestCase("""[]""", "has no \"labels\"")]
    [TestCase("""{"labels": [["00000/img00000000.png", 0]""", "is no JSON: ")]
    [TestCase("""{"labels": null""", "")]
    [TestCase("not json", "is no JSON: ")]
    [TestCase("""{"labels": []}""", "\"labels\" is empty; a label of each of the 3 pictures was expected")]
    [TestCase("""{"labels": [["00000/img00000000.png", 3]]}""", "3 of 4 classes have no pictures: 0, 1, 2; --allow-empty-classes takes them all the same")]
    public void A_wrong_dataset_json_is_named(string json, string reason)
    {
        if (reason.Length == 0) Assert.That(Open(Three(json)).Classes, Is.EqualTo(1));
        else Refused(Three(json).ToArray(), reason, "a.zip:dataset.json: ");
    }

    [Test]
    public void A_missing_dataset_json_is_named() => Refused(new ZipBytes().Add("1.png", PngBytes.Plain(1, 2, 3)).Add("data/dataset.json", Labels).ToArray(), "has no dataset.json at its top");

    [Test]
    public void Names_may_be_escaped()
        => Assert.That(Open(new ZipBytes().Add("é/1.png", PngBytes.Plain(1, 2, 3)).Add("dataset.json", """{"labels": [["\u00e9\/1.png", 0]]}""")).ClassNames, Is.EqualTo(new[] { "é" }));

    [Test]
    public void A_name_that_occurs_twice_is_named()
        => Refused(new ZipBytes().Add("1.png", PngBytes.Plain(1, 2, 3)).Add("1.png", PngBytes.Plain(1, 2, 3)).Add("dataset.json", """{"labels": null}""").ToArray(), "a.zip:1.png: the name occurs twice");

    [TestCase(0, 1, "is encrypted")]
    [TestCase(99, 0, "is encrypted")]
    [TestCase(12, 0, "is compressed by method 12, which is not read")]
    [TestCase(93, 0, "is compressed by method 93, which is not read")]
    public void What_cannot_be_unpacked_is_named(int method, int flags, string reason)
        => Refused(new ZipBytes().Add("1.png", PngBytes.Plain(1, 2, 3), method: method, flags: flags).Add("dataset.json", """{"labels": null}""").ToArray(), $"a.zip:1.png: {reason}");

    [Test]
    public void A_broken_picture_is_named_and_skipped()
    {
        byte[] plain = PngBytes.Plain(1, 2, 3);
        var zip = new ZipBytes().Add("1.png", plain).Add("2.png", plain[..40]).Add("3.png", plain, crc: 7).Add("4.png", plain, moveHeader: 1).Add("5.png", plain, localName: "6.png").Add("7.png", [])
            .Add("8.png", [1, 2, 3, 4], method: 8).Add("dataset.json", """{"labels": null}""");
        var source = Open(zip);
        Assert.That(source.Count, Is.EqualTo(1));
        string path = Path.Combine(_folder.Path, "a.zip");
        Assert.That(source.Skipped.Select(left => left.Path), Is.EqualTo(new[] { 2, 3, 4, 5, 7, 8 }.Select(i => $"{path}:{i}.png")));
        Assert.That(source.Skipped.Select(left => left.Reason).Skip(1), Is.EqualTo(new[]
        {
            "is damaged: its check sum is not the one that the archive says", "is damaged: its header is not where the archive's directory says", "is damaged: it has another name in its own header", "the file is empty",
            "is damaged: it does not unpack to the 4 bytes that the archive says"
        }));
    }

    [Test]
    public void What_is_no_archive_is_named()
    {
        Refused([.. "PK is not enough to be one of these archives"u8], "has no end record of a zip archive: it is none, or is cut short");
        Refused(Three(Labels).ToArray()[..^5], "has no end record of a zip archive");
        Refused([], "the file has 0 bytes");
        Refused(new ZipBytes().Add("notes.txt", "x").Add("dataset.json", Labels).ToArray(), "has no pictures");
        Assert.That(Assert.Throws<DataException>(() => ImageSources.Open("zip:nowhere.zip", 8))!.Message, Is.EqualTo("nowhere.zip: there is no such file; a zip archive was expected"));
        Assert.That(Assert.Throws<DataException>(() => ImageSources.Open($"zip:{_folder.Path}", 8))!.Message, Does.EndWith("is a folder; a zip archive was expected"));
        Assert.That(Assert.Throws<DataException>(() => ImageSources.Open("zip:", 8))!.Message, Is.EqualTo("data 'zip:' names no file; write zip:FILE"));
        string path = _folder.Write("a.zip", []);
        Assert.That(Assert.Throws<DataException>(() => ImageSources.Open(path, 8))!.Message, Is.EqualTo($"data '{path}' is a file; write zip:{path}"));
    }

    [Test]
    public void A_damaged_archive_gives_a_named_error_or_the_pictures_that_are_whole()
    {
        byte[] whole = Three(Labels).ToArray();
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, 9]).Sample((at, value, cut) =>
        {
            byte[] bytes = [.. whole];
            bytes[at] = value;
            try
            {
                var source = Open(bytes[..^(cut == 0 ? at % bytes.Length : 0)]);
                return Reds(source).All(read => read.Red is 10 or 20 or 30);
            }
            catch (PixelDiTException)
            {
                return true;
            }
        }, iter: 300, threads: 1);
    }

    [Test]
    public void Many_threads_read_one_archive()
    {
        var zip = new ZipBytes();
        for (int i = 0; i < 60; i++) zip.Add($"{i:00}.png", PngBytes.Plain((byte)(4 * i), 0, 0), deflate: i % 2 == 1);
        string path = _folder.Write("a.zip", zip.Add("dataset.json", """{"labels": null}""").ToArray());
        var files = new Reference.Data.Archives.ZipFiles(path);
        byte[][] contents = new byte[600][];
        Parallel.For(0, 600, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i => contents[i] = files.Read(i % 60));
        Assert.That(contents.Select((content, i) => content.AsSpan().SequenceEqual(PngBytes.Plain((byte)(4 * (i % 60)), 0, 0))), Is.All.True);
    }

    [Test]
    public void The_cache_knows_an_archive_by_its_content()
    {
        string cache = Path.Combine(_folder.Path, "cache");
        IImageSource Cached(string json = Labels) => ImageSources.Open($"zip:{_folder.Write("a.zip", Three(json).ToArray())}", 8, options: new SourceOptions { CacheFolder = cache });
        string first = Cached().ListingHash;
        Assert.That(Reds(Cached()), Is.EqualTo(new[] { (10, 1), (20, 0), (30, 1) }));
        Assert.That(Cached(Labels.Replace("img00000000.png\", 1", "img00000000.png\", 0", StringComparison.Ordinal)).ListingHash, Is.Not.EqualTo(first), "other labels are other data");
        string other = _folder.Write("b.zip", Three(Labels).ToArray());
        Assert.That(ImageSources.Open($"zip:{other}", 16).ListingHash, Is.EqualTo(first), "an archive elsewhere with the same files is the same data");
    }

    [Test]
    public void A_folder_with_labels_in_a_dataset_json_is_read_by_them()
    {
        for (int i = 0; i < 3; i++) _folder.Write($"pictures/00000/img{i:00000000}.png", PngBytes.Plain((byte)(10 * (i + 1)), 0, 0));
        var chunks = ImageSources.Open(Path.Combine(_folder.Path, "pictures"), 8);
        Assert.That(chunks.ClassNames, Is.EqualTo(new[] { "00000" }));
        _folder.Write("pictures/dataset.json", [.. """{"labels": null}"""u8]);
        Assert.That(ImageSources.Open(Path.Combine(_folder.Path, "pictures"), 8).ClassNames, Is.EqualTo(new[] { "00000" }), "one without labels changes nothing");
        _folder.Write("pictures/dataset.json", System.Text.Encoding.UTF8.GetBytes(Labels));
        var labelled = ImageSources.Open(Path.Combine(_folder.Path, "pictures"), 8);
        Assert.That(Reds(labelled), Is.EqualTo(new[] { (10, 1), (20, 0), (30, 1) }));
        Assert.That(labelled.ListingHash, Is.Not.EqualTo(chunks.ListingHash));
        _folder.Write("pictures/dataset.json", [.. """{"labels": [["nowhere.png", 1]]}"""u8]);
        Assert.That(Assert.Throws<FileFormatException>(() => ImageSources.Open(Path.Combine(_folder.Path, "pictures"), 8))!.Message, Does.Contain("names \"nowhere.png\", and there is no such picture"));
    }

    private static ZipBytes Three(string json)
    {
        var zip = new ZipBytes();
        for (int i = 0; i < 3; i++) zip.Add($"00000/img{i:00000000}.png", PngBytes.Plain((byte)(10 * (i + 1)), 0, 0));
        return zip.Add("dataset.json", json);
    }

    private IImageSource Open(ZipBytes zip) => Open(zip.ToArray());

    private IImageSource Open(byte[] zip) => ImageSources.Open($"zip:{_folder.Write("a.zip", zip)}", 8);

    private void Refused(byte[] zip, string reason, string start = "")
    {
        var error = Assert.Catch<PixelDiTException>(() => Open(zip))!;
        Assert.That(error.Message, Does.StartWith(Path.Combine(_folder.Path, start.Length > 0 ? start : "a.zip")).And.Contain(reason));
    }

    private static (int Red, int Label)[] Reds(IImageSource source) =>
        [.. Enumerable.Range(0, (int)source.Count).Select(i => ((int)MathF.Round((ShapesTests.Image(source, i).Values[0] + 1) * 127.5f), source.Label(i)))];
}
