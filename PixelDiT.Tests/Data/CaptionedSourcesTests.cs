using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Drawings;
using PixelDiT.Reference.Data.Shards;

namespace PixelDiT.Tests.Data;

/// <summary>What a user may type for a source with captions.</summary>
internal sealed class CaptionedSourcesTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Shapes_are_the_captioned_ones_of_the_part_asked_for()
    {
        var heldOut = CaptionedSources.Open("shapes", 16, part: ImagePart.HeldOut);
        Assert.That(heldOut, Is.TypeOf<CaptionedShapes>());
        Assert.That(heldOut.ListingHash, Is.EqualTo(new CaptionedShapes(16, ImagePart.HeldOut).ListingHash));
        Assert.That(heldOut.InOrder, Is.False);
    }

    [Test]
    public void A_folder_needs_no_word_before_it_and_its_index_tells_shards()
    {
        _folder.Write("a.png", ImageFolderTests.Png(8, 8, 1, 2, 3));
        _folder.Write("a.txt", "a"u8.ToArray());
        Assert.That(CaptionedSources.Open(_folder.Path, 8).Name, Is.EqualTo(_folder.Path));
        _folder.Write("wids-meta.json", "{}"u8.ToArray());
        Assert.That(Error(_folder.Path), Does.Contain("wids_version is absent"));
        Assert.That(Error($"folder:{_folder.Path}"), Does.EndWith($"is a folder of shards, since it has wids-meta.json; write wids:{_folder.Path}"));
        Assert.That((CaptionedSources.IsFolder(_folder.Path), CaptionedSources.IsFolder("wids:x"), CaptionedSources.IsFolder("shapes")), Is.EqualTo((true, true, false)));
    }

    [TestCase("shape", "data 'shape' is unknown; with captions there are shapes, folder:PATH, wids:FOLDER")]
    [TestCase("cifar10:x", "data 'cifar10:x' is unknown; with captions there are")]
    [TestCase("folder:", "data 'folder:' names no folder; write folder:FOLDER")]
    [TestCase("wids", "data 'wids' names no folder; write wids:FOLDER")]
    [TestCase("shapes:x", "data 'shapes:x' is unknown")]
    [TestCase("wids:no/such", "no/such")]
    [TestCase("folder:no/such", "no/such: there is no such folder; one with pictures was expected")]
    public void What_is_none_is_named(string spec, string message) => Assert.That(Error(spec), Does.StartWith(message).And.Not.Contain('\n'));

    [Test]
    public void What_does_not_go_together_is_refused()
    {
        Assert.That(Refused(() => CaptionedSources.Open("shapes", 7)), Is.EqualTo("shapes: the resolution is 7; it must be from 8 to 4096"));
        Assert.That(Refused(() => CaptionedSources.Open("shapes", 8)), Does.Contain("it must be at least 16"));
        Assert.That(Refused(() => CaptionedSources.Open("shapes", 32, AspectBuckets.Training512)), Does.Contain("drawn in squares"));
        Assert.That(Refused(() => CaptionedSources.Open("shapes", 32, channels: 1)), Does.Contain("3 channels were expected"));
        Assert.That(Refused(() => CaptionedSources.Open("shapes", 32, channels: 2)), Does.Contain("2 channels"));
        Assert.That(Refused(() => CaptionedSources.Open($"wids:{_folder.Path}", 8, part: ImagePart.HeldOut)), Does.EndWith("has no held-out part; open a second folder to measure with"));
        string file = _folder.Write("x.tar", [1]);
        Assert.That(Error(file), Does.StartWith($"data '{file}' is a file; a folder was expected"));
    }

    private static string Error(string spec) => Refused(() => CaptionedSources.Open(spec, 8));

    private static string Refused(Func<object> open) => Assert.Catch<PixelDiTException>(() => open())!.Message;
}
