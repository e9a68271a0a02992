using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Commands.Options;
using PixelDiT.Reference.Data;
using PixelDiT.Reference.Formats;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Tokenizers;
using PixelDiT.Reference.Training;

namespace PixelDiT.Reference.Commands;

/// <summary><c>pixeldit encode</c>: texts become the states that a text model reads, once and for all machines.</summary>
internal static class EncodeCommand
{
    private const int Smallest = 16;

    public static Command Create()
    {
        var encoder = new EncoderOptions();
        Option<string?> model = new("--model") { Description = "The text model's file, which says how many states it takes, and of what width.", HelpName = "FILE" };
        Option<int> tokens = Cli.Option("--tokens", "States of a text, where no --model says.", PromptRows.ReleasedStates);
        Option<string?> file = new("--prompts") { Description = "A file of prompts: a prompt a line, JSON (.json) or JSON lines (.jsonl).", HelpName = "FILE" };
        Option<string?> data = new("--data") { Description = $"Images to train on, all of whose captions are encoded: {string.Join(", ", CaptionedSources.Known.Select(known => known.Form))}.", HelpName = "SOURCE" };
        Option<string[]> prompt = new("--prompt") { Description = "A prompt; may be repeated.", HelpName = "TEXT" };
        Option<string[]> negative = new("--negative") { Description = "A negative prompt; may be repeated. The empty one is always encoded.", HelpName = "TEXT" };
        Option<bool> released = new("--released-aspect") { Description = "Take size marks such as --ar H:W out of prompts, for a sample that does so with the same option." };
        Option<string> output = new("--out") { Description = "The safetensors file to write.", HelpName = "FILE", Required = true };
        var type = new ChoiceOption("--dtype", "How to store states.", ["f32", "bf16"], "f32");
        var overwrite = OutputFile.Overwrite();
        Option<string> device = Cli.Device();
        Option<int> threads = Cli.Threads();
        var command = new Command("encode", "Encode prompts and store their states, so that drawing needs no text encoder.");
        encoder.AddTo(command, embeddings: false);
        foreach (Option option in new Option[] { model, tokens, file, data, prompt, negative, released, output, type, overwrite, device, threads }) command.Options.Add(option);
        command.SetRun((parsed, cancel) =>
        {
            string path = parsed.GetRequiredValue(output);
            OutputFile.Require(path, parsed.GetValue(overwrite), [parsed.GetValue(file), parsed.GetValue(model), .. encoder.Files(parsed)]);
            OutputFile.RequireOutside(path, parsed.GetValue(data));
            var entries = Entries(parsed.GetValue(file), parsed.GetValue(released), Captions(parsed.GetValue(data), cancel), parsed.GetValue(prompt) ?? [], parsed.GetValue(negative) ?? []);
            using var opened = Cli.Open(parsed, device, threads);
            using var states = parsed.GetValue(model) is { } given ? OfModel(given) : encoder.Open(new Settings(parsed), parsed.GetValue(tokens), opened, cancel);
            Write(path, states, entries, Cli.Stored(parsed.GetRequiredValue(type)), encoder.AtATime(parsed), cancel);
            return 0;

            ITextEncoder OfModel(string named)
            {
                if (Cli.IsGiven(parsed, tokens)) throw new ConfigurationException("--model and --tokens exclude each other");
                using var stored = StoredModel.Open(named);
                return encoder.Open(parsed, stored.Info.Config, opened, stored.Info.TextEncoder, cancel);
            }
        }, needsLess: "--low-memory");
        return command;
    }

    /// <summary>The texts to encode: those that were asked for, and the unconditional side, each as drawing will look it up.</summary>
    private static List<EmbeddingEntry> Entries(string? file, bool released, IReadOnlyCollection<string> captions, string[] prompts, string[] negatives)
    {
        var found = file is null ? [] : PromptFile.Read(file, Terminal.Complain);
        if (found.Count == 0 && captions.Count == 0 && prompts.Length == 0 && negatives.Length == 0) throw new ConfigurationException("nothing is to be encoded; --prompts, --data, --prompt or --negative was expected");
        return
        [
            .. found.Select(prompt => new EmbeddingEntry(prompt.Id, new(Words($"{file}: line {prompt.Line}", prompt.Text)))),
            .. captions.Select(caption => new EmbeddingEntry(null, new(caption))),
            .. prompts.Select(prompt => new EmbeddingEntry(null, new(Words($"--prompt {Quote.Text(prompt)}", prompt)))),
            .. found.Select(prompt => prompt.Negative).OfType<string>().Concat(negatives).Append("").Distinct().Select(text => new EmbeddingEntry(null, new(text, Negative: true)))
        ];

        string Words(string where, string text) => released ? PromptMarks.Of(text, where).Text : text;
    }

    /// <summary>The captions of a source as they stand, since training looks them up so.</summary>
    private static string[] Captions(string? spec, CancellationToken cancel)
    {
        if (spec is null) return [];
        // Of the images only those that can be read count; how large they become does not.
        var images = DataReport.OpenCaptioned(spec, Smallest, null, 3, new SourceOptions { Cancel = cancel });
        using var held = images as IDisposable;
        return [.. images.Captions];
    }

    private static void Write(string path, ITextEncoder encoder, List<EmbeddingEntry> entries, DataType type, int atATime, CancellationToken cancel)
    {
        int texts = entries.Select(entry => entry.Prompt).Distinct().Count();
        ProgressDisplay.Show<object?>("encoding", 1, show =>
        {
            EmbeddingFile.Write(path, encoder, entries, type, atATime, (done, what) => show(done, what), cancel);
            return null;
        });
        Terminal.WriteLine($"wrote {Counted.Of(texts, "text")} of {encoder.Tokens} states of {encoder.Width} channels in {type.FormatName} to {path}");
    }
}
