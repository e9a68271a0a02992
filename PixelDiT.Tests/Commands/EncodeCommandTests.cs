using System.CommandLine;
using System.Diagnostics;
using System.Text;
using NUnit.Framework;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Training;
using PixelDiT.Tests.Text.Encoders;

namespace PixelDiT.Tests.Commands;

/// <summary>The verb encode, and the options that name an encoder, as a stranger meets them.</summary>
internal sealed class EncodeCommandTests
{
    private static readonly ModelConfig s_model = Presets.Get("micro-text") with { TextWidth = 32, TextTokens = 10 };

    private TinyEncoder _files = null!;

    [SetUp]
    public void Make() => _files = new();

    [TearDown]
    public void Delete() => _files.Dispose();

    private ProgramResult Run(params string[] arguments) => PixelDiTProgram.Run(_files.Path, new Dictionary<string, string> { ["XDG_CACHE_HOME"] = _files.At("cache") }, arguments);

    /// <summary>Opens an encoder by options for a model.</summary>
    private ITextEncoder Open(Device device, ModelConfig model, string? trainedWith, params string[] arguments)
    {
        var options = new EncoderOptions();
        var command = new Command("test");
        options.AddTo(command);
        var parsed = command.Parse([.. arguments, "--cache", _files.At("cache")]);
        Assert.That(parsed.Errors, Is.Empty);
        return options.Open(parsed, model, device, trainedWith);
    }

    private string Refusal(ModelConfig model, params string[] arguments)
    {
        using var device = Device.Open("cpu", 1);
        return Assert.Catch<PixelDiTException>(() => Open(device, model, null, arguments).Dispose())!.Message;
    }

    [Test]
    public void Prompts_become_a_file_that_stands_for_the_encoder()
    {
        File.WriteAllText(_files.At("prompts.jsonl"), """
            {"id": "one", "prompt": "a cat --ar 16:9", "negative": "blurry"}

            {"prompt": "a pond"}
            """);
        string[] encode = ["encode", "--encoder", "gemma", "--instruction", "instruction.txt", "--tokens", "10", "--released-aspect", "--prompts", "prompts.jsonl", "--prompt", "a dog", "--negative", "dull", "--device", "cpu", "--threads", "1"];
        var first = Run([.. encode, "--out", "states.safetensors"]);
        Assert.That(first.ExitCode, Is.Zero, first.Error);
        Assert.That(first.Output, Does.Contain("layer 3 of 3").And.EndsWith("wrote 6 texts of 10 states of 32 channels in F32 to states.safetensors\n"));
        Assert.That(first.Error, Does.Contain("prompts.jsonl: 1 blank line skipped").And.Contain("instruction.txt: is not the instruction of the released models"));
        using (var file = EmbeddingFile.Open(_files.At("states.safetensors")))
        {
            Assert.That(file.Entries, Is.EqualTo((EmbeddingEntry[])[new("one", new("a cat")), new(null, new("a pond")), new(null, new("a dog")), new(null, new("blurry", true)), new(null, new("dull", true)), new(null, new("", true))]));
            using var device = Device.Open("cpu", 1);
            using var encoder = _files.Open(device);
            Assert.That(file.Identity, Is.EqualTo(encoder.Identity));
            Prompt[] prompts = [.. file.Entries.Select(entry => entry.Prompt)];
            Assert.That(file.Encode(prompts), Is.EqualTo(encoder.Encode(prompts)));
        }

        var again = Run([.. encode, "--out", "states.safetensors", "--low-memory"]);
        Assert.That((again.ExitCode, again.Error.Trim().Split('\n')[^1]), Is.EqualTo((1, "pixeldit: states.safetensors: is there already; --overwrite replaces it")));
        // What is kept is not computed again, whatever the memory.
        var kept = Run([.. encode, "--out", "again.safetensors", "--low-memory"]);
        Assert.That(kept.ExitCode, Is.Zero, kept.Error);
        Assert.That(kept.Output, Does.Not.Contain("layer"));
        Assert.That(File.ReadAllBytes(_files.At("again.safetensors")), Is.EqualTo(File.ReadAllBytes(_files.At("states.safetensors"))));
        var none = Run([.. encode, "--out", "again.safetensors", "--overwrite", "--low-memory", "--cache", "none", "--dtype", "bf16"]);
        Assert.That(none.Output, Does.Contain("encoding 6 texts, layer").And.Contain("in BF16"));
        Assert.That(Run([.. encode, "--out", "prompts.jsonl", "--overwrite"]).Error, Does.Contain("prompts.jsonl: is the file to read from as well"));
    }

    [Test]
    public void A_models_file_says_the_encoder_and_its_sizes()
    {
        StoredModel.WriteNew(_files.At("model.safetensors"), Presets.Get("micro-text"), 1, nonzero: false, DataType.F32);
        var missing = Run("encode", "--model", "model.safetensors", "--prompt", "a cat", "--out", "states.safetensors");
        Assert.That((missing.ExitCode, missing.Error), Is.EqualTo((1, "pixeldit: --encoder is missing: the folder or file of a Gemma-2 was expected, or words, or --embeddings with a file of encode\n")));
        var words = Run("encode", "--model", "model.safetensors", "--encoder", "words", "--prompt", "a cat", "--out", "states.safetensors");
        Assert.That(words.Output, Does.EndWith("wrote 2 texts of 16 states of 64 channels in F32 to states.safetensors\n"), words.Error);
        using var file = EmbeddingFile.Open(_files.At("states.safetensors"));
        using var encoder = new WordsEncoder(64, 16);
        Assert.That(file.Identity, Is.EqualTo(encoder.Identity));
        Assert.That(file.Encode([new("a cat")]), Is.EqualTo(encoder.Encode([new("a cat")])));
        Assert.That(Run("encode", "--encoder", "words", "--prompt", "a cat", "--out", "other.safetensors").Error, Does.Contain("the encoder words makes states of any width; --model says which"));
        Assert.That(Run("encode", "--encoder", "words", "--out", "other.safetensors").Error, Does.Contain("nothing is to be encoded; --prompts, --data, --prompt or --negative was expected"));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "signals are sent by kill")]
    public void An_interrupted_run_leaves_nothing()
    {
        Signals.RequireHeard("INT");
        File.WriteAllLines(_files.At("prompts.txt"), Enumerable.Range(0, 20_000).Select(i => $"picture {i}"));
        using var process = PixelDiTProgram.Start(_files.Path, null, "encode", "--encoder", "gemma", "--no-instruction", "--tokens", "300", "--prompts", "prompts.txt", "--out", "states.safetensors", "--cache", "none", "--device", "cpu", "--threads", "1");
        Assert.That(process.StandardOutput.ReadLine(), Is.Not.Null);
        while (Directory.GetFiles(_files.Path, ".pixeldit-*").Length == 0 && !process.HasExited) Thread.Sleep(20);
        Process.Start("kill", ["-INT", $"{process.Id}"])!.WaitForExit();
        string error = process.StandardError.ReadToEnd();
        Assert.That(process.WaitForExit(60_000), Is.True, "it ends soon");
        Assert.That((process.ExitCode, error), Is.EqualTo((130, "pixeldit: stopping after the work in hand; the same again ends it at once\npixeldit: interrupted\n")));
        Assert.That(Directory.GetFiles(_files.Path).Select(Path.GetFileName), Is.EquivalentTo((string[])["instruction.txt", "prompts.txt"]));
    }

    [Test]
    public void Prompts_in_another_encoding_are_refused_by_their_line()
    {
        File.WriteAllBytes(_files.At("prompts.txt"), Encoding.Latin1.GetBytes("one\ncafé\n"));
        var result = Run("encode", "--encoder", "gemma", "--no-instruction", "--prompts", "prompts.txt", "--out", "states.safetensors");
        Assert.That((result.ExitCode, result.Error), Is.EqualTo((1, "pixeldit: prompts.txt: line 2 is not UTF-8, with its byte 0xE9; UTF-8 was expected, or UTF-16 with its mark\n")));
    }

    [Test]
    public void The_encoder_that_a_file_names_is_taken_and_others_must_fit()
    {
        using var device = Device.Open("cpu", 1);
        using (var words = Open(device, s_model, "words")) Assert.That((words.Name, words.Width, words.Tokens), Is.EqualTo(("words", 32, 10)));
        using (var gemma = Open(device, s_model, "words", "--encoder", _files.Folder, "--instruction", _files.InstructionFile)) Assert.That((gemma.Width, gemma.Tokens), Is.EqualTo((32, 10)));
        EmbeddingFile.Write(_files.At("states.safetensors"), new WordsEncoder(32, 8), [new(null, new("a"))], DataType.F32, 1);
        using (var file = Open(device, s_model, "words", "--embeddings", _files.At("states.safetensors"))) Assert.That(file.Tokens, Is.EqualTo(8), "fewer states than the model takes");
        Assert.That(device.Arena.BytesInUse, Is.Zero);
        Assert.That(Refusal(s_model with { TextWidth = 64 }, "--encoder", _files.Folder, "--no-instruction"), Is.EqualTo($"{_files.Folder}: the encoder gemma-2 (36,896 parameters) makes states of 32 channels; this model takes 64"));
        Assert.That(Refusal(s_model with { TextTokens = 7 }, "--embeddings", _files.At("states.safetensors")), Is.EqualTo($"{_files.At("states.safetensors")}: the encoder words makes 8 states of a text; this model takes at most 7"));
    }

    /// <summary>A run that goes on takes its encoder from the settings that it wrote, whichever it was.</summary>
    [TestCase("words")]
    [TestCase("gemma")]
    public void A_runs_settings_name_its_encoder(string name)
    {
        var options = new EncoderOptions();
        var config = new Option<string?>("--config");
        var command = new Command("test") { config };
        options.AddTo(command);
        string[] given = name == "words" ? ["--encoder", name] : ["--encoder", _files.Folder, "--instruction", _files.InstructionFile, "--softcap", "50", "--cache", "none"];
        File.WriteAllText(_files.At("config.json"), new Settings(command.Parse(given), command, config).ToJson());
        var settings = new Settings(command.Parse(["--config", _files.At("config.json")]), command, config);
        using var device = Device.Open("cpu", 1);
        using var encoder = options.Open(settings, s_model, device);
        using var direct = options.Open(command.Parse(given), s_model, device);
        Assert.That(encoder.Identity, Is.EqualTo(direct.Identity));
        Assert.That(options.IsBuiltIn(settings, null), Is.EqualTo(name == "words"));
        Assert.That(options.All.Where(settings.IsGiven).Select(option => option.Name), Is.EquivalentTo(given.Where(word => word.StartsWith("--", StringComparison.Ordinal))));
    }

    [Test]
    public void Mistakes_with_options_are_named()
    {
        Assert.That(Refusal(s_model, "--encoder", _files.Folder), Is.EqualTo($"{_files.Folder}: the released models were trained with an instruction before every prompt; --instruction names a file of it, such as the yaml of the authors' text models "
            + "(text_encoder.chi_prompt) or one of SANA's, which has the same; --no-instruction goes without"));
        Assert.That(Refusal(s_model, "--encoder", _files.Folder, "--no-instruction", "--instruction", _files.InstructionFile), Is.EqualTo("--instruction and --no-instruction exclude each other"));
        Assert.That(Refusal(s_model, "--encoder", "words", "--embeddings", "x"), Is.EqualTo("--encoder and --embeddings exclude each other"));
        Assert.That(Refusal(s_model, "--encoder", "words", "--softcap", "50"), Is.EqualTo("--softcap is of a Gemma-2; the encoder words takes none"));
        Assert.That(Refusal(s_model, "--embeddings", "x", "--low-memory"), Is.EqualTo("--low-memory is of a Gemma-2; --embeddings takes none"));
        Assert.That(Refusal(s_model, "--encoder", ""), Is.EqualTo("--encoder is ''; PATH|words was expected"));
        Assert.That(Refusal(s_model), Is.EqualTo("--encoder is missing: the folder or file of a Gemma-2 was expected, or words, or --embeddings with a file of encode"));
        Assert.That(Refusal(Presets.Get("micro"), "--encoder", "words"), Is.EqualTo("a text encoder is of no use to a class-conditional model"));
        File.WriteAllText(_files.InstructionFile, "\n");
        Assert.That(Refusal(s_model, "--encoder", _files.Folder, "--instruction", _files.InstructionFile), Is.EqualTo($"{_files.InstructionFile}: holds no instruction; --no-instruction goes without one"));
        File.Delete(Path.Combine(_files.Folder, "tokenizer.json"));
        Assert.That(Refusal(s_model, "--encoder", _files.Folder, "--no-instruction"), Does.Contain("has no tokenizer: there is no tokenizer.json and no tokenizer.model beside it").And.EndsWith("--tokenizer names the file"));
        Assert.That(Refusal(s_model, "--encoder", _files.At("nothing"), "--no-instruction"), Does.Contain("there is no such file"));
    }
}
