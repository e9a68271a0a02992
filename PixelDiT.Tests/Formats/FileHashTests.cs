using System.Security.Cryptography;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Formats;

/// <summary>Hashes of files, computed once for large ones and never taken for those of another content.</summary>
internal sealed class FileHashTests
{
    private TemporaryFolder _folder = null!;

    private string File => Path.Combine(_folder.Path, "weights");

    private string Memory => Path.Combine(_folder.Path, "memory");

    [SetUp]
    public void MakeFolder() => _folder = new();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private string Make(int bytes, byte value, DateTime? written = null)
    {
        byte[] content = [.. Enumerable.Repeat(value, bytes)];
        System.IO.File.WriteAllBytes(File, content);
        if (written is { } time) System.IO.File.SetLastWriteTimeUtc(File, time);
        return Convert.ToHexStringLower(SHA256.HashData(content));
    }

    /// <summary>The hash, and whether the file was read for it.</summary>
    private (string Hash, bool WasRead) Of()
    {
        bool wasRead = false;
        string hash = FileHash.Of(File, Memory, _ => wasRead = true);
        return (hash, wasRead);
    }

    [Test]
    public void A_large_file_is_hashed_once_and_a_change_of_it_is_seen()
    {
        string first = Make(5 << 20, 1, DateTime.UnixEpoch);
        Assert.That(Of(), Is.EqualTo((first, true)));
        Assert.That(Of(), Is.EqualTo((first, false)));
        string second = Make(5 << 20, 2, DateTime.UnixEpoch.AddTicks(1));
        Assert.That(Of(), Is.EqualTo((second, true)));
        foreach (string note in Directory.GetFiles(Memory))
        {
            string text = System.IO.File.ReadAllText(note);
            System.IO.File.WriteAllText(note, (text[0] == '0' ? '1' : '0') + text[1..]);
        }
        Assert.That(Of(), Is.EqualTo((second, true)), "a damaged note");
        Assert.That(Of(), Is.EqualTo((second, false)));
    }

    [Test]
    public void What_has_just_changed_and_what_is_small_is_not_remembered()
    {
        Make(5 << 20, 1);
        Of();
        string small = Make(1000, 3, DateTime.UnixEpoch);
        Assert.That(Of(), Is.EqualTo((small, true)));
        Assert.That(Directory.Exists(Memory), Is.False);
    }

    [Test]
    public void Nothing_is_lost_without_a_memory()
    {
        System.IO.File.WriteAllText(Memory, "a file where the folder should be");
        string hash = Make(5 << 20, 1, DateTime.UnixEpoch);
        Assert.That(Of(), Is.EqualTo((hash, true)));
        Assert.That(FileHash.Of(File), Is.EqualTo(hash));
        Assert.That(() => FileHash.Of(File, null, null, new CancellationToken(canceled: true)), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(() => FileHash.Of(Path.Combine(_folder.Path, "none")), Throws.TypeOf<FileFormatException>().With.Message.Contains("there is no such file"));
        Assert.That(() => FileHash.Of(_folder.Path), Throws.TypeOf<FileFormatException>().With.Message.Contains("it is a directory"));
    }
}
