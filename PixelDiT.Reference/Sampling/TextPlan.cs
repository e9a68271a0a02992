using PixelDiT.Kernels;
using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Sampling;

/// <summary>A prompt of a run.</summary>
/// <param name="Text">What the pictures shall show; may be empty.</param>
/// <param name="Negative">What guidance leads away from; empty for nothing in particular.</param>
/// <param name="Size">The size of its pictures; both sides are multiples of the model's patch.</param>
/// <param name="Name">The name of its files, which no other prompt has (<see cref="PromptNames"/>).</param>
public sealed record PlannedPrompt(string Text, string Negative, ImageSize Size, string Name)
{
    /// <summary>The seed of its first picture; null for that of the run.</summary>
    public ulong? Seed { get; init; }
}

/// <summary>
/// A run of a text model. Picture i of a prompt has the seed of the prompt, else that of the run, plus i: a picture depends neither on the prompts before it nor on their number.
/// </summary>
public sealed record TextPlan : SamplePlan
{
    /// <summary>What the model's time is rounded to, in records.</summary>
    internal const string Unrounded = "float32", Rounded = "bf16";

    private readonly IReadOnlyList<PlannedPrompt> _prompts = [];
    private readonly IReadOnlyList<ImageSize> _sizes = [];

    /// <summary>The prompts, at least one.</summary>
    public required IReadOnlyList<PlannedPrompt> Prompts
    {
        get => _prompts;
        init
        {
            if (value.Count == 0) throw new ConfigurationException("there are no prompts; at least one was expected");
            (_prompts, _sizes) = (value, [.. value.Select(prompt => prompt.Size).Distinct()]);
        }
    }

    /// <summary>The encoder's name; null as long as it is not known.</summary>
    public string? Encoder { get; init; }

    /// <summary>The encoder's identity, 64 hexadecimal digits; null as long as it is not known.</summary>
    public string? EncoderIdentity { get; init; }

    /// <summary>Whether the model's time is rounded to bfloat16 (<see cref="Diffusion.TextSampler.RoundTime"/>).</summary>
    public bool RoundTime { get; init; }

    /// <summary>Whether there is anything that guidance leads away from.</summary>
    public bool IsGuided => Sampling.Guidance != 1;

    /// <inheritdoc/>
    public override int Rows => Prompts.Count;

    /// <summary>Prompts of one picture each beside one another on a sheet; null for a square.</summary>
    public int? SheetColumns { get; init; }

    /// <summary>A row a prompt; prompts of one picture each stand in a square, or as <see cref="SheetColumns"/> says.</summary>
    public override int Columns => PerRow > 1 ? PerRow : SheetColumns ?? (int)Math.Ceiling(Math.Sqrt(Rows));

    /// <inheritdoc/>
    public override IReadOnlyList<ImageSize> Sizes => _sizes;

    /// <summary>The prompt of image k.</summary>
    public PlannedPrompt PromptOf(long k) => Prompts[LabelOf(k)];

    /// <inheritdoc/>
    public override ImageSize SizeOf(long k) => PromptOf(k).Size;

    /// <summary>The index of image k's prompt.</summary>
    public override int LabelOf(long k) => (int)(k / PerRow);

    /// <inheritdoc/>
    public override ulong SeedOf(long k) => Seeds is null ? unchecked((PromptOf(k).Seed ?? Seed) + (ulong)(k % PerRow)) : Seeds[(int)k];

    /// <inheritdoc/>
    public override string FileOf(long k) => PromptFiles.Stem(PromptOf(k).Name, (int)(k % PerRow), PerRow);

    /// <inheritdoc/>
    public override string SubjectOf(long k) => PromptOf(k).Name;

    internal override string TitleOf(int row) => Prompts[row].Text;

    internal override Func<string, bool> IsOwnFile() => new PromptFiles(Prompts.Select(prompt => prompt.Name), PerRow).Hold;

    internal override IEnumerable<(string Key, object? Value)> SettingFields => [("time_dtype", RoundTime ? Rounded : Unrounded)];

    internal override IEnumerable<(string Key, object? Value)> SubjectFields =>
    [
        .. OriginFields,
        (SampleRecord.PromptsKey, new SampleRecord.Lines(Prompts.Select(prompt => new Dictionary<string, object?>
        {
            [SampleRecord.FileKey] = prompt.Name,
            ["prompt"] = prompt.Text,
            ["negative"] = NegativeOf(prompt),
            ["height"] = prompt.Size.Height,
            ["width"] = prompt.Size.Width,
            ["seed"] = prompt.Seed
        })))
    ];

    internal override IEnumerable<(string Key, object? Value)> FieldsOf(long k)
    {
        var prompt = PromptOf(k);
        return [("prompt", prompt.Text), ("negative", NegativeOf(prompt)), ("height", prompt.Size.Height), ("width", prompt.Size.Width)];
    }

    internal override IEnumerable<(string Key, object? Value)> OriginFields => [("encoder", Encoder), ("encoder_sha256", EncoderIdentity)];

    private string? NegativeOf(PlannedPrompt prompt) => IsGuided ? prompt.Negative : null;
}
