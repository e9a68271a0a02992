using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Sampling;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Sampling;

/// <summary>A file of seeds has one line for each image, and nothing else.</summary>
internal sealed class SeedListTests
{
    private static IReadOnlyList<ulong> Read(string text, long count)
    {
        using var folder = new TemporaryFolder();
        return SeedList.Read(folder.Write("seeds.txt", Encoding.UTF8.GetBytes(text)), count);
    }

    [TestCase("7\n0\n18446744073709551615\n")]
    [TestCase("7\n0\n18446744073709551615")]
    [TestCase("7\r\n 0 \r\n18446744073709551615\r\n")]
    public void Seeds_are_read_in_order(string text) => Assert.That(Read(text, 3), Is.EqualTo(new ulong[] { 7, 0, ulong.MaxValue }));

    [TestCase("1\n2\n", 3, "holds 2 seeds; 3, a line for each image")]
    [TestCase("1\n2\n3\n4\n", 3, "holds 4 seeds; 3")]
    [TestCase("", 1, "holds 0 seeds; 1")]
    [TestCase("1\n\n3\n", 3, "line 2 is \"\"")]
    [TestCase("1\n-2\n", 2, "line 2 is \"-2\"")]
    [TestCase("1\n2.5\n", 2, "line 2 is \"2.5\"")]
    [TestCase("18446744073709551616\n", 1, "line 1 is \"18446744073709551616\"")]
    [TestCase("seed\n", 1, "line 1 is \"seed\"")]
    [TestCase("1111111111111111111111111111111111111111", 1, "has 40 bytes; 1 seeds")]
    public void A_list_that_does_not_fit_is_refused(string text, long count, string message) =>
        Assert.That(() => Read(text, count), Throws.TypeOf<FileFormatException>().With.Message.Contains(message).And.Message.Contains("seeds.txt"));

    [Test]
    public void A_missing_list_is_refused() => Assert.That(() => SeedList.Read("nowhere.txt", 1), Throws.TypeOf<FileFormatException>().With.Message.Contains("nowhere.txt"));
}
