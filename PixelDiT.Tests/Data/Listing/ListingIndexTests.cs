using NUnit.Framework;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Data.Decoding;
using PixelDiT.Reference.Data.Listing;
using PixelDiT.Reference.Pictures.Resizing;
using PixelDiT.Tests.Data.Decoding;

namespace PixelDiT.Tests.Data.Listing;

/// <summary>Listings that are kept: used where nothing has changed, never where something has, and never needed.</summary>
public sealed class ListingIndexTests
{
    private static readonly DateTime s_past = new(2020, 1, 2, 3, 4, 5, DateTimeKind.Utc);

    private TemporaryFolder _folder = null!;

    private string Pictures => Path.Combine(_folder.Path, "pictures");

    private string Kept => Path.Combine(_folder.Path, "kept");

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        for (int i = 0; i < 12; i++) _folder.Write($"pictures/{(i < 6 ? "a" : "b")}/{i:00}.png", PngBytes.Plain((byte)(10 * i), 0, 0));
        _folder.Write("pictures/a/notes.txt", [1]);
        Settle();
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void A_second_start_does_not_list_the_folders()
    {
        var first = Describe(Read());
        Assert.That(Directory.GetFiles(Kept, "*.list"), Has.Length.EqualTo(1));
        // A file that no listing of names and no time shows: only who lists the folder sees it.
        _folder.Write("pictures/a/new.png", PngBytes.Plain(1, 2, 3));
        Settle();
        Assert.That(Describe(Read()), Is.EqualTo(first));
        Assert.That(FolderListing.Read(Pictures, false).Count, Is.EqualTo(13));
    }

    [TestCase("a/new.png"), TestCase("c/1.png"), TestCase("a/notes2.txt")]
    public void What_is_new_is_seen(string name)
    {
        Read();
        _folder.Write($"pictures/{name}", PngBytes.Plain(1, 2, 3));
        Assert.That(Describe(Read()), Is.EqualTo(Describe(FolderListing.Read(Pictures, false))));
    }

    [Test]
    public void What_has_gone_was_renamed_or_written_again_is_seen()
    {
        void Seen(Action change)
        {
            Settle();
            Read();
            change();
            Assert.That(Describe(Read()), Is.EqualTo(Describe(FolderListing.Read(Pictures, false))));
        }
        Seen(() => File.Delete(Path.Combine(Pictures, "a", "00.png")));
        Seen(() => File.Move(Path.Combine(Pictures, "a", "01.png"), Path.Combine(Pictures, "a", "99.png")));
        Seen(() => Directory.Move(Path.Combine(Pictures, "b"), Path.Combine(Pictures, "z")));
        // In its place: the folder keeps its time; of so few files all are drawn.
        Seen(() => File.WriteAllBytes(Path.Combine(Pictures, "a", "02.png"), [1, 2, 3]));
        Seen(() => File.SetLastWriteTimeUtc(Path.Combine(Pictures, "a", "03.png"), DateTime.UnixEpoch));
        Seen(() => Directory.Delete(Path.Combine(Pictures, "z"), recursive: true));
    }

    [TestCase(0), TestCase(40), TestCase(300), TestCase(-1), TestCase(-33)]
    public void A_damaged_index_is_not_trusted_and_made_again(int at)
    {
        var first = Describe(Read());
        string file = Directory.GetFiles(Kept).Single();
        byte[] bytes = File.ReadAllBytes(file), damaged = [.. bytes];
        damaged[at < 0 ? bytes.Length + at : at] ^= 1;
        File.WriteAllBytes(file, damaged);
        Assert.That(Describe(Read()), Is.EqualTo(first));
        Assert.That(File.ReadAllBytes(file), Is.EqualTo(bytes));
        File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]);
        Assert.That(Describe(Read()), Is.EqualTo(first));
        File.WriteAllBytes(file, []);
        Assert.That(Describe(Read()), Is.EqualTo(first));
    }

    [Test]
    public void A_folder_that_has_just_changed_is_not_kept()
    {
        _folder.Write("pictures/a/new.png", PngBytes.Plain(1, 2, 3));
        Read();
        Assert.That(Directory.Exists(Kept), Is.False, "it may change again within the same tick of its clock");
    }

    [Test]
    public void A_few_files_are_always_asked_for()
    {
        FolderListing.Read(Pictures, false, indexFolder: Kept);
        Assert.That(Directory.Exists(Kept), Is.False);
    }

    [Test]
    public void A_place_where_nothing_can_be_kept_is_no_error()
    {
        File.WriteAllText(Kept, "a file where the folder should be");
        Assert.That(Read().Count, Is.EqualTo(12));
    }

    [Test]
    public void Empty_classes_are_refused_as_before()
    {
        Directory.CreateDirectory(Path.Combine(Pictures, "c"));
        Settle();
        FolderListing.Read(Pictures, true, indexFolder: Kept, indexFrom: 1);
        Assert.That(() => Read(), Throws.TypeOf<Kernels.DataException>().With.Message.Contains("1 of 3 classes has no pictures: c"));
    }

    [Test]
    public void Folders_below_each_other_are_kept_too()
    {
        _folder.Write("pictures/a/deep/er/1.png", PngBytes.Plain(1, 2, 3));
        Settle();
        string[] Deep() => Describe(FolderListing.ReadDeep(Pictures, indexFolder: Kept, indexFrom: 1));
        var first = Deep();
        Assert.That(first, Has.Length.EqualTo(13 + 2));
        Assert.That(Directory.GetFiles(Kept), Has.Length.EqualTo(1));
        Assert.That(Deep(), Is.EqualTo(first));
        _folder.Write("pictures/a/deep/er/2.png", PngBytes.Plain(1, 2, 3));
        Assert.That(Deep(), Has.Length.EqualTo(14 + 2));
    }

    [Test]
    public void A_link_that_takes_the_place_of_a_class_is_seen()
    {
        Read();
        string b = Path.Combine(Pictures, "b"), elsewhere = Path.Combine(_folder.Path, "elsewhere");
        Directory.Move(b, elsewhere);
        Directory.CreateSymbolicLink(b, elsewhere);
        _folder.Write("elsewhere/new.png", PngBytes.Plain(1, 2, 3));
        Settle();
        Assert.That(Read().Count, Is.EqualTo(13));
    }

    [Test]
    public void Of_images_too_many_for_the_cache_it_has_which_are_readable()
    {
        _folder.Write("pictures/a/bad.png", [1, 2, 3]);
        int decoded = 0;
        ListedImages Open() => new(
            FolderListing.Read(Pictures, false), 8, 3, "pictures", new SourceOptions { CacheFolder = Kept, Progress = (done, _) => decoded = (int)done }, new Preparation(ResizeRule.Adm, Background.White), mostKept: 0, mostCached: 100);
        var first = Open();
        Assert.That(decoded, Is.EqualTo(13));
        decoded = 0;
        var second = Open();
        Assert.That(decoded, Is.Zero, "nothing is decoded again at the start");
        Assert.That(new FileInfo(Directory.GetFiles(Kept).Single()).Length, Is.LessThan(13 * 192), "no pixels are kept");
        Assert.That((second.ListingHash, second.Originals), Is.EqualTo((first.ListingHash, first.Originals)));
        Assert.That(second.Skipped, Is.EqualTo(first.Skipped));
        Assert.That(second.Remarks, Is.EqualTo(first.Remarks).And.Some.StartsWith("the images are not kept in the cache: they take 0.0 GiB"));
        for (int i = 0; i < 12; i++) Assert.That(ShapesTests.Image(second, i).Values, Is.EqualTo(ShapesTests.Image(first, i).Values));
    }

    private FolderListing Read() => FolderListing.Read(Pictures, false, indexFolder: Kept, indexFrom: 1);

    /// <summary>Gives every folder one time, long ago.</summary>
    private void Settle()
    {
        foreach (string folder in (string[])[Pictures, .. Directory.GetDirectories(Pictures, "*", SearchOption.AllDirectories)]) Directory.SetLastWriteTimeUtc(folder, s_past);
    }

    private static string[] Describe(FolderListing listing) =>
        [.. listing.Files.Select(file => $"{file}"), string.Join(",", listing.ClassNames) + string.Join(",", listing.LeftOut), listing.Remark ?? ""];
}
