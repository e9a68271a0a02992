using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using static PixelDiT.Tests.Formats.Safetensors.SafetensorsBytes;

namespace PixelDiT.Tests.Formats;

/// <summary>A failed write leaves the old file as it was, and nothing else.</summary>
public class AtomicFileTests
{
    private string _directory = "", _path = "";

    [SetUp]
    public void MakeDirectory()
    {
        _directory = NewDirectory();
        _path = Path.Combine(_directory, "a.bin");
    }

    [TearDown] public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    private void Refuses(string target, string fragment)
    {
        string[] before = Directory.GetFileSystemEntries(_directory);
        var error = Assert.Throws<FileFormatException>(() => AtomicFile.Write(target, _ => Assert.Fail("nothing may be written")));
        Assert.That(error!.Message, Does.Contain("cannot be written").And.Contain(fragment));
        Assert.That(Directory.GetFileSystemEntries(_directory), Is.EqualTo(before));
    }

    private void FailsHalfway<T>(Action fail, string? old) where T : Exception
    {
        if (old is not null) System.IO.File.WriteAllText(_path, old);
        Assert.Throws<T>(() => AtomicFile.Write(_path, output =>
        {
            output.Write(new byte[200_000]);
            Assert.That(Directory.GetFiles(_directory), Has.Some.EndsWith(".tmp"));
            fail();
        }));
        Assert.That(Directory.GetFileSystemEntries(_directory), Is.EqualTo(old is null ? Array.Empty<string>() : [_path]));
        if (old is not null) Assert.That(System.IO.File.ReadAllText(_path), Is.EqualTo(old));
    }

    [Test] public void A_failure_halfway_leaves_the_old_file() => FailsHalfway<ConfigurationException>(() => throw new ConfigurationException("x"), "old");
    [Test] public void A_failure_halfway_leaves_no_file() => FailsHalfway<InvalidOperationException>(() => throw new InvalidOperationException(), null);
    [Test] public void A_full_disk_leaves_the_old_file() => FailsHalfway<FileFormatException>(() => throw new IOException("No space left on device"), "old");

    [Test]
    public void A_full_disk_is_named_with_the_file() =>
        Assert.That(() => AtomicFile.Write(_path, _ => throw new IOException("No space left on device")),
            Throws.TypeOf<FileFormatException>().With.Message.EqualTo($"{_path}: cannot be written: No space left on device"));

    [Test]
    public void A_writer_that_fails_halfway_leaves_the_old_file()
    {
        System.IO.File.WriteAllText(_path, "old");
        Assert.Throws<DataException>(() => SafetensorsWriter.Write(_path, [new("a", DataType.F32, [100_000])], null, (_, first, _) =>
        {
            if (first > 50_000) throw new DataException("x");
        }));
        Assert.That(Directory.GetFileSystemEntries(_directory), Is.EqualTo(new[] { _path }));
        Assert.That(System.IO.File.ReadAllText(_path), Is.EqualTo("old"));
    }

    [Test]
    public void A_complete_write_replaces_the_old_file()
    {
        System.IO.File.WriteAllText(_path, "something longer");
        AtomicFile.Write(_path, output => output.Write("new"u8));
        Assert.That(System.IO.File.ReadAllText(_path), Is.EqualTo("new"));
        Assert.That(Directory.GetFileSystemEntries(_directory), Is.EqualTo(new[] { _path }));
    }

    [Test]
    public void The_old_file_is_whole_until_the_new_one_is()
    {
        System.IO.File.WriteAllText(_path, "old");
        AtomicFile.Write(_path, output =>
        {
            output.Write(new byte[200_000]);
            Assert.That(System.IO.File.ReadAllText(_path), Is.EqualTo("old"));
        });
        Assert.That(new FileInfo(_path).Length, Is.EqualTo(200_000));
    }

    [Test]
    public void A_reader_keeps_the_file_it_opened()
    {
        SafetensorsWriter.Write(_path, [new TensorData("a", [1], new[] { 1f })]);
        using var reader = SafetensorsReader.Open(_path);
        SafetensorsWriter.Write(_path, [new TensorData("a", [1], new[] { 2f })]);
        Assert.That(reader.ReadSingles("a")[0], Is.EqualTo(1));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "making a link needs a privilege there")]
    public void A_link_is_followed()
    {
        string link = Path.Combine(_directory, "link");
        System.IO.File.WriteAllText(_path, "old");
        System.IO.File.CreateSymbolicLink(link, _path);
        AtomicFile.Write(link, output => output.Write("new"u8));
        Assert.That(System.IO.File.ReadAllText(_path), Is.EqualTo("new"));
        Assert.That(new FileInfo(link).LinkTarget, Is.EqualTo(_path));
    }

    [Test]
    public void A_relative_path_is_taken_from_the_working_directory()
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, _path);
        AtomicFile.Write(relative, output => output.Write("new"u8));
        Assert.That(System.IO.File.ReadAllText(_path), Is.EqualTo("new"));
    }

    [Test] public void A_missing_directory_is_refused() => Refuses(Path.Combine(_directory, "none", "a.bin"), "there is no directory");
    [Test] public void A_directory_is_refused() => Refuses(_directory, "it names a directory");
    [Test] public void A_path_that_ends_like_a_directory_is_refused() => Refuses(_path + Path.DirectorySeparatorChar, "it names a directory");
    [Test] public void A_path_below_a_file_is_refused() { System.IO.File.WriteAllText(_path, ""); Refuses(Path.Combine(_path, "b"), "there is no directory"); }
    [Test] public void An_empty_path_is_refused() => Refuses("", "not a file name");
    [Test, Platform(Exclude = "Win")] public void A_device_is_refused() => Refuses("/dev/null", "it names a device");

    [Test]
    public void A_read_only_file_is_refused()
    {
        System.IO.File.WriteAllText(_path, "old");
        System.IO.File.SetAttributes(_path, FileAttributes.ReadOnly);
        Refuses(_path, "the file is read-only");
        System.IO.File.SetAttributes(_path, FileAttributes.Normal);
        Assert.That(System.IO.File.ReadAllText(_path), Is.EqualTo("old"));
    }
}
