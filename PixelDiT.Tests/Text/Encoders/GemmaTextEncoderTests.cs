using System.Text.Json;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Kernels.Machine;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Safetensors;
using PixelDiT.Reference.Oracle;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Tests.Text.Tokenizers;

namespace PixelDiT.Tests.Text.Encoders;

/// <summary>From words to states: tokenizer, rows, encoder and what is kept, and what the encoder's identity depends on.</summary>
internal sealed class GemmaTextEncoderTests
{
    private static readonly Prompt[] s_three = [new("a cat on a chair"), new("", Negative: true), new("a pond")];

    private TinyEncoder _files = null!;
    private Device _device = null!;

    [SetUp]
    public void Make() => (_files, _device) = (new(), Device.Open("cpu", 2));

    [TearDown]
    public void Delete()
    {
        Assert.That(_device.Arena.BytesInUse, Is.Zero);
        _files.Dispose();
        _device.Dispose();
    }

    private ExactGemma Exact()
    {
        var weights = new Dictionary<string, double[]>();
        using var file = WeightFile.Open(_files.Folder);
        foreach (var tensor in file.Tensors) weights.Add(tensor.Name["model.".Length..], file.ReadDoubles(tensor.Name));
        return new(RandomGemma.Tiny, name => weights[name]);
    }

    /// <summary>The golden rows of the tokenizer through the exact encoder.</summary>
    [Test]
    public void The_kept_states_of_golden_rows_are_the_exact_ones([Values] bool lowMemory, [Values(null, 50.0)] double? cap)
    {
        var exact = Exact();
        var cases = GoldenTokenizers.Cases("tiny_layout.json").Where(one => one.GetProperty("prompt").GetString() is "a cat on a chair" or "고양이와 달" or "a cat" or "").ToList();
        Assert.That(cases, Has.Count.EqualTo(5));
        foreach (var one in cases)
        {
            string instruction = one.GetProperty("instruction").GetString()!, prompt = one.GetProperty("prompt").GetString()!;
            int[] ids = one.Ids("ids"), kept = one.Ids("select");
            using var encoder = _files.Open(_device, instruction, kept.Length, new() { SoftCap = cap, LowMemory = lowMemory });
            // Without an instruction a prompt and a negative prompt are one text.
            var states = encoder.Encode([new(prompt), .. instruction.Length == 0 ? [new(prompt, Negative: true)] : (Prompt[])[]]);
            double[] all = exact.Encode(ids, one.Ids("mask"), 1, cap);
            double[] expected = [.. kept.SelectMany(token => all.Skip(token * 32).Take(32))];
            double largest = expected.Max(Math.Abs);
            foreach (float[] found in states) Assert.That(found.Zip(expected, (a, b) => Math.Abs(a - b)).Max(), Is.LessThan(GemmaGolden.Tolerance * largest), prompt);
        }
    }

    /// <summary>More texts than go through a layer at a time and than go through a pass, some twice, with and without the instruction: each is as it is alone.</summary>
    [Test]
    public void Many_texts_are_as_each_alone([Values] bool lowMemory)
    {
        Prompt[] prompts = [.. Enumerable.Range(0, 90).Select(i => new Prompt(new string((char)('a' + i % 26), 1 + i % 17), i % 3 == 0)), s_three[0], s_three[0]];
        using var encoder = _files.Open(_device, states: 40, options: new() { LowMemory = lowMemory });
        var all = encoder.Encode(prompts);
        foreach (int i in (int[])[0, 1, 50, 63, 64, 89, 90, 91]) Assert.That(all[i], Is.EqualTo(encoder.Encode([prompts[i]]).Single()), prompts[i].Words);
        Assert.That(all[90], Is.SameAs(all[91]));
    }

    [Test]
    public void Low_memory_gives_the_same_bits_and_the_same_identity()
    {
        using var kept = _files.Open(_device);
        using var read = _files.Open(_device, options: new() { LowMemory = true });
        Assert.That(read.Encode(s_three), Is.EqualTo(kept.Encode(s_three)));
        Assert.That(read.Identity, Is.EqualTo(kept.Identity));
        Assert.That((kept.Width, kept.Tokens, kept.Name), Is.EqualTo((32, 10, "gemma-2 (36,896 parameters)")));
    }

    [TestCase(false, 3)]
    [TestCase(true, 1)]
    public void Progress_rises_from_layer_to_layer(bool lowMemory, int parts)
    {
        var told = new List<(double Done, string What)>();
        using var encoder = _files.Open(_device, options: new() { LowMemory = lowMemory });
        encoder.Encode(s_three, (done, what) => told.Add((done, what)));
        Assert.That(told.Select(at => at.Done), Is.Ordered);
        Assert.That((told[0].Done, told[^1].Done), Is.EqualTo((0, 1)));
        Assert.That(told.Select(at => at.What), Does.Contain(lowMemory ? "encoding 3 texts, layer 2 of 3" : "encoding 2 texts, layer 2 of 3"));
        Assert.That(told.Any(at => at.What == "reading the text encoder, layer 1 of 3"), Is.Not.EqualTo(lowMemory));
        Assert.That(told, Has.Count.EqualTo(lowMemory ? 4 : 3 + (2 * 4)), $"{parts} parts");
    }

    [Test]
    public void It_can_be_ended_anywhere_and_used_again()
    {
        using var encoder = _files.Open(_device);
        foreach (string at in (string[])["reading the text encoder, layer 2 of 3", "encoding a text, layer 2 of 3"])
        {
            using var cancel = new CancellationTokenSource();
            Assert.That(() => encoder.Encode(s_three, (_, what) => { if (what == at) cancel.Cancel(); }, cancel.Token), Throws.InstanceOf<OperationCanceledException>(), at);
        }
        Assert.That(encoder.Encode(s_three), Has.Count.EqualTo(3));
    }

    [Test]
    public void A_long_text_is_cut_and_that_is_said_once()
    {
        var said = new List<string>();
        using var encoder = _files.Open(_device, say: said.Add);
        string many = string.Concat(Enumerable.Repeat("pond ", 30));
        encoder.Encode([new("a"), new(many), new(many, Negative: true)]);
        Assert.That(said.Single(), Does.Match("^the text \"pond pond .*…?\" is too long by \\d+ tokens, which are cut off, here and wherever a text is too long$"));
    }

    [Test]
    public void Everything_that_decides_the_states_is_in_the_identity()
    {
        var seen = new List<string> { _files.Source().Identity };
        void Differs(string what, string identity)
        {
            Assert.That(seen, Does.Not.Contain(identity), what);
            seen.Add(identity);
        }
        Assert.That(_files.Source().Identity, Is.EqualTo(seen[0]));
        Differs("instruction", _files.Source(instruction: "Describe: ").Identity);
        Differs("no instruction", _files.Source(instruction: "").Identity);
        Differs("states", _files.Source(states: 11).Identity);
        Differs("soft cap", _files.Source(options: new() { SoftCap = 50 }).Identity);
        Differs("precision", _files.Source(options: new() { Precision = Precision.BFloat16 }).Identity);
        Differs("tokenizer", _files.Source(tokenizer: GoldenTokenizers.At(GoldenTokenizers.TinyModel)).Identity);
        string shard = Path.Combine(_files.Folder, "model-00002-of-00002.safetensors");
        byte[] bytes = File.ReadAllBytes(shard);
        bytes[^3] ^= 1;
        File.WriteAllBytes(shard, bytes);
        Differs("a bit of a weight", _files.Source().Identity);
        File.WriteAllText(Path.Combine(_files.Folder, "config.json"), RandomGemma.Config(RandomGemma.Tiny with { Window = 12 }));
        Differs("config", _files.Source().Identity);
        // What says nothing about the forward is not in it.
        File.WriteAllText(Path.Combine(_files.Folder, "config.json"), RandomGemma.Config(RandomGemma.Tiny with { Window = 12 }).Replace("{", "{\"torch_dtype\":\"bfloat16\",", StringComparison.Ordinal));
        Assert.That(_files.Source().Identity, Is.EqualTo(seen[^1]));
        Directory.Move(_files.Folder, _files.At("moved"));
        Assert.That(GemmaSource.Open(_files.At("moved"), null, new(TinyEncoder.Instruction), 10, new()).Identity, Is.EqualTo(seen[^1]));
    }

    [Test]
    public void The_tokenizer_is_found_beside_the_weights_or_within_them()
    {
        using var whole = WeightFile.Open(_files.Folder);
        TensorData[] tensors = [.. whole.Tensors.Select(tensor => new TensorData("te." + tensor.Name, tensor.Shape, Array.ConvertAll(whole.ReadDoubles(tensor.Name), value => (float)value)))];
        byte[] model = GoldenTokenizers.Bytes(GoldenTokenizers.TinyModel);
        var config = new Dictionary<string, string> { ["config"] = RandomGemma.Config(RandomGemma.Tiny) };
        SafetensorsWriter.Write(_files.At("single.safetensors"), [.. tensors, new TensorData(BpeTokenizer.TensorName, [model.Length], model)], config);
        var source = GemmaSource.Open(_files.At("single.safetensors"), null, new(TinyEncoder.Instruction), 10, new());
        Assert.That(source.Tokenizer, Is.EqualTo(_files.At("single.safetensors")));
        using var single = new GemmaTextEncoder(source, _device, new Instruction(TinyEncoder.Instruction), 10, new());
        using var folder = _files.Open(_device);
        Assert.That(single.Encode(s_three), Is.EqualTo(folder.Encode(s_three)));

        SafetensorsWriter.Write(_files.At("without.safetensors"), tensors, config);
        Assert.That(() => GemmaSource.Open(_files.At("without.safetensors"), null, new(""), 10, new()), Throws.TypeOf<FileFormatException>().With.Message.EqualTo(
            $"{_files.At("without.safetensors")}: has no tokenizer: there is no tokenizer.json and no tokenizer.model beside it, and no tensor \"spiece_model\" in it; --tokenizer names the file"));
        Assert.That(() => GemmaSource.Open(_files.At("without.safetensors"), _files.At("none.json"), new(""), 10, new()), Throws.TypeOf<FileFormatException>().With.Message.Contains("none.json: cannot be read: there is no such file"));
    }

    [Test]
    public void Each_state_has_the_piece_that_it_stands_for()
    {
        using var encoder = _files.Open(_device);
        Assert.That(encoder.WordsOf(new("a pond")), Has.Count.EqualTo(encoder.Tokens));
        Assert.That(string.Concat(encoder.WordsOf(new("a pond", Negative: true))!), Does.StartWith("<bos>a pond<pad>"));
        Assert.That(encoder.WordsOf(new("", Negative: true))!.Skip(1), Is.All.EqualTo("<pad>"));
    }

    [Test]
    public void A_tokenizer_with_more_ids_than_the_embedding_has_rows_is_another_models()
    {
        Directory.Delete(_files.Folder, recursive: true);
        RandomGemma.Write(_files.Folder, RandomGemma.Tiny with { Vocabulary = 419 });
        File.Copy(GoldenTokenizers.At(GoldenTokenizers.TinyJson), Path.Combine(_files.Folder, "tokenizer.json"));
        using var encoder = _files.Open(_device);
        Assert.That(() => encoder.Encode(s_three), Throws.TypeOf<ConfigurationException>().With.Message.Contains("tokenizer.json: has 420 ids, and the embedding of").And.Message.Contains("419 rows; it is another model's tokenizer"));
    }

    [Test]
    public void What_is_written_at_random_is_as_the_released_model_comes()
    {
        using var file = WeightFile.Open(_files.Folder);
        Assert.That(file.Format, Is.EqualTo("safetensors in 2 files"));
        Assert.That(file.Notes, Is.Empty);
        Assert.That(file.Tensors.Select(tensor => tensor.Type), Is.All.EqualTo(DataType.BF16));
        double[] values = file.ReadDoubles("model.layers.1.mlp.up_proj.weight");
        // The standard error of a mean square of 1536 uniform values is 2.3 % of it.
        Assert.That(32 * values.Average(value => value * value), Is.EqualTo(1).Within(0.12));
        using var index = JsonDocument.Parse(File.ReadAllText(Path.Combine(_files.Folder, "model.safetensors.index.json")));
        Assert.That(index.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString()).Distinct().Count(), Is.EqualTo(2));
    }
}
