using NUnit.Framework;

// Fixtures that say so, most of which start processes and wait for them, run two at a time; all others one after the other, since they share the console and count memory.
[assembly: LevelOfParallelism(2)]

namespace PixelDiT.Tests;

/// <summary>The gate, which installs what tests need: there some must not be skipped.</summary>
internal static class Gate
{
    /// <summary>What the gate sets.</summary>
    public const string Variable = "PIXELDIT_GATE";

    /// <summary>Whether the gate runs these tests.</summary>
    public static bool IsHere => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 };
}
