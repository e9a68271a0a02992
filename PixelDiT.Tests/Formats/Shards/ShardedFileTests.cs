using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Formats.Safetensors;
using PixelDiT.Tests.Formats.Torch;

namespace PixelDiT.Tests.Formats.Shards;

/// <summary>Files of weights in several parts under one index, and folders in the place of files.</summary>
public class ShardedFileTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = SafetensorsBytes.NewDirectory();

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    private string At(string name) => Path.Combine(_folder, name);

    private void Write(string name, params (string Name, float[] Values)[] tensors)
        => SafetensorsWriter.Write(At(name), [.. tensors.Select(tensor => new TensorData(tensor.Name, [tensor.Values.Length], tensor.Values))], new Dictionary<string, string> { ["format"] = "pt", ["part"] = name });

    private void Text(string name, string text) => File.WriteAllText(At(name), text);

    private void WriteTwo()
    {
        Write("model-00001-of-00002.safetensors", ("a", [1, 2]), ("b", [3]));
        Write("model-00002-of-00002.safetensors", ("c", [4, 5, 6]));
    }

    private const string Index = "{\"metadata\":{\"total_size\":24},\"weight_map\":{\"c\":\"model-00002-of-00002.safetensors\",\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00001-of-00002.safetensors\"}}";

    private static string Refusal(string path) => Assert.Throws<FileFormatException>(() => WeightFile.Open(path).Dispose())!.Message;

    [TestCase("model.safetensors.index.json")]
    [TestCase("diffusion_pytorch_model.safetensors.index.json")]
    [TestCase("weights.json")]
    public void An_index_reads_as_one_file(string name)
    {
        WriteTwo();
        Text(name, Index);
        using var file = WeightFile.Open(At(name));
        Assert.That((file.Source, file.Format, file.PartOf), Is.EqualTo((At(name), "safetensors in 2 files", (string?)null)));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "c", "a", "b" }));
        Assert.That(file.ReadDoubles("c"), Is.EqualTo(new double[] { 4, 5, 6 }));
        float[] part = new float[1];
        file.ReadSingles("a", 1, part);
        Assert.That(part, Is.EqualTo(new float[] { 2 }));
        Assert.That(file.Metadata, Is.EqualTo(new Dictionary<string, string> { ["format"] = "pt" }), "what the parts say alike");
        Assert.That(file.Notes, Is.Empty);
        Assert.That(() => file["d"], Throws.TypeOf<FileFormatException>().With.Message.Contains("has no tensor \"d\" among its 3"));
    }

    [Test]
    public void An_index_of_pytorch_files_reads()
    {
        byte[] Part(string name, float value) => PickleBytes.Archive(PickleBytes.Dict((name, PickleBytes.Tensor("FloatStorage", "0", 1, 0, [1], [1]))), ("0", BitConverter.GetBytes(value)));
        File.WriteAllBytes(At("pytorch_model-00001-of-00002.bin"), Part("a", 1));
        File.WriteAllBytes(At("pytorch_model-00002-of-00002.bin"), Part("b", 2));
        Text("pytorch_model.bin.index.json", "{\"weight_map\":{\"a\":\"pytorch_model-00001-of-00002.bin\",\"b\":\"pytorch_model-00002-of-00002.bin\"}}");
        using var file = WeightFile.Open(_folder);
        Assert.That((file.Format, file.ReadDoubles("a")[0], file.ReadDoubles("b")[0]), Is.EqualTo(("PyTorch zip in 2 files", 1.0, 2.0)));
    }

    [Test]
    public void What_an_index_leaves_out_or_says_wrongly_is_noted()
    {
        WriteTwo();
        Text("model.safetensors.index.json", "{\"metadata\":{\"total_size\":999},\"weight_map\":{\"c\":\"model-00002-of-00002.safetensors\",\"a\":\"model-00001-of-00002.safetensors\"}}");
        using var file = WeightFile.Open(At("model.safetensors.index.json"));
        Assert.That(file.Tensors.Select(tensor => tensor.Name), Is.EqualTo(new[] { "c", "a", "b" }));
        Assert.That(file.Notes, Has.One.Contains("holds 1 tensor that the index does not name: \"b\"").And.One.Contains("take 999 bytes; they take 20"));
    }

    [TestCase("{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\",\"z\":\"model-00002-of-00002.safetensors\"}}", "tensor \"z\" lies in \"model-00002-of-00002.safetensors\", which has no tensor of this name")]
    [TestCase("{\"weight_map\":{\"a\":\"x.safetensors\",\"c\":\"y.safetensors\"}}", "of its 2 files, 2 are missing beside it: \"x.safetensors\", \"y.safetensors\"")]
    [TestCase("{\"weight_map\":{\"a\":\"../a.safetensors\"}}", "lies in \"../a.safetensors\"; the name of a file in the index's folder")]
    [TestCase("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "the name of a file in the index's folder")]
    [TestCase("{\"weight_map\":{\"a\":\"sub\\\\a.safetensors\"}}", "the name of a file in the index's folder")]
    [TestCase("{\"weight_map\":{\"a\":\"..\"}}", "the name of a file in the index's folder")]
    [TestCase("{\"weight_map\":{\"a\":\"\"}}", "the name of a file in the index's folder")]
    [TestCase("{\"weight_map\":{\"a\":\"C:a\"}}", "the name of a file in the index's folder")]
    [TestCase("{\"weight_map\":{\"a\":1}}", "tensor \"a\" has no name of a file")]
    [TestCase("{\"weight_map\":[]}", "weight_map is no object")]
    [TestCase("{\"weight_map\":{}}", "weight_map names no tensor")]
    [TestCase("{\"weight_map\":{\"a\":\"m\",\"a\":\"m\"}}", "tensor \"a\" occurs twice")]
    [TestCase("{\"weight_map\":{\"a\":\"m\"},\"weight_map\":{\"a\":\"m\"}}", "weight_map occurs twice")]
    [TestCase("{\"weight_map\":{\"a\":\"m\"", "no well-formed JSON")]
    [TestCase("{\"weight_map\":{\"a\":\"m\"}} {}", "no well-formed JSON")]
    [TestCase("{\"weight_map\":{\"\\ud800\":\"m\"}}", "no well-formed JSON")]
    [TestCase("{\"metadata\":{}}", "has no weight_map")]
    [TestCase("{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", "is an index of several files of weights")]
    public void A_wrong_index_is_refused(string index, string fragment)
    {
        WriteTwo();
        Text("model.safetensors.index.json", index);
        Assert.That(Refusal(At("model.safetensors.index.json")), Does.StartWith(At("model.safetensors.index.json")).And.Contain(fragment));
    }

    [Test]
    public void A_damaged_part_is_refused_by_its_own_name()
    {
        WriteTwo();
        File.WriteAllBytes(At("model-00002-of-00002.safetensors"), File.ReadAllBytes(At("model-00002-of-00002.safetensors"))[..^4]);
        Text("model.safetensors.index.json", Index);
        Assert.That(Refusal(_folder), Does.StartWith(At("model-00002-of-00002.safetensors") + ": ").And.Contain("cut short"));
    }

    [Test]
    public void A_part_alone_reads_and_says_what_it_is()
    {
        WriteTwo();
        using (var lonely = WeightFile.Open(At("model-00002-of-00002.safetensors")))
        {
            Assert.That(lonely.PartOf, Is.EqualTo($"is file 2 of 2 of a model; open \"{At("model.safetensors.index.json")}\" for the whole, which is not beside it"));
            Assert.That(lonely.ReadDoubles("c"), Is.EqualTo(new double[] { 4, 5, 6 }));
        }
        Assert.That(() => StoredModel.Open(At("model-00002-of-00002.safetensors")), Throws.TypeOf<FileFormatException>().With.Message.Contains("is file 2 of 2 of a model"), "asked for a model");
        Text("model.safetensors.index.json", Index);
        using var part = WeightFile.Open(At("model-00001-of-00002.safetensors"));
        Assert.That(part.PartOf, Does.EndWith("for the whole"));
    }

    [TestCase("model-00001-of-00001.safetensors")]
    [TestCase("model.safetensors")]
    [TestCase("model-1-of-2.safetensors")]
    public void A_whole_file_is_no_part(string name)
    {
        Write(name, ("a", [1]));
        using var file = WeightFile.Open(At(name));
        Assert.That(file.PartOf, Is.Null);
    }

    /// <summary>Folders by the files in them, the first of them a good file, and the file that is taken.</summary>
    [TestCase("model.safetensors", "model.safetensors", "training.safetensors", "loss.csv")]
    [TestCase("weights.safetensors", "weights.safetensors", "readme.md")]
    [TestCase("last.CKPT", "last.CKPT", "config.yaml")]
    [TestCase("pytorch_model.bin", "pytorch_model.bin", "vocab.txt", ".hidden.bin")]
    public void A_folder_stands_for_the_model_in_it(string expected, params string[] files)
    {
        Write(files[0], ("a", [1]));
        foreach (string file in files[1..]) Text(file, "x");
        Assert.That(WeightFile.Resolve(_folder), Is.EqualTo(At(expected)));
        using var opened = WeightFile.Open(_folder);
        Assert.That(opened.Source, Is.EqualTo(At(expected)));
    }

    [Test]
    public void A_folder_of_parts_stands_for_their_index()
    {
        WriteTwo();
        Text("model.safetensors.index.json", Index);
        Text("pytorch_model.bin.index.json", "{}");
        Assert.That(WeightFile.Resolve(_folder), Is.EqualTo(At("model.safetensors.index.json")));
    }

    [TestCase("holds several files of weights: \"a.safetensors\", \"b.pt\"; name one of them", "b.pt", "a.safetensors")]
    [TestCase("holds several indices of files of weights", "a.safetensors.index.json", "b.safetensors.index.json")]
    [TestCase("holds 2 files of one model without their index", "m-00001-of-00002.bin", "m-00002-of-00002.bin")]
    [TestCase("is a distributed checkpoint of PyTorch; python -m torch.distributed", ".metadata", "__0_0.distcp")]
    [TestCase("is a checkpoint of DeepSpeed", "zero_to_fp32.py", "latest")]
    [TestCase("is a SavedModel of TensorFlow", "saved_model.pb")]
    [TestCase("is a checkpoint of TensorFlow", "checkpoint", "m.index", "m.data-00000-of-00001")]
    [TestCase("is a checkpoint of Orbax", "_CHECKPOINT_METADATA", "_METADATA")]
    [TestCase("is a Zarr store", ".zgroup")]
    [TestCase("is a folder without weights; model.safetensors, *.index.json or one of *.safetensors, *.pt", "readme.md")]
    [TestCase("is a folder without weights")]
    public void A_folder_that_stands_for_no_model_is_refused(string fragment, params string[] files)
    {
        foreach (string file in files) Text(file, "x");
        Assert.That(Refusal(_folder), Does.StartWith(_folder + ": ").And.Contain(fragment));
    }

    [Test]
    public void Folders_with_weights_inside_and_unpacked_archives_are_named()
    {
        Directory.CreateDirectory(At("transformer"));
        Text("transformer/model.safetensors", "x");
        Assert.That(Refusal(_folder), Does.Contain("there are such files in its folders \"transformer\""));
        Directory.CreateDirectory(At("data"));
        Text("data.pkl", "x");
        Assert.That(Refusal(_folder), Does.Contain("is an unpacked archive of torch.save").And.Contain("zip -0 -r"));
    }
}
