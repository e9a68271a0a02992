using System.CommandLine;
using System.Globalization;
using PixelDiT.Kernels;
using PixelDiT.Kernels.Devices;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Models;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Encoders;
using PixelDiT.Reference.Text.Tokenizers;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that say what turns texts into states.</summary>
internal sealed class EncoderOptions
{
    private const string None = "none", Words = WordsEncoder.KindName;

    private readonly Option<string?> _encoder = new("--encoder") { Description = $"The text encoder: the folder or file of a Gemma-2, or {Words}, the built-in one. [default: {Words}, where the model's file names it]", HelpName = $"PATH|{Words}" };
    private readonly Option<string?> _embeddings = new("--embeddings") { Description = "States of texts that encode has stored, in the place of an encoder.", HelpName = "FILE" };
    private readonly Option<string?> _tokenizer = new("--tokenizer") { Description = "Gemma's tokenizer. [default: tokenizer.json or tokenizer.model beside the weights, or the one within them]", HelpName = "FILE" };
    private readonly Option<string?> _instruction = new("--instruction") { Description = "What stands before every prompt of a Gemma-2: a text, or the authors' yaml with its text_encoder.chi_prompt.", HelpName = "FILE" };
    private readonly Option<bool> _noInstruction = new("--no-instruction") { Description = "Put nothing before prompts." };
    // Without defaults of their own, which a run would write into its settings whatever its encoder is.
    private readonly ChoiceOption _softCap = new("--softcap", "c of the cap c·tanh(s/c) on Gemma's attention scores: none, as the authors' program runs it, or 50, as it was trained. [default: none]", [None, "50"]);
    private readonly ChoiceOption _precision = new("--encoder-precision", "What Gemma's products round their operands to. [default: fp32]", PrecisionNames.All);
    private readonly Option<bool> _lowMemory = new("--low-memory") { Description = "Read Gemma's layers from the file one at a time, again in every pass: 0.4 GiB in the place of 5." };
    private readonly Option<string?> _cache = new("--cache") { Description = $"The folder where states of texts are kept, or {None}. [default: the user's cache folder]", HelpName = $"DIR|{None}" };

    /// <summary>Adds the options to a verb.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="embeddings">Whether it takes stored states.</param>
    public void AddTo(Command command, bool embeddings = true)
    {
        foreach (var option in All.Where(option => embeddings || option != _embeddings)) command.Options.Add(option);
    }

    /// <summary>All options, in their order.</summary>
    public IReadOnlyList<Option> All => [_encoder, _embeddings, .. OfGemma(), _cache];

    /// <summary>The files that the options name, for a verb that must not write over them.</summary>
    public IEnumerable<string?> Files(ParseResult parsed) => from option in new[] { _encoder, _embeddings, _tokenizer, _instruction } select Value(new(parsed), option);

    /// <summary>Whether an encoder or a file of states is named.</summary>
    public bool IsNamed(ParseResult parsed) => Cli.IsGiven(parsed, _encoder) || IsStored(parsed);

    /// <summary>Whether states come from a file.</summary>
    public bool IsStored(ParseResult parsed) => Cli.IsGiven(parsed, _embeddings);

    /// <summary>How many texts to give the encoder at a time: few, so that an interruption costs little, unless each time reads all layers anew.</summary>
    public int AtATime(ParseResult parsed) => parsed.GetValue(_lowMemory) ? 32 : 4;

    /// <summary>Whether the options name the built-in encoder.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="trainedWith">The encoder that holds where none is given, or null.</param>
    public bool IsBuiltIn(Settings settings, string? trainedWith) => NameOf(settings, trainedWith) == Words;

    /// <summary>Opens the encoder of a text model.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="model">The model that will read the states.</param>
    /// <param name="device">Where to compute; nothing is put there before a text is to be encoded, and nothing is left there when the encoder is disposed of.</param>
    /// <param name="trainedWith">The encoder that the model's file names, or null.</param>
    /// <param name="cancel">Ends the opening, which reads a large encoder once for its hash.</param>
    /// <exception cref="ConfigurationException">No encoder is named, or two are; an option is of another encoder; or the encoder does not fit the model.</exception>
    /// <exception cref="FileFormatException">A file of the encoder cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ITextEncoder Open(Settings settings, ModelConfig model, Device device, string? trainedWith = null, CancellationToken cancel = default)
    {
        if (!model.IsText) throw new ConfigurationException($"a text encoder is of no use to a {model.KindName} model");
        var encoder = Open(settings, model, model.TextTokens, device, trainedWith, cancel);
        string? problem = encoder.Width != model.TextWidth ? $"makes states of {encoder.Width} channels; this model takes {model.TextWidth}"
            : encoder.Tokens > model.TextTokens ? $"makes {encoder.Tokens} states of a text; this model takes at most {model.TextTokens}"
            : null;
        if (problem is null)
        {
            if (trainedWith is not null && trainedWith != encoder.Name) Terminal.Complain($"the model's file says that it was trained with the text encoder {Quote.Text(trainedWith)}; this one is {Quote.Text(encoder.Name)}");
            return encoder;
        }
        using (encoder) throw new ConfigurationException($"{Value(settings, _embeddings) ?? Value(settings, _encoder) ?? trainedWith}: the encoder {encoder.Name} {problem}");
    }

    /// <summary>The same of a verb that has no --config.</summary>
    public ITextEncoder Open(ParseResult parsed, ModelConfig model, Device device, string? trainedWith = null, CancellationToken cancel = default) => Open(new Settings(parsed), model, device, trainedWith, cancel);

    /// <summary>Opens an encoder for no model in particular.</summary>
    /// <param name="settings">The values.</param>
    /// <param name="tokens">States of a text.</param>
    /// <param name="device">As above.</param>
    /// <param name="cancel">As above.</param>
    /// <inheritdoc cref="Open(Settings, ModelConfig, Device, string, CancellationToken)" path="/exception"/>
    public ITextEncoder Open(Settings settings, int tokens, Device device, CancellationToken cancel) => Open(settings, null, tokens, device, null, cancel);

    private ITextEncoder Open(Settings settings, ModelConfig? model, int tokens, Device device, string? trainedWith, CancellationToken cancel)
    {
        string? embeddings = Value(settings, _embeddings), named = Value(settings, _encoder);
        if (embeddings is not null && named is not null) throw new ConfigurationException("--encoder and --embeddings exclude each other");
        string? name = NameOf(settings, trainedWith);
        if (name is null && embeddings is null) throw new ConfigurationException($"--encoder is missing: {Missing(trainedWith)}");
        if (embeddings is not null || name == Words) RequireNone(settings, embeddings is null ? $"the encoder {Words}" : "--embeddings");
        if (embeddings is not null) return EmbeddingFile.Open(embeddings);
        if (name == Words) return new WordsEncoder(model?.TextWidth ?? throw new ConfigurationException($"the encoder {Words} makes states of any width; --model says which"), tokens, Terminal.Complain);
        return OpenGemma(settings, name!, tokens, device, cancel);
    }

    private ITextEncoder OpenGemma(Settings settings, string path, int tokens, Device device, CancellationToken cancel)
    {
        var instruction = InstructionOf(settings, path);
        var options = new GemmaOptions
        {
            SoftCap = Value(settings, _softCap) is { } cap and not None ? double.Parse(cap, CultureInfo.InvariantCulture) : null,
            Precision = PrecisionNames.Parse(Value(settings, _precision) ?? PrecisionNames.All[0]),
            LowMemory = settings.Get(_lowMemory)
        };
        string? cache = Value(settings, _cache) is { } folder ? folder == None ? null : folder : EmbeddingCache.UserFolder();
        GemmaSource Find(Action<double>? progress) => GemmaSource.Open(path, Value(settings, _tokenizer), instruction, tokens, options, cache, progress, cancel);
        var source = GemmaSource.IsRemembered(path, cache) ? Find(null) : ProgressDisplay.Show("text encoder", 1, show => Find(done => show(done, "reading the text encoder for its hash")));
        var encoder = new GemmaTextEncoder(source, device, instruction, tokens, options, Terminal.Complain);
        return cache is null ? encoder : new EmbeddingCache(encoder, cache, Terminal.Complain);
    }

    private Instruction InstructionOf(Settings settings, string encoder)
    {
        string? file = Value(settings, _instruction);
        bool isNone = settings.Get(_noInstruction);
        if (file is not null && isNone) throw new ConfigurationException($"{_instruction.Name} and {_noInstruction.Name} exclude each other");
        if (isNone) return new("");
        if (file is null)
        {
            throw new ConfigurationException($"{encoder}: the released models were trained with an instruction before every prompt; {_instruction.Name} names a file of it, such as the yaml of the authors' text models (text_encoder.chi_prompt) "
                + $"or one of SANA's, which has the same; {_noInstruction.Name} goes without");
        }
        var instruction = Instruction.Open(file);
        if (instruction.Text.Length == 0) throw new ConfigurationException($"{file}: holds no instruction; {_noInstruction.Name} goes without one");
        if (!instruction.IsReleased) Terminal.Complain($"{file}: is not the instruction of the released models, whose SHA-256 begins with {Instruction.ReleasedSha256[..8]}; this one's begins with {instruction.Sha256[..8]}, and it is used as it is");
        return instruction;
    }

    private string? NameOf(Settings settings, string? trainedWith) => Value(settings, _encoder) ?? (Value(settings, _embeddings) is null && trainedWith == Words ? Words : null);

    private IEnumerable<Option> OfGemma() => [_tokenizer, _instruction, _noInstruction, _softCap, _precision, _lowMemory];

    private void RequireNone(Settings settings, string what)
    {
        if (OfGemma().FirstOrDefault(settings.IsGiven) is { } given) throw new ConfigurationException($"{given.Name} is of a Gemma-2; {what} takes none");
    }

    private static string Missing(string? trainedWith)
    {
        string trained = trainedWith is null ? "" : $"the model was trained with the text encoder {Quote.Text(trainedWith)}; ";
        return $"{trained}the folder or file of a Gemma-2 was expected, or {Words}, or --embeddings with a file of encode";
    }

    /// <summary>A text that was given; an option that the verb does not have gives none.</summary>
    private static string? Value<T>(Settings settings, Option<T> option) where T : class?
    {
        if (!settings.IsGiven(option)) return null;
        return settings.Get(option) is string { Length: > 0 } value ? value : throw new ConfigurationException($"{option.Name} is ''; {option.HelpName} was expected");
    }
}
