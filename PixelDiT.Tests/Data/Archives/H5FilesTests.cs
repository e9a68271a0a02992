using System.Diagnostics;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Data;

namespace PixelDiT.Tests.Data.Archives;

/// <summary>images.h5 as REPA-E's preprocessing itself wrote them, and broken ones. Their names, labels and pixels are compared by the conformance cases of <c>h5</c>.</summary>
public sealed class H5FilesTests
{
    private static readonly string s_golden = Path.Combine(AppContext.BaseDirectory, "Golden", "h5");

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void A_thousand_pictures_open_in_no_time()
    {
        long began = Stopwatch.GetTimestamp();
        var files = new Reference.Data.Archives.H5Files(Path.Combine(s_golden, "many", "images.h5"));
        long bytes = Enumerable.Range(0, files.Count).Sum(i => (long)files.Read(i).Length);
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        TestContext.Out.WriteLine($"{files.Count} pictures of {bytes} bytes in {seconds:F2} s");
        Assert.That(files.Count, Is.EqualTo(1060));
        // 0.2 s on a quiet core; a busy machine may take many times as long.
        Assert.That(seconds, Is.LessThan(60), "a hang");
    }

    [Test]
    public void Many_threads_read_one_file()
    {
        var files = new Reference.Data.Archives.H5Files(Path.Combine(s_golden, "images.h5"));
        byte[][] one = [.. Enumerable.Range(0, files.Count).Select(files.Read)], many = new byte[240][];
        Parallel.For(0, many.Length, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i => many[i] = files.Read(i % one.Length));
        Assert.That(many.Select((content, i) => content.AsSpan().SequenceEqual(one[i % one.Length])), Is.All.True);
    }

    [Test]
    public void A_list_that_is_missing_or_wrong_is_named()
    {
        string path = Copy("images.h5", null);
        Refused(path, "images_h5.json: there is no such file; the list of names that is written with images.h5 was expected");
        Refused(Copy("images.h5", "{}"), "images_h5.json: is no JSON list of names");
        Refused(Copy("images.h5", "[null]"), "images_h5.json: has null for a name");
        Refused(Copy("images.h5", "[]"), "images.h5: has no pictures");
        Refused(Copy("images.h5", """["00000/img00000000.png"]"""), "images.h5: has no dataset.json at its top");
        Refused(Copy("images.h5", """["00000/img00000000.png", "dataset.json"]"""), "images.h5:dataset.json: entry 1 of \"labels\" names");
        string whole = File.ReadAllText(Path.Combine(s_golden, "images_h5.json"));
        Refused(Copy("images.h5", whole.Replace("\"dataset.json\"", "\"00000/img00000099.png\", \"dataset.json\"", StringComparison.Ordinal)), "without a label", isRemark: true);
        Assert.That(Assert.Throws<DataException>(() => ImageSources.Open("h5:nowhere.h5", 8))!.Message, Is.EqualTo("nowhere.h5: there is no such file; an HDF5 file was expected"));
    }

    [Test]
    public void A_picture_that_is_only_in_the_list_is_an_error()
    {
        string whole = File.ReadAllText(Path.Combine(s_golden, "images_h5.json"));
        string path = Copy("images.h5", whole.Replace("\"00000/img00000003.png\",", "", StringComparison.Ordinal).Replace("\"dataset.json\"", "\"00001/img00001000.png\", \"dataset.json\"", StringComparison.Ordinal));
        var files = new Reference.Data.Archives.H5Files(path);
        Assert.That(Assert.Throws<FileFormatException>(() => files.Read(files.Count - 1))!.Message, Does.Contain("images.h5: \"00001/img00001000.png\", which images_h5.json names, is not in it, or the file is damaged or cut short"));
    }

    [Test]
    public void What_is_no_HDF5_is_named()
    {
        string json = File.ReadAllText(Path.Combine(s_golden, "images_h5.json"));
        string path = Copy("images.h5", json);
        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, [.. "not an HDF5 file, whatever its name says"u8]);
        Refused(path, "images.h5: is no HDF5 file, or is damaged or cut short");
        File.WriteAllBytes(path, []);
        Refused(path, "the file has 0 bytes");
        foreach (int length in (int[])[100, 1000, whole.Length / 2, whole.Length - 100])
        {
            File.WriteAllBytes(path, whole[..length]);
            var error = Assert.Catch<PixelDiTException>(() => _ = Images(path));
            Assert.That(error!.Message, Does.Contain("images.h5"), $"{length} bytes");
        }
    }

    [Test]
    public void Damage_gives_a_named_error_or_pictures_that_are_left_out_by_name()
    {
        string path = Copy("images.h5", File.ReadAllText(Path.Combine(s_golden, "images_h5.json")));
        byte[] whole = File.ReadAllBytes(path);
        var random = new Random(1);
        var outcomes = new HashSet<string>();
        for (int round = 0; round < 60; round++)
        {
            byte[] bytes = [.. whole];
            // Half of the rounds in the groups and headers, half anywhere.
            for (int i = 0; i < 4; i++) bytes[random.Next(round % 2 == 0 ? 4096 : bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, bytes);
            try
            {
                outcomes.Add(Images(path).Skipped.Count > 0 ? "left out" : "whole");
            }
            catch (PixelDiTException)
            {
                outcomes.Add("error");
            }
        }
        Assert.That(outcomes, Is.EquivalentTo(new[] { "left out", "whole", "error" }));
    }

    private static IImageSource Images(string path) => ImageSources.Open($"h5:{path}", 8);

    private string Copy(string name, string? json)
    {
        string path = _folder.Write(name, File.ReadAllBytes(Path.Combine(s_golden, name)));
        string list = Path.Combine(_folder.Path, "images_h5.json");
        if (json is null) File.Delete(list);
        else File.WriteAllText(list, json);
        return path;
    }

    private static void Refused(string path, string reason, bool isRemark = false)
    {
        if (isRemark) Assert.That(Images(path).Remarks, Has.Some.Contains(reason));
        else Assert.That(Assert.Catch<PixelDiTException>(() => Images(path))!.Message, Does.Contain(reason));
    }
}
