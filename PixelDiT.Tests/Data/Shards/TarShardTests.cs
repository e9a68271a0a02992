using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data.Shards;

namespace PixelDiT.Tests.Data.Shards;

/// <summary>Tars are read as their headers say, and refused by name where those cannot be true.</summary>
internal sealed class TarShardTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Samples_are_grouped_by_key_in_the_order_of_their_first_member()
    {
        byte[] tar = new TarBytes().Add("folder/", "", type: '5').Add("b.json", "{}").Add("paxheader", "27 path=other.json\n", type: 'x').Add("a.x.png", "1").Add("README", "no dot").Add("b.png", "22", type: '\0').Add("sub/a.json", "3")
            .Add("b.txt", "").ToArray();
        using var shard = new TarShard(_folder.Write("s.tar", tar));
        Assert.That(shard.Samples.Select(sample => $"{sample.Key}: {string.Join(' ', sample.Members.Keys)}"), Is.EqualTo(new[] { "b: .json .png .txt", "a.x: .png", "sub/a: .json" }));
        Assert.That(Encoding.UTF8.GetString(shard.Read(shard.Samples[0].Members[".png"], 10)), Is.EqualTo("22"));
        Assert.That(shard.Read(shard.Samples[0].Members[".txt"], 10), Is.Empty);
        Assert.That(Assert.Throws<FileFormatException>(() => shard.Read(shard.Samples[0].Members[".png"], 1))!.Message, Does.Contain("\"b.png\" has 2 bytes; at most 1"));
    }

    /// <summary>Some writers end a tar with no empty block, or pad sizes with spaces; nothing behind the end counts.</summary>
    [Test]
    public void Ends_and_sizes_of_other_writers_are_read()
    {
        using var bare = new TarShard(_folder.Write("bare.tar", new TarBytes().Add("a.json", "12", size: "     2 ").ToArray(ended: false)));
        Assert.That(bare.Samples, Has.Count.EqualTo(1));
        using var unpadded = new TarShard(_folder.Write("unpadded.tar", new TarBytes().Add("a.json", "12").ToArray(ended: false)[..514]));
        Assert.That(unpadded.Samples, Has.Count.EqualTo(1));
        using var behind = new TarShard(_folder.Write("behind.tar", [.. new TarBytes().Add("a.json", "12").ToArray(), .. new TarBytes().Add("b.json", "12").ToArray()]));
        Assert.That(behind.Samples, Has.Count.EqualTo(1));
        using var empty = new TarShard(_folder.Write("empty.tar", []));
        Assert.That(empty.Samples, Is.Empty);
    }

    private static IEnumerable<TestCaseData> Hostile =>
    [
        Case("twice", new TarBytes().Add("a.json", "1").Add("b.json", "1").Add("a.json", "2").ToArray(), "\"a.json\" occurs twice"),
        Case("out_of_folder", new TarBytes().Add("../a.json", "1").ToArray(), "\"../a.json\" leads out of its folder"),
        Case("out_of_subfolder", new TarBytes().Add("a/../../b.json", "1").ToArray(), "leads out of its folder"),
        Case("not_octal", new TarBytes().Add("a.json", "1", size: "00000000009").ToArray(), "the size in the header at byte 0 is \"00000000009\"; an octal number was expected"),
        Case("negative", new TarBytes().Add("a.json", "1", size: "-0000000001").ToArray(), "an octal number was expected"),
        Case("binary_size", new TarBytes().Add("a.json", "1", size: "\u0080\u0001\u0001\u0001").ToArray(), "an octal number was expected"),
        Case("beyond_the_end", new TarBytes().Add("a.json", "1", size: "77777777777").ToArray(), "says 8589934591 bytes of \"a.json\", but only 1536 follow; the file may be cut short"),
        Case("largest_size", new TarBytes().Add("a.json", "1", size: "777777777777").ToArray(), "may be cut short"),
        Case("skipped_beyond_the_end", new TarBytes().Add("a", "1", size: "77777777777", type: '5').ToArray(), "may be cut short"),
        Case("cut_in_data", new TarBytes().Add("a.json", new byte[2000]).ToArray(ended: false)[..1500], "may be cut short"),
        Case("cut_in_header", new TarBytes().Add("a.json", "1").Add("b.json", "1").ToArray(ended: false)[..1200], "ends 176 bytes into the header at byte 1024; the file may be cut short"),
        Case("text", Encoding.UTF8.GetBytes("<html>not found</html>"), "ends 22 bytes into the header at byte 0"),
        Case("not_utf8", [.. new TarBytes().Add("a.json", "1").ToArray().Select((value, i) => i == 0 ? (byte)0xFF : value)], "is not UTF-8")
    ];

    [TestCaseSource(nameof(Hostile))]
    public void A_tar_that_cannot_be_true_is_refused_by_name(byte[] tar, string message)
    {
        string path = _folder.Write("bad.tar", tar);
        var error = Assert.Throws<FileFormatException>(() => new TarShard(path))!;
        Assert.That(error.Message, Does.StartWith($"{path}: ").And.Contain(message));
        // The file is not held open.
        File.Delete(path);
    }

    [Test]
    public void Changed_and_cut_tars_are_read_or_refused()
    {
        byte[] tar = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Golden", "wids", "00001.tar"));
        var random = new Random(5);
        for (int i = 0; i < 300; i++)
        {
            byte[] changed = [.. tar];
            // Headers are where damage is decided.
            for (int k = 0; k < 3; k++) changed[(random.Next(tar.Length / 512) * 512) + random.Next(160)] = (byte)random.Next(256);
            if (i % 3 == 0) changed = changed[..random.Next(changed.Length)];
            try
            {
                using var read = TarFile.Open(new MemoryStream(changed), "changed.tar");
                foreach (var member in read.Members) read.Read(member, int.MaxValue);
            }
            catch (FileFormatException error)
            {
                Assert.That(error.Message, Does.StartWith("changed.tar: "));
            }
        }
    }

    private static TestCaseData Case(string name, byte[] tar, string message) => new TestCaseData(tar, message).SetArgDisplayNames(name);
}
