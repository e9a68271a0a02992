using NUnit.Framework;
using PixelDiT.Reference.Data;
using PixelDiT.Tests.Data.Decoding;

namespace PixelDiT.Tests.Data;

/// <summary>What identifies data, and what does not.</summary>
public sealed class SourceIdentityTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        Fill("one");
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void The_same_files_elsewhere_are_the_same_data()
    {
        Fill("two");
        File.SetLastWriteTimeUtc(At("two/a/1.png"), DateTime.UnixEpoch);
        string[] hashes = [Hash(At("one")), Hash($"folder:{At("one")}/"), Hash($"folder:{At("one")}", 32), Hash(At("two"))];
        Assert.That(hashes, Is.All.EqualTo(hashes[0]).And.All.Match("^[0-9a-f]{64}$"));
    }

    [TestCase("b/3.png", "a new image")]
    [TestCase("c/1.png", "a new class")]
    [TestCase("a/0.png", "a new first image")]
    public void Other_files_are_other_data(string name, string what)
    {
        string before = Hash(At("one"));
        _folder.Write($"one/{name}", PngBytes.Plain(1, 2, 3));
        Assert.That(Hash(At("one")), Is.Not.EqualTo(before), what);
    }

    [Test]
    public void A_renamed_class_a_moved_image_and_a_damaged_one_are_other_data()
    {
        var hashes = new HashSet<string> { Hash(At("one")) };
        Directory.Move(At("one/b"), At("one/z"));
        hashes.Add(Hash(At("one")));
        File.Move(At("one/a/2.png"), At("one/z/2.png"));
        hashes.Add(Hash(At("one")));
        File.WriteAllBytes(At("one/z/2.png"), [1]);
        hashes.Add(Hash(At("one")));
        Assert.That(hashes, Has.Count.EqualTo(4));
    }

    [Test]
    public void Classes_are_counted()
    {
        var folder = ImageSources.Open($"folder:{At("one")}", 8);
        Assert.That(folder.ClassCounts, Is.EqualTo(new[] { 2, 1 }));
        Assert.That(Enumerable.Range(0, 3).Select(i => folder.Label(i)), Is.EqualTo(new[] { 0, 0, 1 }));
        var shapes = new Shapes(8);
        Assert.That(shapes.ClassCounts.Sum(), Is.EqualTo(shapes.Count));
        Assert.That(shapes.ClassCounts.Max() - shapes.ClassCounts.Min(), Is.LessThan(2));
    }

    [Test]
    public void Shapes_depend_on_the_part_and_not_on_the_resolution()
    {
        Assert.That(new Shapes(16).ListingHash, Is.EqualTo(new Shapes(32).ListingHash));
        Assert.That(new Shapes(16, part: ImagePart.HeldOut).ListingHash, Is.Not.EqualTo(new Shapes(16).ListingHash));
    }

    [Test]
    public void Stored_images_are_known_by_their_content()
    {
        StoredImages Stored(byte pixel, byte label, int resolution) => new("x", ["0", "1"], [.. Enumerable.Repeat(pixel, 64)], [label], 1, 8, resolution, 1);
        Assert.That(Stored(1, 0, 8).ListingHash, Is.EqualTo(Stored(1, 0, 16).ListingHash));
        Assert.That(new[] { Stored(1, 0, 8), Stored(2, 0, 8), Stored(1, 1, 8) }.Select(source => source.ListingHash).Distinct().Count(), Is.EqualTo(3));
        Assert.That(Stored(1, 1, 8).Remarks.Single(), Is.EqualTo("1 of 2 classes has no images: 0"));
        Assert.That(Stored(1, 1, 8).ClassCounts, Is.EqualTo(new[] { 0, 1 }));
    }

    [Test]
    public void A_source_keeps_the_name_that_the_user_typed()
    {
        Assert.That(ImageSources.Open(At("one"), 8).Name, Is.EqualTo(At("one")));
        Assert.That(ImageSources.Open($"folder:{At("one")}", 8).Name, Is.EqualTo($"folder:{At("one")}"));
    }

    [Test]
    public void Home_is_where_a_tilde_leads()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assume.That(home, Is.Not.Empty);
        Assert.That(() => ImageSources.Open("folder:~/no such folder of pictures", 8), Throws.Exception.With.Message.StartsWith($"{home}/no such folder of pictures: there is no such folder"));
        Assert.That(ImageSources.IsFolder("~"), Is.True);
    }

    [Test]
    public void What_pictures_were_is_told()
    {
        _folder.Write("one/a/9.png", PngBytes.Drawn(20, 4, (_, _) => (1, 2, 3), PngBytes.Chunk("eXIf", ExifBytes.Block(6))));
        Assert.That(ImageSources.Open(At("one"), 8).Originals, Is.EqualTo(new Originals((4, 20), (4, 20), 1, 1)));
    }

    private string At(string name) => Path.Combine(_folder.Path, name);

    private static string Hash(string spec, int resolution = 8) => ImageSources.Open(spec, resolution).ListingHash;

    private void Fill(string folder)
    {
        foreach (string name in (string[])["a/1.png", "a/2.png", "b/1.png"]) _folder.Write($"{folder}/{name}", PngBytes.Plain(1, 2, 3));
    }
}
