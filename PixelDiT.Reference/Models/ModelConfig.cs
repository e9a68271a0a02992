using PixelDiT.Kernels;

namespace PixelDiT.Reference.Models;

/// <summary>
/// The sizes of a class-conditional or a text-to-image PixelDiT (SPEC §1, §6, §10). Immutable; <see cref="Validate"/> is called by every constructor of a model.
/// </summary>
public sealed partial record ModelConfig
{
    // With these, widths stay in the range of int and the count of parameters in that of long.
    private const int MostPatch = 4096, MostDepth = 1024;

    /// <summary>D, the width of a patch token.</summary>
    public required int Hidden { get; init; }

    /// <summary>h, the number of attention heads at both levels. D / h is a multiple of 4.</summary>
    public required int Heads { get; init; }

    /// <summary>p, the side of a patch in pixels.</summary>
    public required int Patch { get; init; }

    /// <summary>N, the number of patch blocks.</summary>
    public required int PatchDepth { get; init; }

    /// <summary>M, the number of pixel (PiT) blocks.</summary>
    public required int PixelDepth { get; init; }

    /// <summary>d, the width of a pixel token; a multiple of 4.</summary>
    public required int PixelHidden { get; init; }

    /// <summary>The number of classes, without the null class that stands for "no label"; 0 for a text model.</summary>
    public required int Classes { get; init; }

    /// <summary>Image channels: 3 for colour, 1 for gray.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>The variant whose PiT blocks modulate after attention and MLP, without gates (SPEC §3.5).</summary>
    public bool PostModulation { get; init; }

    /// <summary>The pixel level: the paper's, or one that its ablations compare it with. With <see cref="PixelLevelKind.None"/> M and d are 0.</summary>
    public PixelLevelKind PixelLevel { get; init; }

    /// <summary>A, the width of attention inside PiT blocks; 0 means D.</summary>
    public int PixelAttention { get; init; }

    /// <summary>The heads of attention inside PiT blocks; 0 means h.</summary>
    public int PixelHeads { get; init; }

    /// <summary>The width of a text's states as an encoder gives them, 2304 for Gemma-2-2B; 0 for a class model.</summary>
    public int TextWidth { get; init; }

    /// <summary>Tokens of a text that the model takes at most; 0 for a class model.</summary>
    public int TextTokens { get; init; }

    /// <summary>Whether queries and keys of text tokens are turned by their place.</summary>
    public bool TextRope { get; init; } = true;

    /// <summary>θ of the text's RoPE.</summary>
    public double TextRopeTheta { get; init; } = 10000;

    /// <summary>Whether the model takes text (SPEC §6), and no classes.</summary>
    public bool IsText => TextWidth > 0;

    /// <summary>How messages call the kind of model.</summary>
    public string KindName => NameOfKind(IsText);

    /// <summary>How messages call a kind of model.</summary>
    /// <param name="text">Whether it takes text.</param>
    public static string NameOfKind(bool text) => text ? "text-to-image" : "class-conditional";

    /// <summary>A with its default put in.</summary>
    public int PixelAttentionWidth => PixelAttention == 0 ? Hidden : PixelAttention;

    /// <summary>The heads of the pixel level with their default put in.</summary>
    public int PixelAttentionHeads => PixelHeads == 0 ? Heads : PixelHeads;

    /// <summary>P = p², pixels in a patch.</summary>
    public int PatchPixels => Patch * Patch;

    /// <summary>hd = D / h, the width of a head.</summary>
    public int HeadWidth => Hidden / Heads;

    /// <summary>F = int(2·4D/3), the inner width of the patch level's SwiGLU.</summary>
    public int FeedForward => (int)(2 * (4L * Hidden) / 3.0);

    /// <summary>The inner width of the pixel level's MLP, 4d.</summary>
    public int PixelMlp => 4 * PixelHidden;

    /// <summary>Modulation values a pixel receives in a PiT block: 6d, or 4d with post-modulation.</summary>
    public int PixelModulation => (PostModulation ? 4 : 6) * PixelHidden;

    /// <summary>Whether there are pixel tokens at all.</summary>
    public bool HasPixelLevel => PixelLevel != PixelLevelKind.None;

    /// <summary>Pixels of a patch that share a modulation: 1, or P with patch-wise AdaLN.</summary>
    public int PixelsPerModulation => PixelLevel == PixelLevelKind.PatchAdaLN ? PatchPixels : 1;

    /// <summary>Modulation values that a patch token makes in a PiT block: those of its P pixels, or with patch-wise AdaLN one set.</summary>
    public int PatchModulation => PatchPixels / PixelsPerModulation * PixelModulation;

    /// <summary>Values that become one token for attention inside PiT blocks: a patch's P·d, or without compaction a pixel's d.</summary>
    public int AttentionTokenValues => PixelLevel == PixelLevelKind.NoCompaction ? PixelHidden : PatchPixels * PixelHidden;

    /// <summary>The row of the class table that stands for "no label".</summary>
    public int NullClass => Classes;

    /// <summary>Checks that every size is positive and that the sizes divide as the model needs.</summary>
    /// <returns>This configuration.</returns>
    /// <exception cref="ConfigurationException">A size is out of range; the message names the field, its value and what it must be.</exception>
    public ModelConfig Validate()
    {
        if (!Enum.IsDefined(PixelLevel)) throw new ConfigurationException($"pixel-level is {(int)PixelLevel}; one of {string.Join(", ", PixelLevelNames.All)} was expected");
        RequireNothingOfAbsentPixelLevel();
        foreach (var (name, value) in new[]
        {
            ("hidden", Hidden), ("heads", Heads), ("patch", Patch), ("patch-depth", PatchDepth), ("pixel-depth", HasPixelLevel ? PixelDepth : 1),
            ("pixel-hidden", HasPixelLevel ? PixelHidden : 1), (IsText ? "text-tokens" : "classes", IsText ? TextTokens : Classes), ("channels", Channels)
        })
        {
            if (value is < 1 or > 1 << 20) throw new ConfigurationException($"{name} is {value}; it must be from 1 to {1 << 20}");
        }
        foreach (var (name, value, most) in new[] { ("patch", Patch, MostPatch), ("patch-depth", PatchDepth, MostDepth), ("pixel-depth", PixelDepth, MostDepth) })
        {
            if (value > most) throw new ConfigurationException($"{name} is {value}; it must be from 1 to {most}");
        }
        if (IsText && Classes != 0) throw new ConfigurationException($"classes is {Classes} in a model that takes text; 0 was expected");
        if (TextWidth is < 0 or > 1 << 20) throw new ConfigurationException($"text-width is {TextWidth}; it must be from 1 to {1 << 20}, or 0 for a class model");
        if (!IsText && TextTokens != 0) throw new ConfigurationException($"text-tokens is {TextTokens} in a model that takes no text; 0 was expected");
        if (!(TextRopeTheta > 0 && double.IsFinite(TextRopeTheta))) throw new ConfigurationException($"text-rope-theta is {TextRopeTheta}; a positive number was expected");
        if (Hidden % Heads != 0) throw new ConfigurationException($"hidden is {Hidden} and heads is {Heads}; hidden must be a multiple of heads");
        if (HeadWidth % 4 != 0) throw new ConfigurationException($"hidden / heads is {HeadWidth}; the width of a head must be a multiple of 4 (2-D RoPE turns pairs along x and y)");
        foreach (var (name, value) in new[] { ("pixel-attention", PixelAttention), ("pixel-heads", PixelHeads) })
        {
            if (value is < 0 or > 1 << 20) throw new ConfigurationException($"{name} is {value}; it must be from 1 to {1 << 20}, or 0 for that of the patch level");
        }
        if (PixelAttentionWidth % PixelAttentionHeads != 0 || PixelAttentionWidth / PixelAttentionHeads % 4 != 0)
            throw new ConfigurationException($"pixel-attention is {PixelAttentionWidth} and pixel-heads is {PixelAttentionHeads}; the width of a head must be a whole multiple of 4 (2-D RoPE turns pairs along x and y)");
        if (PixelHidden % 4 != 0) throw new ConfigurationException($"pixel-hidden is {PixelHidden}; it must be a multiple of 4 (its position embedding has sines and cosines of x and of y)");
        foreach (var (name, value) in new[]
        {
            ("pixel-hidden · 6 · patch²", 6L * PixelHidden * Patch * Patch), ("channels · patch²", (long)Channels * Patch * Patch), ("hidden · 6", 6L * Hidden)
        })
        {
            if (value > int.MaxValue) throw new ConfigurationException($"{name} is {value}; it must be at most {int.MaxValue}");
        }
        return this;
    }

    /// <summary>The same model with another pixel level; without one, none of its sizes is left.</summary>
    /// <param name="kind">The kind.</param>
    public ModelConfig With(PixelLevelKind kind) => kind == PixelLevelKind.None
        ? this with { PixelLevel = kind, PixelDepth = 0, PixelHidden = 0, PixelAttention = 0, PixelHeads = 0, PostModulation = false }
        : this with { PixelLevel = kind };

    /// <summary>Checks that an image size is a multiple of the patch.</summary>
    /// <exception cref="ShapeException">It is not.</exception>
    public void RequireDivides(int height, int width)
    {
        if (height < 1 || width < 1 || height % Patch != 0 || width % Patch != 0)
            throw new ShapeException($"an image of {height}×{width} cannot be cut into patches of {Patch}×{Patch}; both sides must be multiples of {Patch}");
    }

    private void RequireNothingOfAbsentPixelLevel()
    {
        if (HasPixelLevel) return;
        foreach (var (name, value) in new[] { ("pixel-depth", PixelDepth), ("pixel-hidden", PixelHidden), ("pixel-attention", PixelAttention), ("pixel-heads", PixelHeads) })
        {
            if (value != 0) throw new ConfigurationException($"{name} is {value} in a model without a pixel level; 0 was expected");
        }
        if (PostModulation) throw new ConfigurationException("post-modulation is true in a model without a pixel level; false was expected");
    }
}
