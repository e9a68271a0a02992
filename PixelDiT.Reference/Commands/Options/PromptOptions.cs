using System.CommandLine;
using PixelDiT.Kernels;
using PixelDiT.Reference.Commands.Display;
using PixelDiT.Reference.Formats.Words;
using PixelDiT.Reference.Pictures;
using PixelDiT.Reference.Sampling;
using PixelDiT.Reference.Text;
using PixelDiT.Reference.Text.Tokenizers;

namespace PixelDiT.Reference.Commands.Options;

/// <summary>The options that say what a text model draws.</summary>
internal sealed class PromptOptions
{
    private readonly Option<string[]> _prompts = new("--prompt") { Description = "What a text model shall draw. May be repeated.", HelpName = "TEXT" };
    private readonly Option<string?> _file = new("--prompts") { Description = "A file of prompts: a prompt a line, JSON (.json) or JSON lines (.jsonl) with prompt and, if wanted, id, negative, seed, width and height, which win over the options.", HelpName = "FILE" };
    private readonly Option<string?> _negative = new("--negative") { Description = "What guidance leads away from. [default: the empty text]", HelpName = "TEXT" };
    private readonly Option<bool> _released = new("--released-aspect") { Description = "Take --ar H:W, --aspect_ratio H:W and --hw H:W out of prompts as the authors' program does, height first, for the nearest published size. Without it such marks stay in the text." };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in All) command.Options.Add(option);
    }

    /// <summary>All options, in their order.</summary>
    public IReadOnlyList<Option> All => [_prompts, _file, _negative, _released];

    /// <summary>A prompt.</summary>
    public Option Prompt => _prompts;

    /// <summary>What guidance leads away from.</summary>
    public Option Negative => _negative;

    /// <summary>Whether there are prompts.</summary>
    public bool AreGiven(ParseResult parsed) => Cli.IsGiven(parsed, _prompts) || Cli.IsGiven(parsed, _file);

    /// <summary>The file of prompts; null for none.</summary>
    public string? File(ParseResult parsed) => parsed.GetValue(_file);

    /// <summary>Reads the prompts, before anything else is done.</summary>
    /// <returns>At least one; none where there are no options of them.</returns>
    /// <exception cref="ConfigurationException">Two options exclude each other.</exception>
    /// <exception cref="FileFormatException">The file cannot be read.</exception>
    public IReadOnlyList<FilePrompt> Read(ParseResult parsed)
    {
        if (Cli.IsGiven(parsed, _prompts) && Cli.IsGiven(parsed, _file)) throw new ConfigurationException("--prompt and --prompts exclude each other");
        return parsed.GetValue(_file) is { } path ? PromptFile.Read(path, Terminal.Complain) : [.. (parsed.GetValue(_prompts) ?? []).Index().Select(prompt => new FilePrompt(null, prompt.Item, prompt.Index + 1))];
    }

    /// <summary>The prompts with their sizes and names.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="prompts">What was read.</param>
    /// <param name="sizes">The options of sizes.</param>
    /// <param name="trained">The size where none is given; null where none is known.</param>
    /// <param name="patch">p, the model's patch.</param>
    /// <exception cref="ConfigurationException">A size is out of range or no multiple of the patch.</exception>
    public IReadOnlyList<PlannedPrompt> Plan(ParseResult parsed, IReadOnlyList<FilePrompt> prompts, SizeOptions sizes, ImageSize? trained, int patch)
    {
        bool released = parsed.GetValue(_released);
        if (released && sizes.SaysShape(parsed)) throw new ConfigurationException("--released-aspect takes sizes from the prompts; --width, --height and --aspect exclude it");
        if (!released) Notice(prompts);
        string negative = parsed.GetValue(_negative) ?? "";
        ImageSize? common = null;
        var planned = prompts.Select(prompt =>
        {
            var marks = released ? PromptMarks.Of(prompt.Text, Where(parsed, prompt)) : null;
            return (prompt, Text: marks?.Text ?? prompt.Text, Size: Own(prompt) ?? (marks is null ? common ??= sizes.Size(parsed, trained, patch) : Marked(prompt, marks)));
        }).ToList();
        var names = PromptNames.Choose(planned.Select(entry => (entry.prompt.Id, entry.Text)));
        return [.. planned.Zip(names, (entry, name) => new PlannedPrompt(entry.Text, entry.prompt.Negative ?? negative, entry.Size, name) { Seed = entry.prompt.Seed })];

        ImageSize? Own(FilePrompt prompt)
        {
            if (prompt is { Width: null, Height: null }) return null;
            if (prompt is not { Width: { } width, Height: { } height }) throw new ConfigurationException($"{Where(parsed, prompt)} has {(prompt.Width is null ? "a height without a width" : "a width without a height")}");
            return Sides(prompt, height, width);
        }

        ImageSize Marked(FilePrompt prompt, PromptMarks marks) =>
            marks.Size is { } size ? Sides(prompt, size.Height, size.Width) : SizeOptions.Bucket(sizes.Table(parsed, trained, _released.Name), marks.Ratio ?? 1, patch);

        ImageSize Sides(FilePrompt prompt, int height, int width)
        {
            string where = Where(parsed, prompt);
            return new(SizeOptions.Whole($"{where}: height", height, patch), SizeOptions.Whole($"{where}: width", width, patch));
        }
    }

    /// <summary>Whether something is given to lead away from.</summary>
    public bool HasNegative(ParseResult parsed, IReadOnlyList<FilePrompt> prompts) => parsed.GetValue(_negative) is { Length: > 0 } || prompts.Any(prompt => prompt.Negative is { Length: > 0 });

    /// <summary>Says that prompts have marks that look like options of a program and are none of this one's.</summary>
    private static void Notice(IReadOnlyList<FilePrompt> prompts)
    {
        FilePrompt[] marked = [.. prompts.Where(prompt => PromptMarks.AreIn(prompt.Text))];
        if (marked is not [var first, ..]) return;
        string others = marked.Length > 1 ? $" and {Counted.Of(marked.Length - 1, "other")}" : "";
        Terminal.Complain($"the prompt {Quote.Text(first.Text)}{others} holds a mark such as --ar, which is encoded as words; --aspect W:H sets the shape, and --released-aspect reads such marks as the authors' program does, height first");
    }

    private string Where(ParseResult parsed, FilePrompt prompt) => parsed.GetValue(_file) is { } path ? $"{path}: line {prompt.Line}" : $"--prompt {Quote.Text(prompt.Text)}";
}
