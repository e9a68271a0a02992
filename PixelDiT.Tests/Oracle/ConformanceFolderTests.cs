using NUnit.Framework;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Oracle.Conformance;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Oracle;

/// <summary>Cases in a folder of one's own: what lies beside them decides, and one changed byte is seen.</summary>
public sealed class ConformanceFolderTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test] public void A_checkpoint_passes_beside_its_weights() => Assert.That(Checkpoint("legacy_format.pt", "c2i/weights").Status, Is.EqualTo(CaseStatus.Pass));
    [Test] public void One_changed_byte_fails() => Assert.That(Checkpoint("legacy_format.pt", "c2i/weights", bytes => bytes[^2] ^= 1), Has.Property("Status").EqualTo(CaseStatus.Fail).And.Property("Error").GreaterThan(0));
    [Test] public void Views_that_differ_fail() => Assert.That(Checkpoint("views.pt", null, bytes => bytes[bytes.AsSpan().IndexOf(BitConverter.GetBytes(8.0)) + 6] ^= 1), Has.Property("Status").EqualTo(CaseStatus.Fail).And.Property("Worst").EqualTo("double"));
    [Test] public void A_checkpoint_without_its_weights_is_skipped() => Assert.That(Checkpoint("lightning.ckpt", null).Status, Is.EqualTo(CaseStatus.Skipped));

    /// <summary>The data of expected.safetensors end with the labels, eight bytes each, and the pixels lie before them.</summary>
    [TestCase("expected.safetensors", 8, "labels")]
    [TestCase("expected.safetensors", (12 * 8) + 1, "images")]
    [TestCase("images_h5.json", 0, "names")]
    public void One_wrong_picture_label_or_name_of_an_archive_is_seen(string file, int fromEnd, string worst)
    {
        PutArchive();
        string path = Path.Combine(_folder.Path, "h5", file);
        if (fromEnd == 0)
        {
            // Two pictures of one class change their places.
            string json = File.ReadAllText(path);
            File.WriteAllText(path, json.Replace("00000004", "x", StringComparison.Ordinal).Replace("00000005", "00000004", StringComparison.Ordinal).Replace("x", "00000005", StringComparison.Ordinal));
        }
        else
        {
            byte[] bytes = File.ReadAllBytes(path);
            bytes[^fromEnd] ^= 1;
            File.WriteAllBytes(path, bytes);
        }
        Assert.That(RunOne(), Has.Property("Status").EqualTo(CaseStatus.Fail).And.Property("Worst").EqualTo(worst));
    }

    [Test]
    public void Pictures_that_an_archive_was_not_made_from_are_seen()
    {
        PutArchive();
        string source = Path.Combine(_folder.Path, "h5", "source");
        File.Copy(Path.Combine(source, "n01000007", "k0.png"), Path.Combine(source, "n01000007", "x.png"), overwrite: true);
        Assert.That(RunOne(), Has.Property("Status").EqualTo(CaseStatus.Fail).And.Property("Worst").EqualTo("source"));
    }

    [Test]
    public void An_archive_without_the_pictures_it_was_made_from_passes()
    {
        PutArchive();
        Directory.Delete(Path.Combine(_folder.Path, "h5", "source"), recursive: true);
        Assert.That(RunOne(), Has.Property("Status").EqualTo(CaseStatus.Pass).And.Property("Compared").EqualTo(3));
    }

    [Test]
    public void What_is_expected_of_no_archive_is_skipped()
    {
        Put("h5/expected.safetensors");
        Assert.That(RunOne(), Has.Property("Status").EqualTo(CaseStatus.Skipped).And.Property("Worst").Contains("images.h5"));
    }

    private void Put(string name, Action<byte[]>? edit = null)
    {
        byte[] bytes = ShippedCases.Read(name);
        edit?.Invoke(bytes);
        _folder.Write(name, bytes);
    }

    private void PutArchive() => ShippedCases.CopyTo(_folder.Path, name => name.StartsWith("h5/", StringComparison.Ordinal) && !name.StartsWith("h5/many/", StringComparison.Ordinal));

    private CaseResult RunOne()
    {
        using var device = Device.Open("cpu", 1);
        return ConformanceSuite.Run(ConformanceFiles.In(_folder.Path), device).Single();
    }

    private CaseResult Checkpoint(string checkpoint, string? weights, Action<byte[]>? change = null)
    {
        Put($"checkpoints/{checkpoint}", change);
        if (weights is not null) Put($"{weights}.safetensors");
        return RunOne();
    }
}
