using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Text;
using PixelDiT.Tests.Data;

namespace PixelDiT.Tests.Text;

/// <summary>States in a file in the place of an encoder.</summary>
internal sealed class EmbeddingFileTests
{
    private static readonly EmbeddingEntry[] s_entries =
        [new("1", new("a cat")), new("two\n", new("\"quoted\" 猫 🙂")), new(null, new("a cat")), new(null, new("")), new(null, new("", true)), new(null, new("a cat", true))];

    private TemporaryFolder _folder = null!;

    private string File => Path.Combine(_folder.Path, "states.safetensors");

    [SetUp]
    public void MakeFolder() => _folder = new();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void States_come_back_as_they_were([Values(1, 2, 5, 100)] int atATime)
    {
        using var encoder = new CountingEncoder();
        var told = new List<double>();
        EmbeddingFile.Write(File, encoder, s_entries, DataType.F32, atATime, (done, _) => told.Add(done));
        Assert.That(encoder.Asked, Has.Count.EqualTo(5), "equal texts once");
        Assert.That(told, Is.Ordered);
        Assert.That(told[^1], Is.EqualTo(1).Within(1e-12));
        using var file = EmbeddingFile.Open(File);
        Assert.That((file.Name, file.Identity, file.Width, file.Tokens, file.IsRounded), Is.EqualTo(("counting", encoder.Identity, 3, 2, false)));
        Assert.That(file.Entries, Is.EqualTo(s_entries));
        Prompt[] asked = [.. s_entries.Select(entry => entry.Prompt).Reverse()];
        Assert.That(file.Encode(asked), Is.EqualTo(asked.Select(CountingEncoder.States)));
    }

    [Test]
    public void Rounded_states_have_another_identity()
    {
        using var encoder = new CountingEncoder();
        EmbeddingFile.Write(File, encoder, s_entries, DataType.BF16, 3);
        using var file = EmbeddingFile.Open(File);
        Assert.That(file.IsRounded);
        Assert.That(file.Identity, Does.Match("^[0-9a-f]{64}$").And.Not.EqualTo(encoder.Identity));
        Assert.That(file.Encode([new("a cat")]).Single()[3], Is.EqualTo(0.1f).Within(0.1f / 256).And.Not.EqualTo(0.1f));
    }

    [TestCase("a dog", false, "holds no states of the prompt \"a dog\", but those of 5 other texts; encode makes a file of those that are wanted")]
    [TestCase("A cat", true, "holds no states of the negative prompt \"A cat\", but those of")]
    public void A_missing_text_is_named(string text, bool negative, string message)
    {
        EmbeddingFile.Write(File, new CountingEncoder(), s_entries, DataType.F32, 3);
        using var file = EmbeddingFile.Open(File);
        Assert.That(() => file.Encode([new("a cat"), new(text, negative)]), Throws.TypeOf<DataException>().With.Message.StartsWith($"{File}: {message}"));
    }

    [Test]
    public void The_missing_unconditional_side_is_named()
    {
        EmbeddingFile.Write(File, new CountingEncoder(), s_entries[..1], DataType.F32, 3);
        using var file = EmbeddingFile.Open(File);
        Assert.That(() => file.Encode([new("", true)]), Throws.TypeOf<DataException>().With.Message.EndsWith("holds no states of the unconditional side, but those of 1 other text; encode makes a file of those that are wanted"));
    }

    [Test]
    public void A_write_that_fails_or_is_cancelled_leaves_what_was_there()
    {
        System.IO.File.WriteAllText(File, "old");
        using var cancel = new CancellationTokenSource();
        var failing = new CountingEncoder { Before = prompts => { if (prompts[0].Words.Length == 0) throw new DataException("no"); } };
        var ending = new CountingEncoder { Before = prompts => { if (prompts[0].Words.Length == 0) cancel.Cancel(); } };
        Assert.That(() => EmbeddingFile.Write(File, failing, s_entries, DataType.F32, 1), Throws.TypeOf<DataException>());
        Assert.That(() => EmbeddingFile.Write(File, ending, s_entries, DataType.F32, 1, null, cancel.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Directory.GetFiles(_folder.Path).Select(System.IO.File.ReadAllText), Is.EqualTo((string[])["old"]));
    }

    private void Write(Action<Dictionary<string, string>> change, params TensorData[] tensors)
    {
        var metadata = new Dictionary<string, string>
        {
            ["kind"] = "text states", ["version"] = "1", ["encoder"] = "words", ["identity"] = new('0', 64), ["width"] = "3", ["tokens"] = "2",
            ["texts"] = """[{"prompt": "a", "negative": false, "tensor": "t"}]"""
        };
        change(metadata);
        SafetensorsWriter.Write(File, tensors.Length > 0 ? tensors : [new TensorData("t", [2, 3], new float[6])], metadata);
    }

    private const string Entry = """{"prompt": "a", "negative": false, "tensor": "t"}""";

    [TestCase("kind", null, "its metadata kind is absent; \"text states\" was expected, as encode writes it")]
    [TestCase("kind", "other", "its metadata kind is \"other\"; \"text states\" was expected")]
    [TestCase("version", "2", "its metadata version is \"2\"; \"1\" was expected")]
    [TestCase("encoder", null, "its metadata encoder is absent")]
    [TestCase("identity", "xyz", "its metadata identity is \"xyz\"; 64 hexadecimal digits were expected")]
    [TestCase("width", "0", "its metadata width is \"0\"; a whole number from 1 to 1048576 was expected")]
    [TestCase("tokens", "99999999999", "its metadata tokens is \"99999999999\"; a whole number")]
    [TestCase("width", "4", "tensor \"t\" has the shape [2, 3]; [2, 4] was expected")]
    [TestCase("texts", null, "its metadata texts is absent")]
    [TestCase("texts", "[", "its metadata texts is no well-formed JSON: ")]
    [TestCase("texts", "{}", "its metadata texts is no list")]
    [TestCase("texts", "[]", "holds no texts")]
    [TestCase("texts", "[3]", "entry 0 of its metadata texts is \"3\"; an object with")]
    [TestCase("texts", """[{"prompt": "a", "negative": 0, "tensor": "t"}]""", "entry 0 of its metadata texts is")]
    [TestCase("texts", """[{"prompt": "a", "negative": true, "tensor": "u"}]""", "has no tensor \"u\" among its 1")]
    [TestCase("texts", """[{"prompt": "\ud800", "negative": true, "tensor": "t"}]""", "its metadata texts is no well-formed JSON")]
    public void A_file_that_is_none_is_refused_by_its_field(string key, string? value, string message)
    {
        Write(metadata =>
        {
            if (value is null) metadata.Remove(key);
            else metadata[key] = value;
        });
        Assert.That(() => EmbeddingFile.Open(File), Throws.TypeOf<FileFormatException>().With.Message.StartsWith($"{File}: {message}"));
    }

    [Test]
    public void Tensors_that_do_not_fit_are_refused()
    {
        Write(_ => { }, new TensorData("t", [2, 3], new byte[6]));
        Assert.That(() => EmbeddingFile.Open(File), Throws.TypeOf<FileFormatException>().With.Message.EndsWith("tensor \"t\" is stored as U8; F32 or BF16 was expected"));
        Write(metadata => metadata["texts"] = $$"""[{{Entry}}, {{Entry.Replace("\"t\"", "\"u\"", StringComparison.Ordinal)}}]""", new TensorData("t", [2, 3], new float[6]), new TensorData("u", [2, 3], new float[6]));
        Assert.That(() => EmbeddingFile.Open(File), Throws.TypeOf<FileFormatException>().With.Message.EndsWith("entry 1 of its metadata texts, \"a\", has the tensor \"u\", and another entry of the same text \"t\""));
        Write(_ => { }, new TensorData("t", [2, 3], [0, 0, float.NaN, 0, 0, 0]));
        using var file = EmbeddingFile.Open(File);
        Assert.That(() => file.Encode([new("a")]), Throws.TypeOf<FileFormatException>().With.Message.EndsWith("tensor \"t\" holds a value that is infinite or no number"));
    }
}
