using System.IO.Compression;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Tests.Formats.Safetensors;
using PixelDiT.Tests.Formats.Torch;

namespace PixelDiT.Tests.Formats.Foreign;

// Inside the namespace, so that Text is the method and not the neighbouring folder.
using static PixelDiT.Tests.Formats.Torch.PickleBytes;

/// <summary>Files that are no files of weights are refused by what they are, with what to do, in one line; none by the number that their first bytes spell.</summary>
public class ForeignFileTests
{
    private static byte[] Padded(string latin1, int length = 600) => [.. Encoding.Latin1.GetBytes(latin1), .. Enumerable.Range(0, Math.Max(0, length - latin1.Length)).Select(i => (byte)((i * 151) + 201))];

    private static byte[] Zip(params string[] names) => new ZipBytes([.. names.Select(name => new ZipPart(name, [1, 2, 3]))]).ToArray();

    private static byte[] Tar(string name = "weights/a.bin")
    {
        byte[] header = new byte[1024];
        Encoding.ASCII.GetBytes(name).CopyTo(header, 0);
        "ustar"u8.CopyTo(header.AsSpan(257));
        return header;
    }

    private static byte[] Compressed()
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress)) gzip.Write("weights"u8);
        return packed.ToArray();
    }

    /// <summary>A distributed part: archives one behind the other.</summary>
    private static byte[] Part() => [.. Zip("archive/data.pkl"), .. Zip("archive/data.pkl")];

    private static IEnumerable<TestCaseData> Kinds()
    {
        TestCaseData Case(string name, byte[] file, params string[] fragments) => new TestCaseData(name, file, fragments).SetArgDisplayNames(name);
        TestCaseData Text(string name, string text, params string[] fragments) => Case(name, Encoding.UTF8.GetBytes(text), fragments);
        yield return Text("lfs.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3189532812\n", "is a Git LFS pointer to a file of 3189532812 bytes", "git lfs pull");
        yield return Text("lfs-cut.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha", "is a Git LFS pointer, not");
        yield return Text("annex.safetensors", "/annex/objects/SHA256E-s12--4d7a.safetensors\n", "git-annex", "git annex get");
        yield return Text("page.safetensors", "<!DOCTYPE html>\n<html><head><title>Log in\n to continue</title></head>", "is an HTML page with the title \"Log in to continue\"", "download the file of weights itself");
        yield return Text("page.ckpt", "  \n<html lang=\"en\"><body>Quota exceeded</body></html>", "is an HTML page");
        yield return Text("page.pt", "<!-- cached --><!doctype HTML>", "is an HTML page");
        yield return Case("page.bin", [0xEF, 0xBB, 0xBF, .. "<html></html>"u8], "is an HTML page");
        yield return Text("error.safetensors", "Entry not found", "is text: \"Entry not found\"");
        yield return Text("user.safetensors", "Invalid username or password.", "is text: \"Invalid username or password.\"");
        yield return Text("short.pt", "OK", "is text: \"OK\"");
        yield return Text("blank.pt", " \n\n", "3 bytes of blank text");
        yield return Text("unicode.pt", "Не найдено\r\n", "is text: \"Не найдено\"");
        yield return Case("utf16.pt", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes("Not found here")], "is text: \"Not found here\"");
        yield return Text("long.pt", string.Concat(Enumerable.Repeat("Zeilen und Wörter é ", 900)), "is text: \"Zeilen und Wörter");
        yield return Text("xml.safetensors", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "is XML text", "AccessDenied");
        yield return Text("xml.bin", "<net name=\"torch-jit\" version=\"11\">", "is XML text");
        yield return Text("error.json", "{\"error\":\"Repository not found\"}", "is JSON text: \"{\\\"error\\\"".Replace("\\\"", "\""), "an error of a server");
        yield return Text("vocab.json", "[1, 2, 3]", "is JSON text");
        yield return Text("index.json", "{\"metadata\":{},\"weight_map\":{\"a\":\"b.safetensors\"}}", "is an index of several files of weights", "open it by its path");
        yield return Text("config.yaml", "# of a run\nmodel:\n  depth: 12\n", "is text, YAML perhaps");
        yield return Text("doc.yaml", "---\nlr: 1", "is text, YAML perhaps");
        yield return Text("checkpoint", "model_checkpoint_path: \"model.ckpt-5\"\n", "TensorFlow");
        yield return Text("script.sh", "#!/bin/sh\nexit 1\n", "is a script");
        yield return Text("old.pkl", "(dp0\nS'a'\np1\nI1\ns.", "is a pickle of protocol 0");
        yield return Text("old2.pkl", "ccollections\nOrderedDict\np0\n.", "is a pickle of protocol 0");
        yield return Case("m.pkl", [0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0, .. "}\x94."u8], "is a pickle, but not one that torch.save writes", "as safetensors");
        yield return Case("n.pkl", Padded("\u0080\u0003cnumpy.core.multiarray\n_reconstruct\n"), "is a pickle (it holds NumPy arrays)");
        yield return Case("j.joblib", Padded("\u0080\u0003cjoblib.numpy_pickle\nNumpyArrayWrapper\n"), "is a pickle (joblib wrote it)");
        yield return Case(".metadata", Padded("\u0080\u0002ctorch.distributed.checkpoint.metadata\nMetadata\n"), "directory of a distributed checkpoint", "dcp_to_torch");
        yield return Case("__0_0.distcp", Part(), "part of a distributed checkpoint", "dcp_to_torch");
        yield return Case("m.gguf", Padded("GGUF\u0003\0\0\0"), "is a GGUF file");
        yield return Case("m.ggml", Padded("lmgg"), "is a GGML file");
        yield return Case("m.ggjt", Padded("tjgg\u0003"), "is a GGML file");
        yield return Case("m.h5", Padded("\u0089HDF\r\n\u001a\n"), "is an HDF5 file", "Keras");
        yield return Case("m.npy", [.. NpyHeader.Build(NpyHeader.UInt8, [3]), 1, 2, 3], "is a NumPy array (.npy)");
        yield return Case("m.npz", Zip("a.npy", "b.npy"), "is a NumPy archive (.npz) of 2 arrays");
        yield return Case("m.keras", Zip("metadata.json", "config.json", "model.weights.h5"), "is a Keras model");
        yield return Case("m.docx", Zip("[Content_Types].xml", "word/document.xml"), "is an Office document");
        yield return Case("m.jar", Zip("META-INF/MANIFEST.MF"), "is a Java archive");
        yield return Case("m.zip", Zip("readme.txt", "weights/model.safetensors"), "is a zip archive with \"weights/model.safetensors\" in it", "unpack it");
        yield return Case("other.zip", Zip("readme.txt"), "is a zip archive with 0 entries data.pkl");
        yield return Case("nothing.zip", Zip(), "is an empty zip archive");
        yield return Case("script.pt", new ZipBytes([new("m/data.pkl", [1]), new("m/constants.pkl", [1]), new("m/code/__torch__.py", [3, 0]) { Method = 8, SizeSaid = 2 }]).ToArray(), "is a TorchScript program", "torch.jit.load");
        yield return Case("lite.ptl", Zip("m/data.pkl", "m/code/__torch__/net.py"), "is a TorchScript program");
        yield return Case("export.pt2", Zip("m/archive_format", "m/models/model.json", "m/data.pkl"), "torch.export");
        yield return Case("m.onnx", [8, 7, 0x12, 7, .. "pytorch"u8, 0x1A, 3, .. "2.1"u8, .. Padded("")], "is an ONNX model that \"pytorch\" wrote");
        yield return Case("nameless.onnx", [8, 7, 0x3A, 0xF0, 9, .. Padded("")], "like an ONNX model");
        yield return Case("saved_model.pb", [8, 1, 0x12, 0xE4, 0x80, 1, .. Padded("")], "is a TensorFlow graph");
        yield return Case("variables.data-00000-of-00001", Padded("\u00ff\u00fe\u0000"), "part of a TensorFlow checkpoint");
        yield return Case("variables.index", [.. Padded("\0\0\u0002\u0001\u0002\u0008\u0001\u0000\u0000\u0000\u0000\u0000"), 0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB], "index of a TensorFlow checkpoint");
        yield return Case("m.tflite", Padded("\u001c\0\0\0TFL3"), "TensorFlow Lite");
        yield return Case("flax.msgpack", [0x81, 0xA6, .. "params"u8, .. Padded("\u0082")], "is MessagePack, as Flax writes, with the key \"params\"");
        yield return Case("long.msgpack", [0xDE, 0, 20, 0xD9, 40, .. Encoding.ASCII.GetBytes(new string('k', 40)), .. Padded("\u0082")], "is MessagePack");
        yield return Case("m.png", Padded("\u0089PNG\r\n\u001a\n"), "is a PNG picture", "a safetensors or PyTorch file was expected");
        yield return Case("m.jpg", Padded("\u00ff\u00d8\u00ff\u00e0"), "is a JPEG picture");
        yield return Case("m.tar", Tar(), "is a tar archive that begins with \"weights/a.bin\"", "unpack it");
        yield return Case("short.tar", Tar("abc"), "is a tar archive that begins with \"abc\"", "unpack it");
        yield return Case("m.safetensors.gz", Compressed(), "is compressed with gzip", "unpack it");
        yield return Case("m.bz2", Padded("BZh91AY"), "is compressed with bzip2");
        yield return Case("m.xz", Padded("\u00fd7zXZ\0"), "is compressed with xz");
        yield return Case("m.zst", Padded("\u0028\u00b5\u002f\u00fd"), "is compressed with zstd");
        yield return Case("m.7z", Padded("7z\u00bc\u00af\u0027\u001c"), "is a 7z archive");
        yield return Case("m.rar", Padded("Rar!\u001a\u0007\u0001\0"), "is a rar archive");
        yield return Case("m.db", Padded("SQLite format 3\0"), "is an SQLite database");
        yield return Case("m.parquet", Padded("PAR1\u0015"), "is a Parquet table");
        yield return Case("m.pdf", Padded("%PDF-1.7\n"), "is a PDF document");
        yield return Case("m.so", Padded("\u007fELF\u0002\u0001"), "is a program or library (ELF)");
        yield return Case("m.exe", Padded("MZ\u0090\0\u0003\0\0\0"), "is a program or library of Windows");
        yield return Case("empty.safetensors", [], "is empty (0 bytes)", "download it again");
        yield return Case("zeros.safetensors", new byte[5000], "begins with 4096 zero bytes", "download it again");
        yield return Case("few.safetensors", new byte[5], "begins with 5 zero bytes");
        yield return Case("noise.safetensors", Padded("\u00fe\u00dc\u00ba\u0098\u0076\u0054\u0032\u0010"), "neither safetensors nor a PyTorch file", "first bytes are fe dc ba 98 76 54 32 10");
        yield return Case("big.pt", new ZipBytes([new("a/data.pkl", Dict()), new("a/byteorder", "big"u8.ToArray())]).ToArray(), "another byte order than little-endian", "save it as safetensors");
        yield return Case("cut.safetensors", SafetensorsBytes.File("{" + SafetensorsBytes.Entry("a", "F32", "2", 0, 8) + "}", new byte[8])[..^3], "beyond the file's 5 bytes of data", "may be cut short");
        yield return Case("header.safetensors", SafetensorsBytes.File("{" + SafetensorsBytes.Entry("a", "F32", "2", 0, 8) + "}")[..20], "but only 12 bytes follow it", "may be cut short");
        yield return Case("cut.pt", Archive(Dict())[..^30], "end record", "cut short");
        yield return Case("m.safetensors.part", SafetensorsBytes.File("{" + SafetensorsBytes.Entry("a", "F32", "2", 0, 8) + "}"), "its name says that its download has not ended");
        yield return Case("m.pt.crdownload", Archive(Dict())[..^30], "its name says that its download has not ended");
        yield return Case("4d7a.incomplete", new byte[10], "its name says that its download has not ended");
    }

    [TestCaseSource(nameof(Kinds))]
    public void What_a_file_is_instead_is_said(string name, byte[] content, string[] fragments)
    {
        string folder = SafetensorsBytes.NewDirectory(), path = Path.Combine(folder, name);
        try
        {
            File.WriteAllBytes(path, content);
            // An index is one by its content too, and is then asked for its files.
            string message = name == "index.json" ? Refusal(() => WeightFile.Open(new MemoryStream(content), path)) : Refusal(() => WeightFile.Open(path));
            Assert.That(message, Does.StartWith(path + ": ").And.Not.Match(@"header length is \d{10}").And.Length.LessThan(path.Length + 400));
            foreach (string fragment in fragments) Assert.That(message, Does.Contain(fragment));
            Assert.That(message, Has.None.Matches<char>(char.IsControl), "one line");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Where a safetensors file alone is read, such as a run's state, other kinds are named as well.</summary>
    [TestCase("GGUF\u0003\0\0\0xxxxxxxx", "is a GGUF file")]
    [TestCase("PK\u0003\u0004xxxxxxxxxxxx", "is a zip archive, as torch.save writes; a safetensors file was expected")]
    [TestCase("\u0080\u0002\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P\u0019.", "is a PyTorch file; a safetensors file was expected")]
    [TestCase("Entry not found", "is text: \"Entry not found\"")]
    public void A_reader_of_safetensors_names_them_too(string latin1, string fragment)
        => Assert.That(Refusal(() => SafetensorsReader.Open(new MemoryStream(Encoding.Latin1.GetBytes(latin1)), "f")), Does.StartWith("f: " + fragment));

    [Test]
    public void A_link_to_nothing_is_named()
    {
        string folder = SafetensorsBytes.NewDirectory(), path = Path.Combine(folder, "model.safetensors");
        try
        {
            File.CreateSymbolicLink(path, "../../blobs/4d7a");
            Assert.That(Refusal(() => WeightFile.Open(path)), Is.EqualTo($"{path}: cannot be read: it is a link to \"../../blobs/4d7a\", which is not there"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void A_file_whose_download_goes_on_beside_it_is_named()
    {
        string folder = SafetensorsBytes.NewDirectory(), path = Path.Combine(folder, "model.safetensors");
        try
        {
            File.WriteAllBytes(path + ".crdownload", [1]);
            Assert.That(Refusal(() => WeightFile.Open(path)), Does.Contain("\"model.safetensors.crdownload\" is there, so its download has not ended"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Refusal(Action open) => Assert.Throws<FileFormatException>(() => open())!.Message;
}
