using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;
using PixelDiT.Tests.Data.Decoding;

namespace PixelDiT.Tests.Data.Listing;

/// <summary>What of a folder is taken, and that the rest is said.</summary>
public sealed class FolderListingTests
{
    private static readonly byte[] s_png = PngBytes.Plain(1, 2, 3);

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Files_of_other_endings_are_counted_by_ending_and_kind()
    {
        _folder.Write("a/1.png", s_png);
        for (int i = 0; i < 1200; i++) _folder.Write($"a/{i}.txt", [65]);
        _folder.Write("a/x.heic", [0, 0, 0, 0x18, .. "ftypheic"u8, 0, 0, 0, 0]);
        _folder.Write("a/README", [65]);
        Assert.That(Open().Remarks.Single(), Is.EqualTo("left out: 1,200 .txt (no picture), 1 .heic (a HEIC picture, not read), 1 file without an ending (no picture)"));
    }

    [TestCase("1")]
    [TestCase("1.jpg_large")]
    [TestCase("photo.jpg.1")]
    [TestCase("1.JFIF")]
    [TestCase("1.png")]
    public void The_content_tells_the_format(string name)
    {
        _folder.Write($"a/{name}", new JpegBytes().File);
        Assert.That(Open().Count, Is.EqualTo(1));
    }

    [Test]
    public void Pictures_beside_the_class_folders_are_counted()
    {
        _folder.Write("a/1.png", s_png);
        _folder.Write("loose.png", s_png);
        _folder.Write("loose.jpg", s_png);
        Assert.That(Open().Remarks.Single(), Is.EqualTo("left out: 2 pictures (beside the class folders)"));
    }

    [Test]
    public void Pictures_deeper_than_a_class_are_counted()
    {
        _folder.Write("a/1.png", s_png);
        string deep = _folder.Write("a/more/2.png", s_png);
        _folder.Write("a/more/yet/3.png", s_png);
        Assert.That(Open().Remarks.Single(), Does.StartWith($"left out: 2 pictures (deeper than its class, such as {deep};"));
    }

    [Test]
    public void A_class_whose_pictures_lie_deeper_is_refused_with_the_place()
    {
        _folder.Write("a/1.png", s_png);
        string deep = _folder.Write("b/more/2.png", s_png);
        Refused("1 of 2 classes has no pictures: b (its pictures lie deeper, such as " + deep);
    }

    [Test]
    public void A_folder_of_folders_of_classes_is_refused_with_the_place()
    {
        string deep = _folder.Write("train/cat/1.png", s_png);
        _folder.Write("test/cat/1.png", s_png);
        Refused("such as " + deep);
    }

    [Test]
    public void Hidden_files_and_folders_are_not_spoken_of()
    {
        _folder.Write("a/1.png", s_png);
        _folder.Write("a/.DS_Store", [1]);
        _folder.Write(".git/x.png", s_png);
        var source = Open();
        Assert.That((source.Remarks.Count, source.Skipped.Count, source.Classes), Is.EqualTo((0, 0, 1)));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "links need a privilege there")]
    public void A_link_to_a_folder_above_is_left_out_by_name()
    {
        _folder.Write("a/1.png", s_png);
        string loop = Path.Combine(_folder.Path, "loop"), gone = Path.Combine(_folder.Path, "nowhere");
        Directory.CreateSymbolicLink(loop, _folder.Path);
        Directory.CreateSymbolicLink(gone, gone);
        var source = Open();
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "a" }));
        Assert.That(source.Skipped, Is.EquivalentTo(new[] { new SkippedImage(loop, "is a link to a folder that holds it; the class is left out"), new SkippedImage(gone, "is a link that leads nowhere; the class is left out") }));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "links need a privilege there")]
    public void Broken_links_in_the_place_of_classes_and_pictures_are_left_out_by_name()
    {
        _folder.Write("a/1.png", s_png);
        string[] links = [.. ((string[])["a/2", "a/3.png", "cat", "dog.v2", "a/4.txt", "notes.txt"]).Select(name => Path.Combine(_folder.Path, name))];
        foreach (string link in links) File.CreateSymbolicLink(link, Path.Combine(_folder.Path, "no", "where"));
        var source = Open();
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "a" }));
        Assert.That(source.Skipped.Select(skipped => skipped.Path), Is.EquivalentTo(links[..4]));
        Assert.That(source.Skipped.Select(skipped => skipped.Reason), Is.All.Contains("link").And.All.Match("leads (nowhere|to no file)"));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "links need a privilege there")]
    public void A_folder_of_broken_links_alone_is_refused_with_the_first()
    {
        foreach (string name in (string[])["cat", "dog"]) File.CreateSymbolicLink(Path.Combine(_folder.Path, name), Path.Combine(_folder.Path, "no", "where"));
        Refused($"; {Path.Combine(_folder.Path, "cat")}: cannot be read (the link leads to no file), and 1 more left out by name");
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "links need a privilege there")]
    public void Links_to_pictures_and_classes_are_followed_and_broken_ones_named()
    {
        using var elsewhere = new TemporaryFolder();
        string real = elsewhere.Write("b/1.png", s_png);
        _folder.Write("a/1.png", s_png);
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "a", "2.png"), real);
        string broken = Path.Combine(_folder.Path, "a", "3.png");
        File.CreateSymbolicLink(broken, Path.Combine(elsewhere.Path, "no.png"));
        Directory.CreateSymbolicLink(Path.Combine(_folder.Path, "b"), Path.Combine(elsewhere.Path, "b"));
        var source = Open();
        Assert.That((source.Count, source.Classes, source.Skipped.Single().Path), Is.EqualTo((3L, 2, broken)));
    }

    [Test]
    [Platform("Linux", Reason = "names are bytes there")]
    public void Names_that_are_not_UTF8_are_left_out_with_a_line()
    {
        _folder.Write("a/1.png", s_png);
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", ["-c", "mkdir \"$(printf 'lat\\351n')\" && cp a/1.png \"$(printf 'a/\\377.png')\""]) { WorkingDirectory = _folder.Path })!;
        shell.WaitForExit();
        Assume.That(shell.ExitCode, Is.Zero, "the file system takes such names");
        var source = Open();
        Assert.That((source.Count, source.Classes, source.Skipped.Count), Is.EqualTo((1L, 1, 2)));
        Assert.That(source.Skipped.Select(skipped => skipped.Reason), Is.All.Contains("not UTF-8"));
        using var removal = System.Diagnostics.Process.Start("rm", ["-r", _folder.Path]);
        removal.WaitForExit();
        Directory.CreateDirectory(_folder.Path);
    }

    [Test]
    [Platform("Linux", Reason = "mkfifo")]
    public void A_pipe_is_not_waited_for()
    {
        _folder.Write("a/1.png", s_png);
        string pipe = Path.Combine(_folder.Path, "a", "2.png");
        using var make = System.Diagnostics.Process.Start("mkfifo", [pipe]);
        make.WaitForExit();
        Assert.That(Open().Skipped.Single(), Is.EqualTo(new SkippedImage(pipe, "the file is empty")));
    }

    [Test]
    public void What_a_system_adds_is_no_class()
    {
        _folder.Write("a/1.png", s_png);
        _folder.Write("__MACOSX/a/._1.png", [1]);
        var source = Open();
        Assert.That(source.ClassNames, Is.EqualTo(new[] { "a" }));
        Assert.That(source.Skipped.Single().Reason, Is.EqualTo("is a folder of the system's, no class"));
    }

    [Test]
    public void A_file_is_refused_as_a_folder()
    {
        string path = _folder.Write("pictures.zip", [1]);
        Assert.That(Assert.Throws<DataException>(() => ImageSources.Open($"folder:{path}", 8))!.Message, Does.StartWith($"{path}: is a file"));
    }

    private IImageSource Open() => ImageSources.Open($"folder:{_folder.Path}", 8);

    private void Refused(string part) => Assert.That(Assert.Throws<DataException>(() => Open())!.Message, Does.Contain(part));
}
