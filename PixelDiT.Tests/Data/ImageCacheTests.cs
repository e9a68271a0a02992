using NUnit.Framework;
using PixelDiT.Reference.Data;
using PixelDiT.Tests.Data.Decoding;

namespace PixelDiT.Tests.Data;

/// <summary>Decoded images that are kept: used when nothing has changed, never when they are damaged, and never needed.</summary>
public sealed class ImageCacheTests
{
    private TemporaryFolder _folder = null!;

    private string Cache => Path.Combine(_folder.Path, "cache");

    private string Pictures => Path.Combine(_folder.Path, "pictures");

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        for (int i = 0; i < 12; i++) _folder.Write($"pictures/{(i < 6 ? "a" : "b")}/{i:00}.png", PngBytes.Plain((byte)(10 * i), 0, 0));
        _folder.Write("pictures/a/bad.png", [1, 2, 3]);
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [TestCase(long.MaxValue)]
    [TestCase(0)]
    public void A_second_opening_decodes_nothing_and_says_the_same(long mostKept)
    {
        var first = Open(mostKept);
        Assert.That(Directory.GetFiles(Cache), Has.Length.EqualTo(1));
        Spoil();
        var second = Open(mostKept);
        Assert.That(Reds(second), Is.EqualTo(Reds(first)).And.EqualTo(Enumerable.Range(0, 12).Select(i => 10 * i)));
        Assert.That(second.Skipped, Is.EqualTo(first.Skipped));
        Assert.That((second.ListingHash, second.Originals), Is.EqualTo((first.ListingHash, first.Originals)));
    }

    [TestCase(0)]
    [TestCase(500)]
    [TestCase(-1)]
    [TestCase(-60)]
    [TestCase(-150)]
    public void A_damaged_cache_is_not_trusted(int at)
    {
        var first = Open();
        string file = Directory.GetFiles(Cache).Single();
        byte[] bytes = File.ReadAllBytes(file);
        bytes[at < 0 ? bytes.Length + at : at] ^= 1;
        File.WriteAllBytes(file, bytes);
        Assert.That(Reds(Open()), Is.EqualTo(Reds(first)));
        Assert.That(Reds(Open(0)), Is.EqualTo(Reds(first)));
        Assert.That(Open().Skipped, Is.EqualTo(first.Skipped));
    }

    [TestCase(0)]
    [TestCase(10)]
    [TestCase(2400)]
    public void A_cache_that_is_cut_is_not_trusted(int length)
    {
        var first = Open();
        string file = Directory.GetFiles(Cache).Single();
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..length]);
        Assert.That(Reds(Open()), Is.EqualTo(Reds(first)));
    }

    [Test]
    public void Whatever_changes_the_images_makes_another_entry()
    {
        Open();
        Open(resolution: 16);
        Open(channels: 1);
        Assert.That(Directory.GetFiles(Cache), Has.Length.EqualTo(3));
        _folder.Write("pictures/a/00.png", PngBytes.Plain(200, 0, 0));
        File.SetLastWriteTimeUtc(Path.Combine(Pictures, "a", "00.png"), DateTime.UnixEpoch);
        Assert.That(Reds(Open())[0], Is.EqualTo(200));
        Assert.That(Directory.GetFiles(Cache), Has.Length.EqualTo(4));
    }

    [Test]
    public void A_cache_that_cannot_be_written_is_remarked_and_no_more()
    {
        File.WriteAllText(Cache, "a file where the folder should be");
        var source = Open();
        Assert.That(Reds(source), Has.Length.EqualTo(12));
        Assert.That(source.Remarks.Single(), Does.StartWith("the images are not kept in the cache: "));
        Assert.That(Reds(Open(0)), Is.EqualTo(Reds(source)));
    }

    [Test]
    [Platform("Linux", Reason = "/dev/full")]
    public void A_full_disk_does_not_end_the_run()
    {
        int decoded = 0;
        var records = ImageCache.Fill("/dev/full", 2, 4, keep =>
        {
            decoded++;
            return [];
        }, out string? failure);
        Assert.That((decoded, records.Length, failure), Is.EqualTo((1, 0, failure)));
        Assert.That(failure, Does.StartWith("/dev/full: cannot be written"));
    }

    [Test]
    public void Images_beside_a_file_that_could_not_be_read_are_not_kept()
    {
        string path = Path.Combine(_folder.Path, "pictures.bin");
        ImageCache.Fill(path, 1, 4, _ => [new ImageRecord("cannot be read", 0, 0, false, 0) { IsUnread = true }], out string? failure);
        Assert.That(failure, Does.Contain("1 of the files could not be read"));
        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public void A_cancelled_opening_leaves_nothing()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.Throws<OperationCanceledException>(() => new ImageFolder(Pictures, 8, 3, options: new SourceOptions { CacheFolder = Cache, Cancel = cancel.Token }));
        Assert.That(!Directory.Exists(Cache) || Directory.GetFiles(Cache).Length == 0);
    }

    [Test]
    public void The_oldest_entries_go_first()
    {
        Directory.CreateDirectory(Cache);
        string[] files = [.. Enumerable.Range(0, 4).Select(i => Path.Combine(Cache, $"{i}.bin"))];
        for (int i = 0; i < 4; i++)
        {
            File.WriteAllBytes(files[i], new byte[100]);
            File.SetLastWriteTimeUtc(files[i], DateTime.UnixEpoch.AddDays(i));
        }
        string abandoned = Path.Combine(Cache, ".pixeldit-x.tmp"), other = Path.Combine(Cache, "notes.txt");
        foreach (string file in (string[])[abandoned, other])
        {
            File.WriteAllBytes(file, new byte[100]);
            File.SetLastWriteTimeUtc(file, DateTime.UnixEpoch);
        }
        ImageCache.Trim(Cache, files[0], most: 250);
        Assert.That(Directory.GetFiles(Cache), Is.EquivalentTo(new[] { files[0], files[3], other }));
    }

    [Test]
    public void The_users_cache_is_where_XDG_says()
    {
        string? folder = ImageCache.UserFolder();
        Assume.That(folder, Is.Not.Null);
        Assert.That(folder, Does.EndWith(Path.Combine("pixeldit", "images")));
        Assert.That(Path.IsPathFullyQualified(folder!), Is.True);
    }

    private ImageFolder Open(long mostKept = long.MaxValue, int resolution = 8, int channels = 3) =>
        new(Pictures, resolution, channels, options: new SourceOptions { CacheFolder = Cache }, mostKept: mostKept);

    private static int[] Reds(IImageSource source) => [.. Enumerable.Range(0, (int)source.Count).Select(i => (int)MathF.Round((ShapesTests.Image(source, i).Values[0] + 1) * 127.5f))];

    /// <summary>Makes every picture unreadable without a change that a listing shows.</summary>
    private void Spoil()
    {
        foreach (string file in Directory.GetFiles(Pictures, "*", SearchOption.AllDirectories))
        {
            var written = File.GetLastWriteTimeUtc(file);
            File.WriteAllBytes(file, new byte[new FileInfo(file).Length]);
            File.SetLastWriteTimeUtc(file, written);
        }
    }
}
