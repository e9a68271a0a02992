using PixelDiT.Reference.Pictures;

namespace PixelDiT.Reference.Explaining;

/// <summary>A stage or finer step of a forward in numbers, for the condition and for the null condition.</summary>
/// <param name="Name">As <c>trace</c> calls it.</param>
/// <param name="Shape">Of one picture's part, as the code says it.</param>
/// <param name="Condition">Its numbers.</param>
/// <param name="Null">Those with the null condition.</param>
/// <param name="Distance">√ mean of the squared difference of both, over the root mean square with the null condition.</param>
public sealed record StageRecord(string Name, IReadOnlyList<int> Shape, StageStatistics Condition, StageStatistics Null, double Distance);

/// <summary>Tokens as colours, by their three principal directions.</summary>
/// <param name="Stage">Where.</param>
/// <param name="Shares">The parts of the variance in each of the directions, which both pictures share.</param>
/// <param name="Pictures">For the condition and the null condition: patches, or pixels, as a picture.</param>
public sealed record TokenColours(string Stage, IReadOnlyList<double> Shares, IReadOnlyList<Picture> Pictures);

/// <summary>A patch's pixels as one token for attention, and what comes back (SPEC §3.5).</summary>
/// <param name="Stage">The block.</param>
/// <param name="Before">Pixels as they are compacted, as colours.</param>
/// <param name="Tokens">For the condition and the null condition: tokens [L, A].</param>
/// <param name="Width">A.</param>
/// <param name="Behind">Pixels as they come back from attention, as colours.</param>
/// <param name="Added">What is added to the pixels: what came back, modulated: gate1 · it, with post-modulation it · (1 + scale1) + shift1. As colours.</param>
public sealed record CompactionRecord(string Stage, TokenColours Before, IReadOnlyList<ByteMap> Tokens, int Width, TokenColours Behind, TokenColours Added);

/// <summary>One forward, told stage by stage.</summary>
public sealed record ForwardRecord
{
    /// <summary>Every stage and finer step, in the order in which they were computed; the last is <c>out</c>.</summary>
    public required IReadOnlyList<StageRecord> Stages { get; init; }

    /// <summary>Patch tokens behind their embedder and behind every patch block.</summary>
    public required IReadOnlyList<TokenColours> PatchTokens { get; init; }

    /// <summary>Pixel tokens behind their embedder and behind every PiT block; empty without a pixel level.</summary>
    public required IReadOnlyList<TokenColours> PixelTokens { get; init; }

    /// <summary>Attention of the chosen blocks.</summary>
    public required IReadOnlyList<AttentionRecord> Attention { get; init; }

    /// <summary>Modulations of the chosen PiT blocks.</summary>
    public required IReadOnlyList<ModulationRecord> Modulations { get; init; }

    /// <summary>The compaction of the chosen PiT blocks; empty where there is none.</summary>
    public required IReadOnlyList<CompactionRecord> Compactions { get; init; }

    /// <summary>The velocities [C, H, W] with the condition and with the null condition.</summary>
    public required IReadOnlyList<float[]> Velocities { get; init; }
}
