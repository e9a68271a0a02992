using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data;

public sealed class ImageSourcesTests
{
    [TestCase("moons")]
    [TestCase("")]
    [TestCase("shapes:64")]
    [TestCase("Shapes")]
    [TestCase("lmdb:somewhere")]
    public void An_unknown_specification_lists_what_is_known(string spec) => Assert.That(
        () => ImageSources.Open(spec, 32),
        Throws.TypeOf<DataException>().With.Message.Contains("unknown").And.Message.Contains("shapes, idx:FOLDER, cifar10:FOLDER, folder:PATH"));

    [TestCase("idx")]
    [TestCase("cifar10:")]
    [TestCase("folder")]
    public void A_specification_without_its_folder_is_refused(string spec) =>
        Assert.That(() => ImageSources.Open(spec, 32), Throws.TypeOf<DataException>().With.Message.Contains(":FOLDER"));

    [TestCase("idx:nowhere")]
    [TestCase("cifar10:nowhere")]
    [TestCase("folder:nowhere")]
    public void A_missing_folder_is_named(string spec) =>
        Assert.That(() => ImageSources.Open(spec, 32), Throws.TypeOf<DataException>().With.Message.StartsWith("nowhere: there is no such folder"));

    [TestCase(7, 3)]
    [TestCase(5000, 3)]
    [TestCase(32, 2)]
    [TestCase(32, 4)]
    public void Sizes_out_of_range_are_refused(int resolution, int channels) =>
        Assert.That(() => ImageSources.Open("shapes", resolution, channels), Throws.TypeOf<DataException>());

    [Test]
    public void Shapes_open_in_both_parts()
    {
        var held = ImageSources.Open("shapes", 16, 1, ImagePart.HeldOut);
        Assert.That((held.Name, held.Classes, held.Channels, held.Height, held.Width, held.Skipped.Count), Is.EqualTo(("shapes", 3, 1, 16, 16, 0)));
    }
}
