using NUnit.Framework;
using PixelDiT.Tests.Data;
using PixelDiT.Tests.Data.Decoding;
using StbImageSharp;

namespace PixelDiT.Tests.Commands;

/// <summary>The verb data as a stranger meets it, and training on real folders.</summary>
[Parallelizable]
public sealed class DataCommandTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void Data_shows_classes_what_is_left_out_and_a_sheet()
    {
        _folder.Write("pictures/cat/1.png", PngBytes.Plain(200, 0, 0));
        _folder.Write("pictures/cat/2.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0x10]);
        _folder.Write("pictures/cat/notes.txt", [1]);
        _folder.Write("pictures/dog/1.png", PngBytes.Plain(0, 200, 0));
        _folder.Write("pictures/dog/2.png", PngBytes.Plain(0, 0, 200));
        var data = Run("data", "pictures", "--resolution", "16");
        Assert.That(data.ExitCode, Is.Zero, data.Error);
        Assert.That(data.Output, Does.Contain("pictures: 3 images of 16×16, 2 classes").And.Contain("class 0  cat  1\n").And.Contain("class 1  dog  2\n").And.Contain("originals of 8×8; 3 scaled up, 0 put upright"));
        Assert.That(data.Output, Does.Match(@"a training step of 32 images with [\d,]+ parameters takes \d+\.\d\d GiB; \d+\.\d\d GiB are free\nand about .+ for all images once, .+ for 10,000 steps\n"));
        Assert.That(data.Error, Does.Contain(Path.Combine("pictures", "cat", "2.jpg") + ": the JPEG is cut short").And.Contain("left out: 1 .txt (no picture)"));

        var sheet = ImageResult.FromMemory(File.ReadAllBytes(Path.Combine(_folder.Path, "data.png")), ColorComponents.RedGreenBlue);
        Assert.That((sheet.Width, sheet.Height), Is.EqualTo(((8 * 66) + 2, (2 * 66) + 2)));
        (int, int, int) Cell(int row, int column)
        {
            int at = 3 * ((((row * 66) + 30) * sheet.Width) + (column * 66) + 30);
            return (sheet.Data[at], sheet.Data[at + 1], sheet.Data[at + 2]);
        }
        Assert.That((Cell(0, 0), Cell(0, 1), Cell(1, 0), Cell(1, 1)), Is.EqualTo(((200, 0, 0), (255, 255, 255), (0, 200, 0), (0, 0, 200))));

        var again = Run("data", "pictures");
        Assert.That((again.ExitCode, again.Error.Trim()), Is.EqualTo((1, "pixeldit: data.png: is there already; --overwrite replaces it")));
        Assert.That(Run("data", "folder:pictures", "--overwrite").ExitCode, Is.Zero);
    }

    [Test]
    public void Data_shows_drawn_shapes()
    {
        var data = Run("data", "shapes", "--out", "sheet.png", "--resolution", "8");
        Assert.That(data.ExitCode, Is.Zero, data.Error);
        Assert.That(data.Output, Does.Contain("endless images of 8×8, 9 classes").And.Contain("class 8  blue triangle"));
        Assert.That(File.Exists(Path.Combine(_folder.Path, "sheet.png")));
    }

    [Test]
    public void Train_reads_a_folder_once_and_then_from_the_cache()
    {
        for (int i = 0; i < 4; i++) _folder.Write($"pictures/{i % 2}/{i}.png", PngBytes.Plain((byte)(60 * i), 9, 9));
        string[] train = ["train", "--data", "pictures", "--preset", "micro", "--hidden", "16", "--heads", "2", "--patch-depth", "1", "--pixel-hidden", "4", "--resolution", "8", "--patch", "4", "--batch", "2", "--steps", "2", "--sample-steps", "0", "--threads", "1"];
        string Loss(string run) => string.Join("\n", File.ReadAllLines(Path.Combine(_folder.Path, run, "loss.csv")).Select(line => string.Join(",", line.Split(',').Take(3))));
        Assert.That(Run([.. train, "--out", "one"]) is { ExitCode: 0 });
        string entry = Directory.GetFiles(Path.Combine(_folder.Path, "cache"), "*.bin", SearchOption.AllDirectories).Single();
        Assert.That(Run([.. train, "--out", "two"]) is { ExitCode: 0 });
        File.Delete(entry);
        Assert.That(Run([.. train, "--out", "three", "--no-cache"]) is { ExitCode: 0 });
        Assert.That(File.Exists(entry), Is.False);
        Assert.That(new[] { Loss("two"), Loss("three") }, Is.All.EqualTo(Loss("one")));
    }

    [Test]
    public void An_empty_class_is_refused_unless_it_is_allowed()
    {
        _folder.Write("pictures/cat/1.png", PngBytes.Plain(200, 0, 0));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "pictures", "dog"));
        var data = Run("data", "pictures");
        Assert.That((data.ExitCode, data.Error), Is.EqualTo((1, "pixeldit: pictures: 1 of 2 classes has no pictures: dog; --allow-empty-classes takes them all the same\n")));
        Assert.That(Run("data", "pictures", "--allow-empty-classes") is { ExitCode: 0 });
    }

    private ProgramResult Run(params string[] arguments) => PixelDiTProgram.Run(_folder.Path, new Dictionary<string, string> { ["XDG_CACHE_HOME"] = Path.Combine(_folder.Path, "cache") }, arguments);
}
